// Ids of calls: 26 letters and digits, unique, not secret, ordered by nothing.

import { randomFillSync } from 'node:crypto'

const alphabet = '0123456789abcdefghijklmnopqrstuvwxyz'
const pool = Buffer.alloc(26 * 256)
let used = pool.length

/** 26 characters of base 36 from a pooled random buffer (about 134 bits). */
export function createCallId(): string {
  if (used >= pool.length) {
    randomFillSync(pool)
    used = 0
  }
  let id = ''
  // 256 is not a multiple of 36: the slight bias does not matter for an id that is not a secret
  const end = used + 26
  for (; used < end; used += 1) id += alphabet[(pool[used] ?? 0) % 36]
  return id
}
