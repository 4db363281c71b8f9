// The search index by itself: every filter through an index of its own, batches whole or not at all, and nothing kept of
// a file that is not ours.

import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import type { IndexColumns } from '../audit/audit.ts'
import { openAuditIndex, type AuditIndex, type IndexedLog, type IndexRow } from './audit-index.ts'
import { branchesOf, type RecordFilter } from './find-records.ts'

const startMs = 1_794_646_800_000
const name = (seed: number): Buffer => Buffer.alloc(16, seed)
const actor = (seed: number): string => name(seed).toString('base64url')

function row(index: number, changes: Partial<IndexColumns> = {}): IndexRow {
  return {
    index,
    place: { segment: 0, offset: 100 + 1_000 * (index >> 2), index: index & ~3 },
    columns: {
      timeMs: startMs + index * 1_000,
      kind: index % 2 === 0 ? 'decision' : 'completion',
      call: 1 + (index >> 1),
      actor: actor(1 + (index % 3)),
      agent: index % 5 === 0 ? 'concierge' : 'calculator',
      operation: 'SendMessage',
      outcome: index % 7 === 0 ? 'refused' : 'allowed',
      code: index % 7 === 0 ? 'AUTHZ_DENIED' : '',
      snapshot: 'sha256:3f1a',
      mentions: [name(100 + (index % 4))],
      ...changes,
    },
  }
}

function mark(records: number, changes: Partial<IndexedLog> = {}): IndexedLog {
  const place = { segment: 0, offset: 100, index: 0 }
  return { name: 'aaaaaaaa', keyCheck: 'k', first: 0, records, leafHash: `leaf ${records}`, place, ...changes }
}

function filled(count = 40, path = join(temporaryFolder(), 'audit.db')): AuditIndex {
  const index = openAuditIndex(path)
  index.append(
    undefined,
    Array.from({ length: count }, (_, each) => row(each)),
    mark(count),
  )
  return index
}

const indicesOf = (index: AuditIndex, filter: RecordFilter, limit = 100): number[] =>
  index.find(filter, limit).map((found) => found.index)

test('gives back what was put in, newest first', () => {
  const index = filled(3)
  const [last] = index.find({}, 10)
  const { mentions: _, ...columns } = row(2).columns
  assert.deepEqual(last?.columns, columns)
  assert.deepEqual([last?.log, last?.index, last?.place], ['aaaaaaaa', 2, row(2).place])
  assert.deepEqual(indicesOf(index, {}), [2, 1, 0])
  assert.deepEqual(index.logs(), [mark(3)])
  index.close()
})

test('each filter, and several together, give the rows that fit and no others', () => {
  const index = filled()
  const all = Array.from({ length: 40 }, (_, each) => row(each))
  const cases: [RecordFilter, (each: IndexRow) => boolean][] = [
    [{ agent: 'concierge' }, ({ columns }) => columns.agent === 'concierge'],
    [{ outcome: 'refused' }, ({ columns }) => columns.outcome === 'refused'],
    [{ code: 'AUTHZ_DENIED' }, ({ columns }) => columns.code === 'AUTHZ_DENIED'],
    [{ code: 'AUTHZ_*' }, ({ columns }) => columns.code !== ''],
    [{ code: '*' }, ({ columns }) => columns.code !== ''],
    [{ operation: 'Send*' }, () => true],
    [{ kind: 'completion' }, ({ columns }) => columns.kind === 'completion'],
    [{ call: 3 }, ({ columns }) => columns.call === 3],
    [{ actor: actor(2) }, ({ columns }) => columns.actor === actor(2)],
    [{ mentions: [name(101)] }, ({ index: each }) => each % 4 === 1],
    [{ sinceMs: startMs + 5_000, untilMs: startMs + 9_000 }, ({ index: each }) => each >= 5 && each < 9],
    [
      { agent: 'calculator', code: 'AUTHZ*', actor: actor(1) },
      ({ index: e }) => e % 5 !== 0 && e % 7 === 0 && e % 3 === 0,
    ],
    [{ mentions: [name(101)], outcome: 'refused' }, ({ index: each }) => each % 4 === 1 && each % 7 === 0],
    [{ mentions: [name(101), name(102)] }, () => false],
    [{ agent: 'nobody' }, () => false],
    [{ agent: 'calc' }, () => false],
    [{ code: 'Z*' }, () => false],
    [{ actor: actor(9) }, () => false],
    [{ call: 999 }, () => false],
    [{ outcome: "allowed' OR 1=1 --" }, () => false],
  ]
  for (const [filter, fits] of cases) {
    const expected = all.filter(fits).map((each) => each.index)
    assert.deepEqual(indicesOf(index, filter), expected.toReversed(), JSON.stringify(filter))
  }
  index.close()
})

test('pages go on where the one before ended, over records of the same moment and over words that begin alike', () => {
  const index = openAuditIndex(join(temporaryFolder(), 'audit.db'))
  const rows = Array.from({ length: 30 }, (_, each) =>
    row(each, { timeMs: startMs + (each >> 2), code: ['A_ONE', 'A_TWO', 'B'][each % 3] ?? '' }),
  )
  index.append(undefined, rows, mark(30))
  const seen: number[] = []
  for (let after: readonly [number, number] | undefined; ;) {
    const page = index.find({ code: 'A_*' }, 3, after)
    seen.push(...page.map((found) => found.index))
    after = page.at(-1)?.cursor
    if (page.length < 3) break
  }
  assert.deepEqual(seen, rows.flatMap((each) => (each.columns.code === 'B' ? [] : [each.index])).toReversed())
  index.close()
})

test('every filter is answered from an index of its own, in order of time, without sorting', () => {
  const path = join(temporaryFolder(), 'audit.db')
  filled(40, path).close()
  const database = new DatabaseSync(path)
  const expected = {
    mention: /SEARCH m USING PRIMARY KEY \(name=\? AND time>\? AND time<\?/,
    call: /SEARCH r USING INDEX record_by_call \(call=\?/,
    actor: /SEARCH r USING INDEX record_by_actor \(actor=\? AND time>\? AND time<\?/,
    agent: /SEARCH r USING INDEX record_by_agent \(agent=\? AND time>\? AND time<\?/,
    operation: /SEARCH r USING INDEX record_by_operation \(operation=\? AND time>\? AND time<\?/,
    outcome: /SEARCH r USING INDEX record_by_outcome \(outcome=\? AND time>\? AND time<\?/,
    code: /SEARCH r USING INDEX record_by_code \(code=\? AND time>\? AND time<\?/,
    kind: /SEARCH r USING INDEX record_by_kind \(kind=\? AND time>\? AND time<\?/,
  } as const
  const planOf = (terms: Parameters<typeof branchesOf>[0]): string[] =>
    branchesOf(terms).map(({ sql, values }) =>
      database
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all(...values, 0, 1, 1, 1, 10)
        .map((step) => String(step['detail']))
        .join('\n'),
    )
  for (const [column, plan] of Object.entries(expected) as [keyof typeof expected, RegExp][]) {
    const [found = ''] = planOf([{ column, values: [1] }])
    assert.match(found, plan)
    assert.doesNotMatch(found, /TEMP B-TREE|SCAN/, column)
  }
  assert.match(planOf([])[0] ?? '', /SEARCH r USING INDEX record_by_time \(time>\? AND time<\?/)
  const several = planOf([
    { column: 'agent', values: [1] },
    { column: 'code', values: [2, 3] },
  ])
  assert.equal(several.length, 2)
  for (const plan of several) assert.match(plan, /record_by_code/)
  database.close()
})

test('a batch that another process was quicker with is not taken', () => {
  const path = join(temporaryFolder(), 'audit.db')
  const [one, two] = [openAuditIndex(path), openAuditIndex(path)]
  assert.equal(one.append(undefined, [row(0), row(1)], mark(2)), true)
  assert.equal(two.append(undefined, [row(0)], mark(1)), false)
  assert.equal(two.append(2, [row(2)], mark(3)), true)
  assert.equal(one.append(2, [row(2, { agent: 'other' })], mark(3)), false)
  assert.equal(one.append(1, [], mark(1)), false)
  assert.deepEqual([one.count(), indicesOf(one, { agent: 'other' })], [3, []])
  one.close()
  two.close()
})

test('a batch that cannot be written leaves nothing', () => {
  const index = filled(4)
  const bad = row(5, { timeMs: Number.NaN })
  assert.throws(() => index.append(4, [row(4), bad], mark(6)))
  assert.deepEqual([index.count(), index.logs()[0]?.records], [4, 4])
  index.close()
})

test('a log that is forgotten or pruned takes its own rows only', () => {
  const index = filled(8)
  const other = mark(8, { name: 'bbbbbbbb' })
  index.append(
    undefined,
    Array.from({ length: 8 }, (_, each) => row(each, { agent: 'other' })),
    other,
  )
  index.noteSegment('aaaaaaaa', 0, 100)
  index.noteSegment('aaaaaaaa', 4, 100)
  index.prune('aaaaaaaa', 4)
  assert.deepEqual(indicesOf(index, { agent: 'calculator' }), [7, 6, 4])
  assert.deepEqual(indicesOf(index, { agent: 'other' }).length, 8)
  assert.deepEqual([...index.segments('aaaaaaaa')], [[4, 100]])
  assert.equal(index.logs()[0]?.first, 4)
  index.forget('aaaaaaaa')
  assert.deepEqual([index.count(), indicesOf(index, { mentions: [name(101)] }).length], [8, 2])
  assert.deepEqual(index.logs(), [other])
  index.forget('cccccccc')
  index.clear()
  assert.deepEqual([index.count(), index.logs()], [0, []])
  index.close()
})

test('is for its owner alone, also the files beside it', () => {
  const path = join(temporaryFolder(), 'audit.db')
  const index = filled(10, path)
  for (const file of [path, `${path}-wal`, `${path}-shm`]) assert.equal(statSync(file).mode & 0o777, 0o600, file)
  index.close()
})

test('what is no index, a damaged one, or one of another format is begun anew, and said', () => {
  const spoil: Readonly<Record<string, (path: string) => void>> = {
    'no database': (path) => writeFileSync(path, 'a text that is longer than the header of a database. '.repeat(40)),
    'the first page is gone': (path) => {
      const bytes = readFileSync(path)
      writeFileSync(path, bytes.fill(0xff, 16, 4_096))
    },
    'another format': (path) => {
      const database = new DatabaseSync(path)
      database.exec('PRAGMA user_version = 99')
      database.close()
    },
    'a table is missing': (path) => {
      const database = new DatabaseSync(path)
      database.exec('DROP TABLE mention')
      database.close()
    },
  }
  for (const [what, act] of Object.entries(spoil)) {
    const path = join(temporaryFolder(), 'audit.db')
    filled(10, path).close()
    act(path)
    const said: string[] = []
    const index = openAuditIndex(path, (why) => said.push(why))
    assert.deepEqual([index.count(), index.logs(), said.length], [0, [], 1], what)
    index.close()
  }
})
