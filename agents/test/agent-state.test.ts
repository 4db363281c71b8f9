import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { TaskState } from '@a2a-js/sdk'
import { TaskNotFoundError } from '@a2a-js/sdk/errors'
import { ServerCallContext } from '@a2a-js/sdk/server'
import { createAgentState } from '../src/agent-state.ts'
import { listen } from '../src/listen.ts'
import { startSampleAgents } from '../src/sample-agents.ts'
import { say, startHarness } from './harness.ts'
import { userText } from './sdk-client.ts'

const everything = {
  tenant: '',
  contextId: '',
  status: TaskState.TASK_STATE_UNSPECIFIED,
  pageToken: '',
  statusTimestampAfter: undefined,
}

test('forgets the oldest tasks first', async () => {
  const harness = await startHarness({ maxTasks: 3 })
  const client = await harness.connect('calculator')
  const ids: string[] = []
  for (let i = 0; i < 5; i++) ids.push((await say(client, `${i}+1`)).task.id)
  const { tasks, totalSize } = await client.listTasks(everything)
  assert.deepEqual(tasks.map((task) => task.id).toSorted(), ids.slice(2).toSorted())
  assert.equal(totalSize, 3)
  await assert.rejects(client.getTask({ tenant: '', id: ids[0] ?? '' }), TaskNotFoundError)
  await harness.close()
})

test('forgets the oldest tasks when they take too much memory, and keeps the newest', async () => {
  const { tasks } = createAgentState({ maxTasks: 100, maxBytes: 5000, mayPushTo: () => false })
  const context = new ServerCallContext({ user: { isAuthenticated: true, userName: 'alice' } })
  const save = (id: string, text: string): Promise<void> =>
    tasks.save(
      {
        id,
        contextId: 'c',
        status: { state: TaskState.TASK_STATE_COMPLETED, message: undefined, timestamp: undefined },
        artifacts: [],
        history: [userText(text)],
        metadata: undefined,
      },
      context,
    )
  await save('first', 'x')
  await save('second', 'x'.repeat(4500))
  assert.equal(await tasks.load('first', context), undefined)
  assert.notEqual(await tasks.load('second', context), undefined)
  await save('second', 'x')
  for (let i = 0; i < 5; i++) await save(`small${i}`, 'x')
  assert.notEqual(await tasks.load('second', context), undefined)
  await save('huge', 'x'.repeat(9000))
  assert.equal((await tasks.list(everything, context)).totalSize, 1)
})

test('lists page by page, and only the caller’s own', async () => {
  const harness = await startHarness()
  const [alice, bob] = [await harness.connect('calculator'), await harness.connect('calculator', { sub: 'key:bob' })]
  for (let i = 0; i < 5; i++) await say(alice, `${i}+1`)
  await say(bob, '1+1')
  const first = await alice.listTasks({ ...everything, pageSize: 2 })
  assert.equal(first.tasks.length, 2)
  assert.equal(first.totalSize, 5)
  const second = await alice.listTasks({ ...everything, pageSize: 2, pageToken: first.nextPageToken })
  assert.equal(new Set([...first.tasks, ...second.tasks].map((task) => task.id)).size, 4)
  assert.equal((await bob.listTasks(everything)).totalSize, 1)
  await harness.close()
})

test('a port that is taken fails the start and leaves nothing running', async () => {
  const taken = createServer()
  const port = await listen(taken, 0, '127.0.0.1')
  await assert.rejects(
    startSampleAgents({
      verification: { jwksUrl: 'http://127.0.0.1:9/', issuer: 'x' },
      concierge: { gatewayUrl: () => '', calculatorAgent: 'calculator', key: () => '' },
      conciergePort: port,
    }),
    { code: 'EADDRINUSE' },
  )
  taken.close()
})

test('writes nothing to standard output, and lets the process end after close', async () => {
  const script = new URL('./run-once.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk))
  const code = await new Promise((resolve) => child.once('close', resolve))
  assert.equal(code, 0)
  assert.equal(output, '')
})
