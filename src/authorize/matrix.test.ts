import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { operationNames } from '../a2a/operations.ts'
import { buildSnapshot, configSchema } from '../config/config.ts'
import { isRefusal } from '../refusal/refusal.ts'
import { authorize } from './authorize.ts'
import { fakeCall, fakeSources, policyOf, type PolicyText } from './fake-call.ts'
import { agents, owners, someCall, somePolicy } from './fake-traffic.ts'
import { buildMatrix, principalsOf, type MatrixRow } from './matrix.ts'

const { agentsByPrincipal: identities } = buildSnapshot(
  configSchema.parse({ agents: [{ name: 'concierge', url: 'http://c', principals: ['key:concierge'] }] }),
)

const policy: PolicyText = {
  roles: [
    {
      name: 'analyst',
      rules: [
        { agents: ['calculator'], operations: ['SendMessage'], when: 'size(message.parts) < 2' },
        { agents: ['calculator'], operations: ['GetTask', 'CancelTask'] },
      ],
    },
    { name: 'on-call', rules: [{ agents: ['*'], operations: ['GetTask'], owner: 'any' }] },
  ],
  bindings: [
    { role: 'analyst', callers: ['group:corp/analysts', 'key:ci'] },
    { role: 'analyst', callers: ['agent:concierge'] },
    { role: 'on-call', callers: ['group:corp/sre', 'user:*'] },
  ],
  denies: [
    { name: 'no-cancel', operations: ['CancelTask'], callers: ['key:*'] },
    { name: 'night', agents: ['vault'], when: 'request.time.getHours() < 6' },
  ],
}

function rowOf(id: string, agent: string, groups: string[] = [], account = 'own'): MatrixRow {
  const rows = buildMatrix(policyOf(policy), [{ id, groups }], agents, identities)
  const row = rows.find((each) => each.agent === agent && each.account === account)
  assert.ok(row !== undefined)
  return row
}
const states = (row: MatrixRow): Record<string, string> =>
  Object.fromEntries(Object.entries(row.cells).map(([operation, cell]) => [operation, cell.state]))

describe('the matrix', () => {
  it('has everybody whom the policy names', () => {
    const named = ['agent:concierge', 'group:corp/analysts', 'group:corp/sre', 'key:*', 'key:ci', 'user:*']
    assert.deepEqual(principalsOf(policyOf(policy)), named)
  })
  it('says allow, conditional, deny, and nothing where there is no rule', () => {
    const ci = { SendMessage: 'conditional', GetTask: 'allow', CancelTask: 'deny' }
    assert.deepEqual(states(rowOf('key:ci', 'calculator')), ci)
    const analysts = { SendMessage: 'conditional', GetTask: 'allow', CancelTask: 'allow' }
    assert.deepEqual(states(rowOf('group:corp/analysts', 'calculator')), analysts)
    assert.deepEqual(states(rowOf('key:ci', 'vault')), {})
    assert.deepEqual(states(rowOf('key:stranger', 'calculator')), {})
  })
  it('says on which conditions, whose tasks, and what denies', () => {
    const { SendMessage, CancelTask } = rowOf('key:ci', 'calculator').cells
    assert.deepEqual(SendMessage?.rules, [
      { name: 'analyst#0', when: 'size(message.parts) < 2', owner: 'self', approval: false },
    ])
    assert.deepEqual(CancelTask?.denies, [{ name: 'no-cancel', when: '' }])
    const { GetTask } = rowOf('user:corp/1', 'vault').cells
    assert.deepEqual(
      [GetTask?.state, GetTask?.rules[0]?.owner, GetTask?.denies[0]?.name],
      ['conditional', 'any', 'night'],
    )
  })
  it('adds what groups give', () => {
    assert.deepEqual(Object.keys(rowOf('key:ci', 'vault', ['group:corp/sre']).cells), ['GetTask'])
  })
  it('keeps an agent on its own account apart, by whichever name', () => {
    for (const id of ['agent:concierge', 'key:concierge']) {
      assert.deepEqual(states(rowOf(id, 'calculator')), {})
      assert.equal(states(rowOf(id, 'calculator', [], 'for others'))['GetTask'], 'allow')
    }
  })
  it('has no cell for the wildcard of another kind', () => {
    assert.deepEqual(states(rowOf('group:corp/none', 'vault')), {})
    assert.deepEqual(states(rowOf('agent:other', 'vault', [], 'for others')), {})
  })
})

describe('whatever policy', () => {
  it('a call that is allowed has a cell that does not say no, and a plain "allow" allows', () => {
    fc.assert(
      fc.property(somePolicy, someCall, (text, call) => {
        const compiled = policyOf(text)
        const made = fakeCall(call)
        const result = authorize(made, compiled, fakeSources(owners))
        const { caller, origin, agent } = made
        const account = made.autonomous || caller.id === origin.id ? 'own' : 'for others'
        const rowFor = (id: string, groups: readonly string[], of: string): MatrixRow | undefined =>
          buildMatrix(compiled, [{ id, groups }], [agent.name], new Map()).find((row) => row.account === of)
        const cell = rowFor(caller.id, caller.groups, account)?.cells[made.operation]
        if (!isRefusal(result) || result.code === 'AUTHZ_APPROVAL_REQUIRED')
          assert.ok(cell?.state === 'allow' || cell?.state === 'conditional')
        if (cell === undefined || cell.state === 'deny') assert.ok(isRefusal(result))
        const isPlain = origin.id === caller.id && made.taskId === '' && made.contextId === '' && !made.inlinePush
        if (isPlain && cell?.state === 'allow') assert.ok(!isRefusal(result))
      }),
      { numRuns: 1000, interruptAfterTimeLimit: 2_000 },
    )
  })
  it('a rule that asks for approval asks on one’s own account too, though its binding gives nothing there', () => {
    const rule = { agents: ['calculator'], operations: ['SendMessage'] }
    const compiled = policyOf({
      roles: [
        { name: 'gives', rules: [rule] },
        { name: 'asks', rules: [{ ...rule, requireApproval: true }] },
      ],
      bindings: [
        { role: 'gives', callers: ['group:*'], autonomous: true },
        { role: 'asks', callers: ['group:*'] },
      ],
    })
    const asked = [{ id: 'agent:concierge', groups: ['group:corp/a'] }]
    const [row] = buildMatrix(compiled, asked, ['calculator'], new Map())
    assert.equal(row?.account, 'own')
    assert.equal(row.cells.SendMessage?.state, 'conditional')
    assert.deepEqual(
      row.cells.SendMessage.rules.map(({ name }) => name),
      ['gives#0', 'asks#0'],
    )
  })
  it('no cell is of an operation that there is not', () => {
    const rows = buildMatrix(policyOf(policy), [{ id: 'key:ci', groups: [] }], agents, identities)
    for (const row of rows)
      for (const name of Object.keys(row.cells)) assert.ok(operationNames.some((operation) => operation === name))
  })
})
