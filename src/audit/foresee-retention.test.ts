// What is foreseen is what the writer would do, of a log that nobody has open; and nothing of it is changed.

import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createSample, sampleKeyEncryptionKey, sampleRecord, sampleStartMs } from '../../test/fakes/sample-ledger.ts'
import { foreseeErasure, foreseeRetention, foreseeVouchedMs } from './foresee-retention.ts'
import type { WantedRetention } from './ledger.ts'

const hourMs = 3_600_000
const sample = createSample()
const filling = await sample.open()
for (let number = 0; number < 60; number += 1) {
  await filling.append(sampleRecord(number, { timeMs: sampleStartMs + number * hourMs }))
  sample.clock.advance(hourMs)
}
await filling.close()
const { origin } = filling
const log = { dir: sample.dir, origin, keyEncryptionKey: sampleKeyEncryptionKey }

const files = (): string[] =>
  readdirSync(sample.root, { recursive: true, encoding: 'utf8' })
    .toSorted()
    .map((path) => `${path} ${statSync(join(sample.root, path)).mtimeMs}`)

test('retention is foreseen as a dry run of the writer says it', async () => {
  const wishes: Partial<WantedRetention>[] = [
    {},
    { rules: { bodiesMs: { decision: 24 * hourMs, completion: 12 * hourMs } } },
    { rules: { bodiesMs: {}, recordsMs: 30 * hourMs } },
    { rules: { bodiesMs: { decision: 24 * hourMs } }, heldSubjects: ['key:ci'] },
    { rules: { bodiesMs: {}, recordsMs: 30 * hourMs }, minimumExported: 45 },
  ]
  for (const wish of wishes) {
    const wanted = { rules: { bodiesMs: {} }, heldSubjects: [], vouchedMs: Infinity, ...wish }
    const before = files()
    const foreseen = await foreseeRetention(log, wanted, sample.clock)
    assert.deepEqual(files(), before)
    const ledger = await sample.open()
    const dry = await ledger.applyRetention({ ...wanted, isDryRun: true })
    await ledger.close()
    assert.deepEqual(foreseen, dry)
    if (wish.rules !== undefined) assert.ok(dry.bodies + dry.records > 0, JSON.stringify([wish, dry]))
  }
})

test('the time that a closed log vouches for is that of an open one', async () => {
  const foreseen = await foreseeVouchedMs(log, sample.clock)
  const ledger = await sample.open()
  assert.equal(foreseen, await ledger.vouchedMs())
  await ledger.close()
})

test('what a log has of a subject is foreseen, and of a stranger nothing', async () => {
  const ledger = await sample.open()
  for (const subject of ['key:ci', 'key:nobody'])
    assert.deepEqual(await foreseeErasure(log, subject), await ledger.findSubject(subject))
  assert.equal((await foreseeErasure(log, 'key:nobody')).lines, 0)
  await ledger.close()
})
