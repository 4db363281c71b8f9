// Among a hundred thousand subjects one is erased by writing its own lines, and nothing else of the file; looking for
// them is one pass over it.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { systemClock } from '../base/clock.ts'
import { systemRandom } from '../base/bytes.ts'
import { eraseSubject } from './erase-subject.ts'
import { nodeFiles, type FileSystem } from './files.ts'
import { createKeyWrapper } from './subject-line.ts'
import { openSubjects } from './subjects.ts'

const count = 100_000
const wrapper = createKeyWrapper(Buffer.alloc(32, 1), 'sallyport.local/1')

function lineOf(index: number): string {
  const subject = `user:corp/${index}`
  const random = Buffer.alloc(16)
  random.writeUInt32LE(index)
  return wrapper.formatLine(
    { index, month: '2026-11', keyId: random.subarray(0, 8), tag: wrapper.tagOf(subject) },
    { subject, dataKey: Buffer.alloc(32, 3), pseudonym: random },
    random,
  )
}

test('erasing one of a hundred thousand subjects writes its lines and no others', async () => {
  const dir = temporaryFolder()
  const path = join(dir, 'subjects.keys')
  writeFileSync(path, Array.from({ length: count }, (_, index) => lineOf(index)).join(''))
  const before = readFileSync(path, 'latin1').split('\n')
  let written = 0
  const files: FileSystem = nodeFiles
  const file = await files.open(path, 'update')
  const counting = {
    ...file,
    write: (bytes: Buffer, position: number) => ((written += bytes.length), file.write(bytes, position)),
  }
  const subjects = await openSubjects({
    file: counting,
    wrapper,
    random: systemRandom,
    epoch: Buffer.alloc(16, 2),
    size: count,
  })
  const startedMs = systemClock.monotonicMs()
  const found = await subjects.find('user:corp/77777', 0)
  subjects.forget('user:corp/77777')
  const commitOwn = (): Promise<{ origin: string; index: number; leafHash: string }> =>
    Promise.resolve({ origin: 'o', index: count, leafHash: 'h' })
  const parts = { files, dir, subjects, nextIndex: () => count, commitOwn }
  const { lines } = await eraseSubject(parts, 'user:corp/77777', found)
  const tookMs = systemClock.monotonicMs() - startedMs
  await subjects.close()
  assert.equal(lines, 1)
  const after = readFileSync(path, 'latin1').split('\n')
  const changed = after.filter((line, at) => line !== before[at])
  assert.deepEqual([changed.length, written], [1, (changed[0]?.length ?? 0) + 1])
  // seconds would mean that every line was opened
  assert.ok(tookMs < 2_000, `${tookMs} ms`)
})
