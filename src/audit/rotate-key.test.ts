// A log changes its signing key while it is written: nothing is lost, both keys sign over the overlap, and a kill
// between any two steps leaves a log that opens, verifies, and is signed by exactly the keys its records name.

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createFaultyDisk } from '../../test/fakes/faulty-disk.ts'
import { createRotatingSample, type RotatingSample } from '../../test/fakes/rotating-ledger.ts'
import { loadMemoryDisk } from '../../test/fakes/memory-disk.ts'
import { collect, sampleName, sampleRecord } from '../../test/fakes/sample-ledger.ts'
import { Fault, type FaultCode } from '../base/fault.ts'
import type { Ledger } from './ledger.ts'
import { readLedger } from './read-ledger.ts'
import { verifyLedger } from './verify-ledger.ts'

const dayMs = 86_400_000
const refusedWith =
  (code: FaultCode) =>
  (error: unknown): boolean =>
    error instanceof Fault && error.code === code

async function appendSome(ledger: Ledger, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, number) => ledger.append(sampleRecord(number))))
}

async function verifies(sample: RotatingSample): Promise<void> {
  const { problems } = await verifyLedger(sample.root)
  assert.deepEqual(problems, [])
}

const pem = (sample: RotatingSample, suffix = ''): string =>
  join(sample.dataDir, 'keys', `ledger-${sampleName}${suffix}.pem`)
const signaturesOf = (note: string): number => note.split('\n— ').length - 1

test('a rotation under load loses nothing and is seen in every later checkpoint', async () => {
  const sample = createRotatingSample()
  const ledger = await sample.open()
  const first = ledger.vkey
  const receipts: Promise<{ index: number }>[] = []
  for (let number = 0; number < 200; number += 1) receipts.push(ledger.append(sampleRecord(number)))
  const rotated = ledger.rotateKey(dayMs)
  for (let number = 200; number < 400; number += 1) receipts.push(ledger.append(sampleRecord(number)))
  const { vkey, retiring, retiresAtMs } = await rotated
  assert.equal(new Set((await Promise.all(receipts)).map(({ index }) => index)).size, 400)
  assert.equal(retiring, first)
  assert.equal(ledger.vkey, vkey)
  assert.equal(retiresAtMs, sample.clock.nowMs() + dayMs)
  assert.equal(signaturesOf(ledger.checkpoint()), 2)
  sample.clock.advance(dayMs)
  await Promise.all([ledger.tick(), ...Array.from({ length: 50 }, (_, number) => ledger.append(sampleRecord(number)))])
  await ledger.append(sampleRecord(1))
  assert.equal(signaturesOf(ledger.checkpoint()), 1)
  await ledger.close()
  await verifies(sample)
  assert.deepEqual([existsSync(pem(sample)), existsSync(pem(sample, '-2'))], [false, true])
  assert.equal(readFileSync(join(sample.dir, 'key.vkey'), 'utf8'), `${first}\n${vkey}\n`)
  const again = await sample.open()
  assert.equal(again.vkey, vkey)
  await again.close()
  await verifies(sample)
})

test('three rotations, one after the other, verify from the first key on', async () => {
  const sample = createRotatingSample()
  const ledger = await sample.open()
  const first = ledger.vkey
  for (let round = 0; round < 3; round += 1) {
    await ledger.rotateKey(1_000)
    await appendSome(ledger, 3)
    sample.clock.advance(1_000)
    await ledger.tick()
    await appendSome(ledger, 3)
  }
  const { vkey } = ledger
  await ledger.close()
  await verifies(sample)
  for (const trusted of [first, vkey])
    assert.equal((await verifyLedger(sample.root, { trustedKeys: [trusted] })).ok, true, trusted)
})

test('with no overlap the old key signs until its successor is recorded, and no longer', async () => {
  const sample = createRotatingSample()
  const ledger = await sample.open()
  await ledger.rotateKey(0)
  await ledger.tick()
  await ledger.append(sampleRecord(1))
  assert.equal(signaturesOf(ledger.checkpoint()), 1)
  await ledger.close()
  await verifies(sample)
})

test('a second rotation while two keys sign is refused and changes nothing', async () => {
  const sample = createRotatingSample()
  const ledger = await sample.open()
  const { vkey } = await ledger.rotateKey(dayMs)
  const { size } = ledger
  await assert.rejects(ledger.rotateKey(dayMs), refusedWith('CONTROL_FAILED'))
  assert.equal(ledger.size, size)
  assert.equal(ledger.vkey, vkey)
  assert.deepEqual(readdirSync(join(sample.dataDir, 'keys')).length, 3)
  await ledger.close()
})

test('two rotations that are asked for at once are one', async () => {
  const sample = createRotatingSample()
  const ledger = await sample.open()
  const results = await Promise.allSettled([ledger.rotateKey(dayMs), ledger.rotateKey(dayMs)])
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  )
  await ledger.close()
  await verifies(sample)
})

for (const overlapMs of [-1, Number.NaN, 31 * dayMs]) {
  test(`an overlap of ${overlapMs} ms is refused`, async () => {
    const ledger = await createRotatingSample().open()
    await assert.rejects(ledger.rotateKey(overlapMs), refusedWith('CONTROL_FAILED'))
    await ledger.close()
  })
}

test('an overlap that ended while nothing ran ends at the next open', async () => {
  const sample = createRotatingSample()
  const ledger = await sample.open()
  await ledger.rotateKey(dayMs)
  await ledger.append(sampleRecord(1))
  await ledger.close()
  sample.clock.advance(dayMs + 1)
  const again = await sample.open()
  await again.append(sampleRecord(2))
  assert.equal(signaturesOf(again.checkpoint()), 1)
  assert.equal(existsSync(pem(sample)), false)
  await again.close()
  await verifies(sample)
})

test('a key of which nobody can say when it retires has signed long enough', async () => {
  const sample = createRotatingSample()
  const ledger = await sample.open()
  await ledger.rotateKey(dayMs)
  await ledger.close()
  writeFileSync(join(sample.dataDir, 'keys', `ledger-${sampleName}.retiring`), '{"key":')
  const again = await sample.open()
  await again.append(sampleRecord(2))
  assert.equal(signaturesOf(again.checkpoint()), 1)
  await again.close()
  await verifies(sample)
})

test('a key that must sign and is gone is a fault, and the log is left as it is', async () => {
  const sample = createRotatingSample()
  const ledger = await sample.open()
  await ledger.rotateKey(dayMs)
  await ledger.append(sampleRecord(1))
  await ledger.close()
  for (const suffix of ['', '-2']) {
    const copy = sample.copy()
    rmSync(pem(copy, suffix))
    await assert.rejects(copy.open(), refusedWith('LEDGER_CORRUPT'))
    await verifies(copy)
  }
})

test('a key.vkey that cannot be written holds back records, and nothing else is needed when it can', async () => {
  const sample = createRotatingSample()
  const disk = createFaultyDisk()
  const ledger = await sample.open({ fs: disk })
  disk.plan = (call, path) => (call === 'open' && path.endsWith('key.vkey.tmp') ? 'ENOSPC' : undefined)
  await assert.rejects(ledger.rotateKey(dayMs), refusedWith('LEDGER_FULL'))
  assert.equal(ledger.status, 'full')
  await assert.rejects(ledger.append(sampleRecord(1)), refusedWith('LEDGER_FULL'))
  const killed = sample.copy()
  disk.plan = () => undefined
  assert.equal(await ledger.probe(), true)
  assert.equal(signaturesOf(ledger.checkpoint()), 2)
  await ledger.close()
  await verifies(sample)
  const { problems, notes } = await verifyLedger(killed.root)
  assert.deepEqual(problems, [])
  assert.ok(notes.some(({ file }) => file === 'key.vkey'))
  const reopened = await killed.open()
  await reopened.append(sampleRecord(1))
  assert.equal(signaturesOf(reopened.checkpoint()), 2)
  await reopened.close()
  await verifies(killed)
})

test('a keys folder that cannot be written refuses the rotation and nothing else', async () => {
  const sample = createRotatingSample()
  const disk = createFaultyDisk()
  const ledger = await sample.open({ fs: disk })
  disk.plan = (call, path) => (call === 'open' && path.includes('/keys/') ? 'EACCES' : undefined)
  await assert.rejects(ledger.rotateKey(dayMs), refusedWith('LEDGER_UNWRITABLE'))
  assert.equal(ledger.status, 'writable')
  await ledger.append(sampleRecord(1))
  await ledger.close()
  await verifies(sample)
})

test('no segment begins right behind a record that changes the keys', async () => {
  const sample = createRotatingSample()
  const ledger = await sample.open({ segmentSize: 2_000 })
  for (let round = 0; round < 12; round += 1) {
    await ledger.rotateKey(0)
    await ledger.append(sampleRecord(round))
    await ledger.tick()
    await ledger.append(sampleRecord(round))
    if (round % 3 === 0) await ledger.append(sampleRecord(round))
  }
  await ledger.close()
  await verifies(sample)
  const begins = new Set(readdirSync(join(sample.dir, 'segments')).map((name) => Number(name.slice(0, 20))))
  assert.ok(begins.size > 5)
  for (const { envelope } of await collect(readLedger(sample.dir)))
    if (envelope.operation.startsWith('signing-key-')) assert.ok(!begins.has(envelope.index + 1))
  const again = await sample.open({ segmentSize: 2_000 })
  await again.append(sampleRecord(1))
  await again.close()
  await verifies(sample)
})

test('whoever verifies while keys change and records are written finds nothing', async () => {
  const sample = createRotatingSample()
  const ledger = await sample.open({ segmentSize: 4_000, checkpointIntervalMs: 1 })
  const isOver = { yet: false }
  const write = async (): Promise<void> => {
    for (let round = 0; round < 15; round += 1) {
      await ledger.rotateKey(0)
      await appendSome(ledger, 5)
      await ledger.tick()
      await appendSome(ledger, 5)
    }
    isOver.yet = true
  }
  const look = async (): Promise<number> => {
    let looks = 0
    for (; !isOver.yet; looks += 1) await verifies(sample)
    return looks
  }
  const [looks] = await Promise.all([look(), write()])
  assert.ok(looks > 1)
  await ledger.close()
  await verifies(sample)
})

test('a copy that has only the tiles verifies, whatever the keys of the time', async () => {
  const sample = createRotatingSample()
  const ledger = await sample.open()
  for (const overlapMs of [0, dayMs]) {
    await ledger.rotateKey(overlapMs)
    await appendSome(ledger, 3)
    await ledger.tick()
  }
  await ledger.close()
  rmSync(join(sample.dir, 'segments'), { recursive: true })
  rmSync(join(sample.dir, 'subjects.keys'))
  await verifies(sample)
  const lines = readFileSync(join(sample.dir, 'key.vkey'), 'utf8').split('\n')
  writeFileSync(join(sample.dir, 'key.vkey'), [lines[0], lines[2], lines[1], ''].join('\n'))
  assert.equal((await verifyLedger(sample.root)).ok, false)
})

test('a log whose records of its first keys have gone verifies by a key that signs what is left', async () => {
  const sample = createRotatingSample()
  const ledger = await sample.open({ segmentSize: 2_000 })
  const first = ledger.vkey
  await appendSome(ledger, 20)
  const { vkey } = await ledger.rotateKey(0)
  for (let round = 0; round < 20; round += 1) await ledger.append(sampleRecord(round))
  await ledger.tick()
  for (let round = 0; round < 20; round += 1) await ledger.append(sampleRecord(round))
  sample.clock.advance(3 * dayMs)
  for (let round = 0; round < 3; round += 1) await ledger.append(sampleRecord(round, { timeMs: sample.clock.nowMs() }))
  const { minimumIndex } = await ledger.applyRetention({
    rules: { bodiesMs: {}, recordsMs: dayMs },
    heldSubjects: [],
    isDryRun: false,
  })
  assert.ok(minimumIndex > 45)
  await ledger.append(sampleRecord(1))
  await ledger.close()
  await verifies(sample)
  assert.equal((await verifyLedger(sample.root, { trustedKeys: [vkey] })).ok, true)
  // nothing that is left says that the first key vouched for the second
  assert.equal((await verifyLedger(sample.root, { trustedKeys: [first] })).ok, false)
  const again = await sample.open()
  await again.rotateKey(0)
  await again.append(sampleRecord(1))
  await again.close()
  await verifies(sample)
})

test('a single byte that is changed in a log with two keys is found', async () => {
  const sample = createRotatingSample()
  const ledger = await sample.open()
  await ledger.append(sampleRecord(0))
  await ledger.rotateKey(dayMs)
  await ledger.append(sampleRecord(1))
  await ledger.close()
  const disk = loadMemoryDisk(sample.root)
  for (const [path, bytes] of disk.files) {
    const step = Math.max(1, Math.floor(bytes.length / 40))
    for (let at = 0; at < bytes.length; at += step) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 0x01
      disk.files.set(path, changed)
      assert.equal((await verifyLedger('', { fs: disk })).ok, false, `${path} at ${at}`)
    }
    disk.files.set(path, bytes)
  }
})
