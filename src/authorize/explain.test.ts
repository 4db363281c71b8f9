import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buildSnapshot, configSchema } from '../config/config.ts'
import { explain as explainCall, maySeeAgent, type CompiledPolicy } from './authorize.ts'
import { mayDoAnything } from './decide.ts'
import type { Explanation, PolicyQuery } from './explain.ts'
import { policyOf, textPart } from './fake-call.ts'

const policy = policyOf({
  roles: [
    {
      name: 'analyst',
      rules: [
        { agents: ['calculator'], operations: ['SendMessage'], when: 'size(message.parts) < 2' },
        { agents: ['calculator'], operations: ['GetTask'] },
      ],
    },
    { name: 'broken', rules: [{ agents: ['vault'], operations: ['SendMessage'], when: 'message.parts[0].size > 1' }] },
  ],
  bindings: [
    { role: 'analyst', callers: ['group:corp/analysts', 'agent:concierge'] },
    { role: 'broken', callers: ['group:corp/analysts'] },
  ],
  denies: [
    { name: 'no-urls', when: 'message.parts.exists(p, p.kind == "url")' },
    { name: 'leaver', callers: ['key:leaver'] },
  ],
})
const analyst = { id: 'user:corp/1', groups: ['group:corp/analysts'] }

const { agentsByPrincipal } = buildSnapshot(
  configSchema.parse({ agents: [{ name: 'concierge', url: 'http://c', principals: ['key:concierge'] }] }),
)
const explain = (of: CompiledPolicy, query: PolicyQuery): Explanation => explainCall(of, query, agentsByPrincipal)

describe('an explanation', () => {
  it('names the rule that allows and what was considered', () => {
    const { allowed, allowedBy, steps } = explain(policy, {
      caller: analyst,
      agent: 'calculator',
      operation: 'SendMessage',
    })
    assert.deepEqual([allowed, allowedBy], [true, ['analyst#0']])
    assert.deepEqual(
      steps.map((step) => [step.name, step.outcome]),
      [
        ['no-urls', 'does not apply'],
        ['analyst#0', 'applies'],
      ],
    )
  })
  it('names the deny that applies', () => {
    const { code, steps } = explain(policy, {
      caller: analyst,
      agent: 'calculator',
      operation: 'SendMessage',
      message: { parts: [{ ...textPart, kind: 'url' }] },
    })
    assert.equal(code, 'AUTHZ_DENIED')
    assert.deepEqual(
      steps.map((step) => [step.name, step.outcome]),
      [['no-urls', 'applies']],
    )
  })
  it('shows a condition that is not met, and one that errs', () => {
    const notMet = explain(policy, {
      caller: analyst,
      agent: 'calculator',
      operation: 'SendMessage',
      message: { parts: [textPart, textPart] },
    })
    assert.deepEqual([notMet.code, notMet.steps.at(-1)?.outcome], ['AUTHZ_DENIED', 'does not apply'])
    const errs = explain(policy, { caller: analyst, agent: 'vault', operation: 'SendMessage' })
    assert.deepEqual([errs.code, errs.steps.at(-1)?.outcome], ['AUTHZ_DENIED', 'errs'])
  })
  it("shows that a task is another's", () => {
    const { code, steps } = explain(policy, {
      caller: analyst,
      agent: 'calculator',
      operation: 'GetTask',
      task: 'other',
    })
    assert.deepEqual([code, steps.at(-1)?.kind], ['AUTHZ_TASK_NOT_FOUND', 'ownership'])
  })
  it('shows that a binding is not for an agent on its own account', () => {
    const { code, steps } = explain(policy, {
      caller: { id: 'agent:concierge' },
      agent: 'calculator',
      operation: 'GetTask',
    })
    assert.deepEqual([code, steps.at(-1)?.name], ['AUTHZ_DENIED', 'analyst#1'])
  })
  it('says of whom the origin lacks a rule', () => {
    const query = {
      caller: { id: 'agent:concierge' },
      origin: { id: 'key:bob' },
      agent: 'calculator',
      operation: 'GetTask',
    } as const
    assert.match(explain(policy, query).because, /key:bob/)
    assert.equal(explain(policy, { ...query, origin: analyst }).allowed, true)
  })
  it('knows an agent by the identity that acts as it, as a call does', () => {
    const query = { caller: { id: 'key:concierge' }, agent: 'calculator', operation: 'GetTask' } as const
    const alone = explain(policy, query)
    assert.deepEqual([alone.code, alone.steps.at(-1)?.subject], ['AUTHZ_DENIED', 'agent:concierge'])
    assert.deepEqual(alone.steps, explain(policy, { ...query, caller: { id: 'agent:concierge' } }).steps)
    assert.equal(explain(policy, { ...query, origin: analyst }).allowed, true)
  })
  it('takes an origin that is an agent for one on its own account, by whichever name', () => {
    const own = policyOf({
      roles: [{ name: 'all', rules: [{ agents: ['*'], operations: ['*'] }] }],
      bindings: [{ role: 'all', callers: ['key:concierge', 'agent:concierge', 'agent:other'] }],
    })
    for (const id of ['key:concierge', 'agent:concierge', 'agent:other']) {
      const query = {
        caller: { id: 'agent:other' },
        origin: { id },
        agent: 'calculator',
        operation: 'GetTask',
      } as const
      assert.equal(explain(own, query).allowed, false, id)
    }
  })
  it('says that only a configured agent can act on behalf of another', () => {
    const query = { caller: analyst, origin: { id: 'key:bob' }, agent: 'calculator', operation: 'GetTask' } as const
    assert.equal(explain(policy, query).code, 'AUTHN_INVALID')
  })
})

describe('discovery', () => {
  const [agent] = configSchema.parse({ agents: [{ name: 'vault', url: 'http://vault' }] }).agents
  const [open] = configSchema.parse({ agents: [{ name: 'vault', url: 'http://vault', discovery: 'public' }] }).agents
  assert.ok(agent !== undefined && open !== undefined)
  const nobody = { id: 'key:mallory', groups: [] }

  it('shows an agent to those who may do something there', () => {
    assert.equal(mayDoAnything(policy, { caller: analyst, origin: analyst }, 'calculator'), true)
    assert.equal(maySeeAgent(policy, { caller: analyst, origin: analyst }, agent), true)
  })
  it('hides it from those who may not, unless its discovery is public', () => {
    assert.equal(mayDoAnything(policy, { caller: nobody, origin: nobody }, 'calculator'), false)
    assert.equal(maySeeAgent(policy, { caller: nobody, origin: nobody }, agent), false)
    assert.equal(maySeeAgent(policy, { caller: nobody, origin: nobody }, open), true)
  })
  it('hides it when the origin may do nothing there', () => {
    const concierge = { id: 'agent:concierge', groups: [] }
    assert.equal(mayDoAnything(policy, { caller: concierge, origin: nobody }, 'calculator'), false)
    assert.equal(mayDoAnything(policy, { caller: concierge, origin: analyst }, 'calculator'), true)
  })
  it('hides it from one whom an unconditional deny leaves nothing', () => {
    const leaver = { id: 'key:leaver', groups: ['group:corp/analysts'] }
    assert.equal(mayDoAnything(policy, { caller: leaver, origin: leaver }, 'calculator'), false)
  })
})
