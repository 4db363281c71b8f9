import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import test, { after } from 'node:test'
import { createManualClock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import { SecretReader } from '../config/config.ts'
import { createAssertionSigner, createDialler } from '../forward/forward.ts'
import { makeWorld } from '../../test/fakes/identity.ts'
import { snapshotOf } from '../../test/fakes/walk.ts'
import { createClusters } from './clusters.ts'
import { agentSecrets, checkPolicy, compileRules, releaseRules } from './rules.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'

const dir = temporaryFolder()
const reader = new SecretReader(dir)
const dialler = createDialler()
after(() => dialler.close())

const parts = {
  clock: createManualClock(),
  authenticator: makeWorld().authenticator,
  signer: createAssertionSigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
  dialler,
  clusters: createClusters({ dialler, clock: createManualClock(), random: () => 0 }),
  pairwise: Buffer.alloc(32, 5),
}
const badPolicy = {
  roles: [{ name: 'r', rules: [{ agents: ['calculator'], operations: ['*' as const], when: 'mesage.parts == 1' }] }],
}

test('every agent has an upstream, and its secret is its own', () => {
  writeFileSync(join(dir, 'token'), 'Bearer one')
  const snapshot = snapshotOf({
    agents: [
      { name: 'one', url: 'http://127.0.0.1:1/rpc', credential: { value: 'file:token', header: 'X-Token' } },
      { name: 'two', url: 'http://127.0.0.1:1/rpc' },
    ],
  })
  const { upstreams } = compileRules(snapshot, reader, parts).forwarder
  const credential = upstreams.get('one')?.secrets.credential
  assert.equal(credential?.header, 'x-token')
  assert.equal(credential.value.text(), 'Bearer one')
  assert.equal(upstreams.get('two')?.secrets.credential, undefined)
})

test('a secret that is not there is a fault, not an agent without one', () => {
  const snapshot = snapshotOf({
    agents: [{ name: 'one', url: 'http://127.0.0.1:1', credential: { value: 'file:missing' } }],
  })
  assert.throws(() => compileRules(snapshot, reader, parts), Fault)
  const [agent] = snapshot.config.agents
  assert.ok(agent)
  assert.throws(() => agentSecrets(agent, reader), Fault)
})

test('a policy that does not compile is told with its place, and never becomes rules', () => {
  const { config } = snapshotOf({ policy: badPolicy })
  const [finding] = checkPolicy(config)
  assert.deepEqual(finding?.path.slice(0, 4), ['policy', 'roles', 0, 'rules'])
  assert.throws(
    () => compileRules(snapshotOf({ policy: badPolicy }), reader, parts),
    (error: Fault) => error.code === 'CONFIG_INVALID',
  )
})

test('a policy without fault has no findings', () => {
  assert.deepEqual(checkPolicy(snapshotOf().config), [])
})

test('a reload keeps what is known of the health of an agent whose address stays', () => {
  const agent = (name: string, port: number, failures: number): { name: string; url: string; breaker: object } => ({
    name,
    url: `http://127.0.0.1:${port}`,
    breaker: { failures },
  })
  const before = compileRules(snapshotOf({ agents: [agent('stays', 1, 9), agent('moves', 2, 9)] }), reader, parts)
  for (const { breaker } of before.forwarder.upstreams.values()) {
    breaker.failed()
    breaker.failed()
  }
  const next = snapshotOf({ agents: [agent('stays', 1, 2), agent('moves', 3, 2)] })
  const { upstreams } = compileRules(next, reader, { ...parts, before }).forwarder
  assert.equal(upstreams.get('stays')?.breaker.isOpen, true)
  assert.equal(upstreams.get('moves')?.breaker.isOpen, false)
})

test('rules that are released give back the pools that no others use', () => {
  const agents = (urls: readonly string[]): { agents: { name: string; url: string }[] } => ({
    agents: urls.map((url, index) => ({ name: `a${index}`, url })),
  })
  const before = compileRules(snapshotOf(agents(['http://127.0.0.1:4', 'http://127.0.0.1:5'])), reader, parts)
  const after = compileRules(snapshotOf(agents(['http://127.0.0.1:4', 'http://127.0.0.1:6'])), reader, parts)
  releaseRules(before)
  const poolOf = (rules: typeof before, name: string): unknown => rules.forwarder.upstreams.get(name)?.jsonRpc.pool
  const again = compileRules(snapshotOf(agents(['http://127.0.0.1:4', 'http://127.0.0.1:5'])), reader, parts)
  assert.equal(poolOf(again, 'a0'), poolOf(after, 'a0'))
  assert.notEqual(poolOf(again, 'a1'), poolOf(before, 'a1'))
})
