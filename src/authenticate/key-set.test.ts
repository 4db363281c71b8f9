import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { ecKey, jwkOf, rsaKey } from '../../test/fakes/identity.ts'
import { parseKeySet, selectKey, type VerificationKey } from './key-set.ts'

function read(...keys: object[]): readonly VerificationKey[] {
  const parsed = parseKeySet(Buffer.from(JSON.stringify({ keys })))
  assert.ok(typeof parsed !== 'string')
  return parsed
}

test('reads the public keys of a set', () => {
  assert.deepEqual(
    read(jwkOf(ecKey), jwkOf(rsaKey)).map((key) => [key.keyId, key.algorithms]),
    [
      ['ec-1', ['ES256']],
      ['rsa-1', ['RS256']],
    ],
  )
  const ed25519 = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
  for (const alg of [undefined, 'EdDSA', 'Ed25519'])
    assert.deepEqual(read({ ...ed25519, alg })[0]?.algorithms, ['EdDSA', 'Ed25519'])
  assert.equal(read(jwkOf(rsaKey, { alg: undefined }))[0]?.algorithms.length, 6)
})

test('leaves out keys that are private, symmetric, for another use, or unreadable', () => {
  const left = [
    ecKey.privateKey.export({ format: 'jwk' }),
    { kty: 'oct', k: 'c2VjcmV0', kid: 'ec-1', alg: 'HS256' },
    jwkOf(ecKey, { use: 'enc' }),
    jwkOf(ecKey, { key_ops: ['encrypt'] }),
    jwkOf(ecKey, { alg: 'ES384' }),
    jwkOf(ecKey, { alg: 'HS256' }),
    jwkOf(ecKey, { alg: 'none' }),
    jwkOf(ecKey, { crv: 'secp256k1' }),
    jwkOf(ecKey, { y: 'AAAA' }),
    jwkOf(ecKey, { kid: 7 }),
    jwkOf(rsaKey, { n: undefined }),
    { kty: 'AKP' },
  ]
  assert.deepEqual(read(...left), [])
})

test('leaves out weak RSA keys', () => {
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
  assert.deepEqual(read({ ...small, kid: 'small' }), [])
  const exponentThree = { ...rsaKey.publicKey.export({ format: 'jwk' }), e: 'Aw' }
  assert.ok(createPublicKey({ key: exponentThree, format: 'jwk' }))
  assert.deepEqual(read(exponentThree), [])
})

test('refuses a set that is not one', () => {
  for (const text of [
    '',
    '[]',
    '{}',
    '{"keys":{}}',
    '{"keys":[],"keys":[]}',
    `{"keys":[${'{},'.repeat(100)}{}]}`,
    ' '.repeat(1_048_577),
  ]) {
    assert.equal(typeof parseKeySet(Buffer.from(text)), 'string')
  }
})

test('chooses by id and algorithm, and not at all between two', () => {
  const keys = read(jwkOf(ecKey), jwkOf(rsaKey), jwkOf(rsaKey, { kid: 'ec-1' }))
  assert.equal(selectKey(keys, 'ec-1', 'ES256'), keys[0])
  assert.equal(selectKey(keys, 'ec-1', 'RS256'), keys[2])
  assert.equal(selectKey(keys, 'rsa-1', 'ES256'), 'unknown')
  assert.equal(selectKey(keys, '../../ec-1', 'ES256'), 'unknown')
  assert.equal(selectKey(keys, undefined, 'RS256'), 'ambiguous')
  assert.equal(selectKey(keys, undefined, 'ES256'), keys[0])
})
