// Files of a log that are huge (a hole of three gigabytes costs its maker nothing), or that are pipes, devices and
// folders: they are findings and faults, at once and in little memory, and nothing waits for them.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { copySample, createSample, sampleOrigin, sampleRecord, type Sample } from '../../test/fakes/sample-ledger.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { trust } from '../../test/fakes/written-ledger.ts'
import { Fault } from '../base/fault.ts'
import { nodeFiles } from './files.ts'
import { readClaimedEnd } from './last-checkpoint.ts'
import { proveRecord, readLogKeys } from './prove.ts'
import { createLedgerReader } from './read-ledger.ts'
import { verifyLedger } from './verify-ledger.ts'
import { verifyReceipt } from './verify-receipt.ts'

const huge = 3 * 1024 ** 3

const oddities: Readonly<Record<string, (path: string) => void>> = {
  'three gigabytes': (path) => {
    writeFileSync(path, '')
    truncateSync(path, huge)
  },
  'a pipe': (path) => execFileSync('mkfifo', [path]),
  'a device that never ends': (path) => symlinkSync('/dev/zero', path),
  'a folder': (path) => mkdirSync(path),
}

let sample: Sample
let keys: readonly string[] = []

before(async () => {
  sample = createSample()
  const ledger = await sample.open()
  for (let number = 0; number < 4; number += 1) await ledger.append(sampleRecord(number))
  await ledger.close()
  keys = (await readLogKeys(sample.dir)).map(({ vkey }) => vkey)
})

function damaged(file: string, make: (path: string) => void): Sample {
  const copy = copySample(sample)
  const path = join(copy.dir, file)
  rmSync(path, { force: true })
  make(path)
  return copy
}

/** What a piece of work leaves in memory beyond what was there. */
async function isFrugal(work: () => Promise<unknown>): Promise<boolean> {
  const before = process.memoryUsage().rss
  await work()
  return process.memoryUsage().rss - before < 400 * 1024 ** 2
}

const files = ['checkpoint', 'key.vkey', 'minimum-index', 'subjects.erasing', 'witnessed', 'lock']

for (const [what, make] of Object.entries(oddities)) {
  for (const file of files) {
    test(`${what} in the place of ${file} is a finding`, async () => {
      const copy = damaged(file, make)
      const work = async (): Promise<void> => {
        const report = await verifyLedger(copy.root)
        assert.equal(report.ok, false)
        assert.ok(
          report.problems.some((problem) => problem.file === file),
          JSON.stringify(report.problems),
        )
      }
      assert.ok(await isFrugal(work))
    })
  }

  for (const file of ['checkpoint', 'key.vkey', 'witnessed']) {
    test(`nothing is proven of a log with ${what} in the place of ${file}`, async () => {
      await assert.rejects(proveRecord(damaged(file, make).dir, 1), isDamage)
    })
  }

  for (const file of ['checkpoint', 'key.vkey']) {
    test(`a log with ${what} in the place of ${file} is not gone on with, and its end is not known`, async () => {
      const copy = damaged(file, make)
      await assert.rejects(copy.open(), isDamage)
      assert.equal(await readClaimedEnd(copy.dir, sampleOrigin), undefined)
    })
  }

  test(`a receipt is not shown by a log with ${what} as its checkpoint`, async () => {
    const { dir } = damaged('checkpoint', make)
    const receipt = { origin: sampleOrigin, index: 1, leafHash: '' }
    const evidence = { kind: 'log', dir, recordsWritten: 4 } as const
    const verdict = await verifyReceipt({
      receipt,
      evidence,
      signature: undefined,
      kept: undefined,
      trusted: trust(keys),
    })
    assert.equal(verdict.finding, 'no-evidence')
  })

  test(`a segment that is ${what} is not waited for by a reader`, async () => {
    const copy = damaged('segments/00000000000000000000.seg', make)
    const reader = createLedgerReader(copy.dir, {})
    const read = async (): Promise<number> => (await Array.fromAsync(reader.read())).length
    assert.equal(await read().catch((error: unknown) => (error instanceof Fault ? 0 : error)), 0)
    await reader.close()
  })
}

test('a small file is read whole, one that is absent is none, and one byte too many is as good as nothing', async () => {
  const path = join(temporaryFolder(), 'file')
  assert.equal(await nodeFiles.readFile(path, 10), undefined)
  writeFileSync(path, '0123456789')
  assert.equal(String(await nodeFiles.readFile(path, 10)), '0123456789')
  assert.equal((await nodeFiles.readFile(path, 9))?.length, 0)
})

test('a file that says that it is empty, and is not, is bounded all the same', async () => {
  assert.equal((await nodeFiles.readFile('/proc/self/smaps', 100))?.length, 0)
  assert.ok(((await nodeFiles.readFile('/proc/self/status', 100_000))?.length ?? 0) > 100)
})

function isDamage(error: unknown): boolean {
  return error instanceof Fault && error.code === 'LEDGER_CORRUPT'
}
