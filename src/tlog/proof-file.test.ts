// Files of C2SP tlog-proof: what is written is read, the specification's own shape is read, hostile bytes are refused.

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { createCheckpointSigner } from './checkpoint.ts'
import { inclusionProof, leafHash, rootOf } from './merkle.ts'
import { formatProof, maxProofBytes, parseProof } from './proof-file.ts'

const leaves = Array.from({ length: 11 }, (_, index) => leafHash(Buffer.from(`leaf ${index}`)))
const signer = createCheckpointSigner('sallyport.local/0011aabb', generateKeyPairSync('ed25519').privateKey)
const note = Buffer.from(signer.sign(leaves.length, rootOf(leaves)))
const proof = { extra: Buffer.from('{"a":1}'), index: 7, path: inclusionProof(leaves, 7), note }
const file = formatProof(proof)
const text = file.toString()

test('reads what it wrote, with and without extra data, and with an empty path', () => {
  assert.deepEqual(parseProof(file), proof)
  const plain = { ...proof, extra: undefined }
  assert.deepEqual(parseProof(formatProof(plain)), plain)
  const single = { extra: undefined, index: 0, path: [], note }
  assert.deepEqual(parseProof(formatProof(single)), single)
})

test('begins as the specification says', () => {
  const [first, extra, index, ...rest] = text.split('\n')
  assert.equal(first, 'c2sp.org/tlog-proof@v1')
  assert.equal(extra, 'extra eyJhIjoxfQ==')
  assert.equal(index, 'index 7')
  assert.equal(rest[proof.path.length], '')
  assert.equal(rest.slice(proof.path.length + 1).join('\n'), note.toString())
})

const hash = proof.path[0]?.toString('base64') ?? ''
for (const [name, change] of [
  ['another first line', (all: string) => all.replace('@v1', '@v2')],
  ['nothing at all', () => ''],
  ['no index', (all: string) => all.replace('index 7\n', '')],
  ['an index with a leading zero', (all: string) => all.replace('index 7', 'index 07')],
  ['a negative index', (all: string) => all.replace('index 7', 'index -7')],
  ['an index beyond safe integers', (all: string) => all.replace('index 7', 'index 9999999999999999')],
  ['an index before the extra data', (all: string) => all.replace(/(extra .*\n)(index 7\n)/, '$2$1')],
  ['extra data twice', (all: string) => all.replace(/(extra .*\n)/, '$1$1')],
  ['empty extra data', (all: string) => all.replace(/extra .*\n/, 'extra \n')],
  ['extra data in another spelling of base64', (all: string) => all.replace('eyJhIjoxfQ==', 'eyJhIjoxfR==')],
  ['extra data without padding', (all: string) => all.replace('eyJhIjoxfQ==', 'eyJhIjoxfQ')],
  ['a hash that is cut', (all: string) => all.replace(hash, hash.slice(4))],
  ['a hash in base64url', (all: string) => all.replace(hash, hash.replace(/[+/]|^./, '_'))],
  ['a hundred hashes', (all: string) => all.replace(hash, `${hash}\n`.repeat(100).trim())],
  ['carriage returns', (all: string) => all.replaceAll('\n', '\r\n')],
  ['a byte order mark', (all: string) => `\ufeff${all}`],
  ['no empty line before the checkpoint', (all: string) => all.replaceAll('\n\n', '\n')],
  ['more bytes than a proof may have', (all: string) => all + 'x'.repeat(maxProofBytes)],
] as const) {
  test(`refuses ${name}`, () => assert.equal(parseProof(Buffer.from(change(text))), undefined))
}

test('refuses bytes that are not UTF-8', () => {
  const bytes = Buffer.from(file)
  bytes[bytes.length - 3] = 0xff
  assert.equal(parseProof(bytes), undefined)
})

test('never throws, and reads nothing that it would write otherwise', () => {
  const check = (bytes: Buffer): void => {
    const read = parseProof(bytes)
    if (read !== undefined) assert.deepEqual(formatProof(read), bytes)
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(text.length - 1), fc.nat(255), (bytes, at, value) => {
      check(Buffer.from(bytes))
      const changed = Buffer.from(file)
      changed[at] = value
      check(changed)
    }),
    { interruptAfterTimeLimit: 500 },
  )
})
