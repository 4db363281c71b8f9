import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Operation, operationNames, operations } from '../a2a/operations.ts'
import type { JsonObject } from '../base/strict-json.ts'
import { isRefusal } from '../refusal/refusal.ts'
import { authorize, decideAgain, type NamedOwnership } from './authorize.ts'
import {
  type FakeCall,
  fakeCall,
  fakeSources,
  type FakeOwners,
  policyOf,
  type PolicyText,
  textPart,
} from './fake-call.ts'

/** The refusal's code, or `allowed`. */
function ask(policy: PolicyText, call: FakeCall, owners: FakeOwners = {}): string {
  const result = authorize(fakeCall(call), policyOf(policy), fakeSources(owners))
  return isRefusal(result) ? result.code : 'allowed'
}

const analyst: PolicyText = {
  roles: [
    {
      name: 'analyst',
      rules: [
        {
          agents: ['calculator'],
          operations: ['SendMessage', 'SendStreamingMessage'],
          when: 'size(message.parts) < 20',
        },
        { agents: ['calculator'], operations: ['GetTask', 'ListTasks', 'CancelTask', 'SubscribeToTask'] },
      ],
    },
  ],
  bindings: [{ role: 'analyst', callers: ['group:corp/analysts', 'key:alice'] }],
  denies: [
    {
      name: 'no-files',
      agents: ['*'],
      operations: ['SendMessage', 'SendStreamingMessage'],
      when: 'message.parts.exists(p, p.kind != "text")',
    },
  ],
}

/** One rule for everything on the calculator, for these callers. */
function everything(callers: string[], owner: string = 'self', autonomous: boolean = false): PolicyText {
  return {
    roles: [{ name: 'all', rules: [{ agents: ['calculator'], operations: ['*'], owner }] }],
    bindings: [{ role: 'all', callers, autonomous }],
  }
}

function deniedWhen(when: string): PolicyText {
  return { ...everything(['key:alice']), denies: [{ name: 'd', when }] }
}

describe('the decision table: caller × agent × operation', () => {
  const callers: Record<string, FakeCall> = {
    alice: { caller: 'key:alice' },
    analystByGroup: { caller: 'user:corp/1', callerGroups: ['group:corp/analysts'] },
    stranger: { caller: 'key:mallory' },
    otherGroup: { caller: 'user:corp/2', callerGroups: ['group:corp/sales'] },
  }
  const granted = new Set<Operation>([
    'SendMessage',
    'SendStreamingMessage',
    'GetTask',
    'ListTasks',
    'CancelTask',
    'SubscribeToTask',
  ])
  for (const [name, call] of Object.entries(callers)) {
    for (const agent of ['calculator', 'concierge', 'vault']) {
      for (const operation of operationNames) {
        const known = (name === 'alice' || name === 'analystByGroup') && agent === 'calculator'
        const expected = !known ? 'ROUTE_AGENT_UNKNOWN' : granted.has(operation) ? 'allowed' : 'AUTHZ_DENIED'
        it(`${name} · ${agent} · ${operation}: ${expected}`, () => {
          const id = call.caller ?? ''
          const owners = { tasks: { 't-own': [id, id] as const } }
          const named = operations[operation].namesTask ? { taskId: 't-own' } : {}
          assert.equal(ask(analyst, { ...call, agent, operation, ...named }, owners), expected)
        })
      }
    }
  }
})

describe('rules and denies', () => {
  it('refuses everyone when there is no policy at all', () => {
    assert.equal(ask({}, {}), 'ROUTE_AGENT_UNKNOWN')
  })
  it('refuses when the condition of the only rule is not met', () => {
    const parts = Array.from({ length: 20 }, () => textPart)
    assert.equal(ask(analyst, { message: { parts } }), 'AUTHZ_DENIED')
  })
  it('lets a deny win over a rule that allows', () => {
    assert.equal(ask(analyst, { message: { parts: [{ ...textPart, kind: 'url' }] } }), 'AUTHZ_DENIED')
  })
  it('applies a deny for a named caller, a group and a kind of caller', () => {
    for (const callers of [['key:alice'], ['key:*'], ['group:corp/leavers'], ['group:*']]) {
      const policy = { ...everything(['key:alice']), denies: [{ name: 'stop', callers }] }
      assert.equal(ask(policy, { callerGroups: ['group:corp/leavers'] }), 'AUTHZ_DENIED', callers.join())
    }
  })
  it('does not apply a deny meant for others, another agent or another operation', () => {
    for (const deny of [
      { name: 'stop', callers: ['key:bob', 'user:*', 'group:corp/x'] },
      { name: 'stop', agents: ['vault'] },
      { name: 'stop', operations: ['GetTask'] },
    ]) {
      assert.equal(ask({ ...everything(['key:alice']), denies: [deny] }, {}), 'allowed')
    }
  })
  it('gives a wildcard binding to its kind of principal only', () => {
    assert.equal(ask(everything(['user:*']), { caller: 'user:corp/1' }), 'allowed')
    assert.equal(ask(everything(['user:*']), { caller: 'key:alice' }), 'ROUTE_AGENT_UNKNOWN')
    assert.equal(ask(everything(['group:*']), { caller: 'key:alice' }), 'ROUTE_AGENT_UNKNOWN')
  })
  it('takes a rule for every agent and one for a named agent together', () => {
    const policy: PolicyText = {
      roles: [
        {
          name: 'r',
          rules: [
            { agents: ['*'], operations: ['GetTask'] },
            { agents: ['vault'], operations: ['ListTasks'] },
          ],
        },
      ],
      bindings: [{ role: 'r', callers: ['key:alice'] }],
    }
    assert.equal(ask(policy, { agent: 'vault', operation: 'ListTasks' }), 'allowed')
    assert.equal(ask(policy, { agent: 'calculator', operation: 'ListTasks' }), 'AUTHZ_DENIED')
    assert.equal(
      ask(policy, { agent: 'vault', operation: 'GetTask', taskId: 't' }, { tasks: { t: ['key:alice', 'key:alice'] } }),
      'allowed',
    )
  })
  it('sees the time of the call, its source and its operation', () => {
    assert.equal(ask(deniedWhen('request.timeMs == 1800000000000'), {}), 'AUTHZ_DENIED')
    assert.equal(ask(deniedWhen('request.source.inNetwork("192.0.2.0/24")'), {}), 'AUTHZ_DENIED')
    assert.equal(ask(deniedWhen('operation == "GetTask"'), {}), 'allowed')
  })
})

describe('callers and origins', () => {
  const both = everything(['agent:concierge', 'key:alice'], 'origin')
  it('asks for a rule of the origin too', () => {
    assert.equal(ask(both, { caller: 'agent:concierge', origin: 'key:alice' }), 'allowed')
    assert.equal(ask(both, { caller: 'agent:concierge', origin: 'key:bob' }), 'AUTHZ_DENIED')
  })
  it('asks for a rule of the caller, whatever the origin may do', () => {
    assert.equal(ask(both, { caller: 'agent:other', origin: 'key:alice' }), 'ROUTE_AGENT_UNKNOWN')
  })
  it('lets a deny for the origin or for a member of the chain win', () => {
    const middle = { id: 'agent:planner', groups: ['group:corp/suspended'], display: 'planner' }
    for (const callers of [['key:alice'], ['agent:planner'], ['group:corp/suspended']]) {
      const policy = { ...both, denies: [{ name: 'stop', callers }] }
      assert.equal(
        ask(policy, { caller: 'agent:concierge', origin: 'key:alice', chain: [middle] }),
        'AUTHZ_DENIED',
        callers.join(),
      )
    }
  })
  it('never grants by a member of the chain', () => {
    const middle = { id: 'agent:planner', groups: [], display: 'planner' }
    const policy = everything(['agent:concierge', 'agent:planner'])
    assert.equal(ask(policy, { caller: 'agent:concierge', origin: 'key:bob', chain: [middle] }), 'AUTHZ_DENIED')
  })
  it('names the rule of the caller and that of the origin', () => {
    const result = authorize(
      fakeCall({ caller: 'agent:concierge', origin: 'key:alice' }),
      policyOf(both),
      fakeSources(),
    )
    assert.deepEqual(isRefusal(result) ? [] : result.allowedBy, ['all#0', 'all#0'])
  })
})

describe('ownership', () => {
  const alice = { caller: 'key:alice', operation: 'GetTask', taskId: 't' } as const
  const viaConcierge = { ...alice, caller: 'agent:concierge', origin: 'key:alice' } as const
  const callers = ['key:alice', 'agent:concierge']

  it('gives a task to the same caller for the same origin', () => {
    assert.equal(ask(everything(callers), alice, { tasks: { t: ['key:alice', 'key:alice'] } }), 'allowed')
    assert.equal(ask(everything(callers), viaConcierge, { tasks: { t: ['agent:concierge', 'key:alice'] } }), 'allowed')
  })
  for (const [name, row] of Object.entries({
    'another caller': ['key:bob', 'key:bob'],
    'the same origin by another caller': ['agent:concierge', 'key:alice'],
    'the same caller for another origin': ['key:alice', 'key:bob'],
  } as const)) {
    it(`refuses a task of ${name} as one that does not exist`, () => {
      assert.equal(ask(everything(callers), alice, { tasks: { t: row } }), 'AUTHZ_TASK_NOT_FOUND')
      assert.equal(ask(everything(callers), alice), 'AUTHZ_TASK_NOT_FOUND')
    })
  }
  it('shares by origin what the same origin began', () => {
    const tasks = { t: ['key:alice', 'key:alice'] as const }
    assert.equal(ask(everything(callers, 'origin'), viaConcierge, { tasks }), 'allowed')
    assert.equal(ask(everything(callers, 'origin'), { ...viaConcierge, origin: 'key:bob' }, { tasks }), 'AUTHZ_DENIED')
    assert.equal(
      ask(everything([...callers, 'key:bob'], 'origin'), { ...viaConcierge, origin: 'key:bob' }, { tasks }),
      'AUTHZ_TASK_NOT_FOUND',
    )
  })
  it('does not share by the rule of the caller alone', () => {
    const policy: PolicyText = {
      roles: [
        { name: 'wide', rules: [{ agents: ['*'], operations: ['*'], owner: 'any' }] },
        { name: 'narrow', rules: [{ agents: ['*'], operations: ['*'] }] },
      ],
      bindings: [
        { role: 'wide', callers: ['agent:concierge'] },
        { role: 'narrow', callers: ['key:alice'] },
      ],
    }
    assert.equal(ask(policy, viaConcierge, { tasks: { t: ['key:bob', 'key:bob'] } }), 'AUTHZ_TASK_NOT_FOUND')
  })
  it('shares with a group when owner and caller are both of it', () => {
    const policy = everything(callers, 'group:corp/team')
    const tasks = { t: ['key:bob', 'key:bob', ['group:corp/team']] as const }
    const member = { ...alice, callerGroups: ['group:corp/team'] }
    assert.equal(ask(policy, member, { tasks }), 'allowed')
    assert.equal(ask(policy, alice, { tasks }), 'AUTHZ_TASK_NOT_FOUND')
    assert.equal(
      ask(policy, member, { tasks: { t: ['key:bob', 'key:bob', ['group:corp/other']] } }),
      'AUTHZ_TASK_NOT_FOUND',
    )
    assert.equal(ask(policy, member, { tasks: { t: ['key:bob', 'key:bob'] } }), 'AUTHZ_TASK_NOT_FOUND')
  })
  it('shares everything by any, but never what does not exist', () => {
    assert.equal(ask(everything(callers, 'any'), alice, { tasks: { t: ['key:bob', 'key:bob'] } }), 'allowed')
    assert.equal(ask(everything(callers, 'any'), alice), 'AUTHZ_TASK_NOT_FOUND')
  })
  it('does not share by a rule for another operation', () => {
    const policy: PolicyText = {
      roles: [
        {
          name: 'r',
          rules: [
            { agents: ['*'], operations: ['GetTask'], owner: 'any' },
            { agents: ['*'], operations: ['CancelTask'] },
          ],
        },
      ],
      bindings: [{ role: 'r', callers }],
    }
    const owners = { tasks: { t: ['key:bob', 'key:bob'] as const } }
    assert.equal(ask(policy, alice, owners), 'allowed')
    assert.equal(ask(policy, { ...alice, operation: 'CancelTask' }, owners), 'AUTHZ_TASK_NOT_FOUND')
  })
  it('does not share by a rule whose condition is not met', () => {
    const policy: PolicyText = {
      roles: [
        {
          name: 'r',
          rules: [
            { agents: ['*'], operations: ['*'] },
            { agents: ['*'], operations: ['*'], owner: 'any', when: 'caller.id == "key:bob"' },
          ],
        },
      ],
      bindings: [{ role: 'r', callers }],
    }
    assert.equal(ask(policy, alice, { tasks: { t: ['key:bob', 'key:bob'] } }), 'AUTHZ_TASK_NOT_FOUND')
  })

  it('checks the task of a send, and every referenced task', () => {
    const policy = everything(callers)
    const tasks = { mine: ['key:alice', 'key:alice'] as const, theirs: ['key:bob', 'key:bob'] as const }
    const send = (taskId: string, referenceTaskIds: string[]) =>
      ask(policy, { taskId, message: { taskId, referenceTaskIds } }, { tasks })
    assert.equal(send('mine', ['mine']), 'allowed')
    assert.equal(send('theirs', []), 'AUTHZ_TASK_NOT_FOUND')
    assert.equal(send('missing', []), 'AUTHZ_TASK_NOT_FOUND')
    assert.equal(send('', ['mine', 'theirs']), 'AUTHZ_TASK_NOT_FOUND')
    assert.equal(send('mine', ['mine', 'missing']), 'AUTHZ_TASK_NOT_FOUND')
  })
  it('checks message.taskId even if the task named is another', () => {
    const tasks = { mine: ['key:alice', 'key:alice'] as const, theirs: ['key:bob', 'key:bob'] as const }
    assert.equal(
      ask(everything(callers), { taskId: 'mine', message: { taskId: 'theirs' } }, { tasks }),
      'AUTHZ_TASK_NOT_FOUND',
    )
  })
  it('refuses more references than it is willing to look up', () => {
    const referenceTaskIds = Array.from({ length: 129 }, (_, index) => `t${index}`)
    assert.equal(ask(everything(callers), { message: { referenceTaskIds } }), 'AUTHZ_DENIED')
  })
  it('refuses an operation that names a task without one', () => {
    assert.equal(ask(everything(callers, 'any'), { operation: 'GetTask', taskId: '' }), 'AUTHZ_TASK_NOT_FOUND')
  })
  it("refuses a push configuration of another; one that was never seen made is the task owner's", () => {
    const owners = {
      tasks: { t: ['key:alice', 'key:alice'] as const },
      configs: { 't/mine': ['key:alice', 'key:alice'] as const, 't/theirs': ['key:bob', 'key:bob'] as const },
    }
    for (const operation of ['GetTaskPushNotificationConfig', 'DeleteTaskPushNotificationConfig'] as const) {
      assert.equal(ask(everything(callers), { operation, taskId: 't', configId: 'mine' }, owners), 'allowed')
      assert.equal(
        ask(everything(callers), { operation, taskId: 't', configId: 'theirs' }, owners),
        'AUTHZ_TASK_NOT_FOUND',
      )
      assert.equal(ask(everything(callers), { operation, taskId: 't', configId: 'inline' }, owners), 'allowed')
    }
  })
  it('lets a new push configuration have a fresh id, never that of another', () => {
    const owners = {
      tasks: { t: ['key:alice', 'key:alice'] as const },
      configs: { 't/theirs': ['key:bob', 'key:bob'] as const },
    }
    const operation = 'CreateTaskPushNotificationConfig'
    assert.equal(ask(everything(callers), { operation, taskId: 't', configId: 'fresh' }, owners), 'allowed')
    assert.equal(
      ask(everything(callers), { operation, taskId: 't', configId: 'theirs' }, owners),
      'AUTHZ_TASK_NOT_FOUND',
    )
  })
  it("takes a context for fresh or one's own: the name that another gave is another context", () => {
    const contexts = { mine: ['key:alice', 'key:alice'] as const, theirs: ['key:bob', 'key:bob'] as const }
    const ofAll = (owner: string): PolicyText => ({
      roles: [{ name: 'all', rules: [{ agents: ['*'], operations: ['*'], owner }] }],
      bindings: [{ role: 'all', callers: ['key:*'] }],
    })
    const idFor = (call: FakeCall, owner: 'self' | 'any' = 'self'): string => {
      const result = authorize(fakeCall(call), policyOf(ofAll(owner)), fakeSources({ contexts }))
      assert.ok(!isRefusal(result), JSON.stringify(result))
      return result.agentContextId
    }
    assert.equal(idFor({ contextId: 'mine' }), 'mine')
    const ids = ['fresh', 'theirs', 'mine'].map((contextId) => idFor({ contextId, caller: 'key:carol' }))
    for (const id of [...ids, idFor({ contextId: 'theirs' }), idFor({ contextId: 'theirs' }, 'any')])
      assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.equal(new Set(ids).size, 3)
    assert.notEqual(idFor({ contextId: 'theirs' }), idFor({ contextId: 'theirs', caller: 'key:carol' }))
    assert.notEqual(idFor({ contextId: 'x' }), idFor({ contextId: 'x', agent: 'vault' }))
    assert.equal(idFor({ contextId: 'x' }), idFor({ contextId: 'x' }))
    assert.equal(idFor({}), '')
    assert.equal(
      ask(everything(callers), { contextId: '', message: { contextId: 'theirs' } }, { contexts }),
      'AUTHZ_DENIED',
    )
  })

  it('means the context of the task by the name that its owner gave, and refuses any other beside it', () => {
    const owners: FakeOwners = {
      tasks: {
        t1: ['key:bob', 'key:bob', [], 'opaque'],
        t2: ['key:bob', 'key:bob', [], 'made'],
        t3: ['key:bob', 'key:bob'],
      },
      contexts: {
        opaque: ['key:bob', 'key:bob', [], 'plan'],
        made: ['key:bob', 'key:bob'],
      },
    }
    const shared = everything(['key:alice', 'key:bob'], 'any')
    for (const caller of ['key:bob', 'key:alice']) {
      const call: FakeCall = { caller, taskId: 't1', contextId: 'plan' }
      const result = authorize(fakeCall(call), policyOf(shared), fakeSources(owners))
      assert.ok(!isRefusal(result))
      assert.equal(result.agentContextId, 'opaque')
      for (const [taskId, contextId] of [
        ['t1', 'made'],
        ['t2', 'plan'],
        ['t2', 'new'],
      ] as const)
        assert.equal(ask(shared, { caller, taskId, contextId }, owners), 'VALIDATE_PARAMS', `${taskId} ${contextId}`)
      assert.equal(ask(shared, { caller, taskId: 't3', contextId: 'whatever' }, owners), 'allowed')
    }
    // the id that only the agent knows is no name for others
    assert.equal(ask(shared, { taskId: 't1', contextId: 'opaque' }, owners), 'VALIDATE_PARAMS')
    // a task that is referred to leads on to its context, for whom both are shared with; one's own name comes first
    const referring = (contextId: string, tasks: string[]): FakeCall => ({
      contextId,
      message: { referenceTaskIds: tasks },
    })
    const idFor = (call: FakeCall, of: FakeOwners = owners): string => {
      const result = authorize(fakeCall(call), policyOf(shared), fakeSources(of))
      assert.ok(!isRefusal(result))
      return result.agentContextId
    }
    assert.equal(idFor(referring('made', ['t3', 't1', 't2'])), 'made')
    assert.equal(idFor(referring('plan', ['t1'])), 'opaque')
    const own = idFor({ contextId: 'plan' })
    const ofAlice = {
      ...owners,
      contexts: { ...owners.contexts, [own]: ['key:alice', 'key:alice', [], 'plan'] },
    } as const
    assert.equal(idFor(referring('plan', ['t1']), ofAlice), own)
    assert.notEqual(idFor({ ...referring('opaque', ['t1']) }), 'opaque')
    assert.notEqual(idFor(referring('new', ['t1', 't2', 't3'])), 'new')
    const unshared = everything(['key:alice', 'key:bob'])
    for (const tasks of [['t2'], ['gone']])
      assert.equal(ask(unshared, referring('made', tasks), owners), 'AUTHZ_TASK_NOT_FOUND')
    // who may not use the task hears nothing of its context
    for (const contextId of ['plan', 'made', 'new'])
      for (const taskId of ['t1', 'gone'])
        assert.equal(ask(everything(['key:alice', 'key:bob']), { taskId, contextId }, owners), 'AUTHZ_TASK_NOT_FOUND')
  })

  it("lets a list name any context: it finds the caller's own tasks only", () => {
    assert.equal(
      ask(everything(callers), { operation: 'ListTasks', contextId: 'c' }, { contexts: { c: ['key:bob', 'key:bob'] } }),
      'allowed',
    )
  })
  it('tells the owner of the task that is named', () => {
    const result = authorize(
      fakeCall(alice),
      policyOf(everything(callers, 'any')),
      fakeSources({ tasks: { t: ['key:bob', 'key:eve'] } }),
    )
    assert.deepEqual(isRefusal(result) ? undefined : result.taskOwner, { caller: 'key:bob', origin: 'key:eve' })
  })
})

describe('a push configuration inside a send', () => {
  const policy: PolicyText = {
    roles: [{ name: 'r', rules: [{ agents: ['*'], operations: ['SendMessage'] }] }],
    bindings: [{ role: 'r', callers: ['key:alice'] }],
  }
  it('needs the right to create one', () => {
    assert.equal(ask(policy, { inlinePush: false }), 'allowed')
    assert.equal(ask(policy, { inlinePush: true }), 'AUTHZ_DENIED')
    assert.equal(ask(everything(['key:alice']), { inlinePush: true }), 'allowed')
  })
  it('is stopped by a deny of creating one', () => {
    const denies = [{ name: 'no-push', operations: ['CreateTaskPushNotificationConfig'] }]
    assert.equal(ask({ ...everything(['key:alice']), denies }, { inlinePush: true }), 'AUTHZ_DENIED')
    assert.equal(ask({ ...everything(['key:alice']), denies }, { inlinePush: false }), 'allowed')
  })
  it('needs the task to be shared for pushes as well as for sends', () => {
    const shared: PolicyText = {
      roles: [
        {
          name: 'r',
          rules: [
            { agents: ['*'], operations: ['SendMessage'], owner: 'any' },
            { agents: ['*'], operations: ['CreateTaskPushNotificationConfig'] },
          ],
        },
      ],
      bindings: [{ role: 'r', callers: ['key:alice'] }],
    }
    const owners = { tasks: { t: ['key:bob', 'key:bob'] as const } }
    assert.equal(ask(shared, { taskId: 't' }, owners), 'allowed')
    assert.equal(ask(shared, { taskId: 't', inlinePush: true }, owners), 'AUTHZ_TASK_NOT_FOUND')
  })
})

describe('what goes wrong inside', () => {
  it('refuses when the index of owners throws', () => {
    const broken: NamedOwnership = {
      ...fakeSources().ownership,
      task: () => {
        throw new Error('the store is gone')
      },
    }
    const result = authorize(fakeCall({ operation: 'GetTask', taskId: 't' }), policyOf(everything(['key:alice'])), {
      ...fakeSources(),
      ownership: broken,
    })
    assert.ok(isRefusal(result))
    assert.equal(result.code, 'AUTHZ_DENIED')
    assert.match(result.detail, /the store is gone/)
  })
})

describe('a recorded call', () => {
  const open = everything(['key:alice', 'agent:concierge'], 'any')
  const calls: readonly (readonly [FakeCall, FakeOwners])[] = [
    [{}, {}],
    [{ caller: 'key:mallory' }, {}],
    [{ operation: 'GetTask', taskId: 't' }, { tasks: { t: ['key:bob', 'key:bob', ['group:corp/team']] } }],
    [
      { operation: 'GetTask', taskId: 't', callerGroups: ['group:corp/team'] },
      { tasks: { t: ['key:bob', 'key:bob', ['group:corp/team']] } },
    ],
    [
      { caller: 'agent:concierge', origin: 'key:alice', operation: 'CancelTask', taskId: 't' },
      { tasks: { t: ['key:alice', 'key:alice'] } },
    ],
    [{ caller: 'agent:concierge', autonomous: true }, {}],
    [
      { contextId: 'c', inlinePush: true, message: { parts: [{ ...textPart, kind: 'url', host: 'example.com' }] } },
      { contexts: { c: ['key:bob', 'key:bob'] } },
    ],
  ]
  const policies = [
    analyst,
    open,
    everything(['key:alice']),
    everything(['key:alice', 'key:bob'], 'origin'),
    everything(
      ['*'].map(() => 'group:corp/team'),
      'group:corp/team',
    ),
  ]

  it('is decided again from its record as it would be live, under every policy', () => {
    for (const [call, owners] of calls) {
      const first = authorize(fakeCall(call), policyOf(open), fakeSources(owners))
      const recorded: JsonObject = JSON.parse(JSON.stringify(first.policyInput)) as JsonObject
      for (const policy of policies) {
        const again = decideAgain(policyOf(policy), recorded)
        assert.equal(again.allowed ? 'allowed' : again.code, ask(policy, call, owners))
      }
    }
  })
  it('of an unknown format is not decided at all', () => {
    assert.throws(() => decideAgain(policyOf(open), { v: 2 }))
  })
  it('that is damaged is denied', () => {
    assert.equal(decideAgain(policyOf(open), { v: 1 }).allowed, false)
  })
})
