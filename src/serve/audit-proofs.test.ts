// The ports of the commands about proofs: how a record is found by its names, what is waited for, and what is said when
// there is nothing to prove.

import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createSample, sampleKeyEncryptionKey, sampleRecord } from '../../test/fakes/sample-ledger.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { writeLedger } from '../../test/fakes/written-ledger.ts'
import { createManualClock } from '../base/clock.ts'
import type { ProofDocument, ProofPorts } from '../cli/ports.ts'
import { createProofPorts } from './audit-proofs.ts'

const dataDir = join(temporaryFolder(), 'data')
const { receipts, vkey, dir, size } = await writeLedger(60, () => ({}), createSample(join(dataDir, 'ledger')))
writeFileSync(`${dataDir}.kek`, sampleKeyEncryptionKey.toString('base64url'), { mode: 0o600 })

const pauses: number[] = []
const ports = portsWith(() => Promise.resolve())
function portsWith(pause: () => Promise<void>): ProofPorts {
  return createProofPorts({
    clock: createManualClock(),
    pause: (milliseconds) => {
      pauses.push(milliseconds)
      return pause()
    },
  })
}
const where = { dataDir, loaded: undefined, warn: () => undefined }
const prove = (record: string): Promise<readonly ProofDocument[]> => ports.proveRecords({ ...where, record })
const receipt = receipts[9] ?? assert.fail()
const text = `${receipt.origin}/${receipt.index}/${receipt.leafHash}`

for (const name of [
  text,
  `5a11e001/${receipt.index}`,
  `5a11e001#${receipt.index}`,
  `${receipt.origin}/${receipt.index}`,
]) {
  test(`finds a record by ${name.length > 40 ? 'its receipt' : name}`, async () => {
    const [document, ...others] = await prove(name)
    assert.equal(others.length, 0)
    assert.deepEqual([document?.index, document?.leafHash], [receipt.index, receipt.leafHash])
    assert.equal(document?.expectedLeafHash, name === text ? receipt.leafHash : undefined)
  })
}

test('finds all records of a call by its id', async () => {
  const documents = await prove(sampleRecord(9).call)
  assert.deepEqual(
    documents.map(({ index }) => index),
    [receipt.index],
  )
})

for (const [name, record] of [
  ['a log that is not there', '00000000/1'],
  ['the same log of another origin', 'elsewhere.local/5a11e001/1'],
  ['a call that is not there', 'nobody-called-this'],
  ['a record beyond the end', `5a11e001/${size}`],
  ['an index with a leading zero', '5a11e001/01'],
  ['a path', '../../etc/passwd'],
  ['a folder that is no log', '../1'],
  ['nothing', ''],
] as const) {
  test(`says so about ${name}`, async () => {
    await assert.rejects(prove(record), { name: 'Fault', code: 'CONTROL_FAILED' })
  })
}

test('waits for a checkpoint while a writer is at work, and no longer than a second', async () => {
  const folder = join(temporaryFolder(), 'data')
  const sample = createSample(join(folder, 'ledger'))
  const ledger = await sample.open()
  const { index } = await ledger.append(sampleRecord(0))
  const asked = { dataDir: folder, loaded: undefined, warn: () => undefined, record: `5a11e001/${index}` }
  pauses.length = 0
  await assert.rejects(ports.proveRecords(asked), { message: /is not covered by a published checkpoint yet/ })
  assert.equal(
    pauses.reduce((sum, each) => sum + each, 0),
    1_000,
  )
  // the next pause is long enough for it to be published
  const [document] = await portsWith(() => ledger.close()).proveRecords(asked)
  assert.equal(document?.index, index)
})

test('asks nobody to wait when no writer is there', async () => {
  pauses.length = 0
  await assert.rejects(prove(`5a11e001/${size + 5}`))
  assert.equal(pauses.length, 0)
})

test('discloses one record, not several, and not without the key', async () => {
  const disclose = (record: string, from: string): Promise<ProofDocument> =>
    ports.discloseRecord({ ...where, dataDir: from, record, fields: ['caller'] })
  assert.match((await disclose(text, dataDir)).bytes.toString(), /^c2sp.org\/tlog-proof@v1\nextra /)
  const bare = join(temporaryFolder(), 'data')
  await writeLedger(20, () => ({}), createSample(join(bare, 'ledger')))
  await assert.rejects(disclose('5a11e001/8', bare), { code: 'KEY_UNREADABLE' })
  await writeLedger(40, () => ({ call: 'one-call' }), createSample(join(bare, 'ledger')))
  await assert.rejects(disclose('one-call', bare), {
    message: 'fields are disclosed of one record, and this names several',
  })
})

test('takes no verifier key that is none, and shows those that lie beside the evidence', async () => {
  const [document] = await prove(text)
  const bytes = document?.bytes ?? assert.fail()
  const trust = { witnesses: [], requireWitnesses: 0, bytes, entry: undefined }
  assert.throws(() => ports.verifyProof({ ...trust, keys: ['rubbish'] }), { code: 'CONFIG_INVALID' })
  assert.equal(ports.verifyProof({ ...trust, keys: [vkey] }).ok, true)
  assert.equal(ports.verifyProof({ ...trust, keys: [] }).ok, false)
  assert.deepEqual(await ports.suggestKeys({ kind: 'proof', bytes }), [vkey])
  assert.deepEqual(await ports.suggestKeys({ kind: 'log', dir }), [vkey])
  assert.deepEqual(await ports.suggestKeys({ kind: 'data-dir', dataDir }), [vkey])
})

test('exports every log of a data directory by itself', async () => {
  const folder = temporaryFolder()
  const pathOf = (log: string): string => join(folder, log)
  const exported = await ports.exportLedger({ ...where, query: {}, queryText: '', withEvents: true, pathOf })
  assert.deepEqual(
    exported.map(({ log, population, unreadable }) => [log, population, unreadable]),
    [['5a11e001', size, 0]],
  )
  const trust = { keys: [vkey], witnesses: [], requireWitnesses: 0 }
  const path = pathOf('5a11e001')
  assert.equal((await ports.verifyExport({ path, ...trust })).ok, true)
  assert.deepEqual(await ports.suggestKeys({ kind: 'export', path }), [vkey])
  const asked = { receipt: text, signature: undefined, evidence: { kind: 'export', path }, kept: undefined } as const
  assert.equal((await ports.verifyReceipt({ ...asked, ...trust })).finding, 'included')
  const inDir = { ...asked, evidence: { kind: 'data-dir', dataDir } } as const
  assert.equal((await ports.verifyReceipt({ ...inDir, ...trust })).finding, 'included')
  await assert.rejects(ports.verifyReceipt({ ...asked, ...trust, receipt: 'x' }), { code: 'CONTROL_FAILED' })
})

test('a log whose keys are gone proves nothing', async () => {
  const folder = join(temporaryFolder(), 'data')
  const lost = await writeLedger(10, () => ({}), createSample(join(folder, 'ledger')))
  rmSync(join(lost.dir, 'key.vkey'))
  await assert.rejects(ports.proveRecords({ ...where, dataDir: folder, record: '5a11e001/1' }), {
    code: 'LEDGER_CORRUPT',
  })
})
