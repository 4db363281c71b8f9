// By what an origin proved who it is, kept for as long as something is done on its behalf: a key is known by its id and
// not by a name that others share, and whoever vouched must be configured now as then.

import type { Snapshot } from '../config/config.ts'
import type { Caller, OriginProof } from '../exchange/exchange.ts'
import type { KeyReader } from './key-record.ts'

export function proofOf(caller: Caller, snapshot: Snapshot): OriginProof {
  if (caller.method === 'api-key') return { keyId: caller.credential, isOver: () => caller.isRevoked() }
  const name = caller.method === 'mtls' ? issuerOf(caller.evidence?.['subject'] ?? '') : caller.credential
  const issuer = { name: name ?? '', configured: describeIssuer(name ?? '', snapshot) ?? '' }
  const id = caller.method === 'jwt' || caller.method === 'introspection' ? caller.evidence?.['jti'] : undefined
  const token = id === undefined ? undefined : { issuer: caller.credential, id }
  return { issuer, token, isOver: caller.isOver }
}

/** Whether it would not prove the origin any more, apart from tokens that were revoked. */
export function hasLapsed(proof: OriginProof, keys: KeyReader, nowMs: number, snapshot: Snapshot): boolean {
  const { keyId, issuer } = proof
  if (keyId !== undefined) {
    const key = keys.find(keyId)
    if (key === undefined || key.revokedAtMs !== undefined || nowMs >= key.expiresAtMs) return true
  }
  if (issuer !== undefined && (describeIssuer(issuer.name, snapshot) ?? 'gone') !== issuer.configured) return true
  return proof.isOver?.() === true
}

/** Whose name a principal is in: an issuer's short name, or a trust domain; undefined where it is in nobody's. */
export const issuerOf = (id: string): string | undefined =>
  /^(?:user:|serviceaccount:|(?=spiffe:\/\/))((?:spiffe:\/\/)?[^/]+)\//.exec(id)?.[1]

/** How the configuration has an issuer, a cluster, subjects or a trust domain; undefined when it has none of this name. */
export function describeIssuer(name: string, { config }: Snapshot): string | undefined {
  const { jwt, kubernetes, mtls } = config.identity
  // issuers of all kinds share their short names, so that no two have the same
  const issuer =
    jwt.find((each) => each.name === name) ??
    kubernetes.find((each) => each.name === name) ??
    mtls.subjects.find((each) => each.name === name) ??
    mtls.spiffe.find((each) => `spiffe://${each.trustDomain}` === name)
  return issuer === undefined ? undefined : JSON.stringify(issuer)
}
