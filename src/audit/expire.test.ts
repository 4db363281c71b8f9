// Retention: what has expired goes, what has not stays, what is held stays; the log verifies, opens and reads at every
// moment of it, and no verifier needs what went.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  collect,
  createSample,
  sampleKeyEncryptionKey,
  sampleRecord,
  sampleStartMs,
  type Sample,
} from '../../test/fakes/sample-ledger.ts'
import type { RetentionResult, RetentionRules } from './expire.ts'
import type { Ledger, WantedRetention } from './ledger.ts'
import { readLedger, type LedgerRecord } from './read-ledger.ts'
import { verifyLedger } from './verify-ledger.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const count = 120

/** A record every hour; several segments. The clock stands where the last was made. */
async function filled(): Promise<Sample> {
  const sample = createSample()
  const ledger = await sample.open()
  for (let number = 0; number < count; number += 1) {
    await ledger.append(sampleRecord(number, { timeMs: sampleStartMs + number * hourMs }))
    sample.clock.advance(hourMs)
  }
  await ledger.close()
  return sample
}

async function retain(
  sample: Sample,
  rules: RetentionRules,
  changes: Partial<WantedRetention> = {},
): Promise<RetentionResult> {
  return await withLedger(sample, (ledger) =>
    ledger.applyRetention({ rules, heldSubjects: [], isDryRun: false, ...changes }),
  )
}

async function withLedger<T>(sample: Sample, work: (ledger: Ledger) => Promise<T>): Promise<T> {
  const ledger = await sample.open()
  try {
    return await work(ledger)
  } finally {
    await ledger.close()
  }
}

const read = (sample: Sample): Promise<LedgerRecord[]> =>
  collect(readLedger(sample.dir, { keyEncryptionKey: sampleKeyEncryptionKey }))
const segments = (sample: Sample): string[] => readdirSync(join(sample.dir, 'segments')).toSorted()
const firstIndex = (sample: Sample): number => Number(segments(sample)[0]?.slice(0, 20))

async function assertSound(sample: Sample): Promise<void> {
  assert.deepEqual((await verifyLedger(sample.root)).problems, [])
}

test('bodies of a kind go once they are old enough, and no others', async () => {
  const sample = await filled()
  const before = await read(sample)
  const bytes = await withLedger(sample, (ledger) => Promise.resolve(ledger.bytes))
  const result = await retain(sample, { bodiesMs: { completion: 2 * dayMs } })
  assert.ok(result.bodies > 0)
  await assertSound(sample)
  const after = await read(sample)
  for (const [at, record] of before.entries()) {
    const now = after[at]
    assert.ok(now !== undefined)
    assert.equal(now.leafHash, record.leafHash)
    if (now.expired) {
      assert.equal(record.envelope.kind, 'completion')
      assert.equal(now.event, undefined)
      // no younger than the rule says
      assert.ok(Date.parse(record.envelope.time) <= sample.clock.nowMs() - 2 * dayMs)
    } else assert.deepEqual(now.event, record.event)
  }
  assert.equal(after.filter((record) => record.expired).length, result.bodies)
  assert.deepEqual(after.at(-1)?.envelope.fields['expired-kinds'], 'completion')
  const smaller = await withLedger(sample, (ledger) => Promise.resolve(ledger.bytes))
  assert.ok(smaller < bytes)
})

test('what is not old enough stays, and nothing is recorded', async () => {
  const sample = await filled()
  const size = (await read(sample)).length
  const none = await retain(sample, { bodiesMs: { decision: 90 * dayMs }, recordsMs: 90 * dayMs })
  assert.deepEqual([none.bodies, none.records], [0, 0])
  assert.deepEqual((await retain(sample, { bodiesMs: {} })).bodies, 0)
  assert.equal((await read(sample)).length, size)
})

test('a second time there is nothing left to do', async () => {
  const sample = await filled()
  await withLedger(sample, async (ledger) => {
    const wanted = { rules: { bodiesMs: { decision: dayMs } }, heldSubjects: [], isDryRun: false }
    assert.ok((await ledger.applyRetention(wanted)).bodies > 0)
    const { size } = ledger
    assert.equal((await ledger.applyRetention(wanted)).bodies, 0)
    assert.equal(ledger.size, size)
    await ledger.append(sampleRecord(1))
  })
  assert.equal((await retain(sample, { bodiesMs: { decision: dayMs } })).bodies, 0)
  await assertSound(sample)
})

test('a dry run says what would go, and changes nothing', async () => {
  const sample = await filled()
  const rules = { bodiesMs: { decision: dayMs }, recordsMs: 3 * dayMs }
  const before = segments(sample)
  const wanted = await retain(sample, rules, { isDryRun: true })
  assert.deepEqual(segments(sample), before)
  assert.equal((await read(sample)).filter((record) => record.expired).length, 0)
  const done = await retain(sample, rules)
  assert.deepEqual(done, wanted)
})

test('bodies of a subject under hold stay, until the hold is released', async () => {
  const sample = await filled()
  const rules = { bodiesMs: { decision: dayMs, completion: dayMs } }
  await withLedger(sample, async (ledger) => {
    const held = await ledger.applyRetention({ rules, heldSubjects: ['key:ci'], isDryRun: false })
    assert.ok(held.heldBodies > 0 && held.bodies > 0)
    const records = await read(sample)
    const expired = records.filter((record) => record.expired)
    assert.ok(expired.length > 0)
    const untouched = records.filter(({ event }) => event?.['caller'] === 'key:ci')
    assert.equal(untouched.length, count / 4)
    const released = await ledger.applyRetention({ rules, heldSubjects: [], isDryRun: false })
    assert.equal(released.bodies, held.heldBodies)
  })
  await assertSound(sample)
})

test('whole records go by segments; the log opens, reads, follows and grows on', async () => {
  const sample = await filled()
  const before = await read(sample)
  const { records, minimumIndex } = await retain(sample, { bodiesMs: {}, recordsMs: 2 * dayMs })
  assert.ok(records > 0)
  assert.equal(firstIndex(sample), minimumIndex)
  assert.equal(readFileSync(join(sample.dir, 'minimum-index'), 'utf8'), `${minimumIndex}\n`)
  await assertSound(sample)
  await withLedger(sample, (ledger) => ledger.append(sampleRecord(1)))
  await assertSound(sample)
  const after = await read(sample)
  assert.equal(after[0]?.index, minimumIndex)
  assert.deepEqual(after[0]?.event, before[minimumIndex]?.event)
  const [one] = await collect(readLedger(sample.dir, { from: minimumIndex + 5 }))
  assert.equal(one?.index, minimumIndex + 5)
  // and again, later
  sample.clock.advance(dayMs)
  await withLedger(sample, async (ledger) => {
    for (let number = 0; number < 60; number += 1)
      await ledger.append(sampleRecord(number, { timeMs: sample.clock.nowMs() }))
  })
  assert.ok((await retain(sample, { bodiesMs: {}, recordsMs: 2 * dayMs })).minimumIndex > minimumIndex)
  await assertSound(sample)
})

test('records of a subject under hold, and what is not exported yet, stay', async () => {
  const sample = await filled()
  const rules = { bodiesMs: {}, recordsMs: dayMs }
  assert.equal((await retain(sample, rules, { heldSubjects: ['key:ci'] })).records, 0)
  const some = await retain(sample, rules, { minimumExported: 60 })
  assert.ok(some.minimumIndex > 0 && some.minimumIndex <= 60)
  await assertSound(sample)
})

test('bodies that are not exported yet stay, however old they are', async () => {
  const sample = await filled()
  const rules = { bodiesMs: { decision: dayMs, completion: dayMs } }
  assert.equal((await retain(sample, rules, { minimumExported: 0 })).bodies, 0)
  const some = await retain(sample, rules, { minimumExported: 60 })
  assert.ok(some.bodies > 0)
  const expired = (await read(sample)).filter((record) => record.expired)
  assert.ok(expired.every(({ index }) => index < 60))
  assert.equal(expired.length, some.bodies)
  await assertSound(sample)
  // and once they are exported they go
  assert.ok((await retain(sample, rules)).bodies > 0)
  await assertSound(sample)
})

test('an erasure from before and after pruning is still vouched for', async () => {
  const sample = await filled()
  await withLedger(sample, async (ledger) => {
    await ledger.eraseSubject('agent:concierge')
    await ledger.applyRetention({
      rules: { bodiesMs: { decision: dayMs }, recordsMs: 2 * dayMs },
      heldSubjects: [],
      isDryRun: false,
    })
    await ledger.eraseSubject('key:ci')
  })
  await assertSound(sample)
})

test('what is damaged is left as it lies', async () => {
  const sample = await filled()
  const path = join(sample.dir, 'segments', segments(sample)[0] ?? '')
  const bytes = readFileSync(path)
  bytes[900] = (bytes[900] ?? 0) ^ 1
  writeFileSync(path, bytes)
  await assert.rejects(retain(sample, { bodiesMs: { decision: dayMs } }), /damaged/)
  assert.deepEqual(readFileSync(path), bytes)
})

test('tiles of pruned records go as well, but for the few by which the edge is proven', async () => {
  const sample = createSample()
  const ledger = await sample.open({ segmentSize: 262_144 })
  for (let first = 0; first < 6_000; first += 200) {
    const some = Array.from({ length: 200 }, (_, at) => sampleRecord(first + at, { timeMs: sampleStartMs + first }))
    await Promise.all(some.map((record) => ledger.append(record)))
  }
  await ledger.close()
  const tiles = (): number => readdirSync(join(sample.dir, 'tile', 'entries')).length
  const before = tiles()
  sample.clock.advance(dayMs)
  const { minimumIndex } = await retain(sample, { bodiesMs: {}, recordsMs: hourMs })
  assert.ok(minimumIndex > 3_000)
  assert.ok(tiles() < before)
  await assertSound(sample)
  await withLedger(sample, (again) => again.append(sampleRecord(1)))
  await assertSound(sample)
})
