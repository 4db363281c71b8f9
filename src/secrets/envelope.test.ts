import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { joinWithLengths, keyIdOf, openWith, sealWith } from './envelope.ts'

const key = { id: '00112233445566ff', key: Buffer.alloc(32, 1) }
const other = { id: '00112233445566fe', key: Buffer.alloc(32, 2) }
const place = { table: 'stored_secret', row: 'crm', column: 'value' }
const plaintext = Buffer.from('Bearer hunter2')

test('what was sealed comes back at its place, and says which key it needs', () => {
  const sealed = sealWith(key, place, plaintext)
  assert.deepEqual(openWith(key, place, sealed), plaintext)
  assert.equal(keyIdOf(sealed), key.id)
  assert.deepEqual(openWith(key, place, sealWith(key, place, Buffer.alloc(0))), Buffer.alloc(0))
})

test('a ciphertext that was moved to another row, column or table does not open', () => {
  const sealed = sealWith(key, place, plaintext)
  for (const moved of [{ row: 'billing' }, { column: 'name' }, { table: 'keys' }, { row: '' }, { row: 'crm\0' }])
    assert.equal(openWith(key, { ...place, ...moved }, sealed), undefined, JSON.stringify(moved))
})

test('places whose parts run together read differently', () => {
  const lists = [
    ['ab', 'c', ''],
    ['a', 'bc', ''],
    ['', 'abc', ''],
    ['abc', '', ''],
    ['a', 'b', 'c'],
    ['a\0b', 'c', ''],
    ['a', 'b\0c', ''],
  ]
  const texts = new Set(lists.map((list) => joinWithLengths(list).toString('hex')))
  assert.equal(texts.size, lists.length)
  const sealed = sealWith(key, { table: 'ab', row: 'c', column: '' }, plaintext)
  for (const [table = '', row = '', column = ''] of lists.slice(1))
    assert.equal(openWith(key, { table, row, column }, sealed), undefined)
})

test('one flipped bit anywhere, and nothing comes out', () => {
  const sealed = sealWith(key, place, plaintext)
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const changed = Buffer.from(sealed)
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    assert.equal(openWith(key, place, changed), undefined, `bit ${bit}`)
  }
})

test('an envelope that was cut or grew does not open', () => {
  const sealed = sealWith(key, place, plaintext)
  for (let length = 0; length < sealed.length; length += 1)
    assert.equal(openWith(key, place, sealed.subarray(0, length)), undefined, `${length} bytes`)
  assert.equal(openWith(key, place, sealed.subarray(1)), undefined)
  assert.equal(openWith(key, place, Buffer.concat([sealed, Buffer.alloc(1)])), undefined)
})

test('the id of another key on an envelope does not make that key open it', () => {
  const sealed = sealWith(key, place, plaintext)
  const renamed = Buffer.concat([sealed.subarray(0, 1), Buffer.from(other.id, 'hex'), sealed.subarray(9)])
  assert.equal(openWith(other, place, renamed), undefined)
  // nor the same bytes under another name: the id is bound
  assert.equal(openWith({ id: other.id, key: key.key }, place, renamed), undefined)
  assert.equal(openWith(other, place, sealed), undefined)
})

test('no nonce is used twice', () => {
  const nonces = new Set<string>()
  for (let count = 0; count < 20_000; count += 1) nonces.add(sealWith(key, place, plaintext).toString('hex', 9, 21))
  assert.equal(nonces.size, 20_000)
})

test('bytes that are no envelope are told from one, and never throw', () => {
  for (const bytes of [Buffer.alloc(0), Buffer.alloc(36, 1), Buffer.alloc(100), Buffer.from('PRIVATE KEY'.repeat(9))])
    assert.equal(keyIdOf(bytes), undefined)
  for (let count = 0; count < 2_000; count += 1)
    assert.equal(openWith(key, place, Buffer.concat([Buffer.from([1]), randomBytes(count % 90)])), undefined)
})
