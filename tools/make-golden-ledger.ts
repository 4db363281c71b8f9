// Writes test/golden/ledger-v2: a small ledger in the on-disk format of today (segments of format version 1, tiles
// beside them) that every later version must open, verify and decrypt. It is made once for a format and never again:
// run it only to prove that the bytes still come out the same (`node tools/make-golden-ledger.ts --check`).
// test/golden/ledger-v1 is from before there were tiles; nothing writes it any more.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import type { NewRecord } from '../src/audit/ledger.ts'
import { countedRandom, createSample, sampleRecord, type Sample } from '../test/fakes/sample-ledger.ts'

export const goldenFolder: string = join(import.meta.dirname, '../test/golden/ledger-v2')
/** the same without tiles */
export const firstGoldenFolder: string = join(import.meta.dirname, '../test/golden/ledger-v1')
/** records that were appended, beside those that the ledger adds */
export const goldenRecords = 60

/** Three runs of a process over two months: single records, groups, a large body, segments that fill up. */
export async function makeGoldenLedger(root: string): Promise<Sample> {
  const sample = createSample(join(root, 'ledger'))
  let number = 0
  for (const [run, groups] of [
    [1, 1, 7, 3],
    [1, 12, 1],
    [2, 30, 1, 1],
  ].entries()) {
    const ledger = await sample.open({ random: countedRandom(`golden run ${run}`), segmentSize: 12_288 })
    for (const size of groups) {
      await Promise.all(Array.from({ length: size }, () => ledger.append(goldenRecord(number++, sample))))
    }
    if (run === 2)
      writeFileSync(
        join(root, 'expected.json'),
        `${JSON.stringify({ size: ledger.size, root: ledger.root() }, undefined, 2)}\n`,
      )
    await ledger.close()
    sample.clock.advance(20 * 86_400_000)
  }
  return sample
}

export function goldenRecord(number: number, sample: Pick<Sample, 'clock'>): NewRecord {
  const text = number === 9 ? { text: 'a body of some size. '.repeat(200) } : {}
  const record = sampleRecord(number)
  return { ...record, timeMs: sample.clock.nowMs() + number * 997, event: { ...record.event, ...text } }
}

if (import.meta.main) {
  if (process.argv.includes('--check')) await check()
  else {
    rmSync(goldenFolder, { recursive: true, force: true })
    mkdirSync(goldenFolder, { recursive: true })
    await makeGoldenLedger(goldenFolder)
  }
}

async function check(): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'sallyport-golden-'))
  await makeGoldenLedger(root)
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const differing = files
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((name) => !existsSync(join(goldenFolder, name)) || !isSame(join(root, name), join(goldenFolder, name)))
  rmSync(root, { recursive: true })
  process.stdout.write(
    differing.length === 0 ? 'the golden ledger comes out the same\n' : `differs: ${differing.join(', ')}\n`,
  )
  process.exitCode = differing.length === 0 ? 0 : 1
}

function isSame(path: string, other: string): boolean {
  return readFileSync(path).equals(readFileSync(other))
}
