// Proofs, exports and receipts of a log that has lived: its signing key was rotated, its first records were pruned, its
// bodies have expired.

import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { exportText, verifyText } from '../../test/fakes/exported-ledger.ts'
import { createRotatingSample } from '../../test/fakes/rotating-ledger.ts'
import { createSample, sampleRecord, sampleKeyEncryptionKey, sampleStartMs } from '../../test/fakes/sample-ledger.ts'
import { trust } from '../../test/fakes/written-ledger.ts'
import type { Receipt } from '../exchange/exchange.ts'
import { recordsWritten } from './count-records.ts'
import { openFields, readRecordAt } from './disclose.ts'
import { formatRecordProof, proveRecord, readLogKeys } from './prove.ts'
import { verifyProof } from './verify-proof.ts'
import { verifyReceipt } from './verify-receipt.ts'

const dayMs = 86_400_000

test('a log with several keys: each proof needs one that signed its checkpoint', async () => {
  const sample = createRotatingSample()
  const ledger = await sample.open()
  await ledger.append(sampleRecord(0))
  await ledger.rotateKey(dayMs)
  const { index } = await ledger.append(sampleRecord(1))
  await ledger.close()
  const [first, second] = (await readLogKeys(sample.dir)).map(({ vkey }) => vkey)
  if (first === undefined || second === undefined) assert.fail()
  const overlap = formatRecordProof((await proveRecord(sample.dir, index)) ?? assert.fail())
  for (const keys of [[first], [second], [first, second]]) assert.ok(verifyProof(overlap, trust(keys)).ok)
  sample.clock.advance(dayMs)
  const again = await sample.open()
  await again.append(sampleRecord(2))
  await again.close()
  const later = formatRecordProof((await proveRecord(sample.dir, index)) ?? assert.fail())
  assert.ok(verifyProof(later, trust([second])).ok)
  assert.match(JSON.stringify(verifyProof(later, trust([first]))), /not signed by a key that was given/)
  const { text } = (await exportText(sample.dir)) ?? assert.fail()
  assert.ok((await verifyText(text, trust([first, second]))).ok)
  assert.match(JSON.stringify(await verifyText(text, trust([second]))), /checkpoint before its records/)
})

const sample = createSample()
const hourMs = 3_600_000
const receipts: Receipt[] = []
{
  const ledger = await sample.open()
  for (let number = 0; number < 700; number += 10) {
    const batch = Array.from({ length: 10 }, (_, at) =>
      ledger.append(sampleRecord(number + at, { timeMs: sampleStartMs + (number + at) * hourMs })),
    )
    receipts.push(...(await Promise.all(batch)))
  }
  sample.clock.advance(700 * hourMs)
  const rules = { bodiesMs: { decision: 50 * hourMs }, recordsMs: 100 * hourMs }
  await ledger.applyRetention({ rules, heldSubjects: [], isDryRun: false })
  await ledger.close()
}
const [oldest] = receipts
const newest = receipts.at(-1)
const expired = receipts.at(-81)
if (oldest === undefined || newest === undefined || expired === undefined) assert.fail()
const trusted = trust((await readLogKeys(sample.dir)).map(({ vkey }) => vkey))

test('a record that was pruned has no proof, and it is said why', async () => {
  await assert.rejects(proveRecord(sample.dir, oldest.index), {
    message: /was pruned: the log holds records from \d+ on/,
  })
})

test('what is left of a pruned log is proven and exported as before', async () => {
  const bytes = formatRecordProof((await proveRecord(sample.dir, newest.index)) ?? assert.fail())
  assert.ok(verifyProof(bytes, trusted).ok)
  const { text, summary } = (await exportText(sample.dir)) ?? assert.fail()
  assert.ok(summary.fromSize > 256)
  assert.ok((await verifyText(text, trusted)).ok)
})

test('a body that has expired cannot be disclosed or exported; its record is proven all the same', async () => {
  const { index } = expired
  const record = (await readRecordAt(sample.dir, index, sampleKeyEncryptionKey)) ?? assert.fail()
  assert.equal(record.event, undefined)
  assert.throws(() => openFields(record, ['caller']), { code: 'KEY_UNREADABLE' })
  assert.ok(verifyProof(formatRecordProof((await proveRecord(sample.dir, index)) ?? assert.fail()), trusted).ok)
  const { text, summary } = (await exportText(sample.dir, { withEvents: true })) ?? assert.fail()
  assert.ok(summary.unreadable > 0 && summary.unreadable < summary.matching)
  const verdict = await verifyText(text, trusted)
  assert.ok(verdict.ok)
  assert.ok(verdict.value.provenEvents > 0)
})

test('a receipt for what was pruned is never called missing', async () => {
  const ask = async (receipt: Receipt): Promise<string> => {
    const evidence = { kind: 'log', dir: sample.dir, recordsWritten: await recordsWritten(sample.dir) } as const
    const verdict = await verifyReceipt({ receipt, signature: undefined, kept: undefined, trusted, evidence })
    return verdict.finding
  }
  assert.equal(await ask(newest), 'included')
  assert.equal(await ask(expired), 'included')
  assert.equal(await ask(oldest), 'included', 'as long as its hash is there')
  rmSync(join(sample.dir, 'tile/0/000'))
  assert.equal(await ask(oldest), 'not-covered')
  assert.equal(await ask(newest), 'included')
})
