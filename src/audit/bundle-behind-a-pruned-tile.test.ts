// The entries of pruned records are rewritten, and the tile that has their hashes is removed as if it had been pruned:
// whoever reads the folder as tlog-tiles finds envelopes that were never signed. The hash one level up still tells.

import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { copySample, createSample, sampleRecord, sampleStartMs, type Sample } from '../../test/fakes/sample-ledger.ts'
import { verifyLedger } from './verify-ledger.ts'

let pruned: Sample

before(async () => {
  pruned = createSample()
  const ledger = await pruned.open({ segmentSize: 131_072 })
  for (let number = 0; number < 1_000; number += 100) {
    const some = Array.from({ length: 100 }, (_, at) => sampleRecord(number + at, { timeMs: sampleStartMs + number }))
    await Promise.all(some.map((record) => ledger.append(record)))
  }
  pruned.clock.advance(86_400_000)
  const rules = { bodiesMs: {}, recordsMs: 3_600_000 }
  const { minimumIndex } = await ledger.applyRetention({ rules, heldSubjects: [], isDryRun: false })
  assert.ok(minimumIndex > 256)
  await ledger.close()
})

const hashes = (sample: Sample): string => join(sample.dir, 'tile/0/000')
const bundle = (sample: Sample): string => join(sample.dir, 'tile/entries/000')

function forge(sample: Sample): void {
  const bytes = readFileSync(bundle(sample))
  bytes.write('refused', bytes.indexOf('allowed'))
  writeFileSync(bundle(sample), bytes)
}

/** With its segments, and as a copy that has only its tiles. */
async function problemsOf(sample: Sample): Promise<string[]> {
  const copy = createSample()
  cpSync(sample.dir, copy.dir, { recursive: true })
  for (const name of ['segments', 'subjects.keys', 'lock'])
    rmSync(join(copy.dir, name), { recursive: true, force: true })
  const [whole, tiles] = [await verifyLedger(sample.root), await verifyLedger(copy.root)]
  assert.deepEqual(tiles.problems, whole.problems)
  return whole.problems.map(({ index, file, kind }) => `${kind} ${index} ${file}`)
}

test('the bundle is there, and the tile of its hashes may be gone', async () => {
  const sample = copySample(pruned)
  assert.ok(readdirSync(join(sample.dir, 'tile/entries')).includes('000'))
  assert.deepEqual(await problemsOf(sample), [])
  rmSync(hashes(sample))
  assert.deepEqual(await problemsOf(sample), [])
})

test('a forged bundle without its hashes is found', async () => {
  const sample = copySample(pruned)
  rmSync(hashes(sample))
  forge(sample)
  assert.deepEqual(await problemsOf(sample), ['tile 0 tile/entries/000'])
})

test('a bundle that is cut, or begins another, is found', async () => {
  for (const length of [10, 2_000]) {
    const sample = copySample(pruned)
    rmSync(hashes(sample))
    writeFileSync(bundle(sample), readFileSync(bundle(sample)).subarray(0, length))
    assert.deepEqual(await problemsOf(sample), ['tile 0 tile/entries/000'])
  }
})

test('a part of a bundle whose whole is gone is found', async () => {
  const sample = copySample(pruned)
  const bytes = readFileSync(bundle(sample))
  rmSync(hashes(sample))
  rmSync(bundle(sample))
  mkdirSync(`${bundle(sample)}.p`)
  writeFileSync(join(`${bundle(sample)}.p`, '1'), bytes.subarray(0, 2 + bytes.readUInt16BE(0)))
  assert.deepEqual(await problemsOf(sample), ['tile 0 tile/entries/000.p/1'])
})

test('a part of a bundle is held against the whole', async () => {
  const sample = copySample(pruned)
  const bytes = readFileSync(bundle(sample))
  rmSync(hashes(sample))
  mkdirSync(`${bundle(sample)}.p`)
  const part = Buffer.from(bytes.subarray(0, 2 + bytes.readUInt16BE(0)))
  writeFileSync(join(`${bundle(sample)}.p`, '1'), part)
  assert.deepEqual(await problemsOf(sample), [])
  part.write('9', part.indexOf('"v":1') + 4)
  writeFileSync(join(`${bundle(sample)}.p`, '1'), part)
  assert.deepEqual(await problemsOf(sample), ['tile 0 tile/entries/000.p/1'])
})
