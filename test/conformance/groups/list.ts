// ListTasks, which 0.3 does not have: whose tasks, in which order, page by page.

import assert from 'node:assert/strict'
import { expectRefused } from '../errors.ts'
import { ask, isCurrent, say, send, textOf, unknownId, type ConformanceTest, type Subject } from '../subject.ts'
import type { JsonObject } from '../wire/dialect.ts'

const list = (subject: Subject, params: JsonObject): Promise<JsonObject> => ask(subject, 'ListTasks', params)
const tasksOf = (listed: JsonObject): JsonObject[] => (listed['tasks'] ?? []) as JsonObject[]
const idsOf = (listed: JsonObject): string[] => tasksOf(listed).map((task) => textOf(task['id']))

/** As many tasks in a context of their own, oldest first. */
async function fill(
  subject: Subject,
  count: number,
  prefix = 'tck-complete-task',
): Promise<{ contextId: string; ids: string[] }> {
  const contextId = `context-${unknownId()}`
  const ids: string[] = []
  for (let made = 0; made < count; made++) {
    ids.push(textOf((await send(subject, say(prefix, { contextId })))['id']))
    // order goes by timestamps of milliseconds
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  return { contextId, ids }
}

const tests: readonly Omit<ConformanceTest, 'where'>[] = [
  {
    id: 'list.context',
    section: '§3.1.4',
    sentence: 'lists the tasks of a context, and no others',
    async run(subject) {
      await fill(subject, 1)
      const { contextId, ids } = await fill(subject, 2)
      const listed = await list(subject, { contextId })
      assert.deepEqual(idsOf(listed).toSorted(), ids.toSorted())
      for (const task of tasksOf(listed)) assert.equal(task['contextId'], contextId)
    },
  },
  {
    id: 'list.all',
    timing: true,
    section: '§3.1.4',
    sentence: 'lists tasks of all contexts when none is named',
    async run(subject) {
      const one = await fill(subject, 1)
      const other = await fill(subject, 1)
      const ids = idsOf(await list(subject, { pageSize: 100 }))
      assert.ok([...one.ids, ...other.ids].every((id) => ids.includes(id)))
    },
  },
  {
    id: 'list.order',
    section: '§3.1.4',
    sentence: 'lists the latest task first',
    async run(subject) {
      const { contextId, ids } = await fill(subject, 3)
      assert.deepEqual(idsOf(await list(subject, { contextId })), ids.toReversed())
    },
  },
  {
    id: 'list.pages',
    section: '§3.1.4',
    sentence: 'gives every task once, page by page',
    async run(subject) {
      const { contextId, ids } = await fill(subject, 3)
      const seen: string[] = []
      let pageToken = ''
      for (let page = 0; page < 4; page++) {
        const listed = await list(subject, { contextId, pageSize: 2, ...(pageToken !== '' && { pageToken }) })
        assert.ok(tasksOf(listed).length <= 2)
        seen.push(...idsOf(listed))
        pageToken = textOf(listed['nextPageToken'] ?? '')
        if (pageToken === '') break
      }
      assert.deepEqual(seen, ids.toReversed())
    },
  },
  {
    id: 'list.last-page',
    section: '§3.1.4',
    sentence: 'says on the last page that there is no other',
    async run(subject) {
      const { contextId } = await fill(subject, 1)
      const listed = await list(subject, { contextId })
      // protobuf does not write an empty text
      if (subject.binding !== 'GRPC') assert.ok('nextPageToken' in listed)
      assert.equal(listed['nextPageToken'] ?? '', '')
    },
  },
  {
    id: 'list.total',
    section: '§3.1.4',
    sentence: 'says how many there are, and how many a page holds',
    async run(subject) {
      const { contextId } = await fill(subject, 3)
      const listed = await list(subject, { contextId, pageSize: 2 })
      assert.equal(listed['totalSize'], 3)
      assert.equal(listed['pageSize'], 2)
    },
  },
  {
    id: 'list.empty',
    section: '§3.1.4',
    sentence: 'lists nothing for a context without tasks',
    async run(subject) {
      const listed = await list(subject, { contextId: `context-${unknownId()}` })
      assert.deepEqual(tasksOf(listed), [])
      assert.equal(listed['totalSize'] ?? 0, 0)
    },
  },
  {
    id: 'list.status',
    section: '§3.1.4',
    sentence: 'lists the tasks of one state',
    async run(subject) {
      const { contextId } = await fill(subject, 1)
      const waiting = textOf((await send(subject, say('tck-input-required', { contextId })))['id'])
      assert.deepEqual(idsOf(await list(subject, { contextId, status: 'TASK_STATE_INPUT_REQUIRED' })), [waiting])
    },
  },
  {
    id: 'list.since',
    section: '§3.1.4',
    sentence: 'lists tasks whose status is later than a time',
    async run(subject) {
      const { contextId, ids } = await fill(subject, 1)
      const future = new Date(Date.now() + 3_600_000).toISOString()
      const past = new Date(Date.now() - 3_600_000).toISOString()
      assert.deepEqual(idsOf(await list(subject, { contextId, statusTimestampAfter: future })), [])
      assert.deepEqual(idsOf(await list(subject, { contextId, statusTimestampAfter: past })), ids)
    },
  },
  {
    id: 'list.no-artifacts',
    section: '§3.1.4',
    sentence: 'leaves artifacts out unless asked for',
    async run(subject) {
      const { contextId } = await fill(subject, 1, 'tck-artifact-text')
      assert.ok(!('artifacts' in (tasksOf(await list(subject, { contextId }))[0] ?? {})))
    },
  },
  {
    id: 'list.artifacts',
    section: '§3.1.4',
    sentence: 'lists artifacts when asked for',
    async run(subject) {
      const { contextId } = await fill(subject, 1, 'tck-artifact-text')
      const [task] = tasksOf(await list(subject, { contextId, includeArtifacts: true }))
      assert.equal((task?.['artifacts'] as unknown[] | undefined)?.length, 1)
    },
  },
  {
    id: 'list.history-length-0',
    section: '§3.2.4',
    sentence: 'lists no history when its length is to be 0',
    async run(subject) {
      const { contextId } = await fill(subject, 1)
      const [task] = tasksOf(await list(subject, { contextId, historyLength: 0 }))
      assert.deepEqual(task?.['history'] ?? [], [])
    },
  },
  ...[0, 101].map((pageSize) => ({
    id: `list.page-size-${pageSize}`,
    section: '§3.1.4',
    sentence: `refuses a page of ${pageSize}`,
    run: (subject: Subject) => expectRefused(subject, 'ListTasks', { pageSize }, 'InvalidParams'),
  })),
  {
    id: 'list.foreign-token',
    section: '§3.1.4',
    sentence: 'refuses a page token that it did not give',
    run: (subject) => expectRefused(subject, 'ListTasks', { pageToken: 'of-somebody-else' }, 'InvalidParams'),
  },
]

export const listTests: readonly ConformanceTest[] = tests.map((test) => ({ ...test, where: isCurrent }))
