// A verifier written from docs/ledger.md alone, sharing no code with ours: if the page and the bytes disagree, this
// fails. It checks the golden ledger without secrets, then opens one body with the key-encryption key.

import assert from 'node:assert/strict'
import { createDecipheriv, createHash, createHmac, createPublicKey, verify } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const log = join(import.meta.dirname, '../../test/golden/ledger-v1/ledger/5a11e001')
const sha256 = (...parts: (Buffer | string)[]): Buffer =>
  parts.reduce((sum, part) => sum.update(part), createHash('sha256')).digest()
const node = (left: Buffer, right: Buffer): Buffer => sha256(Buffer.from([1]), left, right)

// RFC 6962 §2.1 over a list of leaf hashes
function root(leaves: readonly Buffer[]): Buffer {
  if (leaves.length < 2) return leaves[0] ?? sha256('')
  let split = 1
  while (split * 2 < leaves.length) split *= 2
  return node(root(leaves.slice(0, split)), root(leaves.slice(split)))
}

// the perfect subtrees of the first `size` leaves, largest first
function edge(leaves: readonly Buffer[]): Buffer[] {
  if (leaves.length === 0) return []
  let power = 1
  while (power * 2 <= leaves.length) power *= 2
  return [root(leaves.slice(0, power)), ...edge(leaves.slice(power))]
}

const [vkeyLine = ''] = readFileSync(join(log, 'key.vkey'), 'latin1').split('\n')
const [origin = '', keyHash = ''] = vkeyLine.split('+')
const typedKey = Buffer.from(vkeyLine.slice(origin.length + keyHash.length + 2), 'base64')
const publicKey = createPublicKey({
  key: { kty: 'OKP', crv: 'Ed25519', x: typedKey.subarray(1).toString('base64url') },
  format: 'jwk',
})

function checkNote(note: string, leaves: readonly Buffer[]): void {
  const text = `${origin}\n${leaves.length}\n${root(leaves).toString('base64')}\n`
  assert.ok(note.startsWith(`${text}\n\u2014 ${origin} `), `the note of ${leaves.length} records`)
  const signature = Buffer.from(note.slice(text.length).split(' ')[2] ?? '', 'base64')
  assert.equal(signature.toString('hex', 0, 4), keyHash)
  assert.ok(verify(null, Buffer.from(text), publicKey, signature.subarray(4)))
}

interface Found {
  readonly envelope: Record<string, unknown> & {
    call: string
    kind: string
    body: string
    fields: Record<string, string>
  }
  readonly body: Buffer | undefined
}

function readLog(): { leaves: Buffer[]; records: Found[] } {
  const leaves: Buffer[] = []
  const records: Found[] = []
  for (const name of readdirSync(join(log, 'segments')).toSorted()) {
    const bytes = readFileSync(join(log, 'segments', name))
    assert.equal(bytes.toString('latin1', 0, 8), 'SLYLEDGR')
    assert.equal(bytes.readUInt32LE(8), 1)
    assert.equal(bytes.readBigUInt64LE(16), BigInt(leaves.length))
    assert.equal(Number(name.slice(0, 20)), leaves.length)
    let at = 24
    const part = (): Buffer => {
      const length = bytes.readUInt16LE(at)
      at += 2 + length
      return bytes.subarray(at - length, at)
    }
    assert.equal(part().toString(), origin)
    assert.deepEqual(part(), Buffer.concat(edge(leaves)))
    checkNote(part().toString(), leaves)
    assert.equal(bytes.readUInt32LE(12), at + 4)
    at += 4
    let first = leaves.length
    while (at < bytes.length) {
      const [length, type] = [bytes.readUInt32LE(at), bytes[at + 8]]
      const payload = bytes.subarray(at + 9, at + 9 + length)
      at += 9 + length
      if (type === 1) {
        records.push({ envelope: JSON.parse(payload.toString()) as Found['envelope'], body: undefined })
        leaves.push(sha256(Buffer.from([0]), payload))
      } else if (type === 2) {
        const { envelope } = records.pop() ?? assert.fail()
        records.push({ envelope, body: payload })
        assert.equal(sha256(payload).toString('base64url'), envelope.body)
      } else {
        assert.equal(type, 3)
        const count = payload.readUInt32LE()
        assert.deepEqual(payload.subarray(4, 4 + 32 * count), Buffer.concat(leaves.slice(first)))
        checkNote(payload.toString('utf8', 4 + 32 * count), leaves)
        first = leaves.length
      }
    }
  }
  return { leaves, records }
}

test('the golden ledger is what docs/ledger.md says', () => {
  const { leaves, records } = readLog()
  checkNote(readFileSync(join(log, 'checkpoint'), 'utf8'), leaves)
  assert.deepEqual(
    records.map(({ envelope }) => envelope['index']),
    Array.from(records.keys()),
  )
  for (const { envelope, body } of records) assert.equal(envelope.body === '', body === undefined)
  const lines = readFileSync(join(log, 'subjects.keys'), 'latin1').trimEnd().split('\n')
  const committed = records.filter(({ envelope }) => envelope.kind === 'subject-key')
  assert.deepEqual(
    committed.map(({ envelope }) => envelope.fields['line']),
    lines.map((line) => sha256(`${line}\n`).toString('base64url')),
  )
  assert.deepEqual(
    committed.map(({ envelope }) => String(envelope['index'])),
    lines.map((line) => line.split(' ')[1]),
  )
  assert.equal(records[0]?.envelope.fields['signing-key'], sha256(vkeyLine).toString('base64url'))
})

test('a body opens, and its salts and values give the commitments, as docs/ledger.md says', () => {
  const kek = sha256('sample key-encryption key')
  const derive = (label: string, input: Buffer | string): Buffer =>
    createHmac('sha256', kek).update(`sallyport ${label} v1\0${origin}\0`).update(input).digest()
  const open = (key: Buffer, nonce: Buffer, aad: Buffer, sealed: Buffer): Buffer => {
    const decipher = createDecipheriv('aes-256-gcm', key, nonce).setAAD(aad).setAuthTag(sealed.subarray(-16))
    return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()])
  }
  const keys = new Map<string, Buffer>()
  for (const line of readFileSync(join(log, 'subjects.keys'), 'latin1').trimEnd().split('\n')) {
    const parts = line.split(' ')
    const wrapped = Buffer.from(parts[5] ?? '', 'base64url')
    const aad = Buffer.from(`${origin}\n${parts.slice(0, 5).join(' ')}`)
    const plaintext = open(derive('subject key', wrapped.subarray(0, 16)), Buffer.alloc(12), aad, wrapped.subarray(16))
    assert.equal(derive('subject tag', plaintext.subarray(48)).subarray(0, 16).toString('base64url'), parts[4])
    keys.set(parts[3] ?? '', plaintext.subarray(0, 32))
  }
  let fields = 0
  for (const { envelope, body } of readLog().records) {
    if (body === undefined) continue
    const dataKey = keys.get(body.toString('hex', 1, 9)) ?? assert.fail()
    const key = createHmac('sha256', dataKey).update(body.subarray(9, 25)).digest()
    const nonce = Buffer.concat([Buffer.alloc(4), body.subarray(25, 33)])
    const aad = Buffer.concat([body.subarray(0, 33), Buffer.from(envelope.call)])
    const text = open(key, nonce, aad, body.subarray(33)).toString()
    const { event, salts, values } = JSON.parse(text) as Record<'event' | 'salts' | 'values', Record<string, string>>
    for (const [name, salt] of Object.entries(salts)) {
      const parts = [name, values[name] ?? event[name] ?? assert.fail()].map((value) => {
        const bytes = Buffer.from(value)
        const length = Buffer.alloc(4)
        length.writeUInt32LE(bytes.length)
        return Buffer.concat([length, bytes])
      })
      assert.equal(sha256(Buffer.from(salt, 'base64url'), ...parts).toString('base64url'), envelope.fields[name])
      fields += 1
    }
  }
  assert.ok(fields > 100)
})
