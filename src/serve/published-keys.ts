// The key set of /.well-known/jwks.json: every public key of the gateway that others verify by, each for one purpose.
// Assertions are JWS by ES256; receipts are signed texts by the Ed25519 key of the log, no JWS at all. So no key of
// one purpose can stand in for one of the other: another algorithm, another kid, another form. RFC 7517, 7638, 8037.

import { createHash } from 'node:crypto'
import type { PublicJwk } from '../forward/forward.ts'
import { parseVkey } from '../tlog/checkpoint.ts'

export interface PublishedKeys {
  readonly assertions: readonly PublicJwk[]
  /** verifier key of the log, where receipts are signed */
  readonly receipts: string | undefined
}

/** As JSON. */
export function formatKeySet({ assertions, receipts }: PublishedKeys): string {
  const ofReceipts = receipts === undefined ? undefined : receiptKey(receipts)
  return JSON.stringify({
    keys: [...assertions.map((key) => ({ ...key, purpose: 'assertion' })), ...(ofReceipts ? [ofReceipts] : [])],
  })
}

function receiptKey(vkey: string): object | undefined {
  const { x } = parseVkey(vkey)?.publicKey.export({ format: 'jwk' }) ?? {}
  if (x === undefined) return undefined
  // RFC 8037 appendix A.3: the required members in this order
  const kid = createHash('sha256')
    .update(JSON.stringify({ crv: 'Ed25519', kty: 'OKP', x }))
    .digest('base64url')
  return { kty: 'OKP', crv: 'Ed25519', x, kid, alg: 'Ed25519', use: 'sig', purpose: 'receipt' }
}
