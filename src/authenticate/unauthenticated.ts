// The two ways of saying no here. What the caller sees is the same whatever failed: status, body and challenge;
// the reason goes to the record alone. RFC 6750 §3 (without its error attribute, which would tell).

import { refuse, type Refusal } from '../refusal/refusal.ts'

const challenge: { headers: Record<string, string> } = { headers: { 'www-authenticate': 'Bearer realm="sallyport"' } }

export function refuseMissing(): Refusal {
  return refuse('AUTHN_MISSING', 'no credential', challenge)
}

/** `claimedKey`: the id of an API key that was named in vain, whether there is one or not. */
export function refuseInvalid(detail: string, claimedKey?: string): Refusal {
  return refuse('AUTHN_INVALID', detail, claimedKey === undefined ? challenge : { ...challenge, claimedKey })
}

/** Tainted text on its way into a detail: short, and in quotes that show control characters. */
export function quote(claimed: string): string {
  return JSON.stringify(claimed.length > 80 ? `${claimed.slice(0, 80)}…` : claimed)
}
