// Nonces that a proof must carry where an issuer is configured so: a proof cannot then be made ahead of its time. They
// hold the time and a MAC and are kept nowhere; every process with the same secret knows them. RFC 9449 §9.

import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../base/clock.ts'

export interface DpopNonces {
  current(): string
  isFresh(nonce: string): boolean
}

const periodMs = 150_000 // bound: a DPoP nonce is given out for
const macBytes = 16

/** `secret` is that of other MACs too: what is signed here begins with a word of its own. */
export function createDpopNonces(options: { readonly clock: Clock; readonly secret: Buffer }): DpopNonces {
  const { clock, secret } = options

  const make = (period: number): string => {
    const mac = createHmac('sha256', secret).update(`dpop-nonce ${period}`).digest().subarray(0, macBytes)
    return `${period.toString(36)}.${mac.toString('base64url')}`
  }
  const period = (): number => Math.floor(clock.nowMs() / periodMs)

  return {
    current: () => make(period()),
    isFresh: (nonce) => {
      const now = period()
      return [make(now), make(now - 1)].some((good) => isEqual(good, nonce))
    },
  }
}

function isEqual(good: string, claimed: string): boolean {
  const [one, other] = [Buffer.from(good), Buffer.from(claimed)]
  return one.length === other.length && timingSafeEqual(one, other)
}
