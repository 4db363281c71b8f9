import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compilePolicy, type CompiledPolicy, explain } from './authorize.ts'
import { problemsOf, type PolicyText } from './fake-call.ts'

const paths = (policy: PolicyText): string[] => problemsOf(policy).map((problem) => problem.path.join('.'))

describe('a policy that is refused', () => {
  it('binds a role that does not exist', () => {
    assert.deepEqual(paths({ bindings: [{ role: 'ghost', callers: ['key:a'] }] }), ['policy.bindings.0.role'])
  })
  it('names an agent that does not exist', () => {
    assert.deepEqual(
      paths({ roles: [{ name: 'r', rules: [{ agents: ['calculator', 'abacus'], operations: ['*'] }] }] }),
      ['policy.roles.0.rules.0.agents.1'],
    )
    assert.deepEqual(paths({ denies: [{ name: 'd', agents: ['abacus'] }] }), ['policy.denies.0.agents.0'])
  })
  it('defines a role or a deny twice', () => {
    assert.deepEqual(paths({ roles: [{ name: 'r' }, { name: 'r' }] }), ['policy.roles.1.name'])
    assert.deepEqual(paths({ denies: [{ name: 'd' }, { name: 'd' }] }), ['policy.denies.1.name'])
  })
  it('has a condition with a misspelt field, and says where', () => {
    const rules = [{ agents: ['*'], operations: ['*'], when: 'true &&\n message.part == []' }]
    const [problem] = problemsOf({ roles: [{ name: 'r', rules }] })
    assert.deepEqual(problem?.path, ['policy', 'roles', 0, 'rules', 0, 'when'])
    assert.deepEqual([problem?.line, problem?.column], [2, 10])
  })
  it('has all its problems told at once', () => {
    const when = 'nothing == 1'
    const policy: PolicyText = {
      roles: [{ name: 'r', rules: [{ agents: ['x'], operations: ['*'], when }] }],
      bindings: [{ role: 'ghost', callers: [] }],
      denies: [{ name: 'd', when, callers: [] }],
    }
    assert.equal(problemsOf(policy).length, 5)
    for (const problem of problemsOf(policy)) assert.notEqual(problem.hint, '')
  })
})

function grown(count: number): CompiledPolicy {
  const agents = Array.from({ length: count / 10 }, (_, index) => `agent-${index}`)
  const own = (index: number): string => `agent-${index % agents.length}`
  const result = compilePolicy(
    {
      roles: Array.from({ length: count }, (_, index) => ({
        name: `role-${index}`,
        rules: [{ agents: [own(index)], operations: ['SendMessage'], owner: 'self', requireApproval: false }],
      })),
      bindings: Array.from({ length: count }, (_, index) => ({
        role: `role-${index}`,
        callers: [`key:${index}`],
        autonomous: false,
      })),
      denies: Array.from({ length: count }, (_, index) => ({
        name: `deny-${index}`,
        agents: [own(index)],
        operations: ['SendMessage'],
        callers: [`key:banned-${index}`],
      })),
    },
    agents,
  )
  assert.ok(result.ok)
  return result.policy
}

describe('ten thousand rules', () => {
  it('cost a decision no more than ten', () => {
    for (const count of [10, 10_000]) {
      const query = { caller: { id: 'key:0' }, agent: 'agent-0', operation: 'SendMessage' } as const
      const { allowed, steps } = explain(grown(count), query, new Map())
      assert.deepEqual([allowed, steps.length], [true, 1])
    }
  })
})
