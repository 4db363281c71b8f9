// The ledgers that are committed with the code, one from before there were tiles and one with them: every later
// version must open, verify, decrypt and continue them, and this one must still write the second byte for byte.

import assert from 'node:assert/strict'
import { cpSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { collect, createSample, sampleKeyEncryptionKey, sampleRecord } from '../../test/fakes/sample-ledger.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import {
  firstGoldenFolder,
  goldenFolder,
  goldenRecord,
  goldenRecords,
  makeGoldenLedger,
} from '../../tools/make-golden-ledger.ts'
import { createManualClock } from '../base/clock.ts'
import { readLedger } from './read-ledger.ts'
import { verifyLedger } from './verify-ledger.ts'

const expectedOf = (folder: string): { size: number; root: string } =>
  JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as { size: number; root: string } // we wrote it

for (const [name, folder, notes] of [
  ['the first golden ledger', firstGoldenFolder, ['tile']],
  ['the golden ledger', goldenFolder, []],
] as const) {
  const expected = expectedOf(folder)

  test(`${name} verifies to the size and root that it was made with`, async () => {
    const report = await verifyLedger(join(folder, 'ledger'))
    assert.deepEqual(report.problems, [])
    assert.deepEqual(
      report.notes.map(({ file }) => file),
      notes,
    )
    assert.equal(report.size, expected.size)
    assert.equal(report.root, expected.root)
  })

  test(`every body of ${name} decrypts to what was recorded`, async () => {
    const log = join(folder, 'ledger/5a11e001')
    const records = await collect(readLedger(log, { keyEncryptionKey: sampleKeyEncryptionKey }))
    const recorded = records.filter((record) => record.envelope.body !== '')
    assert.equal(recorded.length, goldenRecords)
    for (const [number, { event, envelope, committed }] of recorded.entries()) {
      const given = goldenRecord(number, { clock: createManualClock(0) })
      assert.deepEqual(event, given.event)
      const { event: _, ...disclosed } = Object.fromEntries(
        Object.entries(committed ?? {}).map(([field, { value }]) => [field, value]),
      )
      assert.deepEqual(disclosed, given.sensitive)
      const fields = Object.keys(envelope.fields).filter((field) => field !== 'event')
      assert.deepEqual(fields, Object.keys(given.sensitive).toSorted())
    }
  })

  test(`${name} opens and goes on`, async () => {
    const sample = createSample()
    cpSync(join(folder, 'ledger'), sample.root, { recursive: true })
    const ledger = await sample.open()
    assert.equal(ledger.size, expected.size)
    assert.equal(ledger.root(), expected.root)
    await ledger.append(sampleRecord(1))
    await ledger.close()
    const report = await verifyLedger(sample.root)
    assert.deepEqual(report.problems, [])
    assert.deepEqual(report.notes, [])
  })
}

test('the golden ledger still comes out byte for byte', async () => {
  const root = temporaryFolder()
  await makeGoldenLedger(root)
  const names = readdirSync(goldenFolder, { recursive: true, withFileTypes: true })
  for (const name of names.filter((entry) => entry.isFile())) {
    const path = join(name.parentPath, name.name).slice(goldenFolder.length)
    assert.ok(readFileSync(join(root, path)).equals(readFileSync(join(goldenFolder, path))), path)
  }
})
