// The ledger of format version 1 that is committed with the code: every later version must open, verify, decrypt
// and continue it, and version 1 must still write it byte for byte.

import assert from 'node:assert/strict'
import { cpSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { collect, createSample, sampleKeyEncryptionKey, sampleRecord } from '../../test/fakes/sample-ledger.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { goldenFolder, goldenRecords, goldenRecord, makeGoldenLedger } from '../../tools/make-golden-ledger.ts'
import { createManualClock } from '../base/clock.ts'
import { readLedger } from './read-ledger.ts'
import { verifyLedger } from './verify-ledger.ts'

const expected = JSON.parse(readFileSync(join(goldenFolder, 'expected.json'), 'utf8')) as { size: number; root: string }
const log = join(goldenFolder, 'ledger/5a11e001')

test('the golden ledger verifies to the size and root that it was made with', async () => {
  const report = await verifyLedger(join(goldenFolder, 'ledger'))
  assert.deepEqual(report.problems, [])
  assert.deepEqual(report.notes, [])
  assert.equal(report.size, expected.size)
  assert.equal(report.root, expected.root)
})

test('every body of the golden ledger decrypts to what was recorded', async () => {
  const records = await collect(readLedger(log, { keyEncryptionKey: sampleKeyEncryptionKey }))
  const recorded = records.filter((record) => record.envelope.body !== '')
  assert.equal(recorded.length, goldenRecords)
  for (const [number, { event, envelope, committed }] of recorded.entries()) {
    const given = goldenRecord(number, { clock: createManualClock(0) })
    assert.deepEqual(event, given.event)
    assert.deepEqual(
      Object.fromEntries(Object.entries(committed ?? {}).map(([name, { value }]) => [name, value])),
      given.sensitive,
    )
    assert.deepEqual(Object.keys(envelope.fields), Object.keys(given.sensitive).toSorted())
  }
})

test('the golden ledger opens and goes on', async () => {
  const sample = createSample()
  cpSync(join(goldenFolder, 'ledger'), sample.root, { recursive: true })
  const ledger = await sample.open()
  assert.equal(ledger.size, expected.size)
  assert.equal(ledger.root(), expected.root)
  await ledger.append(sampleRecord(1))
  await ledger.close()
  assert.equal((await verifyLedger(sample.root)).ok, true)
})

test('version 1 still writes the golden ledger byte for byte', async () => {
  const root = temporaryFolder()
  await makeGoldenLedger(root)
  const names = readdirSync(goldenFolder, { recursive: true, withFileTypes: true })
  for (const name of names.filter((entry) => entry.isFile())) {
    const path = join(name.parentPath, name.name).slice(goldenFolder.length)
    assert.ok(readFileSync(join(root, path)).equals(readFileSync(join(goldenFolder, path))), path)
  }
})
