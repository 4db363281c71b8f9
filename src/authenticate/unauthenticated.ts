// The two ways of saying no here. What the caller sees is the same whatever failed: status, body and challenge;
// the reason goes to the record alone. RFC 6750 §3 (without its error attribute, which would tell).

import { refuse, type Refusal } from '../refusal/refusal.ts'

/** What may sign a proof: every algorithm of ours is asymmetric. */
const proofAlgorithmNames = 'ES256 ES384 ES512 EdDSA Ed25519 PS256 PS384 PS512 RS256 RS384 RS512'
export const proofAlgorithms: readonly string[] = proofAlgorithmNames.split(' ')
const proofAlgorithmsParameter = `algs="${proofAlgorithmNames}"`
const bearerChallenge = 'Bearer realm="sallyport"'
const challenge: { headers: Record<string, string> } = { headers: { 'www-authenticate': bearerChallenge } }

export function refuseMissing(): Refusal {
  return refuse('AUTHN_MISSING', 'no credential', challenge)
}

/** `claimedKey`: the id of an API key that was named in vain, whether there is one or not. */
export function refuseInvalid(detail: string, claimedKey?: string): Refusal {
  return refuse('AUTHN_INVALID', detail, claimedKey === undefined ? challenge : { ...challenge, claimedKey })
}

/** The one challenge that tells something, to somebody whose token and proof are good but for the nonce (RFC 9449 §9). */
export function askForNonce(detail: string, nonce: string): Refusal {
  const challenges = `DPoP realm="sallyport", error="use_dpop_nonce", ${proofAlgorithmsParameter}`
  return refuse('AUTHN_INVALID', detail, { headers: { 'www-authenticate': challenges, 'dpop-nonce': nonce } })
}

/** Says too that tokens are shown with a proof, where some issuer wants it. */
export function withProofChallenge(refusal: Refusal): Refusal {
  if (refusal.headers?.['www-authenticate'] !== bearerChallenge) return refusal
  const challenges = `${bearerChallenge}, DPoP realm="sallyport", ${proofAlgorithmsParameter}`
  return { ...refusal, headers: { ...refusal.headers, 'www-authenticate': challenges } }
}

/** Tainted text on its way into a detail: short, and in quotes that show control characters. */
export function quote(claimed: string): string {
  return JSON.stringify(claimed.length > 80 ? `${claimed.slice(0, 80)}…` : claimed)
}
