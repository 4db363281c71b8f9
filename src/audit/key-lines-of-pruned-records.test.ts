// Lines of subjects.keys whose records were pruned are removed, passed off as erased, replaced or put back, by somebody
// who is not the writer: they open records that are still there. Only the record of the pruning commits to them.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { copySample, createSample, sampleRecord, sampleStartMs, type Sample } from '../../test/fakes/sample-ledger.ts'
import { formatErasedLine } from './erased-line.ts'
import { verifyLedger } from './verify-ledger.ts'

const tenMinutesMs = 600_000
const dayMs = 86_400_000

/** All lines are of pruned records; that of `agent:concierge` was erased before. Then another is erased. */
let pruned: Sample

before(async () => {
  pruned = createSample()
  const ledger = await pruned.open()
  for (let number = 0; number < 300; number += 1) {
    await ledger.append(sampleRecord(number, { timeMs: sampleStartMs + number * tenMinutesMs }))
    pruned.clock.advance(tenMinutesMs)
    if (number === 20) await ledger.eraseSubject('agent:concierge')
  }
  const rules = { bodiesMs: {}, recordsMs: dayMs }
  const { minimumIndex } = await ledger.applyRetention({ rules, heldSubjects: [], isDryRun: false })
  assert.ok(minimumIndex > 40)
  await ledger.eraseSubject('anonymous')
  await ledger.append(sampleRecord(1))
  await ledger.close()
})

/** The lines of a copy, changed; what its verification says. */
async function problemsOf(change: (lines: string[]) => string[]): Promise<string[]> {
  const copy = copySample(pruned)
  const path = join(copy.dir, 'subjects.keys')
  const lines = change(readFileSync(path, 'latin1').split('\n').slice(0, -1))
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''), 'latin1')
  return (await verifyLedger(copy.root)).problems.map(({ index, message }) => `${index}: ${message}`)
}

const isErased = (line: string): boolean => line.startsWith('x1')

async function assertLines(change: (lines: string[]) => string[]): Promise<void> {
  const problems = await problemsOf(change)
  assert.ok(
    problems.some((problem) =>
      /^0: the key lines of pruned records are not those that record \d+ says are kept$/.test(problem),
    ),
    problems.join('\n'),
  )
}

async function assertErased(change: (lines: string[]) => string[]): Promise<void> {
  const problems = await problemsOf(change)
  assert.ok(
    problems.some((problem) => problem.includes('not those key lines of pruned records are erased')),
    problems.join('\n'),
  )
}

test('what pruning and erasure left is no finding', async () => {
  assert.deepEqual(await problemsOf((lines) => lines), [])
})

test('a line that is removed is found, each of them', async () => {
  for (const at of readFileSync(join(pruned.dir, 'subjects.keys'), 'latin1').split('\n').slice(0, 4).keys())
    await assertLines((lines) => lines.filter((_, place) => place !== at))
})

test('all of them removed are found', async () => {
  await assertLines((lines) => lines.filter((line) => Number(line.split(' ')[1]) > 40))
})

test('a line that is passed off as erased by a pruned record is found', async () => {
  for (const erasure of [30, 39])
    await assertErased((lines) => lines.map((line) => (isErased(line) ? line : formatErasedLine(line, erasure))))
})

test('a line that names an erasure from before it was made is found', async () => {
  const problems = await problemsOf((lines) => lines.map((line) => (isErased(line) ? line : formatErasedLine(line, 0))))
  assert.ok(problems.some((problem) => problem.includes('an erasure from before it was made')))
})

test('a line that was erased before the pruning, and names another record for it, is found', async () => {
  await assertErased((lines) => lines.map((line) => (isErased(line) ? line.replace(/ (\d+) (-+)/, ' 31 $2') : line)))
})

test('a line that is replaced by words, or by the line of another, is found', async () => {
  await assertLines((lines) => lines.map((line, at) => (at === 1 ? 'k1 2 these are words' : line)))
  await assertLines((lines) => lines.map((line, at) => (at === 1 ? 'words' : line)))
  await assertLines((lines) => lines.map((line, at) => (at === 1 ? (lines[0] ?? '') : line)))
})

test('lines in another order are found, and a line that is added', async () => {
  await assertLines((lines) => [lines[1] ?? '', lines[0] ?? '', ...lines.slice(2)])
  await assertLines((lines) => [...lines.slice(0, 2), lines[1] ?? '', ...lines.slice(2)])
  await assertLines((lines) => [...lines, lines[0] ?? ''])
})

test('lines that were changed before the pruning are not vouched for: nothing is pruned', async () => {
  for (const isPrunedBefore of [false, true]) {
    const sample = createSample()
    const ledger = await sample.open()
    const wanted = { rules: { bodiesMs: {}, recordsMs: dayMs }, heldSubjects: [], isDryRun: false }
    for (let number = 0; number < 300; number += 1) {
      await ledger.append(sampleRecord(number, { timeMs: sampleStartMs + number * tenMinutesMs }))
      sample.clock.advance(tenMinutesMs)
    }
    if (isPrunedBefore) assert.ok((await ledger.applyRetention(wanted)).records > 0)
    for (let number = 300; number < 500; number += 1) {
      await ledger.append(sampleRecord(number, { timeMs: sampleStartMs + number * tenMinutesMs }))
      sample.clock.advance(tenMinutesMs)
    }
    const path = join(sample.dir, 'subjects.keys')
    const whole = readFileSync(path, 'latin1')
    const lines = whole.split('\n')
    writeFileSync(path, [formatErasedLine(lines[0] ?? '', 30), ...lines.slice(1)].join('\n'), 'latin1')
    const { size } = ledger
    await assert.rejects(
      ledger.applyRetention(wanted),
      /the key lines are not what the log says, and no record is pruned/,
    )
    assert.equal(ledger.size, size)
    writeFileSync(path, whole, 'latin1')
    assert.ok((await ledger.applyRetention(wanted)).records > 0)
    await ledger.close()
    assert.deepEqual((await verifyLedger(sample.root)).problems, [])
  }
})
