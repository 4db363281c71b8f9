// Sample logs of a given size with their tiles, and what lies in them.

import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Ledger } from '../../src/audit/ledger.ts'
import { createSample, sampleRecord, type Sample } from './sample-ledger.ts'

/** paths of all tiles and bundles, below the folder of the log */
export function tileFilesOf(sample: Sample): string[] {
  const folder = join(sample.dir, 'tile')
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(sample.dir, join(entry.parentPath, entry.name)))
    .toSorted()
}

/** appends records of one subject until the log has so many */
export async function appendUntil(ledger: Ledger, size: number): Promise<void> {
  while (ledger.size < size) {
    const count = Math.min(64, size - ledger.size)
    // a subject that is new brings a record of its own: one subject, met before
    const subject = { subject: 'key:ci' }
    if (ledger.size < 3) await ledger.append(sampleRecord(0, subject))
    else await Promise.all(Array.from({ length: count }, (_, number) => ledger.append(sampleRecord(number, subject))))
  }
}

export async function logOf(size: number): Promise<Sample> {
  const sample = createSample()
  const ledger = await sample.open({ segmentSize: 100_000 })
  await appendUntil(ledger, size)
  assert.equal(ledger.size, size)
  await ledger.close()
  return sample
}
