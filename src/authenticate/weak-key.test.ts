import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { rsaKey } from '../../test/fakes/identity.ts'
import { isWeakKey } from './weak-key.ts'

function rsaWithModulus(modulus: bigint): KeyObject {
  const n = Buffer.from(modulus.toString(16), 'hex').toString('base64url')
  return createPublicKey({ key: { kty: 'RSA', n, e: 'AQAB' }, format: 'jwk' })
}

/** A 2,048-bit number that is, modulo every prime up to 167, the same power of 65537: the mark of such a chip. */
function chipModulus(exponent: bigint): bigint {
  let product = 1n
  for (let candidate = 2n; candidate <= 167n; candidate++) if (isPrime(candidate)) product *= candidate
  let residue = 1n
  for (let i = 0n; i < exponent; i++) residue = (residue * 65_537n) % product
  const top = (1n << 2047n) / product + 1n
  return top * product + residue
}

function isPrime(candidate: bigint): boolean {
  for (let divisor = 2n; divisor * divisor <= candidate; divisor++) if (candidate % divisor === 0n) return false
  return true
}

test('knows the keys of chips whose primes give themselves away', () => {
  for (const exponent of [1n, 2n, 77n, 1000n]) assert.equal(isWeakKey(rsaWithModulus(chipModulus(exponent))), true)
  assert.equal(isWeakKey(rsaWithModulus(chipModulus(77n) + 2n)), false)
})

test('lets ordinary keys pass', () => {
  assert.equal(isWeakKey(rsaKey.publicKey), false)
  assert.equal(isWeakKey(generateKeyPairSync('ed25519').publicKey), false)
})
