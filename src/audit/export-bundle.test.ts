// Exports of real ledgers: the range lies between two signed checkpoints, the count is proven, what matches is shown
// and what does not is there by its hash. Verified with nothing but the file and the key.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { exportText, verifyText } from '../../test/fakes/exported-ledger.ts'
import { createSample, sampleRecord, sampleSigningKey, sampleStartMs } from '../../test/fakes/sample-ledger.ts'
import { trust, writeLedger } from '../../test/fakes/written-ledger.ts'
import { parseCheckpoint } from '../tlog/checkpoint.ts'
import { createCosigningKey } from '../tlog/cosignature.ts'
import { exportLog } from './export-bundle.ts'

for (const size of [1, 3, 255, 256, 257, 1_000]) {
  test(`a log of ${size} is exported whole, and verifies`, async () => {
    const { dir, trusted } = await writeLedger(size)
    const { text, summary } = (await exportText(dir)) ?? assert.fail()
    const verdict = await verifyText(text, trusted)
    assert.ok(verdict.ok)
    const { from, to, shown, hidden, header } = verdict.value
    assert.deepEqual([from.size, to.size, shown, hidden, header.population], [0, size, size, 0, size])
    assert.equal(summary.population, size)
    assert.equal(text.split('\n').length, size + 3)
  })
}

const log = await writeLedger(300)
const subjects = await writeLedger(60, (number) => ({ subject: number % 2 === 0 ? 'key:ci' : 'user:corp/4f1c' }))

for (const [from, to] of [
  [0, 1],
  [17, 18],
  [17, 23],
  [255, 257],
  [256, 300],
  [299, 300],
] as const) {
  test(`records ${from} to ${to - 1} lie between two signed checkpoints around them`, async () => {
    const { text } = (await exportText(log.dir, { filter: { fromIndex: from, toIndex: to } })) ?? assert.fail()
    const verdict = await verifyText(text, log.trusted)
    assert.ok(verdict.ok)
    const { from: before, to: after, shown, hidden } = verdict.value
    assert.ok(before.size <= from && after.size >= to)
    assert.ok(after.size - before.size < to - from + 10, 'and not further than their groups')
    assert.deepEqual([shown, hidden], [to - from, after.size - before.size - (to - from)])
  })
}

test('a range of time takes the records of that time, wherever they stand', async () => {
  const filter = { fromMs: sampleStartMs + 10 * 1_234, toMs: sampleStartMs + 20 * 1_234 }
  const { text } = (await exportText(log.dir, { filter })) ?? assert.fail()
  const verdict = await verifyText(text, log.trusted)
  assert.ok(verdict.ok)
  assert.equal(verdict.value.shown, 10)
})

test('what does not match is there by its hash and says nothing', async () => {
  const filter = { agent: 'concierge', outcome: 'allowed' }
  const { text, summary } = (await exportText(log.dir, { filter })) ?? assert.fail()
  assert.ok(!text.includes('calculator'))
  const verdict = await verifyText(text, log.trusted)
  assert.ok(verdict.ok)
  assert.equal(verdict.value.shown, summary.matching)
  assert.equal(verdict.value.hidden, 300 - summary.matching)
})

test('by caller, with events: each is the one that the record commits to', async () => {
  const filter = { caller: 'key:ci' }
  const callerOf = (number: number): string => (number % 2 === 0 ? 'key:ci' : 'user:corp/4f1c')
  const own = await writeLedger(60, (number) => ({
    subject: callerOf(number),
    event: { ...sampleRecord(number).event, caller: callerOf(number) },
    sensitive: { caller: callerOf(number), source: '192.0.2.1' },
  }))
  const { text, summary } = (await exportText(own.dir, { filter, withEvents: true })) ?? assert.fail()
  assert.equal(summary.unreadable, 0)
  assert.ok(!text.includes('4f1c'), 'of the other caller nothing is said')
  const verdict = await verifyText(text, own.trusted)
  assert.ok(verdict.ok)
  const { provenEvents, looseEvents, unjudged } = verdict.value
  assert.deepEqual([provenEvents, looseEvents, unjudged], [summary.matching, 0, 0])
  assert.equal(JSON.parse(text.split('\n').find((line) => line.includes('"ocsf"')) ?? '').event.ocsf.class_uid, 6003)
  const plain = (await exportText(own.dir, { filter })) ?? assert.fail()
  const unshown = await verifyText(plain.text, own.trusted)
  assert.ok(unshown.ok)
  assert.equal(unshown.value.unjudged, summary.matching, 'without events nobody can tell whose records they are')
})

test('without the key there are no events, and it is said how many could not be read', async () => {
  const path = join(createSample().root, 'out')
  const asked = { filter: {}, queryText: '', withEvents: true, createdAt: '' }
  const summary = (await exportLog(subjects.dir, path, asked)) ?? assert.fail()
  assert.ok(summary.unreadable > 40)
  assert.ok((await verifyText(readFileSync(path), subjects.trusted)).ok)
})

test('a query that nothing fits leaves no file', async () => {
  assert.equal(await exportText(log.dir, { filter: { fromIndex: 300 } }), undefined)
  assert.equal(await exportText(log.dir, { filter: { fromMs: sampleStartMs + 1e12 } }), undefined)
})

test('a file that is there already is not written over', async () => {
  const path = join(createSample().root, 'out')
  writeFileSync(path, 'mine')
  const asked = { filter: {}, queryText: '', withEvents: false, createdAt: '' }
  await assert.rejects(exportLog(log.dir, path, asked), { code: 'EEXIST' })
  assert.equal(readFileSync(path, 'utf8'), 'mine')
})

test('only what is published is exported while a writer is at work', async () => {
  const sample = createSample()
  const ledger = await sample.open()
  await ledger.append(sampleRecord(0))
  const published = parseCheckpoint(readFileSync(join(sample.dir, 'checkpoint')))?.size ?? assert.fail()
  const { summary } = (await exportText(sample.dir)) ?? assert.fail()
  assert.equal(summary.toSize, published)
  await ledger.close()
})

test('a witnessed checkpoint goes along, with the proof that it is of the same tree', async () => {
  const witness = createCosigningKey('witness.example/one', sampleSigningKey('one'))
  const cosigned = async (dir: string): Promise<void> => {
    const note = readFileSync(join(dir, 'checkpoint'))
    const line = witness.cosign(parseCheckpoint(note) ?? assert.fail(), sampleStartMs / 1_000)
    writeFileSync(join(dir, 'witnessed'), note.toString() + line)
  }
  const early = await writeLedger(40)
  await cosigned(early.dir)
  const { dir, vkey } = await writeLedger(90, () => ({}), early.sample)
  const reader = (requireWitnesses: number): ReturnType<typeof trust> =>
    trust([vkey], { witnesses: [witness], requireWitnesses })
  const within = (await exportText(dir, { filter: { toIndex: 20 } })) ?? assert.fail()
  const seen = await verifyText(within.text, reader(1))
  assert.ok(seen.ok)
  assert.equal(seen.value.witnessed?.size, 40)
  const beyond = (await exportText(dir)) ?? assert.fail()
  const verdict = await verifyText(beyond.text, reader(1))
  assert.deepEqual(verdict, { ok: false, why: 'its witnesses have seen 40 records, and it goes up to 90' })
  assert.ok((await verifyText(beyond.text, reader(0))).ok)
})
