// Cosignatures against messages that the test puts together by hand, as the specification writes them.

import assert from 'node:assert/strict'
import { createHash, createPrivateKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { createCheckpointSigner, parseCheckpoint, type UnverifiedCheckpoint } from './checkpoint.ts'
import {
  createCosigningKey,
  distinctWitnesses,
  maxClockSkewSeconds,
  parseCosigner,
  readCosignatures,
  witnessedTime,
} from './cosignature.ts'

const origin = 'example.com/behind-the-sofa'
const root = createHash('sha256').update('root').digest()
const nowSeconds = 1_679_315_147
const logKey = ed25519('log')
const signer = createCheckpointSigner(origin, logKey)
const text = `${origin}\n20852163\n${root.toString('base64')}\n`

function ed25519(seed: string): KeyObject {
  const head = Buffer.from('302e020100300506032b657004220420', 'hex')
  const der = Buffer.concat([head, createHash('sha256').update(seed).digest()])
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
}
const mlDsa = (): KeyObject => generateKeyPairSync('ml-dsa-44').privateKey

function noted(...lines: string[]): UnverifiedCheckpoint {
  const note = `${signer.sign(20_852_163, root)}${lines.join('')}`
  return parseCheckpoint(Buffer.from(note), { maxBytes: 131_072 }) ?? assert.fail('no note')
}
function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(value)
  return bytes
}
/** A line as the format has it, of whatever is given. */
function lineOf(vkey: string, ...signature: Buffer[]): string {
  const [name = '', keyHash = ''] = vkey.split('+')
  return `\u2014 ${name} ${Buffer.concat([Buffer.from(keyHash, 'hex'), ...signature]).toString('base64')}\n`
}

test('an Ed25519 cosignature is of the two lines and the text', () => {
  const key = ed25519('w1')
  const witness = createCosigningKey('witness.example.com/w1', key)
  const message = `cosignature/v1\ntime ${nowSeconds}\n${text}`
  const expected = lineOf(witness.vkey, u64(BigInt(nowSeconds)), sign(null, Buffer.from(message), key))
  assert.equal(witness.cosign(noted(), nowSeconds), expected)
  const [found] = readCosignatures(noted(expected), [witness], nowSeconds) ?? []
  assert.equal(found?.timeSeconds, nowSeconds)
  assert.equal(found.line, expected)
})

test('a key id is of the name, the type and the key', () => {
  for (const [key, type] of [
    [ed25519('w1'), 4],
    [mlDsa(), 6],
  ] as const) {
    const { vkey } = createCosigningKey('w.example/1', key)
    const [name, id, ...encoded] = vkey.split('+')
    const typed = Buffer.from(encoded.join('+'), 'base64')
    assert.equal(typed[0], type)
    const digest = createHash('sha256').update('w.example/1\n').update(typed).digest('hex')
    assert.deepEqual([name, id], ['w.example/1', digest.slice(0, 8)])
    assert.equal(parseCosigner(vkey)?.vkey, vkey)
  }
})

test('an ML-DSA-44 cosignature is of the structure, made by hand', () => {
  const key = mlDsa()
  const witness = createCosigningKey('w.example/pq', key)
  const message = Buffer.concat([
    Buffer.from('737562747265652f76310a00', 'hex'), // "subtree/v1\n\0"
    Buffer.from([12]),
    Buffer.from('w.example/pq'),
    u64(BigInt(nowSeconds)),
    Buffer.from([origin.length]),
    Buffer.from(origin),
    u64(0n),
    u64(20_852_163n),
    root,
  ])
  const line = lineOf(witness.vkey, u64(BigInt(nowSeconds)), sign(null, message, key))
  assert.equal(readCosignatures(noted(line), [witness], nowSeconds)?.length, 1)
  assert.equal(readCosignatures(noted(witness.cosign(noted(), nowSeconds)), [witness], nowSeconds)?.length, 1)
})

test('refuses a signature over anything else than what was cosigned', () => {
  const [edKey, pqKey] = [ed25519('w1'), mlDsa()]
  const [ed, pq] = [createCosigningKey('w.example/1', edKey), createCosigningKey('w.example/1', pqKey)]
  const time = u64(BigInt(nowSeconds))
  const lines = [
    lineOf(ed.vkey, time, sign(null, Buffer.from(text), edKey)),
    lineOf(
      ed.vkey,
      u64(BigInt(nowSeconds - 1)),
      sign(null, Buffer.from(`cosignature/v1\ntime ${nowSeconds}\n${text}`), edKey),
    ),
    lineOf(ed.vkey, time, sign(null, Buffer.from(`cosignature/v1\ntime 0${nowSeconds}\n${text}`), edKey)),
    lineOf(ed.vkey, time, Buffer.alloc(64)),
    lineOf(ed.vkey, time, Buffer.alloc(63)),
    lineOf(ed.vkey, Buffer.alloc(5)),
    lineOf(pq.vkey, time, sign(null, Buffer.from(`cosignature/v1\ntime ${nowSeconds}\n${text}`), pqKey)),
    lineOf(pq.vkey, time, Buffer.alloc(2_420)),
    // a bare signature of the other type, under this key's id
    lineOf(pq.vkey, time, sign(null, Buffer.from(`cosignature/v1\ntime ${nowSeconds}\n${text}`), edKey)),
  ]
  for (const line of lines) assert.equal(readCosignatures(noted(line), [ed, pq], nowSeconds), undefined, line)
})

test('a cosignature of another root, size or origin is false', () => {
  const witness = createCosigningKey('w.example/1', ed25519('w1'))
  const pq = createCosigningKey('w.example/1', mlDsa())
  for (const change of [{ root: Buffer.alloc(32) }, { size: 20_852_162 }, { origin: 'example.com/other' }]) {
    const other = { ...noted(), ...change }
    const otherText = `${other.origin}\n${other.size}\n${other.root.toString('base64')}\n`
    for (const key of [witness, pq]) {
      const line = key.cosign({ ...other, text: otherText }, nowSeconds)
      assert.equal(readCosignatures(noted(line), [key], nowSeconds), undefined)
    }
  }
})

test('an ML-DSA-44 cosignature does not pass under another name, though the key is the same', () => {
  const key = mlDsa()
  const [one, other] = [createCosigningKey('w.example/1', key), createCosigningKey('w.example/2', key)]
  const [, encoded = ''] = one.cosign(noted(), nowSeconds).trim().split(' ').slice(1)
  const signature = Buffer.from(encoded, 'base64').subarray(4)
  assert.equal(readCosignatures(noted(lineOf(other.vkey, signature)), [other], nowSeconds), undefined)
})

test('believes no time beyond the allowed skew, none that is zero, and none beyond 2^53', () => {
  const key = ed25519('w1')
  const witness = createCosigningKey('w.example/1', key)
  const at = (seconds: number): UnverifiedCheckpoint => noted(witness.cosign(noted(), seconds))
  assert.equal(readCosignatures(at(nowSeconds + maxClockSkewSeconds), [witness], nowSeconds)?.length, 1)
  assert.equal(readCosignatures(at(nowSeconds + maxClockSkewSeconds + 1), [witness], nowSeconds), undefined)
  assert.equal(readCosignatures(at(nowSeconds + maxClockSkewSeconds + 1), [witness], undefined)?.length, 1)
  for (const time of [0n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) {
    const message = `cosignature/v1\ntime ${time}\n${text}`
    const line = lineOf(witness.vkey, u64(time), sign(null, Buffer.from(message), key))
    assert.equal(readCosignatures(noted(line), [witness], undefined), undefined, String(time))
  }
})

test('leaves out lines of keys that are not known, whatever they hold', () => {
  const known = createCosigningKey('w.example/1', ed25519('w1'))
  const stranger = createCosigningKey('w.example/1', ed25519('stranger'))
  const renamed = createCosigningKey('w.example/2', ed25519('w1'))
  const note = noted(
    stranger.cosign(noted(), nowSeconds),
    renamed.cosign(noted(), nowSeconds),
    lineOf(stranger.vkey, Buffer.from('rubbish')),
    known.cosign(noted(), nowSeconds),
  )
  assert.deepEqual(
    readCosignatures(note, [known], nowSeconds)?.map(({ cosigner }) => cosigner.vkey),
    [known.vkey],
  )
})

test('a witness counts once: by two lines, two keys or two names', () => {
  const key = ed25519('w1')
  const ed = createCosigningKey('w.example/1', key)
  const pq = createCosigningKey('w.example/1', mlDsa())
  const alias = createCosigningKey('w.example/2', key)
  const other = createCosigningKey('w.example/3', ed25519('w3'))
  const cosigned = (...lines: string[]) =>
    readCosignatures(noted(...lines), [ed, pq, alias, other], nowSeconds) ?? assert.fail('false')
  const all = noted()
  const twice = cosigned(ed.cosign(all, nowSeconds - 9), ed.cosign(all, nowSeconds - 5), ed.cosign(all, nowSeconds - 7))
  assert.deepEqual([twice.length, twice[0]?.timeSeconds], [1, nowSeconds - 5])
  const same = cosigned(ed.cosign(all, nowSeconds), pq.cosign(all, nowSeconds - 1), alias.cosign(all, nowSeconds - 2))
  assert.equal(distinctWitnesses(same).length, 1)
  assert.equal(witnessedTime(same, 2), undefined)
  const both = cosigned(ed.cosign(all, nowSeconds), pq.cosign(all, nowSeconds), other.cosign(all, nowSeconds - 60))
  assert.equal(distinctWitnesses(both).length, 2)
  assert.deepEqual([witnessedTime(both, 1), witnessedTime(both, 2)], [nowSeconds, nowSeconds - 60])
})

test('takes one spelling of a verifier key and no key of another kind', () => {
  const { vkey } = createCosigningKey('w.example/1', ed25519('w1'))
  const [name = '', id = ''] = vkey.split('+')
  const key = vkey.slice(name.length + id.length + 2)
  for (const line of [
    '',
    signer.vkey,
    `${vkey} `,
    `${vkey}=`,
    `${name}+${id.toUpperCase()}x+${key}`,
    `${name}+00000000+${key}`,
    `other+${id}+${key}`,
    `${name}+${id}`,
    `${name}+${id}+${Buffer.from([4, 1, 2]).toString('base64')}`,
    `${name}+${id}+${Buffer.alloc(33, 6).toString('base64')}`,
    `a b+${id}+${key}`,
  ]) {
    assert.equal(parseCosigner(line), undefined, line)
  }
})
