// Finds the one credential of a request: `Authorization: Bearer` or `X-API-Key`. The query and cookies are not
// looked at: what stands there ends up in logs and histories. Everything here is still the caller's word.
// RFC 6750 §2.1; RFC 9110 §11.4.

import type { Refusal } from '../refusal/refusal.ts'
import { isApiKey } from './api-key.ts'
import { refuseInvalid, refuseMissing } from './unauthenticated.ts'

/** Longer tokens are refused before any cryptography. */
const maxTokenLength = 8192 // bound: a credential
const bearer = /^Bearer ([A-Za-z0-9._~+/-]+=*)$/i

export function readCredential(headers: ReadonlyMap<string, string>): string | Refusal {
  const authorization = headers.get('authorization')
  const apiKey = headers.get('x-api-key')
  if (authorization === undefined && apiKey === undefined) return refuseMissing()
  if ((authorization?.length ?? 0) > maxTokenLength + 7 || (apiKey?.length ?? 0) > maxTokenLength) {
    return refuseInvalid('credential too long')
  }
  const token = authorization === undefined ? undefined : bearer.exec(authorization)?.[1]
  if (authorization !== undefined && token === undefined)
    return refuseInvalid('an Authorization that is not a bearer token')
  if (apiKey === undefined) return token ?? refuseMissing()
  if (token !== undefined && token !== apiKey) return refuseInvalid('two credentials that differ')
  return isApiKey(apiKey) ? apiKey : refuseInvalid('an X-API-Key that is not an API key')
}
