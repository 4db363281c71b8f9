// Names for agents outside: whoever calls has at each sector a name of its own, always the same there, that cannot be
// tied to the name at another, nor to who it is, without the gateway's secret. OpenID Connect Core §8.1 in spirit; an
// HMAC, so that a list of likely names does not find anybody.

import { createHmac, hkdfSync } from 'node:crypto'

export type Rename = (principalId: string) => string

/** `secret` is the gateway's own; agents of one sector see the same names. */
export function createRename(secret: Buffer, sector: string): Rename {
  const key = Buffer.from(hkdfSync('sha256', secret, '', `sallyport pairwise subject\0${sector}`, 32))
  return (principalId) => `pairwise:${createHmac('sha256', key).update(principalId).digest('base64url')}`
}
