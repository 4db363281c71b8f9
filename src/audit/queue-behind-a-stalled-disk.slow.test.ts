// A disk that takes its time: records wait in memory, and no more of them than the bound says. The one beyond it is
// refused, so that its call is; those that waited are written when the disk goes on, each of them, in order.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { collect, createSample, sampleRecord, type Sample } from '../../test/fakes/sample-ledger.ts'
import { Fault } from '../base/fault.ts'
import { nodeFiles, type FileSystem } from './files.ts'
import type { Ledger, NewRecord } from './ledger.ts'
import { readLedger } from './read-ledger.ts'
import { verifyLedger } from './verify-ledger.ts'

const maxPendingRecords = 65_536

const endOf = (append: Promise<unknown>): Promise<string> =>
  append.then(
    () => 'written',
    (error: unknown) => (error instanceof Fault && error.code === 'LEDGER_UNWRITABLE' ? 'refused' : String(error)),
  )

interface Stalled {
  readonly sample: Sample
  readonly ledger: Ledger
  /** lets the disk go on */
  readonly release: () => void
}

/** A ledger with one record, in the middle of the sync of another. */
async function stalled(record: (number: number) => NewRecord): Promise<Stalled> {
  const sample = createSample()
  const gate = Promise.withResolvers<void>()
  const reached = Promise.withResolvers<void>()
  let isStalling = false
  const fs: FileSystem = {
    ...nodeFiles,
    async open(path, mode) {
      const file = await nodeFiles.open(path, mode)
      const datasync = async (): Promise<void> => {
        if (isStalling) {
          reached.resolve()
          await gate.promise
        }
        await file.datasync()
      }
      return { ...file, datasync }
    },
  }
  const ledger = await sample.open({ fs, segmentSize: 67_108_864 })
  await ledger.append(record(0))
  isStalling = true
  void ledger.append(record(1))
  await reached.promise
  return { sample, ledger, release: gate.resolve }
}

async function assertAllThere({ sample, ledger, release }: Stalled, waiting: Promise<unknown>[]): Promise<void> {
  const before = ledger.size
  release()
  const receipts = await Promise.all(waiting)
  assert.equal(ledger.status, 'writable')
  await ledger.append(sampleRecord(0))
  await ledger.close()
  assert.deepEqual((await verifyLedger(sample.root)).problems, [])
  const places = (await collect(readLedger(sample.dir))).map(({ index, leafHash }) => `${index} ${leafHash}`)
  const found = new Set(places)
  for (const receipt of receipts as { index: number; leafHash: string }[])
    assert.ok(found.has(`${receipt.index} ${receipt.leafHash}`), `record ${receipt.index}`)
  assert.ok(places.length >= before + waiting.length)
}

test('so many records wait for the disk, and the one beyond is refused', async () => {
  const record = (number: number): NewRecord => sampleRecord(number, { subject: 'key:ci', sensitive: {}, event: {} })
  const world = await stalled(record)
  const waiting = Array.from({ length: maxPendingRecords }, (_, number) => world.ledger.append(record(number)))
  const beyond = endOf(world.ledger.append(record(0)))
  await assertAllThere(world, waiting)
  assert.equal(await beyond, 'refused')
})

test('so many bytes wait for the disk, however few records they are', async () => {
  const event = { filler: 'x'.repeat(262_144) }
  const record = (number: number): NewRecord => sampleRecord(number, { subject: 'key:ci', sensitive: {}, event })
  const world = await stalled(record)
  const waiting = Array.from({ length: 256 }, (_, number) => world.ledger.append(record(number)))
  const beyond = endOf(world.ledger.append(record(0)))
  await assertAllThere(world, waiting)
  assert.equal(await beyond, 'refused')
})
