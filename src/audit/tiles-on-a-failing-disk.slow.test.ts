// A disk that is full or failing while tiles are written: no record waits for them or is refused, they come once the
// disk takes them, and at no moment does a checkpoint speak of tiles that are not there.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { createFaultyDisk } from '../../test/fakes/faulty-disk.ts'
import { copySample, createSample, sampleRecord, type Sample } from '../../test/fakes/sample-ledger.ts'
import { appendUntil, tileFilesOf } from '../../test/fakes/tiled-log.ts'
import { parseCheckpoint } from '../tlog/checkpoint.ts'
import { leafHash } from '../tlog/merkle.ts'
import { openTree } from '../tlog/tree-reader.ts'
import { openTiles } from './tile-files.ts'
import { verifyLedger } from './verify-ledger.ts'

for (const [what, calls, hits] of [
  ['the file that tiles are written to', ['open', 'write', 'datasync'], (path: string) => /tile-\d\.tmp$/.test(path)],
  ['full tiles', ['rename'], (path: string) => /tile\/(?:0|entries)\/\d{3}$/.test(path)],
  ['partial tiles', ['rename'], (path: string) => path.includes('.p/')],
  ['folders of tiles', ['syncFolder'], (path: string) => /\/tile(?:\/|$)/.test(path)],
  ['the checkpoint', ['open', 'write', 'datasync', 'rename'], (path: string) => /checkpoint(?:\.tmp)?$/.test(path)],
] as const) {
  for (const call of calls) {
    test(`a disk that fails at ${call} of ${what} refuses no record, and the tiles come later`, async () => {
      const sample = createSample()
      const disk = createFaultyDisk()
      const ledger = await sample.open({ fs: disk, segmentSize: 100_000, checkpointIntervalMs: 1 })
      disk.plan = (at, path) => (at === call && hits(path) ? { code: 'ENOSPC', writes: 3 } : undefined)
      await appendUntil(ledger, 700)
      assert.equal(ledger.status, 'writable')
      // copied when an attempt has just ended: nothing is being written
      const { checkpointFailures } = ledger.stats
      while (ledger.stats.checkpointFailures === checkpointFailures) await nextTurn()
      const killed = copySample(sample)
      disk.plan = () => undefined
      await ledger.close()
      assert.deepEqual(sample.faults, [])
      assert.equal(parseCheckpoint(readFileSync(join(sample.dir, 'checkpoint')))?.size, 700)
      for (const each of [sample, killed]) {
        if (each === killed) await (await each.open()).close()
        assert.deepEqual((await verifyLedger(each.root)).problems, [])
        assert.equal(tileFilesOf(each).length, 7)
      }
    })
  }
}

test('a disk that takes no tiles for long costs no memory, and nothing is missing afterwards', async () => {
  const sample = createSample()
  const disk = createFaultyDisk()
  const ledger = await sample.open({ fs: disk, segmentSize: 2_000_000, checkpointIntervalMs: 1 })
  disk.plan = (_, path) => (/tile-\d\.tmp$/.test(path) ? 'EIO' : undefined)
  // more than wait in memory
  await appendUntil(ledger, 20_000)
  assert.ok(ledger.stats.checkpointFailures > 0)
  disk.plan = () => undefined
  await appendUntil(ledger, 20_300)
  await ledger.close()
  const report = await verifyLedger(sample.root)
  assert.deepEqual([report.problems, report.notes], [[], []])
  assert.equal(parseCheckpoint(readFileSync(join(sample.dir, 'checkpoint')))?.size, 20_300)
})

test('a log that is closed while it is far behind with its tiles closes soon, and goes on at the next opening', async () => {
  const sample = createSample()
  const disk = createFaultyDisk()
  const ledger = await sample.open({ fs: disk, segmentSize: 20_000_000 })
  disk.plan = (_, path) => (/tile-\d\.tmp$/.test(path) ? 'EIO' : undefined)
  await appendUntil(ledger, 90_000)
  disk.plan = () => undefined
  await ledger.close()
  const published = (): number => parseCheckpoint(readFileSync(join(sample.dir, 'checkpoint')))?.size ?? 0
  assert.equal(published(), 1)
  assert.deepEqual((await verifyLedger(sample.root)).problems, [])
  await (await sample.open()).close()
  assert.equal(published(), 90_000)
  assert.deepEqual((await verifyLedger(sample.root)).problems, [])
})

test('whatever is appended and wherever the disk fails, a checkpoint never goes before its tiles', async () => {
  const step = fc.record({
    records: fc.nat(150),
    fails: fc.option(fc.record({ after: fc.nat(12), code: fc.constantFrom('ENOSPC', 'EIO') })),
    isReopened: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
      const sample = createSample()
      const disk = createFaultyDisk()
      const rename = disk.rename.bind(disk)
      const seen: number[] = []
      disk.rename = async (from, to) => {
        if (to === join(sample.dir, 'checkpoint')) seen.push(await provenSize(sample, readFileSync(from)))
        await rename(from, to)
      }
      let ledger = await sample.open({ fs: disk, segmentSize: 60_000, checkpointIntervalMs: 1 })
      for (const { records, fails, isReopened } of steps) {
        let calls = 0
        disk.plan = (_, path) => {
          if (fails === null || !(path.includes('/tile') || path.includes('/checkpoint'))) return undefined
          calls += 1
          return calls > fails.after ? fails.code : undefined
        }
        const subject = { subject: 'key:ci' }
        await Promise.all(Array.from({ length: records }, (_, number) => ledger.append(sampleRecord(number, subject))))
        if (!isReopened) continue
        await ledger.close()
        disk.plan = () => undefined
        ledger = await sample.open({ fs: disk, segmentSize: 60_000, checkpointIntervalMs: 1 })
      }
      disk.plan = () => undefined
      await ledger.close()
      assert.deepEqual((await verifyLedger(sample.root)).problems, [])
      assert.deepEqual(
        seen,
        seen.toSorted((a, b) => a - b),
      )
    }),
    { numRuns: 25 },
  )
})

/** The size of a checkpoint whose every tile and entry lies in the folder at this moment. */
async function provenSize(sample: Sample, note: Buffer): Promise<number> {
  const { size, root } = parseCheckpoint(note) ?? assert.fail()
  if (size === 0) return 0
  const tiles = await openTiles(sample.dir)
  assert.deepEqual(await openTree(size, tiles).root(), root)
  for (let index = 0; index < size; index += 1) {
    const hashes = await tiles.readTile(0, Math.floor(index / 256), (index % 256) + 1)
    const at = (index % 256) * 32
    assert.deepEqual(leafHash(await tiles.readEntry(index)), hashes.subarray(at, at + 32))
  }
  return size
}
