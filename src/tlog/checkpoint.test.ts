// Signed notes and checkpoints against the published examples, and against hostile bytes.

import assert from 'node:assert/strict'
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  createCheckpointSigner,
  parseCheckpoint,
  parseVkey,
  verifyCheckpoint,
  verifyCheckpointAsync,
} from './checkpoint.ts'
import { emptyRoot, leafHash } from './merkle.ts'

const { privateKey } = generateKeyPairSync('ed25519')
const signer = createCheckpointSigner('sallyport.local/0011aabb', privateKey)
const root = leafHash(Buffer.from('x'))
const note = Buffer.from(signer.sign(42, root))

test('reads the example of the tlog-checkpoint specification', () => {
  const example = `example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
`
  const checkpoint = parseCheckpoint(Buffer.from(example))
  assert.equal(checkpoint?.origin, 'example.com/behind-the-sofa')
  assert.equal(checkpoint.size, 20852163)
  assert.equal(checkpoint.signatures[0]?.keyHash, 0x033de0ae)
})

test('derives the key hash of a well-known log key (the Go checksum database)', () => {
  const vkey = 'sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8'
  assert.equal(parseVkey(vkey)?.keyHash, 0x033de0ae)
})

test('verifies what the signer signed, and the same key gives the same note', () => {
  const checkpoint = parseCheckpoint(note) ?? assert.fail()
  assert.equal(checkpoint.size, 42)
  assert.deepEqual(checkpoint.root, root)
  const verifier = parseVkey(signer.vkey) ?? assert.fail()
  assert.ok(verifyCheckpoint(checkpoint, [verifier]))
  assert.equal(signer.sign(42, root), note.toString())
})

test('verifies on the thread pool with the same answers', async () => {
  const checkpoint = parseCheckpoint(note) ?? assert.fail()
  assert.equal(await verifyCheckpointAsync(checkpoint, [signer]), true)
  assert.equal(
    await verifyCheckpointAsync({ ...checkpoint, text: checkpoint.text.replace('42', '43') }, [signer]),
    false,
  )
  assert.equal(await verifyCheckpointAsync(checkpoint, []), false)
})

test('refuses a checkpoint that another key signed under the same name', () => {
  const other = createCheckpointSigner('sallyport.local/0011aabb', generateKeyPairSync('ed25519').privateKey)
  assert.ok(!verifyCheckpoint(parseCheckpoint(note) ?? assert.fail(), [other]))
})

test('ignores signatures of strangers, but not a false one of a known key', () => {
  const stranger = createCheckpointSigner('witness.example/w', generateKeyPairSync('ed25519').privateKey)
  const line = stranger.sign(1, emptyRoot).split('\n\n')[1] ?? ''
  const cosigned = parseCheckpoint(Buffer.from(note.toString() + line)) ?? assert.fail()
  assert.ok(verifyCheckpoint(cosigned, [signer]))
  assert.ok(!verifyCheckpoint(cosigned, [signer, stranger]))
})

test('refuses or fails to verify when any single byte is changed to any other', () => {
  for (let at = 0; at < note.length; at += 1) {
    for (const flip of [1, 2, 0x20, 0x80, 0xff]) {
      const bytes = Buffer.from(note)
      bytes[at] = (bytes[at] ?? 0) ^ flip
      const checkpoint = parseCheckpoint(bytes)
      assert.ok(checkpoint === undefined || !verifyCheckpoint(checkpoint, [signer]), `byte ${at}`)
    }
  }
})

for (const [name, change] of [
  ['a leading zero in the size', (text: string) => text.replace('\n42\n', '\n042\n')],
  ['a size beyond safe integers', (text: string) => text.replace('\n42\n', '\n9999999999999999\n')],
  ['a negative size', (text: string) => text.replace('\n42\n', '\n-42\n')],
  ['an extension line', (text: string) => text.replace('\n\n', '\nmore\n\n')],
  ['a missing final newline', (text: string) => text.slice(0, -1)],
  ['bytes after the signatures', (text: string) => `${text}x`],
  ['an empty last line', (text: string) => `${text}\n`],
  ['carriage returns', (text: string) => text.replaceAll('\n', '\r\n')],
  ['a byte order mark', (text: string) => `\ufeff${text}`],
  ['no signature', (text: string) => text.slice(0, text.indexOf('\n\n') + 2)],
  ['another dash', (text: string) => text.replace('\u2014', '-')],
  ['a hundred signatures', (text: string) => text + (text.split('\n\n')[1] ?? '').repeat(100)],
] as const) {
  test(`refuses ${name}`, () => assert.equal(parseCheckpoint(Buffer.from(change(note.toString()))), undefined))
}

for (const [name, vkey] of [
  ['a wrong hash', signer.vkey.replace(/\+[0-9a-f]{8}\+/, '+00000000+')],
  ['another signature type', signer.vkey.replace('+A', '+B')],
  ['a missing part', 'sallyport.local/0011aabb+00000000'],
  ['an empty name', signer.vkey.replace('sallyport.local/0011aabb', '')],
  ['a trailing space', `${signer.vkey} `],
] as const) {
  test(`refuses a verifier key with ${name}`, () => assert.equal(parseVkey(vkey), undefined))
}

test('never throws on any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.string(), (bytes, text) => {
      parseCheckpoint(Buffer.from(bytes))
      parseCheckpoint(Buffer.from(text))
      parseVkey(text)
    }),
    { interruptAfterTimeLimit: 700 },
  )
})

test('signs deterministically with a fixed key', () => {
  const seed = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, 7)])
  const fixed = createCheckpointSigner(
    'sallyport.local/00000000',
    createPrivateKey({ key: seed, format: 'der', type: 'pkcs8' }),
  )
  assert.equal(fixed.vkey, parseVkey(fixed.vkey)?.vkey)
  assert.equal(fixed.sign(0, emptyRoot), fixed.sign(0, emptyRoot))
})
