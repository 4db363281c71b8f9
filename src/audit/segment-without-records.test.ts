// A writer that was killed after it began a segment and before its first group leaves a header and nothing behind it.
// Whoever reads such a log comes to an end, and goes on when there is more.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { collect, createSample, sampleRecord, type Sample } from '../../test/fakes/sample-ledger.ts'
import { createEdge } from '../tlog/merkle.ts'
import { createLedgerReader, readLedger } from './read-ledger.ts'
import { formatSegmentHeader, segmentName } from './segment.ts'
import { verifyLedger } from './verify-ledger.ts'

async function killedAfterHeader(count: number): Promise<{ sample: Sample; size: number }> {
  const sample = createSample()
  const ledger = await sample.open()
  for (let number = 0; number < count; number += 1) await ledger.append(sampleRecord(number))
  const { origin, size } = ledger
  const note = Buffer.from(ledger.checkpoint())
  await ledger.close()
  const edge = createEdge()
  for (const { leafHash } of await collect(readLedger(sample.dir))) edge.append(Buffer.from(leafHash, 'base64url'), 0)
  const header = formatSegmentHeader({ firstIndex: size, origin, edge, note })
  writeFileSync(join(sample.dir, 'segments', segmentName(size)), header)
  return { sample, size }
}

test('reading ends behind a segment that holds no record, from wherever it began', async () => {
  const { sample, size } = await killedAfterHeader(5)
  assert.deepEqual((await verifyLedger(sample.root)).problems, [])
  for (const from of [0, size - 1, size, size + 1]) {
    const records = await collect(readLedger(sample.dir, { from }))
    assert.equal(records.length, Math.max(0, size - from), `from ${from}`)
  }
})

test('who follows the log reads on in that segment', async () => {
  const { sample, size } = await killedAfterHeader(5)
  const reader = createLedgerReader(sample.dir)
  assert.equal((await collect(reader.read())).length, size)
  assert.deepEqual(await collect(reader.read()), [])
  const ledger = await sample.open()
  await ledger.append(sampleRecord(99))
  assert.deepEqual(
    (await collect(reader.read())).map(({ index }) => index),
    [size],
  )
  await reader.close()
  await ledger.close()
})
