// RSA keys that are no protection: short ones, small exponents, and those of one maker's chips whose primes have
// a form that gives them away (ROCA, CVE-2017-15361). The form shows in the modulus alone: modulo each small
// prime it is a power of 65537, which happens by chance less than once in a hundred million keys.

import type { KeyObject } from 'node:crypto'

/** Small primes modulo which not every number is a power of 65537. */
const tellingPrimes = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157]

export function isWeakKey(key: KeyObject): boolean {
  if (key.asymmetricKeyType !== 'rsa') return false
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {}
  if (modulusLength < 2048 || modulusLength > 16_384 || publicExponent < 65_537n) return true
  const { n = '' } = key.export({ format: 'jwk' })
  return hasTellingForm(BigInt(`0x${Buffer.from(n, 'base64url').toString('hex')}`))
}

function hasTellingForm(modulus: bigint): boolean {
  return tellingPrimes.every((prime) => isPowerOf65537(Number(modulus % BigInt(prime)), prime))
}

function isPowerOf65537(value: number, prime: number): boolean {
  const base = 65_537 % prime
  let power = 1
  do {
    if (power === value) return true
    power = (power * base) % prime
  } while (power !== 1)
  return false
}
