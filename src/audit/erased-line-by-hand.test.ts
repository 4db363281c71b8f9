// A line of subjects.keys is made to look erased by somebody who is not the writer: to hide what a subject did, or to
// pass a lost key off as an erasure. Only a record of the log can vouch for an erased line, and for these lines alone.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createSample, sampleRecord, type Sample } from '../../test/fakes/sample-ledger.ts'
import { formatErasedLine } from './erased-line.ts'
import { verifyLedger } from './verify-ledger.ts'

/** A log in which key:ci was erased, by the record of index `erasure`. */
async function erased(): Promise<{ sample: Sample; erasure: number; before: string }> {
  const sample = createSample()
  const ledger = await sample.open()
  for (let number = 0; number < 12; number += 1) await ledger.append(sampleRecord(number))
  const before = readFileSync(keysOf(sample), 'latin1')
  const { receipt } = await ledger.eraseSubject('key:ci')
  await ledger.close()
  return { sample, erasure: receipt?.index ?? -1, before }
}

const keysOf = (sample: Sample): string => join(sample.dir, 'subjects.keys')

async function problemsAfter(sample: Sample, change: (lines: string[]) => string[]): Promise<string[]> {
  const lines = readFileSync(keysOf(sample), 'latin1').trimEnd().split('\n')
  writeFileSync(keysOf(sample), `${change(lines).join('\n')}\n`, 'latin1')
  const { ok, problems } = await verifyLedger(sample.root)
  assert.equal(ok, false)
  return problems.map(({ file, kind, index, message }) => `${kind} ${file} ${index}: ${message}`)
}

/** The first line that is not erased, destroyed in the name of a record. */
const destroy =
  (erasure: number) =>
  (lines: string[]): string[] => {
    const at = lines.findIndex((line) => line.startsWith('k1'))
    return lines.with(at, formatErasedLine(lines[at] ?? '', erasure))
  }

test('a line destroyed in the name of a record that is no erasure is found', async () => {
  const { sample } = await erased()
  assert.deepEqual(await problemsAfter(sample, destroy(5)), [
    'subject-key subjects.keys 1: an erased key line that no record of an erasure vouches for',
  ])
})

test('a line destroyed in the name of a record that is yet to come is found', async () => {
  const { sample } = await erased()
  assert.match((await problemsAfter(sample, destroy(9_999))).join(), /no record of an erasure vouches for/)
})

test('a line destroyed in the name of the erasure of somebody else is found', async () => {
  const { sample, erasure } = await erased()
  assert.deepEqual(await problemsAfter(sample, destroy(erasure)), [
    `subject-key subjects.keys ${erasure}: the erased key lines are not those that this record erased`,
  ])
})

test('an erased line that states another line than it was is found', async () => {
  const { sample } = await erased()
  const problems = await problemsAfter(sample, (lines) => {
    const at = lines.findIndex((line) => line.startsWith('x1'))
    const other = lines.findIndex((line) => line.startsWith('k1'))
    const fields = (lines[at] ?? '').split(' ')
    const hash = formatErasedLine(lines[other] ?? '', 0).split(' ')[4] ?? ''
    return lines.with(at, fields.with(4, hash).join(' '))
  })
  assert.ok(problems.length > 0)
})

test('a subject whose lines were put back from a backup is found', async () => {
  const { sample, erasure, before } = await erased()
  assert.deepEqual(await problemsAfter(sample, () => before.trimEnd().split('\n')), [
    `subject-key subjects.keys ${erasure}: the key lines that this record erased are there again`,
  ])
})

test('an erased line that was removed is found', async () => {
  const { sample } = await erased()
  const problems = await problemsAfter(sample, (lines) => lines.filter((line) => !line.startsWith('x1')))
  assert.ok(problems.some((problem) => problem.includes('is missing')))
})
