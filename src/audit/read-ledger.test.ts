// Reading: in order, from anywhere, while somebody writes, and never past the last commit.

import assert from 'node:assert/strict'
import { appendFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  collect,
  createSample,
  sampleKeyEncryptionKey,
  sampleRecord,
  type Sample,
} from '../../test/fakes/sample-ledger.ts'
import { Fault } from '../base/fault.ts'
import { createLedgerReader, readLedger } from './read-ledger.ts'

const corrupt = (error: unknown): boolean => error instanceof Fault && error.code === 'LEDGER_CORRUPT'

async function written(count: number, segmentSize: number): Promise<Sample> {
  const sample = createSample()
  const ledger = await sample.open({ segmentSize })
  for (let number = 0; number < count; number += 1) await ledger.append(sampleRecord(number))
  await ledger.close()
  return sample
}

test('gives the records from any index on', async () => {
  const sample = await written(25, 6_000)
  const all = await collect(readLedger(sample.dir))
  assert.ok(readdirSync(join(sample.dir, 'segments')).length > 3)
  for (let from = 0; from <= all.length + 1; from += 1) {
    const records = await collect(readLedger(sample.dir, { from }))
    assert.deepEqual(
      records.map((record) => record.index),
      all.slice(from).map((record) => record.index),
    )
  }
})

test('follows a log that is being written, over segments and new subjects, without reading anything twice', async () => {
  const sample = createSample()
  const ledger = await sample.open({ segmentSize: 5_000 })
  const reader = createLedgerReader(sample.dir, { keyEncryptionKey: sampleKeyEncryptionKey })
  const seen: number[] = []
  for (let number = 0; number < 40; number += 1) {
    await Promise.all(
      [0, 1, 2]
        .slice(0, (number % 3) + 1)
        .map(() => ledger.append(sampleRecord(number, { subject: `key:${number % 9}` }))),
    )
    for await (const record of reader.read()) {
      seen.push(record.index)
      if (record.envelope.body !== '') assert.notEqual(record.event, undefined)
    }
    assert.equal(seen.length, ledger.size)
  }
  assert.deepEqual(seen, Array.from(seen.keys()))
  assert.deepEqual(await collect(reader.read()), [])
  await reader.close()
  await ledger.close()
})

test('a reader that was left in the middle goes on there', async () => {
  const sample = await written(9, 1_000_000)
  const reader = createLedgerReader(sample.dir)
  for await (const record of reader.read()) if (record.index === 3) break
  assert.equal(reader.next, 4)
  await reader.close()
  assert.equal((await collect(reader.read()))[0]?.index, 4)
  await reader.close()
})

test('does not give what no commit ends', async () => {
  const sample = await written(3, 1_000_000)
  const path = join(sample.dir, 'segments/00000000000000000000.seg')
  const size = (await collect(readLedger(sample.dir))).length
  const bytes = readFileSync(path)
  appendFileSync(path, bytes.subarray(bytes.readUInt32LE(12), bytes.readUInt32LE(12) + 300))
  assert.equal((await collect(readLedger(sample.dir))).length, size)
})

test('a log that does not exist, or has not begun, has no records', async () => {
  assert.deepEqual(await collect(readLedger(join(createSample().root, 'nowhere'))), [])
})

test('throws on a changed record instead of giving it out', async () => {
  const sample = await written(6, 1_000_000)
  const path = join(sample.dir, 'segments/00000000000000000000.seg')
  const bytes = readFileSync(path)
  bytes[bytes.indexOf('"outcome":"') + 12] = 0x78
  writeFileSync(path, bytes)
  await assert.rejects(collect(readLedger(sample.dir)), corrupt)
})

test('throws where a segment is missing in the middle', async () => {
  const sample = await written(25, 6_000)
  rmSync(join(sample.dir, 'segments', readdirSync(join(sample.dir, 'segments')).toSorted()[1] ?? ''))
  await assert.rejects(collect(readLedger(sample.dir)), corrupt)
})

test('a destroyed key line takes the events of its subject and month, and no others', async () => {
  const sample = await written(8, 1_000_000)
  const path = join(sample.dir, 'subjects.keys')
  const [, ...rest] = readFileSync(path, 'latin1').split('\n')
  writeFileSync(path, rest.join('\n'))
  const records = await collect(readLedger(sample.dir, { keyEncryptionKey: sampleKeyEncryptionKey }))
  const bodies = records.filter((record) => record.envelope.body !== '')
  assert.deepEqual(
    bodies.map((record) => record.event === undefined),
    [true, false, false, false, true, false, false, false],
  )
})
