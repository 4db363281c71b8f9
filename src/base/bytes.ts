// Small, strict things about bytes: base64 with one spelling per value, and random bytes from a pool (a call
// to the kernel per salt would cost more than everything else in a record).

import { randomFillSync } from 'node:crypto'

const base64Url = /^[A-Za-z0-9_-]*$/

/** Decodes standard padded base64; undefined unless the text is the only spelling of its bytes. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}

/** Decodes unpadded base64url; undefined unless the text is the only spelling of its bytes. */
export function decodeBase64Url(text: string): Buffer | undefined {
  if (!base64Url.test(text)) return undefined
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}

/** Fills a buffer with random bytes. A source of its own only in tests and for golden files. */
export type RandomSource = (target: Buffer) => void

export const systemRandom: RandomSource = (target) => {
  randomFillSync(target)
}

/** Hands out random bytes from a pool. What it returns is overwritten at a later call: copy it at once. */
export type RandomPool = (size: number) => Buffer

export function createRandomPool(random: RandomSource, poolBytes: number = 16_384): RandomPool {
  const pool = Buffer.alloc(poolBytes)
  let used = poolBytes
  return (size) => {
    if (used + size > poolBytes) {
      random(pool)
      used = 0
    }
    used += size
    return pool.subarray(used - size, used)
  }
}
