// What a crash leaves: a group cut off anywhere, garbage behind the last commit, files half begun. Opening keeps
// every acknowledged record, or refuses; it never goes on from less than was signed.

import assert from 'node:assert/strict'
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { copySample, createSample, sampleRecord, type Sample } from '../../test/fakes/sample-ledger.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { Fault } from '../base/fault.ts'
import { verifyLedger } from './verify-ledger.ts'

const corrupt = (error: unknown): boolean => error instanceof Fault && error.code === 'LEDGER_CORRUPT'

function lastSegment(sample: Sample): string {
  return join(sample.dir, 'segments', readdirSync(join(sample.dir, 'segments')).toSorted().at(-1) ?? '')
}

/** A log with two groups in its last segment, as a kill would leave it: the checkpoint lags behind. */
async function killedLog(): Promise<{ sample: Sample; before: number; after: number; size: number }> {
  const live = createSample()
  const ledger = await live.open({ segmentSize: 1_000_000 })
  for (let number = 0; number < 3; number += 1) await ledger.append(sampleRecord(number))
  const before = statSync(lastSegment(live)).size
  const size = ledger.size
  await Promise.all([3, 4, 5].map((number) => ledger.append(sampleRecord(number))))
  const sample = copySample(live)
  await ledger.close()
  return { sample, before, after: statSync(lastSegment(sample)).size, size }
}

test('a log that was killed opens with everything that was acknowledged', async () => {
  const { sample } = await killedLog()
  const ledger = await sample.open()
  assert.equal(ledger.size, 11)
  assert.deepEqual(ledger.recovery, { truncatedBytes: 0, droppedKeyLines: 0 })
  await ledger.close()
})

test('a group cut off at any byte is taken back, and nothing before it', async () => {
  const { sample, before, after, size } = await killedLog()
  const whole = readFileSync(lastSegment(sample))
  const keys = readFileSync(join(sample.dir, 'subjects.keys'))
  const checkpoint = readFileSync(join(sample.dir, 'checkpoint'))
  const tiles = join(temporaryFolder(), 'tile')
  cpSync(join(sample.dir, 'tile'), tiles, { recursive: true })
  // every byte near the frames' heads, then steps
  for (let cut = before; cut < after; cut += cut < before + 40 || cut > after - 40 ? 1 : 61) {
    writeFileSync(lastSegment(sample), whole.subarray(0, cut))
    writeFileSync(join(sample.dir, 'subjects.keys'), keys)
    writeFileSync(join(sample.dir, 'checkpoint'), checkpoint)
    rmSync(join(sample.dir, 'tile'), { recursive: true })
    cpSync(tiles, join(sample.dir, 'tile'), { recursive: true })
    const seen = await verifyLedger(sample.root)
    assert.deepEqual(seen.problems, [], `cut at ${cut}`)
    assert.equal(seen.size, size)
    const ledger = await sample.open()
    assert.equal(ledger.size, size)
    assert.equal(ledger.recovery.truncatedBytes, cut - before)
    assert.ok((await ledger.append(sampleRecord(9))).index >= size)
    await ledger.close()
    assert.equal((await verifyLedger(sample.root)).ok, true)
  }
})

test('key lines of a group that was never written are dropped', async () => {
  const { sample, before } = await killedLog()
  truncateSync(lastSegment(sample), before)
  const ledger = await sample.open()
  assert.equal(ledger.recovery.droppedKeyLines, 1)
  await ledger.append(sampleRecord(3))
  await ledger.close()
  assert.equal((await verifyLedger(sample.root)).ok, true)
})

test('a key line cut off in the middle is dropped', async () => {
  const { sample, before } = await killedLog()
  truncateSync(lastSegment(sample), before)
  const keys = join(sample.dir, 'subjects.keys')
  truncateSync(keys, statSync(keys).size - 7)
  const ledger = await sample.open()
  assert.equal(ledger.recovery.droppedKeyLines, 1)
  await ledger.close()
  assert.equal((await verifyLedger(sample.root)).ok, true)
})

for (const [name, garbage] of [
  ['zeros', Buffer.alloc(5_000)],
  ['ones', Buffer.alloc(100, 0xff)],
  ['a plausible frame head', Buffer.from([10, 0, 0, 0, 1, 2, 3, 4, 1])],
  ['a frame that claims to be huge', Buffer.from([0xff, 0xff, 0xff, 0x7f, 1, 2, 3, 4, 2, 9, 9])],
  ['text', Buffer.from('sallyport.local/5a11e001\n99\nnot a root\n\n— x y\n'.repeat(40))],
] as const) {
  test(`${name} behind the last commit are cut off`, async () => {
    const { sample } = await killedLog()
    appendFileSync(lastSegment(sample), garbage)
    const ledger = await sample.open()
    assert.equal(ledger.size, 11)
    assert.equal(ledger.recovery.truncatedBytes, garbage.length)
    await ledger.append(sampleRecord(9))
    await ledger.close()
    assert.equal((await verifyLedger(sample.root)).ok, true)
  })
}

test('what an interrupted creation left is begun anew', async () => {
  const sample = createSample()
  await (await sample.open()).close()
  for (const name of ['key.vkey', 'segments/00000000000000000000.seg']) rmSync(join(sample.dir, name))
  const ledger = await sample.open()
  assert.equal(ledger.size, 1)
  await ledger.close()
  assert.equal((await verifyLedger(sample.root)).ok, true)
})

test('temporary files of an interrupted rename do no harm', async () => {
  const { sample } = await killedLog()
  for (const name of ['checkpoint.tmp', 'segments/next.tmp', 'subjects.keys.tmp'])
    writeFileSync(join(sample.dir, name), 'half')
  assert.equal((await verifyLedger(sample.root)).ok, true)
  const ledger = await sample.open({ segmentSize: 1_000 })
  await ledger.append(sampleRecord(9))
  await ledger.close()
  assert.equal((await verifyLedger(sample.root)).ok, true)
})

test('a log rolled back behind its checkpoint is refused', async () => {
  const { sample, before } = await killedLog()
  await (await sample.open()).close()
  truncateSync(lastSegment(sample), before)
  await assert.rejects(sample.open(), corrupt)
  assert.equal(statSync(lastSegment(sample)).size, before, 'and nothing was changed')
})

test('a log without its segments, or without its checkpoint, is refused', async () => {
  for (const name of ['segments', 'checkpoint']) {
    const { sample } = await killedLog()
    await (await sample.open()).close()
    rmSync(join(sample.dir, name), { recursive: true })
    await assert.rejects(sample.open(), corrupt, name)
  }
})

test('a checkpoint of another log, or of another history of this one, is refused', async () => {
  const other = createSample()
  const ledger = await other.open()
  for (let number = 5; number < 8; number += 1) await ledger.append(sampleRecord(number))
  await ledger.close()
  const { sample } = await killedLog()
  await (await sample.open()).close()
  copyFileSync(join(other.dir, 'checkpoint'), join(sample.dir, 'checkpoint'))
  await assert.rejects(sample.open(), corrupt)
  writeFileSync(join(sample.dir, 'checkpoint'), 'rubbish')
  await assert.rejects(sample.open(), corrupt)
})

test('an older checkpoint of the same history does no harm', async () => {
  const { sample } = await killedLog()
  const old = readFileSync(join(sample.dir, 'checkpoint'))
  const ledger = await sample.open({ segmentSize: 2_000 })
  for (let number = 0; number < 9; number += 1) await ledger.append(sampleRecord(number))
  await ledger.close()
  writeFileSync(join(sample.dir, 'checkpoint'), old)
  await (await sample.open()).close()
  assert.equal((await verifyLedger(sample.root)).ok, true)
})

test('damage before later records is refused, not cut off', async () => {
  const { sample, before } = await killedLog()
  const whole = readFileSync(lastSegment(sample))
  for (let at = 0; at < before; at += 41) {
    const bytes = Buffer.from(whole)
    bytes[at] = (bytes[at] ?? 0) ^ 0x10
    writeFileSync(lastSegment(sample), bytes)
    await assert.rejects(sample.open(), corrupt, `byte ${at}`)
    assert.equal(statSync(lastSegment(sample)).size, whole.length)
  }
})

test('damage in a record that the checkpoint covers is refused', async () => {
  const { sample, before, after } = await killedLog()
  await (await sample.open()).close()
  const whole = readFileSync(lastSegment(sample))
  for (let at = before; at < after; at += 53) {
    const bytes = Buffer.from(whole)
    bytes[at] = (bytes[at] ?? 0) ^ 0x01
    writeFileSync(lastSegment(sample), bytes)
    await assert.rejects(sample.open(), corrupt, `byte ${at}`)
  }
})

test('a missing or renamed segment, and lost or changed key lines, are refused', async () => {
  const live = createSample()
  const ledger = await live.open({ segmentSize: 3_000 })
  for (let number = 0; number < 30; number += 1) await ledger.append(sampleRecord(number))
  await ledger.close()
  const names = readdirSync(join(live.dir, 'segments')).toSorted()
  const last = copySample(live)
  rmSync(join(last.dir, 'segments', names.at(-1) ?? ''))
  await assert.rejects(last.open(), corrupt)
  const renamed = copySample(live)
  renameSync(
    join(renamed.dir, 'segments', names.at(-1) ?? ''),
    join(renamed.dir, 'segments', '00000000000000000999.seg'),
  )
  await assert.rejects(renamed.open(), corrupt)
  const changed = copySample(live)
  const keys = join(changed.dir, 'subjects.keys')
  writeFileSync(keys, readFileSync(keys, 'latin1').replace('k1 ', 'k2 '))
  await assert.rejects(changed.open(), corrupt)
})
