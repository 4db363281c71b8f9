// Receipts held against logs, proofs and exports: a caller can show that a record is there, that another stands in its
// place, or that the log ends before it; and nobody can show more than is so.

import assert from 'node:assert/strict'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  copySample,
  createSample,
  sampleOrigin,
  sampleRecord,
  sampleSigningKey,
} from '../../test/fakes/sample-ledger.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { trust, writeLedger } from '../../test/fakes/written-ledger.ts'
import { createCheckpointSigner } from '../tlog/checkpoint.ts'
import { recordsWritten } from './count-records.ts'
import { exportLog } from './export-bundle.ts'
import { nodeFiles } from './files.ts'
import { formatRecordProof, proveRecord } from './prove.ts'
import { signReceipt } from './receipt.ts'
import { verifyReceipt, type ReceiptEvidence, type ReceiptQuestion } from './verify-receipt.ts'

const early = await writeLedger(40)
const backup = copySample(early.sample)
const log = await writeLedger(90, () => ({}), early.sample)
const keptBefore = readFileSync(join(backup.dir, 'checkpoint'))
const keptAfter = readFileSync(join(log.dir, 'checkpoint'))
// the same key, another history
const forked = await writeLedger(120, (number) => ({ call: `other${number}` }))

const [receipt] = log.receipts.slice(10)
if (receipt === undefined) assert.fail()
const { privateKey, keyHash } = {
  privateKey: sampleSigningKey(),
  keyHash: createCheckpointSigner(sampleOrigin, sampleSigningKey()).keyHash,
}
const signature = await signReceipt(receipt, { keyHash, privateKey })

const folder = async (dir: string): Promise<ReceiptEvidence> => ({
  kind: 'log',
  dir,
  recordsWritten: await recordsWritten(dir),
})
const ask = async (
  evidence: ReceiptEvidence | Promise<ReceiptEvidence>,
  changes: Partial<ReceiptQuestion> = {},
): ReturnType<typeof verifyReceipt> =>
  verifyReceipt({
    receipt,
    signature: undefined,
    kept: undefined,
    trusted: log.trusted,
    ...changes,
    evidence: await evidence,
  })

test('every receipt of the log is there', async () => {
  for (const each of log.receipts) {
    const verdict = await ask(folder(log.dir), { receipt: each })
    assert.deepEqual([verdict.finding, verdict.size, verdict.isSigned], ['included', 90, undefined])
  }
  assert.equal((await ask(folder(log.dir), { signature, kept: keptBefore })).finding, 'included')
})

test('a copy of the tiles alone is evidence enough', async () => {
  const dir = temporaryFolder()
  for (const part of ['checkpoint', 'tile']) cpSync(join(log.dir, part), join(dir, part), { recursive: true })
  assert.equal((await ask(folder(dir))).finding, 'included')
})

test('another record in its place is found, and proven', async () => {
  const verdict = await ask(folder(forked.dir))
  assert.equal(verdict.finding, 'replaced')
  assert.match(verdict.message, /another record stands at \d+ of sallyport.local\/5a11e001 than the receipt says/)
})

test('a log put back to an older state is short of a signed receipt', async () => {
  const verdict = await ask(folder(backup.dir), { signature })
  assert.equal(verdict.finding, 'missing')
  assert.match(verdict.message, /ends at 40 records, although it signed that there is a record \d+/)
})

test('an unsigned receipt beyond the end shows nothing, and says so', async () => {
  const verdict = await ask(folder(backup.dir))
  assert.equal(verdict.finding, 'not-covered')
  assert.match(verdict.message, /an unsigned receipt does not show/)
})

test('a checkpoint that was kept shows that a log was put back', async () => {
  const verdict = await ask(folder(backup.dir), { kept: keptAfter })
  assert.equal(verdict.finding, 'missing')
  assert.match(verdict.message, /the log ends at 40 records, and the checkpoint that was kept says 90/)
})

test('a checkpoint that was kept shows that a log was rewritten', async () => {
  const there = forked.receipts[3] ?? assert.fail()
  assert.equal((await ask(folder(forked.dir), { receipt: there })).finding, 'included')
  const verdict = await ask(folder(forked.dir), { receipt: there, kept: keptAfter })
  assert.equal(verdict.finding, 'rewritten')
})

test('a record that is written and not yet published is not called missing', async () => {
  const sample = createSample()
  const ledger = await sample.open()
  const waiting = await ledger.append(sampleRecord(1))
  const verdict = await ask(folder(sample.dir), { receipt: waiting })
  assert.equal(verdict.finding, 'not-covered')
  assert.match(verdict.message, /is written, and the checkpoint of the log reaches \d+; ask again/)
  await ledger.close()
  assert.equal((await ask(folder(sample.dir), { receipt: waiting })).finding, 'included')
})

test('a signature that is not of the log is no signature', async () => {
  const stranger = await signReceipt(receipt, { keyHash, privateKey: sampleSigningKey('a stranger') })
  const ofAnother = await signReceipt({ ...receipt, index: receipt.index + 1 }, { keyHash, privateKey })
  for (const bad of [stranger, ofAnother]) {
    const verdict = await ask(folder(log.dir), { signature: bad })
    assert.deepEqual([verdict.finding, verdict.isSigned], ['false-signature', false])
  }
})

test('a signature by a key that was not given accuses nobody', async () => {
  const other = await signReceipt(receipt, { keyHash: keyHash + 1, privateKey: sampleSigningKey('other') })
  for (const unknown of [other, '', 'x', `${signature}=`, signature.toUpperCase()]) {
    const verdict = await ask(folder(log.dir), { signature: unknown })
    assert.deepEqual([verdict.finding, verdict.isSigned], ['no-evidence', false])
  }
})

test('a proof is evidence for its own record only', async () => {
  const proofOf = async (dir: string, index: number): Promise<ReceiptEvidence> => ({
    kind: 'proof',
    bytes: formatRecordProof((await proveRecord(dir, index)) ?? assert.fail()),
  })
  assert.equal((await ask(proofOf(log.dir, receipt.index))).finding, 'included')
  assert.equal((await ask(proofOf(log.dir, receipt.index + 1))).finding, 'no-evidence')
  assert.equal((await ask(proofOf(forked.dir, receipt.index))).finding, 'replaced')
  assert.equal((await ask({ kind: 'proof', bytes: Buffer.from('x') })).finding, 'no-evidence')
})

test('an export is evidence for the records in it, shown or not', async () => {
  const exported = async (dir: string, filter: object): Promise<ReceiptEvidence> => {
    const path = join(temporaryFolder(), 'export')
    const asked = { filter, queryText: '', withEvents: false, createdAt: '2026-11-24T09:00:00.000Z' }
    assert.ok(await exportLog(dir, path, asked))
    return { kind: 'export', file: await nodeFiles.open(path, 'read') }
  }
  assert.equal((await ask(exported(log.dir, {}))).finding, 'included')
  assert.equal((await ask(exported(log.dir, { agent: 'nobody' }))).finding, 'included')
  assert.equal((await ask(exported(forked.dir, {}))).finding, 'replaced')
  assert.equal((await ask(exported(log.dir, { fromIndex: 80 }))).finding, 'not-covered')
})

test('a tile that was changed to fit a receipt fits no checkpoint', async () => {
  const broken = copySample(log.sample)
  const tile = join(broken.dir, 'tile/0/000.p/90')
  const invented = { ...receipt, leafHash: Buffer.alloc(32, 7).toString('base64url') }
  assert.equal((await ask(folder(broken.dir), { receipt: invented })).finding, 'replaced')
  const bytes = readFileSync(tile)
  bytes.fill(7, receipt.index * 32, (receipt.index + 1) * 32)
  writeFileSync(tile, bytes)
  for (const each of [invented, receipt])
    assert.equal((await ask(folder(broken.dir), { receipt: each })).finding, 'no-evidence')
})

test('evidence that does not hold is none', async () => {
  const broken = copySample(log.sample)
  const tile = join(broken.dir, 'tile/0/000.p/90')
  const findings = async (): Promise<string> => (await ask(folder(broken.dir))).finding
  assert.equal(await findings(), 'included')
  for (const key of [[], [createCheckpointSigner(sampleOrigin, sampleSigningKey('other')).vkey]])
    assert.equal((await ask(folder(broken.dir), { trusted: trust(key) })).finding, 'no-evidence')
  rmSync(tile)
  assert.equal(await findings(), 'no-evidence')
  rmSync(join(broken.dir, 'checkpoint'))
  assert.equal(await findings(), 'no-evidence')
  assert.equal((await ask(folder(join(broken.dir, 'nowhere')))).finding, 'no-evidence')
  const elsewhere = { ...receipt, origin: 'sallyport.local/00000000' }
  assert.equal((await ask(folder(log.dir), { receipt: elsewhere })).finding, 'no-evidence')
})
