// What the registered claims of a proven token say about its use: for whom it was issued, by which party it may be
// shown, how long it lives. RFC 7519 §4.1, RFC 9068 §2.2, OpenID Connect Core 1.0 §3.1.3.7.

import { detach, type JsonObject } from '../base/strict-json.ts'
import type { JwtIssuerConfig } from '../config/config.ts'
import { ownValue } from './compact-form.ts'

const maxTokenIdLength = 256 // bound: a token's id (jti)

/** Whether this is a token for access at all, shown by a party that may; undefined when it is. */
export function findUseProblem(claims: JsonObject, config: JwtIssuerConfig): string | undefined {
  // security events and logout tokens are signed by the same keys, often without a typ that would tell
  if (ownValue(claims, 'events') !== undefined) return 'it tells of events and is not for access'
  return findPartyProblem(claims, config)
}

/**
 * The party that the token was issued to. Several audiences make it matter: any of them holds this token too, so
 * without parties that are declared it must have been issued to one of the configured audiences.
 */
function findPartyProblem(claims: JsonObject, config: JwtIssuerConfig): string | undefined {
  const authorizedParty = ownValue(claims, 'azp')
  if (authorizedParty !== undefined && (typeof authorizedParty !== 'string' || authorizedParty === ''))
    return 'azp is not a name'
  if (config.authorizedParties !== undefined) {
    const party = authorizedParty ?? ownValue(claims, 'client_id')
    return typeof party === 'string' && config.authorizedParties.includes(party) ? undefined : 'azp'
  }
  const audience = ownValue(claims, 'aud')
  if (authorizedParty === undefined || !Array.isArray(audience) || audience.length < 2) return undefined
  const configured = typeof config.audience === 'string' ? [config.audience] : config.audience
  return configured.includes(authorizedParty) ? undefined : 'azp'
}

/** Whether it lives no longer than its issuer may grant; undefined when so. */
export function findLifeProblem(claims: JsonObject, config: JwtIssuerConfig, nowMs: number): string | undefined {
  const expiresAtMs = millisecondsOf(claims, 'exp') ?? -Infinity
  const issuedAtMs = millisecondsOf(claims, 'iat')
  // how long a revocation must be kept is reckoned from it
  if (issuedAtMs === undefined) return 'without iat'
  if (issuedAtMs > nowMs + config.clockSkew) return 'issued in the future'
  return expiresAtMs - issuedAtMs <= config.maxTokenLife ? undefined : 'lives too long'
}

/** undefined when absent; null when it is not a string of bounded length. */
export function readTokenId(claims: JsonObject): string | undefined | null {
  const id = ownValue(claims, 'jti')
  if (id === undefined) return undefined
  return typeof id === 'string' && id !== '' && id.length <= maxTokenIdLength ? detach(id) : null
}

export function millisecondsOf(claims: JsonObject, name: string): number | undefined {
  const seconds = ownValue(claims, name)
  return typeof seconds === 'number' ? seconds * 1000 : undefined
}
