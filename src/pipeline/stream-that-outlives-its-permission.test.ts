// A caller opens a stream a minute before its permission is taken away, and listens on for an hour.

import assert from 'node:assert/strict'
import test from 'node:test'
import { compilePolicy } from '../authorize/authorize.ts'
import { buildSnapshot, configSchema, type ConfigInput, type Snapshot } from '../config/config.ts'
import type { Caller } from '../exchange/exchange.ts'
import { admittedOf, FakeReply, settled, type FakeAdmitted } from '../../test/fakes/walk.ts'
import { messageParams, startFakeWalk } from './fake-walk.ts'
import { watchPermission } from './still-allowed.ts'

const role = { name: 'user', rules: [{ agents: ['calculator'], operations: ['SendStreamingMessage' as const] }] }
const binding = { role: 'user', callers: ['key:alice'] }

test('a reload that takes the permission away ends the stream in good form, and that is recorded', async () => {
  const walk = await startFakeWalk()
  try {
    walk.agent = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(': open\n\n')
    }
    const reply = new FakeReply()
    const asked = walk.rpc('SendStreamingMessage', messageParams, { reply })
    while (walk.parts.heartbeat.size === 0) await settled()
    walk.reload({ limits: [{ per: ['caller'], requests: '1/m' }] })
    walk.parts.heartbeat.beat()
    assert.equal(reply.ended, false)
    walk.reload({ policy: { roles: [role], bindings: [{ role: 'user', callers: ['key:bob'] }] } })
    assert.equal(reply.ended, false)
    walk.parts.heartbeat.beat()
    await asked
    assert.equal(reply.ended, true)
    assert.match(reply.body, /-32041/)
    const { code, completion } = walk.records.at(-1)!
    assert.deepEqual([code, completion?.outcome], ['AUTHZ_DENIED', 'failed'])
    assert.deepEqual(walk.bugs, [])
  } finally {
    await walk.close()
  }
})

const written: ConfigInput = {
  identity: {
    jwt: ['corp', 'labs'].map((name) => ({
      name,
      issuer: `https://${name}.example.com`,
      audience: 'a',
      algorithms: ['ES256' as const],
      jwks: `https://${name}.example.com/jwks`,
    })),
  },
  agents: [
    { name: 'calculator', url: 'http://127.0.0.1:9' },
    { name: 'concierge', url: 'http://127.0.0.1:9', principals: ['key:concierge', 'user:labs/concierge'] },
    { name: 'planner', url: 'http://127.0.0.1:9', principals: ['key:planner'] },
  ],
  policy: {
    roles: [role],
    bindings: [
      { role: 'user', callers: ['key:*', 'user:corp/alice', 'agent:*'] },
      { role: 'user', callers: ['agent:*'], autonomous: true },
    ],
  },
}

const input = (call: FakeAdmitted): object => ({
  v: 1,
  caller: { id: call.caller, method: 'api-key', groups: [], display: '' },
  origin: { id: call.origin ?? call.caller, groups: [], display: '' },
  chain: [],
  chainGroups: [],
  autonomous: { caller: false, origin: call.origin?.startsWith('agent:') === true },
  agent: { name: 'calculator' },
  operation: 'SendStreamingMessage',
  message: {},
  request: { binding: 'JSONRPC', version: '1.0', source: '192.0.2.7', timeMs: 0 },
  inlinePush: false,
  task: { known: false, owner: 'none' },
  named: [],
})

/** Whether a stream of this call goes on when `changed` comes into force. */
function goesOn(call: FakeAdmitted, changed: Partial<ConfigInput>, extra: object = {}): boolean {
  const then = buildSnapshot(configSchema.parse(written))
  let inForce: Snapshot = then
  const admitted = Object.assign(admittedOf({ operation: 'SendStreamingMessage', snapshot: then, ...call }), {
    policyInput: { ...input(call), ...extra },
  })
  const rulesOf = ({ config }: Snapshot): never => {
    const compiled = compilePolicy(
      config.policy,
      config.agents.map((agent) => agent.name),
    )
    assert.ok(compiled.ok)
    // of the rules only policy is asked
    return { policy: compiled.policy } as never
  }
  const stillAllowed = watchPermission(admitted, { snapshot: () => inForce, rulesOf })
  assert.equal(stillAllowed(), true)
  inForce = buildSnapshot(configSchema.parse({ ...written, unauthenticated: { requests: '7/m' } }))
  if (Object.keys(extra).length === 0) assert.equal(stillAllowed(), true, 'also when nothing of it changed')
  inForce = buildSnapshot(configSchema.parse({ ...written, ...changed }))
  const answer = stillAllowed()
  inForce = then
  assert.equal(stillAllowed(), answer, 'what has ended does not begin again')
  return answer
}

const agents = written.agents ?? []
const issuers = written.identity?.jwt ?? []
const only = (...names: string[]): Partial<ConfigInput> => ({
  agents: agents.filter(({ name }) => names.includes(name)),
})
const jwt = (name: string): Partial<Caller> => ({ method: 'jwt', credential: name })
const denying = { policy: { ...written.policy, denies: [{ name: 'd', callers: ['key:alice'] }] } }

test('a binding taken away, a deny put in, an agent removed: each ends the stream', () => {
  const alice = { caller: 'key:alice' }
  assert.equal(goesOn(alice, { gateway: { bounds: { ping: '1s' } } }), true)
  assert.equal(goesOn(alice, { policy: {} }), false)
  assert.equal(goesOn(alice, { policy: { roles: [role], bindings: [{ ...binding, callers: ['key:bob'] }] } }), false)
  assert.equal(goesOn(alice, denying), false)
  assert.equal(goesOn(alice, only('concierge', 'planner')), false)
})

test('an origin that may no longer ends what an agent does for it', () => {
  const forAlice = { caller: 'agent:concierge', origin: 'key:alice' }
  assert.equal(goesOn(forAlice, only('calculator', 'concierge')), true)
  assert.equal(goesOn(forAlice, denying), false)
  assert.equal(goesOn({ ...forAlice, caller: 'key:bob' }, denying), false)
})

test('an issuer that is gone, or that proves by other means, ends its callers and those it began', () => {
  const alice = { caller: 'user:corp/alice', callerFields: jwt('corp') }
  const without = { identity: { jwt: issuers.filter(({ name }) => name !== 'corp') } }
  const moved = { identity: { jwt: issuers.map((each) => ({ ...each, jwks: 'https://new.example.com/jwks' })) } }
  assert.equal(goesOn(alice, { identity: { jwt: issuers.filter(({ name }) => name === 'corp') } }), true)
  for (const changed of [without, moved]) {
    assert.equal(goesOn(alice, changed), false)
    assert.equal(goesOn({ caller: 'agent:concierge', origin: 'user:corp/alice' }, changed), false)
  }
  const byToken = { caller: 'agent:concierge', origin: 'key:alice', callerFields: jwt('labs') }
  assert.equal(goesOn(byToken, without), true)
  assert.equal(goesOn(byToken, { identity: { jwt: issuers.filter(({ name }) => name === 'corp') } }), false)
})

test('an identity that may act as the agent no longer ends its streams and what it began', () => {
  const taken = { agents: agents.map((each) => ({ ...each, principals: (each.principals ?? []).slice(1) })) }
  const given = {
    agents: agents.map((each) => (each.name === 'planner' ? { ...each, principals: ['key:alice'] } : each)),
  }
  assert.equal(goesOn({ caller: 'agent:concierge' }, taken), false)
  assert.equal(goesOn({ caller: 'agent:concierge', origin: 'agent:planner' }, taken), false)
  assert.equal(goesOn({ caller: 'agent:concierge', origin: 'agent:planner' }, only('calculator', 'concierge')), false)
  assert.equal(goesOn({ caller: 'agent:concierge' }, only('calculator', 'planner')), false)
  assert.equal(goesOn({ caller: 'key:alice' }, given), false)
})

test('a call too large to be kept for an hour is not allowed anew', () => {
  const extra = { message: { parts: Array.from({ length: 2_000 }, () => ({ kind: 'text', size: 1 })) } }
  assert.equal(goesOn({ caller: 'key:alice' }, { policy: {} }, extra), false)
  assert.equal(goesOn({ caller: 'key:alice' }, { gateway: { bounds: { ping: '1s' } } }, extra), false)
})

test('a person from whom a member of the alias was taken, or whose key became somebody else, listens no more', () => {
  const alias = { name: 'alice', principals: ['user:corp/alice', 'key:laptop'] }
  const role = { name: 'user', rules: [{ agents: ['calculator'], operations: ['SendStreamingMessage' as const] }] }
  const base: ConfigInput = {
    ...written,
    policy: { roles: [role], bindings: [{ role: 'user', callers: ['key:*', 'user:*'] }] },
  }
  const then = buildSnapshot(configSchema.parse({ ...base, aliases: [alias] }))
  const may = (caller: string, principal: string | undefined, aliases: ConfigInput['aliases']): boolean => {
    const now = buildSnapshot(configSchema.parse({ ...base, aliases, limits: [{ per: ['caller'], requests: '1/m' }] }))
    const compiled = compilePolicy(now.config.policy, [...now.agents.keys()], now.identities)
    assert.ok(compiled.ok)
    const call: FakeAdmitted = { caller, snapshot: then, callerFields: { principal } }
    const admitted = Object.assign(admittedOf(call), {
      policyInput: { ...input(call), operation: 'SendStreamingMessage' },
    })
    const rules = { policy: compiled.policy }
    return watchPermission(admitted, { snapshot: () => now, rulesOf: () => rules as never })()
  }
  const known = 'user:corp/alice'
  assert.equal(may(known, 'key:laptop', [alias]), true)
  assert.equal(may(known, undefined, [alias]), true)
  assert.equal(may(known, 'key:laptop', []), false)
  assert.equal(may(known, undefined, []), false)
  assert.equal(may(known, 'key:laptop', [{ ...alias, principals: [known, 'key:phone'] }]), false)
  assert.equal(may(known, 'key:laptop', [{ ...alias, principals: ['key:laptop', known] }]), false)
  assert.equal(may('key:bob', undefined, [alias, { name: 'bob', principals: ['user:corp/bob', 'key:bob'] }]), false)
  assert.equal(may('key:bob', undefined, [alias]), true)
})
