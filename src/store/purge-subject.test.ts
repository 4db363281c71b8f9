// An erased subject leaves no byte in the search index, in the write-ahead log neither, and nobody else loses a row.

import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { openAuditIndex, type IndexRow } from './audit-index.ts'
import { purgeSubject } from './purge-subject.ts'

const random = (seed: string): Buffer => createHash('sha256').update(seed).digest().subarray(0, 16)
const erased = random('erased')
const kept = random('kept')

function row(index: number): IndexRow {
  const actor = index % 2 === 0 ? erased : kept
  return {
    index,
    place: { segment: 0, offset: 100, index: 0 },
    columns: {
      timeMs: 1_794_646_800_000 + index,
      kind: 'decision',
      call: 0,
      actor: actor.toString('base64url'),
      agent: 'calculator',
      operation: 'SendMessage',
      outcome: 'allowed',
      code: '',
      snapshot: '',
      mentions: [random(`task ${index}`)],
    },
  }
}

const count = 2_000

function filled(): string {
  const path = join(temporaryFolder(), 'audit.db')
  const index = openAuditIndex(path)
  const rows = Array.from({ length: count }, (_, each) => row(each))
  const mark = { name: 'aaaaaaaa', keyCheck: 'k', first: 0, leafHash: 'x', place: { segment: 0, offset: 1, index: 0 } }
  index.append(undefined, rows.slice(0, 1_000), { ...mark, records: 1_000 })
  index.append(1_000, rows.slice(1_000), { ...mark, records: count })
  index.close()
  return path
}

const bytesOf = (path: string): Buffer =>
  Buffer.concat(['', '-wal'].map((end) => (existsSync(path + end) ? readFileSync(path + end) : Buffer.alloc(0))))

test('rows of an erased subject lose actor, task and context, to the last byte', async () => {
  const path = filled()
  assert.ok(bytesOf(path).includes(erased) && bytesOf(path).includes(random('task 10')))
  await purgeSubject(path, [erased.toString('base64url'), random('never seen').toString('base64url')])
  const bytes = bytesOf(path)
  assert.ok(!bytes.includes(erased))
  for (let each = 0; each < count; each += 1)
    assert.equal(bytes.includes(random(`task ${each}`)), each % 2 === 1, `task ${each}`)
  const index = openAuditIndex(path)
  assert.equal(index.count(), count)
  assert.equal(index.find({ actor: kept.toString('base64url') }, 5_000).length, count / 2)
  assert.deepEqual(index.find({ actor: erased.toString('base64url') }, 10), [])
  assert.deepEqual(index.find({ mentions: [random('task 10')] }, 10), [])
  assert.equal(index.find({ mentions: [random('task 11')] }, 10)[0]?.index, 11)
  assert.deepEqual(
    index.find({ agent: 'calculator' }, 3).map((found) => found.columns.actor === ''),
    [false, true, false],
  )
  index.close()
})

test('waits for a search that holds the file', async () => {
  const path = filled()
  const reader = new DatabaseSync(path)
  reader.exec('BEGIN')
  reader.prepare('SELECT count(*) FROM record').get()
  const purged = purgeSubject(path, [erased.toString('base64url')])
  const witness = openAuditIndex(path)
  const closeWhenPurged = (turns: number): void => {
    const isPurged = witness.find({ actor: erased.toString('base64url') }, 1).length === 0
    if (isPurged && turns === 0) reader.close()
    else setImmediate(() => closeWhenPurged(isPurged ? turns - 1 : turns))
  }
  closeWhenPurged(5)
  await purged
  assert.ok(!reader.isOpen)
  witness.close()
  assert.ok(!bytesOf(path).includes(erased))
  const index = openAuditIndex(path)
  assert.equal(index.count(), count)
  index.close()
})

test('deletes what it cannot change', async () => {
  const path = join(temporaryFolder(), 'audit.db')
  writeFileSync(path, Buffer.concat([Buffer.from('not a database at all '.repeat(30)), erased]))
  await purgeSubject(path, [erased.toString('base64url')])
  assert.ok(!existsSync(path))
})

test('makes no index where there is none', async () => {
  const path = join(temporaryFolder(), 'audit.db')
  await purgeSubject(path, [erased.toString('base64url')])
  assert.ok(!existsSync(path))
})
