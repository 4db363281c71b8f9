import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instantMs, namedIds } from './named-ids.ts'

const at = '2026-11-22T00:00:00.5Z'
const atMs = Date.UTC(2026, 10, 22, 0, 0, 0, 500)
const task = { id: 't1', contextId: 'c1', status: { state: 'TASK_STATE_WORKING', timestamp: at } }
const nothing = { tasks: [], contexts: [], configs: [] }

test('names the task of every kind of answer and event', () => {
  const named = {
    tasks: [{ taskId: 't1', contextId: 'c1', state: 'TASK_STATE_WORKING', timestampMs: atMs }],
    contexts: ['c1'],
    configs: [],
  }
  assert.deepEqual(namedIds('GetTask', task), named)
  assert.deepEqual(namedIds('CancelTask', task), named)
  assert.deepEqual(namedIds('SendMessage', { task }), named)
  assert.deepEqual(
    namedIds('SubscribeToTask', { statusUpdate: { taskId: 't1', contextId: 'c1', status: task.status } }),
    named,
  )
  assert.deepEqual(
    namedIds('SendStreamingMessage', { artifactUpdate: { taskId: 't1', contextId: 'c1', artifact: {} } }).tasks,
    [{ taskId: 't1', contextId: 'c1', state: '', timestampMs: 0 }],
  )
})

test('names every other task that history or a status message slips in', () => {
  const slipped = {
    ...task,
    history: [
      { messageId: 'm', taskId: 't1' },
      { messageId: 'm', taskId: 'foreign-1', contextId: 'c9' },
    ],
    status: { ...task.status, message: { messageId: 'm', taskId: 'foreign-2' } },
  }
  assert.deepEqual(
    namedIds('GetTask', slipped).tasks.map((named) => named.taskId),
    ['t1', 'foreign-2', 'foreign-1'],
  )
  assert.deepEqual(namedIds('GetTask', slipped).contexts, ['c1', 'c9'])
  const update = {
    statusUpdate: { taskId: 't1', status: { message: { messageId: 'm', taskId: 'foreign-3', contextId: 'c8' } } },
  }
  assert.deepEqual(
    namedIds('SubscribeToTask', update).tasks.map((named) => named.taskId),
    ['t1', 'foreign-3'],
  )
  assert.deepEqual(namedIds('SubscribeToTask', update).contexts, ['c8'])
})

test('leaves references out, which point elsewhere', () => {
  const message = { messageId: 'm', taskId: 't1', contextId: 'c1', referenceTaskIds: ['t2'] }
  assert.deepEqual(namedIds('SendMessage', { message }), {
    tasks: [{ taskId: 't1', contextId: 'c1', state: '', timestampMs: 0 }],
    contexts: ['c1'],
    configs: [],
  })
  assert.deepEqual(namedIds('SendMessage', { message: { messageId: 'm' } }), nothing)
})

test('names each task of a list once', () => {
  const ids = namedIds('ListTasks', { tasks: [task, { ...task, id: 't2' }, task] })
  assert.deepEqual(
    ids.tasks.map((named) => named.taskId),
    ['t1', 't2'],
  )
  assert.deepEqual(ids.contexts, ['c1'])
})

test('names push configurations with their tasks', () => {
  const config = { id: 'p1', taskId: 't1', url: 'https://a.example' }
  assert.deepEqual(namedIds('CreateTaskPushNotificationConfig', config).configs, [{ taskId: 't1', configId: 'p1' }])
  const list = namedIds('ListTaskPushNotificationConfigs', { configs: [config, { ...config, id: 'p2', taskId: 't2' }] })
  assert.deepEqual(list.configs, [
    { taskId: 't1', configId: 'p1' },
    { taskId: 't2', configId: 'p2' },
  ])
  assert.deepEqual(
    list.tasks.map((named) => named.taskId),
    ['t1', 't2'],
  )
})

test('finds nothing where nothing is, and never throws', () => {
  for (const value of [
    null,
    [],
    'x',
    1,
    {},
    { task: 'x' },
    { tasks: [null, 'x'] },
    { statusUpdate: { taskId: 1, status: [] } },
  ]) {
    for (const operation of [
      'SendMessage',
      'ListTasks',
      'DeleteTaskPushNotificationConfig',
      'GetExtendedAgentCard',
    ] as const) {
      assert.deepEqual(namedIds(operation, value), nothing)
    }
  }
})

test('reads RFC 3339 timestamps and nothing else', () => {
  assert.equal(instantMs('2026-11-22T00:00:00.5Z'), atMs)
  assert.equal(instantMs('2026-11-22t01:00:00.500+01:00'), atMs)
  const bad = [
    '',
    '0',
    '2026',
    '2026-11-22',
    '2026-11-22T00:00:00',
    '2026-13-22T00:00:00Z',
    '2026-11-22 00:00:00Z',
    'Sun Nov 22 2026',
    '+002026-11-22T00:00:00Z',
    `2026-11-22T00:00:00.${'0'.repeat(99)}Z`,
  ]
  for (const text of bad) assert.equal(instantMs(text), undefined, text)
})
