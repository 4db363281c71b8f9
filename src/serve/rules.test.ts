import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { generateKeyPairSync } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after } from 'node:test'
import { createManualClock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import { createAssertionSigner, createDialler } from '../forward/forward.ts'
import { makeWorld } from '../../test/fakes/identity.ts'
import { snapshotOf } from '../../test/fakes/walk.ts'
import { agentSecrets, checkPolicy, compileRules } from './rules.ts'

const dir = mkdtempSync(join(tmpdir(), 'sallyport-rules-'))
const dialler = createDialler()
after(async () => {
  await dialler.close()
  rmSync(dir, { recursive: true })
})

const parts = {
  clock: createManualClock(),
  authenticator: makeWorld().authenticator,
  signer: createAssertionSigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
  dialler,
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
  const { upstreams } = compileRules(snapshot, dir, parts).forwarder
  assert.deepEqual(upstreams.get('one')?.secrets.credential, { header: 'x-token', value: 'Bearer one' })
  assert.equal(upstreams.get('two')?.secrets.credential, undefined)
})

test('a secret that is not there is a fault, not an agent without one', () => {
  const snapshot = snapshotOf({
    agents: [{ name: 'one', url: 'http://127.0.0.1:1', credential: { value: 'file:missing' } }],
  })
  assert.throws(() => compileRules(snapshot, dir, parts), Fault)
  const [agent] = snapshot.config.agents
  assert.ok(agent)
  assert.throws(() => agentSecrets(agent, dir), Fault)
})

test('a policy that does not compile is told with its place, and never becomes rules', () => {
  const { config } = snapshotOf({ policy: badPolicy })
  const [finding] = checkPolicy(config)
  assert.deepEqual(finding?.path.slice(0, 4), ['policy', 'roles', 0, 'rules'])
  assert.throws(
    () => compileRules(snapshotOf({ policy: badPolicy }), dir, parts),
    (error: Fault) => error.code === 'CONFIG_INVALID',
  )
})

test('a policy without fault has no findings', () => {
  assert.deepEqual(checkPolicy(snapshotOf().config), [])
})
