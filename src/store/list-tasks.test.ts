import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { TaskOwner } from '../exchange/exchange.ts'
import type { TaskFilter } from './list-tasks.ts'
import { openOwnershipIndex, type OwnershipIndex } from './sqlite-ownership.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'

const alice: TaskOwner = { caller: 'key:alice', origin: 'key:alice' }
const bob: TaskOwner = { caller: 'key:bob', origin: 'key:bob' }

/** Sixty tasks in turn of alice and bob, three of a time, in three contexts. */
function filled(context: TestContext): OwnershipIndex {
  const directory = temporaryFolder()
  const index = openOwnershipIndex({ path: join(directory, 'index.db'), schedule: () => {} })
  context.after(() => index.close())
  for (let i = 0; i < 60; i++) {
    const owner = i % 2 === 0 ? alice : bob
    const contextId = `${owner.caller} ${i % 3}`
    index.claim([
      { kind: 'task', agent: 'calculator', tenant: '', taskId: `t${i}`, contextId, owner, groups: [], createdAtMs: i },
    ])
    index.noteState(
      'calculator',
      '',
      `t${i}`,
      i % 4 === 0 ? 'TASK_STATE_WORKING' : 'TASK_STATE_COMPLETED',
      1000 + Math.floor(i / 3),
    )
  }
  return index
}

async function walk(
  index: OwnershipIndex,
  owner: TaskOwner,
  filter: TaskFilter,
): Promise<{ ids: string[]; totals: Set<number> }> {
  const ids: string[] = []
  const totals = new Set<number>()
  let { cursor } = filter
  do {
    const page = await index.list('calculator', '', owner, { ...filter, ...(cursor === undefined ? {} : { cursor }) })
    assert.ok(page.rows.length <= filter.limit)
    ids.push(...page.rows.map(({ taskId }) => taskId))
    totals.add(page.total)
    cursor = page.nextCursor
  } while (cursor !== undefined)
  return { ids, totals }
}

test('every page size gives every task once, latest first, and the same total', async (t) => {
  const index = filled(t)
  const { ids: expected } = await walk(index, alice, { limit: 100 })
  assert.equal(expected.length, 30)
  assert.equal(expected[0], 't58')
  for (let limit = 1; limit <= 31; limit++) {
    const { ids, totals } = await walk(index, alice, { limit })
    assert.deepEqual(ids, expected)
    assert.deepEqual([...totals], [30])
  }
})

test("never shows or counts what is another's, another agent's or another tenant's", async (t) => {
  const index = filled(t)
  assert.ok((await walk(index, alice, { limit: 7 })).ids.every((id) => Number(id.slice(1)) % 2 === 0))
  const none = { rows: [], total: 0, nextCursor: undefined }
  assert.deepEqual(await index.list('other', '', alice, { limit: 10 }), none)
  assert.deepEqual(await index.list('calculator', 'tenant', alice, { limit: 10 }), none)
  assert.deepEqual(await index.list('calculator', '', { caller: 'key:alice', origin: 'key:bob' }, { limit: 10 }), none)
  assert.deepEqual(await index.list('calculator', '', alice, { limit: 10, contextId: 'key:bob 1' }), none)
})

test('filters by context, state and time, alone and together, with the right total', async (t) => {
  const index = filled(t)
  const numbers = Array.from({ length: 30 }, (_, i) => i * 2)
  const cases: readonly [Partial<TaskFilter>, (n: number) => boolean][] = [
    [{ contextId: 'key:alice 1' }, (n) => n % 3 === 1],
    [{ status: 'TASK_STATE_WORKING' }, (n) => n % 4 === 0],
    [{ afterMs: 1010 }, (n) => Math.floor(n / 3) >= 10],
    [{ afterMs: 1010, status: 'TASK_STATE_COMPLETED' }, (n) => Math.floor(n / 3) >= 10 && n % 4 !== 0],
    [
      { contextId: 'key:alice 1', status: 'TASK_STATE_WORKING', afterMs: 1003 },
      (n) => n % 3 === 1 && n % 4 === 0 && Math.floor(n / 3) >= 3,
    ],
    [{ status: 'TASK_STATE_FAILED' }, () => false],
    [{ unfinished: true }, (n) => n % 4 === 0],
    [{ unfinished: true, contextId: 'key:alice 1', afterMs: 1003 }, (n) => n % 12 === 4 && Math.floor(n / 3) >= 3],
  ]
  for (const [filter, matches] of cases) {
    const expected = numbers.filter(matches).map((n) => `t${n}`)
    const { ids, totals } = await walk(index, alice, { ...filter, limit: 4 })
    assert.deepEqual(ids.sort(), expected.sort())
    assert.deepEqual([...totals], [expected.length])
  }
})

test('a task that changes between two pages is not shown twice', async (t) => {
  const index = filled(t)
  const first = await index.list('calculator', '', alice, { limit: 10 })
  index.noteState('calculator', '', 't0', 'TASK_STATE_FAILED', 9999)
  const seen = first.rows.map(({ taskId }) => taskId)
  let cursor = first.nextCursor
  while (cursor !== undefined) {
    const page = await index.list('calculator', '', alice, { limit: 10, cursor })
    seen.push(...page.rows.map(({ taskId }) => taskId))
    cursor = page.nextCursor
  }
  assert.equal(new Set(seen).size, seen.length)
  assert.equal((await index.list('calculator', '', alice, { limit: 1 })).rows[0]?.taskId, 't0')
})

test('a page may be left at any of its tasks, and the next goes on after it', async (t) => {
  const index = filled(t)
  const { ids } = await walk(index, alice, { limit: 100 })
  for (const [at, { cursor }] of (await index.list('calculator', '', alice, { limit: 10 })).rows.entries())
    assert.deepEqual((await walk(index, alice, { limit: 7, cursor })).ids, ids.slice(at + 1))
})

test('an id may hold what the cursor is made of', async (t) => {
  const index = filled(t)
  for (const taskId of ['a:b', ':', '1:2:3', "'); DROP TABLE task; --"]) {
    index.claim([
      {
        kind: 'task',
        agent: 'calculator',
        tenant: '',
        taskId,
        contextId: '',
        owner: alice,
        groups: [],
        createdAtMs: 5000,
      },
    ])
  }
  assert.equal((await walk(index, alice, { limit: 1 })).ids.length, 34)
})

test('a list goes on after any of its rows, not only after the last', async (t) => {
  const index = filled(t)
  const { ids } = await walk(index, alice, { limit: 100 })
  const { rows } = await index.list('calculator', '', alice, { limit: 10 })
  for (const [i, { cursor }] of rows.entries()) {
    const rest = await index.list('calculator', '', alice, { limit: 100, cursor })
    assert.deepEqual(
      rest.rows.map(({ taskId }) => taskId),
      ids.slice(i + 1),
    )
  }
})

test('tasks of every unfinished state come in one order, latest first', async (t) => {
  const index = filled(t)
  const states = ['SUBMITTED', 'INPUT_REQUIRED', 'AUTH_REQUIRED', 'UNSPECIFIED', 'FAILED', 'CANCELED', 'REJECTED']
  for (const [at, state] of states.entries())
    index.noteState('calculator', '', `t${at * 2}`, `TASK_STATE_${state}`, 2000 + at)
  const { ids, totals } = await walk(index, alice, { unfinished: true, limit: 3 })
  assert.deepEqual(ids.slice(0, 5), ['t6', 't4', 't2', 't0', 't56'])
  assert.deepEqual([...totals], [ids.length])
  assert.deepEqual(
    ids.filter((id) => ['t8', 't10', 't12'].includes(id)),
    [],
  )
})
