// The attack: a caller begins task after task and leaves each half-way, waiting for input that never comes, until the
// agent holds as many as it can (A2ASecBench, half-open task flood). Few calls are needed, so that no rate helps.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Operation } from '../a2a/operations.ts'
import { createManualClock } from '../base/clock.ts'
import { configSchema, type ConfigInput } from '../config/config.ts'
import type { Admitted, Authorized } from '../exchange/exchange.ts'
import { isRefusal, type Refusal } from '../refusal/refusal.ts'
import { createLimiter, limit, type Limiter, type TaskCounts } from './limit.ts'

interface Tasks extends TaskCounts {
  /** id → agent, caller, and whether it is over */
  readonly known: Map<string, { agent: string; caller: string; isOver: boolean }>
  begin(id: string, agent: string, caller: string): void
}

function memoryTasks(): Tasks {
  const known: Tasks['known'] = new Map()
  return {
    known,
    begin: (id, agent, caller) => void known.set(id, { agent, caller, isOver: false }),
    openTasks: ({ agent, caller }) =>
      [...known.values()].filter(
        (task) => !task.isOver && (agent ?? task.agent) === task.agent && (caller ?? task.caller) === task.caller,
      ).length,
    turns: () => 0,
    isOpen: (_agent, _tenant, id) => known.get(id)?.isOver === false,
  }
}

function setUp(limits: NonNullable<ConfigInput['limits']>): { limiter: Limiter; tasks: Tasks } {
  const tasks = memoryTasks()
  const limiter = createLimiter({ clock: createManualClock(), limits: configSchema.parse({ limits }).limits, tasks })
  return { limiter, tasks }
}

interface Call {
  readonly caller?: string
  readonly agent?: string
  readonly taskId?: string
  readonly operation?: Operation
}

function take(limiter: Limiter, call: Call = {}): Admitted | Refusal {
  const { caller = 'key:alice', agent = 'calculator', taskId = '', operation = 'SendMessage' } = call
  // Tests stand where the earlier stages would.
  const fields: unknown = { caller: { id: caller, groups: [] }, agent: { name: agent }, operation, tenant: '', taskId }
  const claimed: { call: Authorized } = { call: fields as never }
  return limit(claimed.call, limiter)
}

const codeOf = (taken: Admitted | Refusal): string => (isRefusal(taken) ? taken.code : 'admitted')

function begins(limiter: Limiter, tasks: Tasks, id: string, call: Call = {}): void {
  const taken = take(limiter, call)
  assert.ok(!isRefusal(taken))
  tasks.begin(id, call.agent ?? 'calculator', call.caller ?? 'key:alice')
  taken.taskOpened()
  taken.releasePermit()
}

test('a caller with as many unfinished tasks as it may have begins no further one, streaming or not', () => {
  const { limiter, tasks } = setUp([{ per: ['caller'], openTasks: 2 }])
  begins(limiter, tasks, 't1')
  begins(limiter, tasks, 't2', { agent: 'vault' })
  for (const operation of ['SendMessage', 'SendStreamingMessage'] as const) {
    const refused = take(limiter, { operation })
    assert.equal(codeOf(refused), 'LIMIT_OPEN_TASKS')
    assert.equal(isRefusal(refused) && refused.headers?.['retry-after'], undefined)
  }
  assert.equal(codeOf(take(limiter, { caller: 'key:bob' })), 'admitted')
})

test('what is no message of its own, or is for a task that is open, goes on: that is how tasks come to an end', () => {
  const { limiter, tasks } = setUp([{ per: ['caller'], openTasks: 1 }])
  begins(limiter, tasks, 't1')
  for (const operation of ['GetTask', 'CancelTask', 'ListTasks', 'SubscribeToTask'] as const)
    assert.equal(codeOf(take(limiter, { operation, taskId: 't1' })), 'admitted', operation)
  assert.equal(codeOf(take(limiter, { taskId: 't1' })), 'admitted')
})

test('a message for a task that is over, or that nobody knows, could begin another one and counts as such', () => {
  const { limiter, tasks } = setUp([{ per: ['caller'], openTasks: 1 }])
  begins(limiter, tasks, 'old')
  const old = tasks.known.get('old')
  assert.ok(old)
  old.isOver = true
  begins(limiter, tasks, 't1')
  assert.equal(codeOf(take(limiter, { taskId: 'old' })), 'LIMIT_OPEN_TASKS')
  assert.equal(codeOf(take(limiter, { taskId: 'unknown' })), 'LIMIT_OPEN_TASKS')
})

test('messages that are on their way count too: a hundred at once begin no more tasks than one after another', () => {
  const { limiter, tasks } = setUp([{ per: ['caller'], openTasks: 3 }])
  const taken = Array.from({ length: 100 }, () => take(limiter))
  const admitted = taken.filter((each): each is Admitted => !isRefusal(each))
  assert.equal(admitted.length, 3)
  // one is answered by a message, so that no task came of it; one by a task; one is still open
  const [answered, made] = admitted
  answered?.releasePermit()
  answered?.releasePermit()
  tasks.begin('t1', 'calculator', 'key:alice')
  made?.taskOpened()
  made?.releasePermit()
  assert.equal(codeOf(take(limiter)), 'admitted')
  assert.equal(codeOf(take(limiter)), 'LIMIT_OPEN_TASKS')
})

test('a task that is over makes room', () => {
  const { limiter, tasks } = setUp([{ per: ['caller'], openTasks: 1 }])
  begins(limiter, tasks, 't1')
  assert.equal(codeOf(take(limiter)), 'LIMIT_OPEN_TASKS')
  const task = tasks.known.get('t1')
  assert.ok(task)
  task.isOver = true
  assert.equal(codeOf(take(limiter)), 'admitted')
})

test('a limit of an agent counts the tasks of all callers, one of a pair those of the one on the other', () => {
  const ofAgent = setUp([{ per: ['agent'], openTasks: 2 }])
  begins(ofAgent.limiter, ofAgent.tasks, 't1')
  begins(ofAgent.limiter, ofAgent.tasks, 't2', { caller: 'key:bob' })
  assert.equal(codeOf(take(ofAgent.limiter, { caller: 'key:carol' })), 'LIMIT_OPEN_TASKS')
  assert.equal(codeOf(take(ofAgent.limiter, { agent: 'vault' })), 'admitted')
  const ofPair = setUp([{ per: ['caller', 'agent'], openTasks: 1 }])
  begins(ofPair.limiter, ofPair.tasks, 't1')
  assert.equal(codeOf(take(ofPair.limiter)), 'LIMIT_OPEN_TASKS')
  assert.equal(codeOf(take(ofPair.limiter, { agent: 'vault' })), 'admitted')
  assert.equal(codeOf(take(ofPair.limiter, { caller: 'key:bob' })), 'admitted')
})

test('a refusal by one limit takes nothing from the others', () => {
  const { limiter, tasks } = setUp([
    { per: ['caller'], openTasks: 5, requests: '3/m' },
    { per: ['agent'], openTasks: 1 },
  ])
  begins(limiter, tasks, 't1', { caller: 'key:bob' })
  for (let at = 0; at < 20; at += 1) assert.equal(codeOf(take(limiter)), 'LIMIT_OPEN_TASKS')
  const task = tasks.known.get('t1')
  assert.ok(task)
  task.isOver = true
  assert.equal(codeOf(take(limiter)), 'admitted')
})

test('what is on its way when the limits change still counts', () => {
  const limits = [{ per: ['caller' as const], openTasks: 1 }]
  const { limiter } = setUp(limits)
  assert.equal(codeOf(take(limiter)), 'admitted')
  limiter.reconfigure(configSchema.parse({ limits }).limits)
  assert.equal(codeOf(take(limiter)), 'LIMIT_OPEN_TASKS')
})
