// Names for agents outside: whoever calls has at each sector a name of its own, always the same there, that cannot be
// tied to the name at another, nor to who it is, without the gateway's secret. OpenID Connect Core §8.1 in spirit; an
// HMAC, so that a list of likely names does not find anybody.

import { createHmac, createPrivateKey, generateKeyPairSync, hkdfSync } from 'node:crypto'
import { readOrCreateKeyFile } from '../base/key-file.ts'
import type { Sealer } from '../base/sealing.ts'

export type Rename = (principalId: string) => string

/** `secret` is the gateway's own; agents of one sector see the same names. */
export function createRename(secret: Buffer, sector: string): Rename {
  const key = Buffer.from(hkdfSync('sha256', secret, '', `sallyport pairwise subject\0${sector}`, 32))
  return (principalId) => `pairwise:${createHmac('sha256', key).update(principalId).digest('base64url')}`
}

/** A secret of the gateway's own, kept as the other keys are: sealed, and sealed anew with them. Made on first use. */
export async function loadGatewaySecret(path: string, sealer: Sealer): Promise<Buffer> {
  const pem = await readOrCreateKeyFile(path, sealer, () =>
    Buffer.from(generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })),
  )
  // it signs nothing: what makes it a key is where secrets are made from
  return createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' })
}
