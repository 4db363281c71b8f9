// What a caller holds in hand: one spelling, one key, one domain. A receipt that was altered, or signed by somebody
// else, is worth nothing. The header's format is docs/ledger.md.

import assert from 'node:assert/strict'
import { sign } from 'node:crypto'
import { test } from 'node:test'
import { createSample, sampleOrigin, sampleRecord, sampleSigningKey } from '../../test/fakes/sample-ledger.ts'
import { createCheckpointSigner, parseCheckpoint, parseVkey } from '../tlog/checkpoint.ts'
import { formatReceipt, parseReceipt, signReceipt, verifyReceiptSignature } from './receipt.ts'

const leafHash = Buffer.alloc(32, 7).toString('base64url')
const receipt = { origin: sampleOrigin, index: 17, leafHash }
const privateKey = sampleSigningKey()
const verifier = createCheckpointSigner(sampleOrigin, privateKey)
const signed = (): Promise<string> => signReceipt(receipt, { keyHash: verifier.keyHash, privateKey })

test('a receipt reads as it was written', () => {
  assert.equal(formatReceipt(receipt), `sallyport.local/5a11e001/17/${leafHash}`)
  assert.deepEqual(parseReceipt(formatReceipt(receipt)), receipt)
})

test('another spelling of a receipt is none', () => {
  for (const text of [
    '',
    '/',
    '//',
    `17/${leafHash}`,
    `/17/${leafHash}`,
    `${sampleOrigin}/017/${leafHash}`,
    `${sampleOrigin}/+17/${leafHash}`,
    `${sampleOrigin}/-1/${leafHash}`,
    `${sampleOrigin}/1e3/${leafHash}`,
    `${sampleOrigin}/99999999999999999999/${leafHash}`,
    `${sampleOrigin}/9999999999999999/${leafHash}`,
    `${sampleOrigin}/17/${leafHash}=`,
    `${sampleOrigin}/17/${leafHash.slice(1)}`,
    `${sampleOrigin}/17/${leafHash.slice(0, -1)}d`,
    `${sampleOrigin}/17/${leafHash} `,
    `${sampleOrigin}\n/17/${leafHash}`,
    `${sampleOrigin}+x/17/${leafHash}`,
  ])
    assert.equal(parseReceipt(text), undefined, text)
})

test('the ledger signs the receipts of its own records, and its verifier key says so', async () => {
  const ledger = await createSample().open()
  const own = await ledger.append(sampleRecord(1))
  const signature = await ledger.signReceipt(own)
  const key = parseVkey(ledger.vkey)
  assert.ok(key)
  assert.match(signature, /^[0-9a-f]{8} [A-Za-z0-9_-]{86}$/)
  assert.ok(verifyReceiptSignature(own, signature, [key]))
  await ledger.close()
})

test('a receipt that was altered after it was signed does not verify', async () => {
  const signature = await signed()
  assert.ok(verifyReceiptSignature(receipt, signature, [verifier]))
  for (const changed of [
    { ...receipt, index: 18 },
    { ...receipt, leafHash: Buffer.alloc(32, 8).toString('base64url') },
    { ...receipt, origin: 'sallyport.local/5a11e002' },
  ])
    assert.equal(verifyReceiptSignature(changed, signature, [verifier]), false)
})

test('a signature by another key, or under the hash of another, does not verify', async () => {
  const otherKey = sampleSigningKey('another')
  const other = createCheckpointSigner(sampleOrigin, otherKey)
  const byOther = await signReceipt(receipt, { keyHash: other.keyHash, privateKey: otherKey })
  assert.equal(verifyReceiptSignature(receipt, byOther, [verifier]), false)
  const borrowedHash = await signReceipt(receipt, { keyHash: verifier.keyHash, privateKey: otherKey })
  assert.equal(verifyReceiptSignature(receipt, borrowedHash, [verifier, other]), false)
  assert.equal(verifyReceiptSignature(receipt, await signed(), []), false)
  assert.equal(verifyReceiptSignature(receipt, await signed(), [other]), false)
})

test('what is no signature is refused without a word', async () => {
  const signature = await signed()
  for (const text of [
    '',
    'x',
    signature.slice(1),
    `${signature}=`,
    `${signature}\n`,
    signature.toUpperCase(),
    ` ${signature}`,
  ])
    assert.equal(verifyReceiptSignature(receipt, text, [verifier]), false, text)
})

test('a signed receipt can never be taken for a checkpoint, whatever the origin', async () => {
  for (const origin of ['5', sampleOrigin, 'sallyport-receipt/v1']) {
    const key = createCheckpointSigner(origin, privateKey)
    const each = { origin, index: 9_007_199_254_740_991, leafHash }
    const signature = await signReceipt(each, { keyHash: key.keyHash, privateKey })
    const bytes = Buffer.alloc(68)
    bytes.writeUInt32BE(key.keyHash)
    Buffer.from(signature.slice(9), 'base64url').copy(bytes, 4)
    const text = `sallyport-receipt/v1\n${origin}\n${each.index}\n${leafHash}\n`
    assert.equal(parseCheckpoint(Buffer.from(`${text}\n\u2014 ${origin} ${bytes.toString('base64')}\n`)), undefined)
  }
})

test('a signed checkpoint can never be taken for a receipt', () => {
  const checkpoint = `${sampleOrigin}\n17\n${Buffer.alloc(32, 7).toString('base64')}\n`
  const signature = sign(null, Buffer.from(checkpoint), privateKey).toString('base64url')
  const keyHash = verifier.keyHash.toString(16).padStart(8, '0')
  assert.equal(verifyReceiptSignature(receipt, `${keyHash} ${signature}`, [verifier]), false)
})
