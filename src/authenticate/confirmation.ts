// Whom a token is bound to, by its claim `cnf`: a key (DPoP) or a client certificate (mutual TLS). A way of binding
// that we do not know would be a binding that nobody checks, so it refuses the token. RFC 7800 §3, RFC 8705 §3.1,
// RFC 9449 §6.

import { isJsonObject, type JsonObject } from '../base/strict-json.ts'
import { ownValue } from './compact-form.ts'

/** One of them at least. base64url SHA-256. */
export interface Confirmation {
  /** thumbprint of a JSON Web Key, RFC 7638 */
  readonly jkt: string | undefined
  /** thumbprint of a certificate */
  readonly x5t: string | undefined
}

const thumbprint = /^[A-Za-z0-9_-]{43}$/

/** undefined when the token is bound to nobody; a sentence when its binding cannot be checked. */
export function readConfirmation(claims: JsonObject): Confirmation | undefined | string {
  const claimed = ownValue(claims, 'cnf')
  if (claimed === undefined) return undefined
  if (!isJsonObject(claimed)) return 'cnf is not an object'
  const names = Object.keys(claimed)
  if (names.length === 0) return 'cnf is empty'
  for (const name of names) if (name !== 'jkt' && name !== 'x5t#S256') return 'cnf has a member that is not known'
  const [jkt, x5t] = [ownValue(claimed, 'jkt'), ownValue(claimed, 'x5t#S256')]
  for (const value of [jkt, x5t])
    if (value !== undefined && !(typeof value === 'string' && thumbprint.test(value))) return 'cnf is not a thumbprint'
  return { jkt: typeof jkt === 'string' ? jkt : undefined, x5t: typeof x5t === 'string' ? x5t : undefined }
}
