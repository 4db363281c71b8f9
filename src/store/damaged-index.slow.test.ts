// Somebody, or a disk, damaged index.db: pages, single bytes of their structure, the whole file. It is found when the
// index is opened, not in the middle of a call; the file is begun anew, and why is said.

import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Claim } from '../exchange/exchange.ts'
import { openOwnershipIndex, type OwnershipIndex } from './sqlite-ownership.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'

const tasks = 300
const ownerOf = (number: number): string => (number % 2 === 0 ? 'key:alice' : 'key:bob')
const claimsOf = (number: number): Claim[] => {
  const owner = { caller: ownerOf(number), origin: ownerOf(number) }
  const owned = { agent: 'calculator', tenant: '', owner, groups: [], createdAtMs: 1_800_000_000_000 + number }
  const contextId = `context-${number}`
  return [
    { kind: 'task', taskId: `task-${number}`, contextId, ...owned },
    { kind: 'context', contextId, ...owned },
  ]
}

const pageSize = 4096
function changed(path: string, change: (bytes: Buffer) => void): void {
  const bytes = readFileSync(path)
  change(bytes)
  writeFileSync(path, bytes)
}
const inDatabase = (path: string, sql: string): void => {
  const database = new DatabaseSync(path)
  database.exec(sql)
  database.close()
}
/** Numbers of the pages of a table or index that hold rows. */
function pagesOf(path: string, name: string): number[] {
  const database = new DatabaseSync(path)
  const root = database.prepare('SELECT rootpage FROM sqlite_schema WHERE name = ?').get(name)?.['rootpage']
  database.close()
  assert.ok(typeof root === 'number')
  const bytes = readFileSync(path)
  const at = (root - 1) * pageSize
  // an interior page of the tree: the children are its cells' first words, and the last one's in its header
  if (bytes[at] !== 5 && bytes[at] !== 2) return [root]
  const cells = Array.from({ length: bytes.readUInt16BE(at + 3) }, (_, cell) => bytes.readUInt16BE(at + 12 + 2 * cell))
  return [bytes.readUInt32BE(at + 8), ...cells.map((cell) => bytes.readUInt32BE(at + cell))]
}

const damages: Record<string, (path: string) => void> = {
  'all pages but the first two are zero': (path) => changed(path, (bytes) => void bytes.fill(0, 2 * pageSize)),
  'bytes all over the pages are flipped': (path) =>
    changed(path, (bytes) => {
      for (let at = 2 * pageSize; at < bytes.length; at += 61) bytes[at] = (bytes[at] ?? 0) ^ 0x5a
    }),
  'half of it is missing': (path) => writeFileSync(path, readFileSync(path).subarray(0, 20_001)),
  'half of the pages are missing': (path) =>
    writeFileSync(path, readFileSync(path).subarray(0, (readFileSync(path).length / pageSize / 2) * pageSize)),
  'one page of tasks is zero': (path) =>
    changed(path, (bytes) => {
      const page = pagesOf(path, 'task').at(-1) ?? assert.fail()
      bytes.fill(0, (page - 1) * pageSize, page * pageSize)
    }),
  'the cells of one page of tasks are gone': (path) =>
    changed(path, (bytes) => {
      const page = pagesOf(path, 'task').at(-1) ?? assert.fail()
      bytes.writeUInt16BE(0, (page - 1) * pageSize + 3)
    }),
  'it is no database': (path) => writeFileSync(path, 'not a database'.repeat(1_000)),
  'it is a folder': (path) => {
    rmSync(path)
    mkdirSync(join(path, 'deep'), { recursive: true })
  },
  'its log is a folder': (path) => mkdirSync(join(`${path}-wal`, 'deep'), { recursive: true }),
  'a table is missing': (path) => inDatabase(path, 'DROP TABLE context'),
  'it is of another version': (path) => inDatabase(path, 'PRAGMA user_version = 77'),
}

function home(): string {
  return join(temporaryFolder(), 'index.db')
}

async function fill(path: string): Promise<void> {
  const index = openOwnershipIndex({ path })
  assert.ok(index.claim(Array.from({ length: tasks }, (_, number) => claimsOf(number)).flat()).ok)
  index.setApplied('log', tasks)
  await index.close()
}

interface Opened {
  readonly index: OwnershipIndex
  readonly discarded: readonly string[]
}

function open(path: string): Opened {
  const discarded: string[] = []
  return { index: openOwnershipIndex({ path, onDiscarded: (why) => discarded.push(why) }), discarded }
}

/** It has all, with the mark of that, or nothing, without. */
function assertAllOrNothing(index: OwnershipIndex, isAll: boolean): void {
  assert.equal(index.applied('log'), isAll ? tasks : 0)
  for (let number = 0; number < tasks; number += 1) {
    const owner = isAll ? ownerOf(number) : undefined
    assert.equal(index.task('calculator', '', `task-${number}`)?.owner.caller, owner)
    assert.equal(index.context('calculator', '', `context-${number}`)?.owner.caller, owner)
  }
}

for (const [what, damage] of Object.entries(damages)) {
  test(`the index is begun anew when ${what}`, async () => {
    const path = home()
    await fill(path)
    damage(path)
    const { index, discarded } = open(path)
    assert.equal(discarded.length, 1)
    assertAllOrNothing(index, false)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.ok(index.claim(claimsOf(1)).ok)
    await index.close()
    const again = open(path)
    assert.deepEqual(again.discarded, [])
    assert.equal(again.index.task('calculator', '', 'task-1')?.owner.caller, 'key:bob')
    await again.index.close()
  })
}

test('a file that is whole, empty, or has a log that is not its own is not complained of', async () => {
  for (const [isAll, change] of [
    [true, () => undefined],
    [true, (path: string) => writeFileSync(`${path}-wal`, Buffer.alloc(9_000, 7))],
    [false, (path: string) => writeFileSync(path, '')],
    [false, (path: string) => rmSync(path)],
  ] as const) {
    const path = home()
    await fill(path)
    change(path)
    const { index, discarded } = open(path)
    assert.deepEqual(discarded, [])
    assertAllOrNothing(index, isAll)
    await index.close()
  }
})

test('a byte flipped in the structure of any page leaves all of the index, or a new one', async () => {
  const path = home()
  await fill(path)
  const good = readFileSync(path)
  let rebuilt = 0
  for (let page = 0; page < good.length / pageSize; page += 1) {
    for (const at of page === 0 ? [16, 28, 40, 100, 103] : [0, 3, 8]) {
      for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true })
      const bytes = Buffer.from(good)
      bytes[page * pageSize + at] = (bytes[page * pageSize + at] ?? 0) ^ 0x11
      writeFileSync(path, bytes)
      const { index, discarded } = open(path)
      assertAllOrNothing(index, discarded.length === 0)
      rebuilt += discarded.length
      await index.close()
    }
  }
  assert.ok(rebuilt > good.length / pageSize)
})
