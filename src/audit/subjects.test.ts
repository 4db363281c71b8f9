// Keys of subjects: few in memory, all on the disk, and one pseudonym for each whatever is forgotten in between.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { systemRandom } from '../base/bytes.ts'
import { Fault } from '../base/fault.ts'
import { nodeFiles } from './files.ts'
import { createKeyWrapper } from './subject-line.ts'
import { openSubjects, type Subjects } from './subjects.ts'

const wrapper = createKeyWrapper(Buffer.alloc(32, 1), 'sallyport.local/1')

async function openAt(path: string, size: number, mode: 'replace' | 'update' = 'update'): Promise<Subjects> {
  const file = await nodeFiles.open(path, mode)
  return openSubjects({ file, wrapper, random: systemRandom, epoch: Buffer.alloc(16, 2), size, cacheSize: 4 })
}

let nextIndex = 0
async function commitAll(subjects: Subjects, names: readonly string[], month: string): Promise<string[]> {
  const pseudonyms: string[] = []
  for (const name of names) {
    const key = subjects.keyFor(name, month)
    pseudonyms.push(key.pseudonym)
    if (key.isCommitted) continue
    const line = subjects.lineFor(key, nextIndex++)
    await subjects.write([line])
    subjects.commit([key], [line])
  }
  return pseudonyms
}

const names = Array.from({ length: 60 }, (_, number) => `key:${number}`)

test('subjects that fell out of memory come back with the same pseudonym and key', async () => {
  const path = join(temporaryFolder(), 'subjects.keys')
  const subjects = await openAt(path, 0, 'replace')
  const first = await commitAll(subjects, names, '2026-11')
  const ids = names.map((name) => subjects.keyFor(name, '2026-11').id.toString('hex'))
  assert.equal(new Set(first).size, names.length)
  assert.equal(new Set(ids).size, names.length)
  assert.deepEqual(await commitAll(subjects, names, '2026-11'), first)
  await subjects.close()
  const again = await openAt(path, nextIndex)
  assert.equal(again.droppedLines, 0)
  assert.deepEqual(
    names.map((name) => again.keyFor(name, '2026-10').id.toString('hex')),
    ids,
  )
  assert.deepEqual(await commitAll(again, names, '2026-12'), first)
  assert.notDeepEqual(
    names.map((name) => again.keyFor(name, '2026-12').id.toString('hex')),
    ids,
  )
  await again.close()
})

test('lines that name records beyond the log are dropped, and only at the end', async () => {
  const path = join(temporaryFolder(), 'subjects.keys')
  const subjects = await openAt(path, 0, 'replace')
  nextIndex = 0
  await commitAll(subjects, names.slice(0, 5), '2026-11')
  await subjects.close()
  const again = await openAt(path, 3)
  assert.equal(again.droppedLines, 2)
  await again.close()
  const whole = await openAt(path, 3)
  assert.equal(whole.droppedLines, 0)
  nextIndex = 1
  await commitAll(whole, ['key:new'], '2026-11')
  const line = whole.lineFor(whole.keyFor('key:beyond', '2026-11'), 90)
  await whole.write([line])
  await whole.close()
  await (await openAt(path, 3)).close()
})

test('a key that no record got is forgotten again', async () => {
  const subjects = await openAt(join(temporaryFolder(), 'subjects.keys'), 0, 'replace')
  const [one, two] = [subjects.keyFor('key:a', '2026-11'), subjects.keyFor('key:a', '2026-11')]
  assert.equal(one, two)
  subjects.release(one)
  assert.equal(subjects.keyFor('key:a', '2026-11'), one)
  subjects.release(one)
  subjects.release(one)
  assert.notEqual(subjects.keyFor('key:a', '2026-11'), one)
  await subjects.close()
})

test('a line changed under a running writer is a fault, not a new subject', async () => {
  const path = join(temporaryFolder(), 'subjects.keys')
  const subjects = await openAt(path, 0, 'replace')
  nextIndex = 0
  await commitAll(subjects, names, '2026-11')
  const file = await nodeFiles.open(path, 'update')
  await file.write(Buffer.from('k1 0 2026-11 00'), 0)
  await file.close()
  assert.throws(
    () => subjects.keyFor('key:0', '2026-11'),
    (error) => error instanceof Fault && error.code === 'LEDGER_CORRUPT',
  )
  await subjects.close()
})
