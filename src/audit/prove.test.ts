// Proofs of records: from real ledgers of many sizes, checked with nothing but the key of the log; and every way in
// which a proof may lie, refused with its own reason.

import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createSample, sampleRecord, sampleSigningKey } from '../../test/fakes/sample-ledger.ts'
import { trust, writeLedger } from '../../test/fakes/written-ledger.ts'
import { createCheckpointSigner } from '../tlog/checkpoint.ts'
import { leafHash, rootOf } from '../tlog/merkle.ts'
import { formatProof, parseProof, type ProofFile } from '../tlog/proof-file.ts'
import { formatExtra, parseExtra, type ProofExtra } from './proof-extra.ts'
import { formatRecordProof, proveRecord } from './prove.ts'
import { keysInProof, verifyProof } from './verify-proof.ts'

for (const size of [1, 3, 255, 256, 257, 1_000]) {
  test(`proves records of a log of ${size}`, async () => {
    const { dir, trusted, size: written } = await writeLedger(size)
    assert.equal(written, size)
    for (const index of new Set([0, 1, 2, 127, 254, 255, 256, 511, size - 2, size - 1])) {
      if (index < 0 || index >= size) continue
      const proof = (await proveRecord(dir, index)) ?? assert.fail()
      const verdict = verifyProof(formatRecordProof(proof), trusted)
      assert.ok(verdict.ok, `${index} of ${size}`)
      assert.equal(verdict.value.index, index)
      assert.equal(verdict.value.checkpoint.size, size)
    }
  })
}

test('the leaf that is proven is the one in the receipt', async () => {
  const { dir, trusted, receipts } = await writeLedger(40)
  for (const receipt of receipts) {
    const verdict = verifyProof(formatRecordProof((await proveRecord(dir, receipt.index)) ?? assert.fail()), trusted)
    assert.ok(verdict.ok)
    assert.equal(verdict.value.leaf.toString('base64url'), receipt.leafHash)
  }
})

test('there is no proof of a record that no published checkpoint covers', async () => {
  const sample = createSample()
  const ledger = await sample.open()
  await ledger.append(sampleRecord(0))
  // the sample publishes nothing between opening and closing
  assert.equal(await proveRecord(sample.dir, ledger.size - 1), undefined)
  await ledger.close()
  assert.ok(await proveRecord(sample.dir, 0))
  assert.equal(await proveRecord(sample.dir, 1_000), undefined)
})

test('hands out nothing that the keys of the log do not bear out', async () => {
  const { dir, vkey } = await writeLedger(30)
  const entries = join(dir, 'tile/entries/000.p/30')
  const bytes = readFileSync(entries)
  writeFileSync(entries, bytes.toString('latin1').replaceAll('SendMessage', 'SendMassage'), 'latin1')
  await assert.rejects(proveRecord(dir, 12), { code: 'LEDGER_CORRUPT' })
  writeFileSync(entries, bytes)
  assert.ok(await proveRecord(dir, 12))
  const other = createCheckpointSigner(vkey.split('+')[0] ?? '', sampleSigningKey('another'))
  writeFileSync(join(dir, 'checkpoint'), other.sign(30, Buffer.alloc(32)))
  await assert.rejects(proveRecord(dir, 12), { code: 'LEDGER_CORRUPT' })
  rmSync(join(dir, 'key.vkey'))
  await assert.rejects(proveRecord(dir, 12), { code: 'LEDGER_CORRUPT' })
})

const { dir, vkey, trusted } = await writeLedger(100)
const bytes = formatRecordProof((await proveRecord(dir, 42)) ?? assert.fail())
const proof = parseProof(bytes) ?? assert.fail()
const extra = (proof.extra && parseExtra(proof.extra)) ?? assert.fail()

const remade = (changes: Partial<ProofFile>, extraChanges: Partial<ProofExtra> = {}): Buffer =>
  formatProof({ ...proof, extra: formatExtra({ ...extra, ...extraChanges }), ...changes })

test('names the key that it lies beside, for those who have none', () => {
  assert.deepEqual(keysInProof(bytes), [vkey])
  assert.deepEqual(keysInProof(Buffer.from('x')), [])
})

test('checks an envelope from elsewhere, when the proof holds none', () => {
  const bare = remade({ extra: undefined })
  assert.deepEqual(verifyProof(bare, trusted), { ok: false, why: 'it holds no record, and none was given' })
  assert.ok(verifyProof(bare, trusted, Buffer.from(extra.entry)).ok)
  const other = verifyProof(bare, trusted, Buffer.from(extra.entry.replace('"v":1', '"v":2')))
  assert.match(other.ok ? '' : other.why, /not number 42 of the tree/)
  assert.match(JSON.stringify(verifyProof(bytes, trusted, Buffer.from('{}'))), /not the one in it/)
})

const stranger = createCheckpointSigner(vkey.split('+')[0] ?? '', sampleSigningKey('a stranger'))
const foreign = createCheckpointSigner('sallyport.local/ffffffff', sampleSigningKey('a stranger'))
const lastHash = proof.path.at(-1) ?? assert.fail()

for (const [name, file, why] of [
  ['a record that was changed', remade({}, { entry: extra.entry.replace('SendMessage', 'GetTask') }), /not number 42/],
  ['a record of another index', remade({ index: 43 }), /not number 43/],
  ['an index beyond the checkpoint', remade({ index: 100 }), /speaks of record 100, and its checkpoint covers 100/],
  ['a path that is cut', remade({ path: proof.path.slice(0, -1) }), /not number 42/],
  ['a path that goes on', remade({ path: [...proof.path, lastHash] }), /not number 42/],
  ['a path without anything', remade({ path: [] }), /not number 42/],
  ['a path in another order', remade({ path: proof.path.toReversed() }), /not number 42/],
  [
    'a checkpoint signed by a key that was not given',
    remade({ note: Buffer.from(stranger.sign(100, lastHash)) }),
    /not signed by a key that was given/,
  ],
  [
    'a checkpoint of another log',
    remade({ note: Buffer.from(foreign.sign(100, lastHash)) }),
    /of the log sallyport.local\/ffffffff/,
  ],
  ['a checkpoint that is none', remade({ note: Buffer.from('x\n') }), /is none/],
  [
    'a checkpoint of another size under the same signature',
    remade({ note: Buffer.from(proof.note.toString().replace('\n100\n', '\n101\n')) }),
    /signature of its checkpoint is false/,
  ],
  ['extra data of something else', remade({ extra: Buffer.from('{"hello":1}') }), /not of sallyport/],
  [
    'extra data that says a key twice',
    remade({ extra: Buffer.from('{"entry":"a","entry":"b","vkeys":[]}') }),
    /not of sallyport/,
  ],
  [
    'a field that is disclosed without a commitment',
    remade({}, { disclosed: { caller: { salt: 'A'.repeat(43), value: 'key:ci' } } }),
    /does not commit to what is disclosed as "caller"/,
  ],
  [
    'a field with a name of an object',
    remade({}, { disclosed: { constructor: { salt: 'A'.repeat(43), value: '' } } }),
    /does not commit/,
  ],
  ['something else', Buffer.from('hello'), /no tlog-proof/],
] as const) {
  test(`refuses ${name}`, () => {
    const verdict = verifyProof(file, trusted)
    assert.ok(!verdict.ok)
    assert.match(verdict.why, why)
  })
}

test('refuses an envelope that was logged at another place than it says', () => {
  const leaves = [leafHash(Buffer.from('first')), leafHash(Buffer.from(extra.entry))]
  const own = createCheckpointSigner(vkey.split('+')[0] ?? '', sampleSigningKey())
  const file = remade({ index: 1, path: leaves.slice(0, 1), note: Buffer.from(own.sign(2, rootOf(leaves))) })
  const why = 'what was logged there is not the envelope of that record'
  assert.deepEqual(verifyProof(file, trusted), { ok: false, why })
})

test('proves nothing without keys, with another key, or with a key of another name', () => {
  assert.ok(verifyProof(bytes, trusted).ok)
  for (const keys of [[], [stranger.vkey], [foreign.vkey]]) assert.ok(!verifyProof(bytes, trust(keys)).ok)
  assert.ok(verifyProof(bytes, trust([foreign.vkey, vkey])).ok)
})

test('refuses a changed byte wherever it stands, except among the keys that nobody believes', () => {
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] ?? 0) ^ 1
    const read = parseProof(changed)
    const isOfKeys = read?.extra !== undefined && !read.extra.equals(proof.extra ?? assert.fail())
    const verdict = verifyProof(changed, trusted)
    if (verdict.ok) assert.ok(isOfKeys && parseExtra(read.extra)?.entry === extra.entry, `byte ${at}`)
  }
})
