// A hundred tasks of many megabytes in one list took gigabytes: every answer was bounded, the list of them was not,
// and each task that was kept held the whole answer that it was cut from. A list holds what one answer may hold.

import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import test from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { settled, type FakeReply } from '../../test/fakes/walk.ts'
import { say, startFakeWalk, type FakeWalk } from './fake-walk.ts'

const bound = 100_000
const working = 'TASK_STATE_WORKING'

/** Tasks of alice by the bytes of their metadata; the newest first. */
async function withTasks(
  sizes: readonly number[],
  work: (walk: FakeWalk, asked: string[]) => Promise<void>,
  answer = bound,
): Promise<void> {
  const gateway = { publicUrl: 'https://agents.example.com', bounds: { answer } }
  const walk = await startFakeWalk({ config: { gateway } })
  const asked: string[] = []
  for (const at of sizes.keys()) walk.ownership.give('task', `t${at}`, 'key:alice')
  walk.agent = (_request, response, body) => {
    const { id } = (JSON.parse(body) as { params: { id: string } }).params
    asked.push(id)
    const note = 'x'.repeat(sizes[Number(id.slice(1))] ?? 0)
    say(response, body, { id, contextId: '', status: { state: working }, metadata: { note } })
  }
  try {
    await work(walk, asked)
    assert.deepEqual(walk.bugs, [])
  } finally {
    await walk.close()
  }
}

interface Page {
  readonly ids: string[]
  readonly nextPageToken: string
}
const list = (walk: FakeWalk, params: object = {}): Promise<FakeReply> => walk.rpc('ListTasks', params)

async function page(walk: FakeWalk, params: object = {}): Promise<Page> {
  const reply = await list(walk, params)
  assert.equal(reply.status, 200, reply.body)
  assert.ok(reply.body.length < bound + 500, `${reply.body.length} bytes`)
  const { result } = reply.json() as { result: { tasks: { id: string }[]; nextPageToken: string } }
  assert.ok(result, reply.body)
  return { ids: result.tasks.map(({ id }) => id), nextPageToken: result.nextPageToken }
}

async function allPages(walk: FakeWalk, params: object = {}): Promise<string[][]> {
  const pages: string[][] = []
  let pageToken = ''
  do {
    const next = await page(walk, { ...params, pageToken })
    pages.push(next.ids)
    pageToken = next.nextPageToken
  } while (pageToken !== '' && pages.length < 100)
  return pages
}

async function tooLarge(walk: FakeWalk, params: object = {}): Promise<void> {
  const reply = await list(walk, params)
  assert.match(reply.body, /-32006/)
  assert.equal(walk.records.at(-1)?.completion?.code, 'RELEASE_TOO_LARGE')
}

test('a page ends where its bytes are spent, and the next goes on after it, without loss or repetition', () =>
  withTasks([60_000, 30_000, 30_000, 70_000, 10, 10, 99_000, 10], async (walk) => {
    const pages = await allPages(walk)
    assert.deepEqual(pages, [['t0', 't1'], ['t2'], ['t3', 't4', 't5'], ['t6', 't7']])
  }))

test('a page of as many as were asked for is not cut shorter', () =>
  withTasks(
    Array.from({ length: 7 }, () => 100),
    async (walk) => {
      assert.deepEqual(await allPages(walk, { pageSize: 3 }), [['t0', 't1', 't2'], ['t3', 't4', 't5'], ['t6']])
    },
  ))

test('a task that alone is larger than an answer may be is refused when its turn comes, and is no bug', () =>
  withTasks([10, 150_000, 10], async (walk) => {
    const { ids, nextPageToken: pageToken } = await page(walk)
    assert.deepEqual(ids, ['t0'])
    await tooLarge(walk, { pageToken })
  }))

test('a filter on state reads no more at once, and finds the same tasks', () =>
  withTasks([60_000, 60_000, 10, 60_000, 10], async (walk) => {
    assert.deepEqual(await allPages(walk, { status: working }), [['t0'], ['t1', 't2'], ['t3', 't4']])
    assert.deepEqual(await allPages(walk, { status: 'TASK_STATE_COMPLETED' }), [[]])
  }))

test('a task too large for any list does not keep a filter from being applied to the others', () =>
  withTasks([10, 150_000], async (walk) => {
    const { ids, nextPageToken: pageToken } = await page(walk, { status: working })
    assert.deepEqual(ids, ['t0'])
    await tooLarge(walk, { status: working, pageToken })
  }))

test('the agent is asked about four tasks at once and no more, however slow the first of them is', () =>
  withTasks(
    Array.from({ length: 28 }, () => 10),
    async (walk, asked) => {
      const { agent } = walk
      const waiting: (() => void)[] = []
      let most = 0
      walk.agent = (request, response, body) => {
        most = Math.max(
          most,
          waiting.push(() => agent(request, response, body)),
        )
        if (waiting.length === 4) void answerFromTheLast()
      }
      const answerFromTheLast = async (): Promise<void> => {
        for (let turn = 0; turn < 50; turn += 1) await settled()
        for (const answer of waiting.splice(0).reverse()) answer()
      }
      assert.equal((await page(walk)).ids.length, 28)
      assert.deepEqual([most, asked.length], [4, 28])
    },
  ))

test('calls that a full page makes needless are broken off, and are not held against the agent', () =>
  withTasks([90_000, 90_000, 10, 10, 10], async (walk) => {
    for (let count = 0; count < 5; count += 1) assert.deepEqual((await page(walk)).ids, ['t0'])
  }))

test('what is cut out of an answer is not kept in memory', async () => {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  assert.ok(typeof collect === 'function')
  const megabyte = 1024 * 1024
  const count = 45
  await withTasks(
    Array.from({ length: count }, () => 0),
    async (walk) => {
      const artifact = JSON.stringify([{ artifactId: 'a', parts: [{ text: 'x'.repeat(megabyte) }] }])
      let before = 0
      let grown = 0
      const measure = async (response: ServerResponse, body: string): Promise<void> => {
        const { id } = (JSON.parse(body) as { params: { id: string } }).params
        if (id === 't4' || id === `t${count - 1}`) {
          // those before it are through by then; what other tests of this process left behind goes in its own time
          let held = Infinity
          for (let turn = 0; turn < 50; turn += 1) {
            await settled()
            if (turn % 10 !== 9) continue
            collect()
            // long texts lie outside the heap
            const { heapUsed, external } = process.memoryUsage()
            held = Math.min(held, heapUsed + external)
          }
          if (id === 't4') before = held
          else grown = held - before
        }
        const task = `{"id":"${id}","metadata":{"note":"a text that is long enough"},"artifacts":${artifact},"status":{"state":"${working}"}}`
        response.end(`{"jsonrpc":"2.0","id":1,"result":${task}}`)
      }
      walk.agent = (_request, response, body) => void measure(response, body)
      assert.equal((await page(walk)).ids.length, count)
      assert.ok(grown < 20 * megabyte, `${Math.round(grown / megabyte)} MiB`)
    },
    16 * megabyte,
  )
})
