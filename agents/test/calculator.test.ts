import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TaskState } from '@a2a-js/sdk'
import { TaskNotCancelableError, TaskNotFoundError, UnsupportedOperationError } from '@a2a-js/sdk/errors'
import { begin, say, startHarness, type Harness } from './harness.ts'
import { asTask, collect, kindOf, userText } from './sdk-client.ts'

const { TASK_STATE_CANCELED, TASK_STATE_COMPLETED, TASK_STATE_FAILED, TASK_STATE_REJECTED } = TaskState
let harness: Harness

before(async () => {
  harness = await startHarness()
})
after(() => harness.close())

const answers: readonly (readonly [string, string])[] = [
  ['2+2', '4'],
  ['0.1 + 0.2', '0.3'],
  ['1/3 + 1/6', '0.5'],
  ['1/3', '1/3 ≈ 0.333333333333333'],
  ['-7/2', '-3.5'],
  ['2^-3', '0.125'],
  ['(-2)^3', '-8'],
  ['(-1)^(10^9)', '1'],
  ['0^0', '1'],
  ['25!', '15511210043330985984000000'],
  ['factorial(25)', '15511210043330985984000000'],
  ['10 % 3', '1'],
  ['2^10000 - 2^10000 + 1', '1'],
  ['sqrt(2)', '1.4142135623730950488016887242097'],
  ['5 km to miles', '3.10685596118667 miles'],
  ['72 degF to degC', '22.2222222222222 degC'],
  ['mean(1, 2, 3, 4)', '2.5'],
  ['median([3, 1, 2])', '2'],
  ['std([2, 4, 4, 4, 5, 5, 7, 9])', '2.138089935299395077476427847038'],
  ['quantileSeq([1, 2, 3, 4], 0.25)', '1.75'],
]
for (const [expression, value] of answers) {
  test(`${expression} is ${value}`, async () => {
    const { task, text } = await say(await harness.connect('calculator'), expression)
    assert.equal(task.status?.state, TASK_STATE_COMPLETED)
    assert.equal(text, `${expression} = ${value}`)
  })
}

test('answers each line with an artifact of its own', async () => {
  const { task, text } = await say(await harness.connect('calculator'), '1+1\n\n 2*3 \r\n2^10')
  assert.equal(task.artifacts.length, 3)
  assert.equal(text, '1+1 = 2\n2*3 = 6\n2^10 = 1024')
})

test('a line that fails fails the task and keeps the other answers', async () => {
  const { task, text, status } = await say(await harness.connect('calculator'), '1+1\n1/0')
  assert.equal(task.status?.state, TASK_STATE_FAILED)
  assert.equal(text, '1+1 = 2')
  assert.match(status, /^line 2: /)
})

for (const text of ['', '   \n ', 'slow 0', 'slow 601', Array(51).fill('1').join('\n')]) {
  test(`rejects ${JSON.stringify(text.slice(0, 20))}`, async () => {
    const { task } = await say(await harness.connect('calculator'), text)
    assert.equal(task.status?.state, TASK_STATE_REJECTED)
  })
}

test('streams every step of a calculation before its result', async () => {
  const client = await harness.connect('calculator')
  const message = userText('(2 + 3) * 4')
  const request = { tenant: '', message, configuration: undefined, metadata: undefined }
  const events = await collect(client.sendMessageStream(request))
  const kinds = events.map(kindOf)
  assert.deepEqual(kinds, ['task', 'statusUpdate', 'statusUpdate', 'statusUpdate', 'artifactUpdate', 'statusUpdate'])
})

test('a slow task counts to its end', async () => {
  const { task, text } = await say(await harness.connect('calculator'), 'Slow: 2')
  assert.equal(task.status?.state, TASK_STATE_COMPLETED)
  assert.equal(text, 'counted to 2')
})

test('a slow task can be cancelled while someone subscribes to it', async () => {
  const client = await harness.connect('calculator')
  const slow = await begin(client, 'slow 600')
  const states: (TaskState | undefined)[] = []
  for await (const event of client.resubscribeTask({ tenant: '', id: slow.id })) {
    const isUpdate = event.payload?.$case === 'statusUpdate'
    if (isUpdate && states.length === 0) {
      const canceled = await client.cancelTask({ tenant: '', id: slow.id, metadata: undefined })
      assert.equal(canceled.status?.state, TASK_STATE_CANCELED)
    }
    if (event.payload?.$case === 'statusUpdate') states.push(event.payload.value.status?.state)
  }
  assert.equal(states.at(-1), TASK_STATE_CANCELED)
  const { status } = await client.getTask({ tenant: '', id: slow.id })
  assert.equal(status?.state, TASK_STATE_CANCELED)
})

test('cancelling one task leaves the others running', async () => {
  const client = await harness.connect('calculator')
  const [doomed, other] = [await begin(client, 'slow 600'), say(client, 'slow 20')]
  await client.cancelTask({ tenant: '', id: doomed.id, metadata: undefined })
  assert.equal((await other).task.status?.state, TASK_STATE_COMPLETED)
})

test('a further message to a running task changes nothing of it', async () => {
  const client = await harness.connect('calculator')
  const slow = await begin(client, 'slow 20')
  const message = userText('2+2', { taskId: slow.id })
  const request = { tenant: '', message, configuration: undefined, metadata: undefined }
  const task = asTask(await client.sendMessage(request))
  assert.equal(task.id, slow.id)
  assert.equal(task.status?.state, TASK_STATE_COMPLETED)
})

test('refuses to cancel a finished task', async () => {
  const client = await harness.connect('calculator')
  const { task } = await say(client, '1')
  await assert.rejects(client.cancelTask({ tenant: '', id: task.id, metadata: undefined }), TaskNotCancelableError)
})

test('refuses to subscribe to a finished task', async () => {
  const client = await harness.connect('calculator')
  const { task } = await say(client, '1')
  await assert.rejects(collect(client.resubscribeTask({ tenant: '', id: task.id })), UnsupportedOperationError)
})

test('a vanished client leaves its task to be subscribed to again', async () => {
  const client = await harness.connect('calculator')
  const controller = new AbortController()
  const request = { tenant: '', message: userText('slow 40'), configuration: undefined, metadata: undefined }
  let id = ''
  await assert.rejects(async () => {
    for await (const event of client.sendMessageStream(request, { signal: controller.signal })) {
      if (event.payload?.$case === 'task') id = event.payload.value.id
      controller.abort()
    }
  })
  const events = await collect(client.resubscribeTask({ tenant: '', id }))
  assert.equal(events.map(kindOf)[0], 'task')
  const { status } = await client.getTask({ tenant: '', id })
  assert.equal(status?.state, TASK_STATE_COMPLETED)
})

const strangers = [
  ['another caller', { sub: 'key:bob' }],
  ['an agent for the same origin', { sub: 'key:alice', act: { sub: 'agent:concierge' } }],
  ['an origin that spells another pair', { sub: 'key:alice|key:alice' }],
] as const
for (const [who, claims] of strangers) {
  test(`a task of alice does not exist for ${who}`, async () => {
    const { task } = await say(await harness.connect('calculator', { sub: 'key:alice' }), '2+2')
    const stranger = await harness.connect('calculator', claims)
    await assert.rejects(stranger.getTask({ tenant: '', id: task.id }), TaskNotFoundError)
    await assert.rejects(stranger.cancelTask({ tenant: '', id: task.id, metadata: undefined }), TaskNotFoundError)
    await assert.rejects(collect(stranger.resubscribeTask({ tenant: '', id: task.id })), TaskNotFoundError)
  })
}

test('agents between origin and caller do not change whose task it is', async () => {
  const direct = { sub: 'key:carol', act: { sub: 'agent:concierge' } }
  const { task } = await say(await harness.connect('calculator', direct), '2+2')
  const longer = { sub: 'key:carol', act: { sub: 'agent:concierge', act: { sub: 'agent:planner' } } }
  const again = await harness.connect('calculator', longer)
  assert.equal((await again.getTask({ tenant: '', id: task.id })).id, task.id)
})
