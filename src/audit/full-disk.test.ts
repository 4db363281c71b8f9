// A disk that is full, read-only or dying. Nothing is acknowledged that is not durable; a full disk recovers in
// process and leaves no gap; a failed sync ends the ledger for good.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createFaultyDisk, type DiskCall } from '../../test/fakes/faulty-disk.ts'
import {
  collect,
  copySample,
  createSample,
  sampleKeyEncryptionKey,
  sampleRecord,
  type Sample,
} from '../../test/fakes/sample-ledger.ts'
import { Fault } from '../base/fault.ts'
import { readLedger } from './read-ledger.ts'
import { verifyLedger } from './verify-ledger.ts'

const refusedWith =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof Fault && error.code === code

const isSegment = (path: string): boolean => path.endsWith('.seg')

/** A log that has begun, so that its segment is opened under its name. */
async function begunSample(): Promise<Sample> {
  const sample = createSample()
  await (await sample.open()).close()
  return sample
}

for (const [code, fault, status] of [
  ['ENOSPC', 'LEDGER_FULL', 'full'],
  ['EDQUOT', 'LEDGER_FULL', 'full'],
  ['EROFS', 'LEDGER_UNWRITABLE', 'unwritable'],
  ['EIO', 'LEDGER_UNWRITABLE', 'unwritable'],
  ['EACCES', 'LEDGER_UNWRITABLE', 'unwritable'],
] as const) {
  for (const writes of [0, 1, 700]) {
    test(`${code} after ${writes} bytes of a group refuses its records, and the next write recovers`, async () => {
      const sample = await begunSample()
      const disk = createFaultyDisk()
      const ledger = await sample.open({ fs: disk })
      const before = await ledger.append(sampleRecord(0))
      disk.plan = (call, path) => (call === 'write' && isSegment(path) ? { code, writes } : undefined)
      for (let attempt = 0; attempt < 3; attempt += 1) {
        await assert.rejects(ledger.append(sampleRecord(1)), refusedWith(fault))
        assert.equal(ledger.status, status)
      }
      assert.equal(ledger.size, before.index + 1)
      disk.plan = () => undefined
      // a subject seen first while the disk was full: its key line comes with it
      assert.equal((await ledger.append(sampleRecord(1))).index, before.index + 2)
      assert.equal((await ledger.append(sampleRecord(1))).index, before.index + 3)
      assert.equal(ledger.status, 'writable')
      await ledger.close()
      assert.deepEqual((await verifyLedger(sample.root)).problems, [])
      assert.deepEqual(sample.faults, [])
    })
  }
}

test('a probe finds out that the disk has room again, and says so in the ledger', async () => {
  const sample = await begunSample()
  const disk = createFaultyDisk()
  const ledger = await sample.open({ fs: disk })
  const { size } = ledger
  assert.equal(await ledger.probe(), true)
  assert.equal(ledger.size, size, 'nothing is written while all is well')
  disk.plan = (call) => (call === 'write' ? 'ENOSPC' : undefined)
  await assert.rejects(ledger.append(sampleRecord(0)), Fault)
  assert.equal(await ledger.probe(), false)
  assert.equal(ledger.status, 'full')
  disk.plan = () => undefined
  assert.equal(await ledger.probe(), true)
  assert.equal(ledger.status, 'writable')
  await ledger.close()
  const records = await collect(readLedger(sample.dir))
  assert.equal(records.at(-1)?.envelope.operation, 'recording-resumed')
  assert.equal(await ledger.probe(), false)
})

test('a full disk where not even cutting back works leaves nothing behind once it recovers', async () => {
  const sample = await begunSample()
  const disk = createFaultyDisk()
  const ledger = await sample.open({ fs: disk })
  await ledger.append(sampleRecord(0))
  disk.plan = (call) => (call === 'write' ? { code: 'ENOSPC', writes: 90 } : call === 'truncate' ? 'EIO' : undefined)
  for (const number of [1, 2, 3]) await assert.rejects(ledger.append(sampleRecord(number)), Fault)
  disk.plan = () => undefined
  await ledger.append(sampleRecord(0))
  await ledger.append(sampleRecord(4))
  const killed = copySample(sample)
  await ledger.close()
  assert.deepEqual((await verifyLedger(sample.root)).problems, [])
  await (await killed.open()).close()
  assert.deepEqual((await verifyLedger(killed.root)).problems, [])
})

for (const path of ['subjects.keys', 'next.tmp']) {
  for (const call of ['write', 'open', 'rename'] as const satisfies DiskCall[]) {
    if (path === 'subjects.keys' && call !== 'write') continue
    test(`ENOSPC at ${call} of ${path} refuses, and recovers`, async () => {
      const sample = createSample()
      const disk = createFaultyDisk()
      const ledger = await sample.open({ fs: disk, segmentSize: 1 })
      await ledger.append(sampleRecord(0))
      disk.plan = (at, name) =>
        at === call && (name.endsWith(path) || (at === 'rename' && isSegment(name)))
          ? { code: 'ENOSPC', writes: 20 }
          : undefined
      await assert.rejects(ledger.append(sampleRecord(1)), refusedWith('LEDGER_FULL'))
      disk.plan = () => undefined
      await ledger.append(sampleRecord(1))
      await ledger.append(sampleRecord(2))
      await ledger.close()
      assert.deepEqual((await verifyLedger(sample.root)).problems, [])
    })
  }
}

test('pseudonyms that were never written do not come back as others', async () => {
  const sample = createSample()
  const disk = createFaultyDisk()
  const ledger = await sample.open({ fs: disk })
  disk.plan = (call) => (call === 'write' ? 'ENOSPC' : undefined)
  await Promise.allSettled(
    Array.from({ length: 50 }, (_, number) => ledger.append(sampleRecord(number, { subject: `key:new-${number}` }))),
  )
  disk.plan = () => undefined
  await Promise.all(
    Array.from({ length: 100 }, (_, number) =>
      ledger.append(sampleRecord(number, { subject: `key:new-${number % 50}` })),
    ),
  )
  await ledger.close()
  const records = await collect(readLedger(sample.dir, { keyEncryptionKey: sampleKeyEncryptionKey }))
  assert.equal(records.filter((record) => record.envelope.kind === 'subject-key').length, 50)
  assert.deepEqual((await verifyLedger(sample.root)).problems, [])
})

for (const [name, segmentSize, hits] of [
  ['a segment', 1_000_000, isSegment],
  ['the key lines', 1_000_000, (path: string) => path.endsWith('subjects.keys')],
  ['a segment that begins', 1, (path: string) => path.endsWith('next.tmp')],
] as const) {
  test(`a failed sync of ${name} ends the ledger: nothing more is taken, and the process is told once`, async () => {
    const sample = await begunSample()
    const disk = createFaultyDisk()
    const ledger = await sample.open({ fs: disk, segmentSize })
    await ledger.append(sampleRecord(0))
    disk.plan = (call, path) => (call === 'datasync' && hits(path) ? 'EIO' : undefined)
    const waiting = Array.from({ length: 400 }, (_, number) => ledger.append(sampleRecord(number)))
    for (const result of await Promise.allSettled(waiting)) assert.equal(result.status, 'rejected')
    disk.plan = () => undefined
    await assert.rejects(ledger.append(sampleRecord(1)), refusedWith('LEDGER_UNWRITABLE'))
    assert.equal(ledger.status, 'failed')
    assert.equal(sample.faults.length, 1)
    await ledger.close()
    assert.equal(ledger.status, 'failed')
  })
}

test('a failed sync of the segments folder ends the ledger', async () => {
  const sample = createSample()
  const disk = createFaultyDisk()
  const ledger = await sample.open({ fs: disk, segmentSize: 1 })
  disk.plan = (call) => (call === 'syncFolder' ? 'EIO' : undefined)
  await assert.rejects(ledger.append(sampleRecord(1)), refusedWith('LEDGER_UNWRITABLE'))
  assert.equal(ledger.status, 'failed')
  await ledger.close()
})

test('no record is acknowledged before its sync has ended', async () => {
  const sample = await begunSample()
  const disk = createFaultyDisk()
  const ledger = await sample.open({ fs: disk })
  await ledger.append(sampleRecord(0))
  disk.calls.length = 0
  await ledger.append(sampleRecord(0)).then(() => disk.calls.push('acknowledged'))
  const segment = '00000000000000000000.seg'
  assert.deepEqual(disk.calls, [`write ${segment}`, `datasync ${segment}`, 'acknowledged'])
  disk.calls.length = 0
  await ledger.append(sampleRecord(1)).then(() => disk.calls.push('acknowledged'))
  assert.deepEqual(disk.calls, [
    'write subjects.keys',
    'datasync subjects.keys',
    `write ${segment}`,
    `datasync ${segment}`,
    'acknowledged',
  ])
  await ledger.close()
})

test('a checkpoint file that cannot be written stops nobody, and is tried again', async () => {
  const sample = createSample()
  const disk = createFaultyDisk()
  const ledger = await sample.open({ fs: disk })
  disk.plan = (call, path) => (call === 'rename' && path.endsWith('checkpoint') ? 'EIO' : undefined)
  await ledger.append(sampleRecord(0))
  await ledger.close()
  assert.equal(ledger.stats.checkpointFailures, 1)
  const again = await sample.open()
  await again.close()
  assert.deepEqual((await verifyLedger(sample.root)).problems, [])
})

test('a ledger cannot be begun on a full disk, and can be once there is room', async () => {
  const sample = createSample()
  for (const full of ['key.vkey.tmp', 'subjects.keys.tmp', 'checkpoint.tmp', 'next.tmp']) {
    const disk = createFaultyDisk()
    disk.plan = (call, path) => (call === 'write' && path.endsWith(full) ? { code: 'ENOSPC', writes: 5 } : undefined)
    await assert.rejects(sample.open({ fs: disk }), refusedWith('LEDGER_FULL'), full)
  }
  await (await sample.open()).close()
  assert.deepEqual((await verifyLedger(sample.root)).problems, [])
})
