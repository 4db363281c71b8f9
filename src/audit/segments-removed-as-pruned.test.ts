// The oldest segments are removed as if they had been pruned, by somebody who is not the writer. Only a record of the
// log can vouch for that, up to the index that it names; the file `minimum-index` vouches for nothing.

import assert from 'node:assert/strict'
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { collect, createSample, sampleRecord, sampleStartMs, type Sample } from '../../test/fakes/sample-ledger.ts'
import { readLedger } from './read-ledger.ts'
import { verifyLedger } from './verify-ledger.ts'

const hourMs = 3_600_000

async function filled(recordsMs?: number): Promise<Sample> {
  const sample = createSample()
  const ledger = await sample.open()
  for (let number = 0; number < 80; number += 1)
    await ledger.append(sampleRecord(number, { timeMs: sampleStartMs + number * hourMs }))
  sample.clock.advance(80 * hourMs)
  if (recordsMs !== undefined)
    await ledger.applyRetention({ rules: { bodiesMs: {}, recordsMs }, heldSubjects: [], isDryRun: false })
  await ledger.close()
  return sample
}

const segments = (sample: Sample): string[] => readdirSync(join(sample.dir, 'segments')).toSorted()

/** Removes the oldest segments; answers where the log begins then. */
function removeOldest(sample: Sample, count: number): number {
  for (const name of segments(sample).slice(0, count)) rmSync(join(sample.dir, 'segments', name))
  return Number(segments(sample)[0]?.slice(0, 20))
}

async function problemsOf(sample: Sample): Promise<string[]> {
  const { ok, problems } = await verifyLedger(sample.root)
  assert.equal(ok, false)
  return problems.map(({ kind, file, message }) => `${kind} ${file.split('/')[0]}: ${message}`)
}

test('what retention removed is no finding', async () => {
  const sample = await filled(40 * hourMs)
  assert.ok(Number(segments(sample)[0]?.slice(0, 20)) > 0)
  assert.deepEqual((await verifyLedger(sample.root)).problems, [])
})

test('segments that nobody pruned are missing', async () => {
  const sample = await filled()
  const first = removeOldest(sample, 1)
  assert.deepEqual(await problemsOf(sample), [`missing-file segments: records 0 to ${first - 1} are missing`])
})

test('the file minimum-index vouches for nothing, neither for a verifier nor for the writer', async () => {
  const sample = await filled()
  const first = removeOldest(sample, 1)
  writeFileSync(join(sample.dir, 'minimum-index'), `${first}\n`)
  const problems = await problemsOf(sample)
  assert.ok(problems.includes(`missing-file segments: records 0 to ${first - 1} are missing`))
  assert.ok(problems.includes('missing-file minimum-index: it does not say what a record of the log says'))
  const all = await filled()
  writeFileSync(join(all.dir, 'minimum-index'), '70\n')
  const before = segments(all)
  await (await all.open()).close()
  assert.deepEqual(segments(all), before)
})

test('one segment more than was pruned is missing', async () => {
  const sample = await filled(60 * hourMs)
  const first = removeOldest(sample, 1)
  writeFileSync(join(sample.dir, 'minimum-index'), `${first}\n`)
  assert.ok((await problemsOf(sample)).includes(`missing-file segments: records 0 to ${first - 1} are missing`))
})

test('a minimum-index that is gone, or lower than what is left, is found', async () => {
  const sample = await filled(40 * hourMs)
  for (const text of [undefined, '1\n', 'x', '']) {
    const path = join(sample.dir, 'minimum-index')
    if (text === undefined) rmSync(path)
    else writeFileSync(path, text)
    assert.ok((await problemsOf(sample)).some((problem) => problem.startsWith('missing-file minimum-index')))
  }
})

test('a gap behind the oldest segment is one, whatever was pruned', async () => {
  const sample = await filled(40 * hourMs)
  rmSync(join(sample.dir, 'segments', segments(sample)[1] ?? ''))
  assert.ok((await problemsOf(sample)).some((problem) => problem.includes('are missing')))
  await assert.rejects(collect(readLedger(sample.dir)), /damaged/)
})
