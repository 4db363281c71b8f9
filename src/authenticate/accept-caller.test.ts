import assert from 'node:assert/strict'
import test from 'node:test'
import { configSchema, type AgentConfig, type ConfigInput } from '../config/config.ts'
import type { Caller } from '../exchange/exchange.ts'
import { callerOf } from '../../test/fakes/walk.ts'
import { acceptsCaller } from './accept-caller.ts'

type Authentication = NonNullable<NonNullable<ConfigInput['agents']>[number]['authentication']>

function agentWith(authentication: Authentication): AgentConfig {
  const [agent] = configSchema.parse({ agents: [{ name: 'a', url: 'http://a', authentication }] }).agents
  assert.ok(agent)
  return agent
}

const base = callerOf('x')
const spiffe: Caller = {
  ...base,
  method: 'mtls',
  senderConstrained: 'mtls',
  evidence: { subject: 'spiffe://example.org/a' },
}
const callers = {
  key: base,
  corp: { ...base, method: 'jwt', credential: 'corp' },
  bound: { ...base, method: 'jwt', credential: 'corp', senderConstrained: 'dpop' },
  labs: { ...base, method: 'introspection', credential: 'labs' },
  account: { ...base, method: 'service-account', credential: 'prod' },
  spiffe,
  // known as an agent by now; what it showed counts
  agent: { ...spiffe, id: 'agent:a' },
  partner: { ...spiffe, evidence: { subject: 'user:partners/billing' } },
  anonymous: { ...base, method: 'anonymous' },
} as const satisfies Record<string, Caller>

test('who is accepted by what', () => {
  const cases: [Authentication, (keyof typeof callers)[]][] = [
    [{}, ['key', 'corp', 'bound', 'labs', 'account', 'spiffe', 'agent', 'partner']],
    [{ methods: ['api-key'] }, ['key']],
    [{ methods: ['jwt'] }, ['corp', 'bound']],
    [{ methods: ['introspection'] }, ['labs']],
    [{ methods: ['mtls'] }, ['spiffe', 'agent', 'partner']],
    [{ methods: ['mtls', 'service-account'] }, ['account', 'spiffe', 'agent', 'partner']],
    [{ issuers: ['corp'] }, ['key', 'corp', 'bound']],
    [{ issuers: ['example.org'] }, ['key', 'spiffe', 'agent']],
    [{ issuers: ['partners', 'prod'] }, ['key', 'account', 'partner']],
    [{ methods: ['jwt'], issuers: ['labs'] }, []],
    [{ senderConstrained: true }, ['bound', 'spiffe', 'agent', 'partner']],
    [{ senderConstrained: true, methods: ['jwt', 'api-key'] }, ['bound']],
    [{ senderConstrained: true, methods: ['api-key'] }, []],
  ]
  for (const [authentication, expected] of cases) {
    const agent = agentWith(authentication)
    const accepted = Object.entries(callers).filter(([, caller]) => acceptsCaller(agent, caller))
    assert.deepEqual(
      accepted.map(([name]) => name),
      expected,
      JSON.stringify(authentication),
    )
  }
})
