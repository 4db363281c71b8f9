// Runs a ledger on a disk that loses power, and looks at what each moment of it would have left: before every call to
// the disk, in the worst case and with some luck. What was promised by then must hold on each of these disks.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { openKeyRing } from '../../src/audit/key-ring.ts'
import { fakeSealer } from './sealer.ts'
import type { Ledger, LedgerOptions, NewRecord } from '../../src/audit/ledger.ts'
import { readLedger } from '../../src/audit/read-ledger.ts'
import { verifyLedger } from '../../src/audit/verify-ledger.ts'
import type { Receipt } from '../../src/exchange/exchange.ts'
import {
  countedLuck,
  createForgetfulDisk,
  newestFirst,
  noLuck,
  type DiskImage,
  type ForgetfulDisk,
} from './forgetful-disk.ts'
import { collect, createSample, sampleName, sampleRecord, sampleSigningKey, type Sample } from './sample-ledger.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** Rejects when what was promised is not so on this disk. */
export type Holds = (disk: ForgetfulDisk) => void | Promise<void>

interface Moment {
  readonly image: DiskImage
  readonly where: string
  readonly clockMs: number
  readonly isBegun: boolean
  readonly receipts: number
  readonly promises: readonly Holds[]
}

export interface PowerCuts {
  readonly sample: Sample
  readonly disk: ForgetfulDisk
  readonly dataDir: string
  open(): Promise<Ledger>
  /** appends; the records must be there from now on */
  append(ledger: Ledger, ...records: readonly NewRecord[]): Promise<void>
  /** must be so from now on */
  promise(what: Holds): void
  /** takes up what is left by each moment until now; returns how many differ */
  check(): Promise<number>
}

/** so many disks of each moment, beside the worst and the most disorderly one */
const chances = 2

export function createPowerCuts(changes: Partial<LedgerOptions> = {}): PowerCuts {
  const dataDir = temporaryFolder()
  const sample = createSample(join(dataDir, 'ledger'))
  // the lock lies on the real disk
  mkdirSync(sample.dir, { recursive: true })
  const pem = Buffer.from(sampleSigningKey().export({ type: 'pkcs8', format: 'pem' }))
  const disk = createForgetfulDisk({
    files: new Map([[join(dataDir, 'keys', `ledger-${sampleName}.pem`), pem]]),
    folders: new Set([sample.root]),
  })
  const moments = new Map<string, Moment>()
  const receipts: Receipt[] = []
  const promises: Holds[] = []
  let calls = 0
  let isBegun = false
  const look = (call: string): void => {
    calls += 1
    const lucks = Array.from({ length: chances }, (_, chance) => countedLuck(calls * chances + chance))
    for (const [chance, luck] of [noLuck, newestFirst, ...lucks].entries()) {
      const image = disk.cut(luck)
      const moment: Moment = {
        image,
        where: `before call ${calls}, ${call}, luck ${chance}`,
        clockMs: sample.clock.nowMs(),
        isBegun,
        receipts: receipts.length,
        promises: [...promises],
      }
      moments.set(digestOf(moment), moment)
    }
  }
  disk.beforeCall = look
  const openOn = async (fs: ForgetfulDisk, begun: boolean): Promise<Ledger> =>
    await sample.open({
      fs,
      keyRing: await openKeyRing(dataDir, sampleName, fakeSealer, fs),
      isBegun: begun,
      ...changes,
    })

  return {
    sample,
    disk,
    dataDir,
    async open() {
      const ledger = await openOn(disk, isBegun)
      isBegun = true
      return ledger
    },
    async append(ledger, ...records) {
      receipts.push(...(await Promise.all(records.map((record) => ledger.append(record)))))
      look('a receipt')
    },
    promise(what) {
      promises.push(what)
      look('a promise')
    },
    async check() {
      disk.beforeCall = () => undefined
      for (const moment of moments.values()) await checkMoment(moment)
      return moments.size
    },
  }

  async function checkMoment(moment: Moment): Promise<void> {
    const { where, image } = moment
    const left = createForgetfulDisk(image)
    sample.clock.advance(moment.clockMs - sample.clock.nowMs())
    if (moment.isBegun) assert.deepEqual((await verifyLedger(sample.root, { fs: left })).problems, [], where)
    const ledger = await openOn(left, moment.isBegun).catch((error: unknown) =>
      assert.fail(`${where}: ${String(error)}`),
    )
    await ledger.append(sampleRecord(0))
    await ledger.close()
    assert.deepEqual((await verifyLedger(sample.root, { fs: left })).problems, [], where)
    const records = await collect(readLedger(sample.dir, { fs: left }))
    const leaves = new Map(records.map(({ index, leafHash }) => [index, leafHash]))
    const first = records[0]?.index ?? 0
    for (const { index, leafHash } of receipts.slice(0, moment.receipts))
      if (index >= first) assert.equal(leaves.get(index), leafHash, `${where}: record ${index}`)
    for (const promised of moment.promises) await promised(left)
  }
}

function digestOf({ image, isBegun, receipts, promises, clockMs }: Moment): string {
  const digest = createHash('sha256').update(JSON.stringify([isBegun, receipts, promises.length, clockMs]))
  for (const folder of [...image.folders].toSorted()) digest.update(`${folder}\n`)
  for (const [path, bytes] of [...image.files].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    digest.update(`${path} ${bytes.length}\n`).update(bytes)
  return digest.digest('hex')
}
