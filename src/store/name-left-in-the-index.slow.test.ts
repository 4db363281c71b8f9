// Who was erased is looked for in the bytes of index.db: in pages that were split while they were written, where cells
// that moved leave copies behind, and in a write-ahead log that somebody's reading keeps from being emptied.

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { eraseOwner } from './erase-owner.ts'
import { inTransaction, openDatabase } from './open-database.ts'
import { indexShape } from './ownership-schema.ts'
import { openOwnershipIndex } from './sqlite-ownership.ts'
import { prepareRowWriter } from './write-ownership.ts'

const bytesOf = (path: string): string =>
  ['', '-wal'].map((suffix) => (existsSync(path + suffix) ? readFileSync(path + suffix, 'latin1') : '')).join('')

test('no page names one who was erased, however pages were split before', () => {
  const path = join(temporaryFolder(), 'index.db')
  const database = openDatabase(path, indexShape)
  const writer = prepareRowWriter(database)
  // in no order, so that the tree of their names splits in its middle
  const subjects = Array.from({ length: 3_000 }, (_, number) => `user:corp/${(number * 7_919) % 3_001}-subject`)
  for (let at = 0; at < subjects.length; at += 20) {
    inTransaction(database, () => {
      for (const subject of subjects.slice(at, at + 20)) {
        const owned = {
          agent: 'calculator',
          tenant: '',
          caller: subject,
          origin: subject,
          groups: '[]',
          createdAtMs: 1,
        }
        writer.saveContext(owned, `context-${subjects.indexOf(subject)}`, { name: 'planning', turns: 0 })
      }
    })
  }
  const erased = subjects.filter((_, at) => at % 30 === 0)
  for (const subject of erased) assert.ok(bytesOf(path).includes(subject))
  database.exec('PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY')
  inTransaction(database, () => {
    for (const subject of erased) assert.equal(eraseOwner(database, subject), 1)
  })
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  const left = bytesOf(path)
  assert.deepEqual(
    erased.filter((subject) => left.includes(subject)),
    [],
  )
  assert.equal(subjects.filter((subject) => left.includes(subject)).length, subjects.length - erased.length)
  assert.equal(database.prepare('PRAGMA integrity_check').get()?.['integrity_check'], 'ok')
  database.close()
})

test('an erasure is not done while somebody else’s reading keeps the name in the write-ahead log', async (t) => {
  const path = join(temporaryFolder(), 'index.db')
  const index = openOwnershipIndex({ path, schedule: () => {} })
  t.after(() => index.close())
  const owner = { caller: 'key:alice', origin: 'key:alice' }
  const owned = { agent: 'calculator', tenant: '', owner, groups: [], createdAtMs: 1 }
  assert.ok(index.claim([{ kind: 'context', contextId: 'c1', ...owned }]).ok)
  await index.flush()
  const reader = new DatabaseSync(path)
  reader.exec('BEGIN')
  reader.prepare('SELECT count(*) FROM owner').get()
  await assert.rejects(index.forget('key:alice'), /somebody else reads it/)
  reader.close()
  await index.forget('key:alice')
  assert.equal(bytesOf(path).includes('key:alice'), false)
  assert.equal(index.context('calculator', '', 'c1')?.owner.caller, 'erased:')
})
