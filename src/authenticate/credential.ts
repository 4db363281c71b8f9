// Finds the one credential of a request: `Authorization: Bearer`, `Authorization: DPoP` or `X-API-Key`. The query and cookies are not
// looked at: what stands there ends up in logs and histories. Everything here is still the caller's word.
// RFC 6750 §2.1; RFC 9110 §11.4; RFC 9449 §7.1.

import type { Refusal } from '../refusal/refusal.ts'
import { isApiKey } from './api-key.ts'
import { refuseInvalid, refuseMissing } from './unauthenticated.ts'

/** Longer tokens are refused before any cryptography. */
const maxTokenLength = 8192 // bound: a credential
const shown = /^(Bearer|DPoP) ([A-Za-z0-9._~+/-]+=*)$/i

export interface Credential {
  readonly token: string
  /** how it is shown: by whoever has it, or with a proof of RFC 9449 */
  readonly scheme: 'bearer' | 'dpop'
}

export function readCredential(headers: ReadonlyMap<string, string>): Credential | Refusal {
  const authorization = headers.get('authorization')
  const apiKey = headers.get('x-api-key')
  if (authorization === undefined && apiKey === undefined) return refuseMissing()
  if ((authorization?.length ?? 0) > maxTokenLength + 7 || (apiKey?.length ?? 0) > maxTokenLength) {
    return refuseInvalid('credential too long')
  }
  const [, scheme, token] = shown.exec(authorization ?? '') ?? []
  if (authorization !== undefined && token === undefined)
    return refuseInvalid('an Authorization that is neither a bearer token nor one with a proof')
  if (apiKey !== undefined && token !== undefined && token !== apiKey)
    return refuseInvalid('two credentials that differ')
  if (apiKey !== undefined && !isApiKey(apiKey)) return refuseInvalid('an X-API-Key that is not an API key')
  const isProven = scheme?.toLowerCase() === 'dpop'
  if (isProven && isApiKey(token ?? '')) return refuseInvalid('an API key shown by DPoP')
  return { token: apiKey ?? token ?? '', scheme: isProven ? 'dpop' : 'bearer' }
}
