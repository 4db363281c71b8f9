// Whether who shows a token is whom it was issued to. A token that says so is bound to a key or a certificate, and is
// nothing without it, whether or not its issuer is configured to bind all of them. RFC 8705 §3, RFC 9449 §7.

import type { JwtIssuerConfig } from '../config/config.ts'
import type { ReceivedFields } from '../exchange/exchange.ts'
import type { Refusal } from '../refusal/refusal.ts'
import type { Confirmation } from './confirmation.ts'
import type { Credential } from './credential.ts'
import type { ProofVerifier } from './dpop-proof.ts'
import { askForNonce, refuseInvalid } from './unauthenticated.ts'

export interface BoundToken {
  readonly confirmation: Confirmation | undefined
  readonly config: JwtIssuerConfig
  /** whose proofs are counted together */
  readonly owner: string
  readonly proofs: ProofVerifier
}

type Request = Pick<ReceivedFields, 'headers' | 'method' | 'path' | 'host' | 'snapshot' | 'peer'>

/** undefined when it is. A promise only where the signature of a proof must be verified. */
export function checkSender(
  request: Request,
  credential: Credential,
  token: BoundToken,
): Refusal | undefined | Promise<Refusal | undefined> {
  const { confirmation, config } = token
  if (confirmation === undefined) {
    if (config.senderConstraint !== 'none') return refuseInvalid('token: not bound to its sender, which is required')
    return credential.scheme === 'bearer' ? undefined : refuseInvalid('token: shown by DPoP, but bound to no key')
  }
  const { jkt, x5t } = confirmation
  if (config.senderConstraint === 'dpop' && jkt === undefined) return refuseInvalid('token: not bound to a key')
  if (config.senderConstraint === 'mtls' && x5t === undefined) return refuseInvalid('token: not bound to a certificate')
  if (x5t !== undefined && request.peer?.thumbprint !== x5t)
    return refuseInvalid(
      `token: bound to a certificate, shown ${request.peer === undefined ? 'without' : 'by another'}`,
    )
  if ((jkt !== undefined) !== (credential.scheme === 'dpop'))
    return refuseInvalid(
      jkt === undefined ? 'token: shown by DPoP, but bound to no key' : 'token: bound to a key, shown as bearer',
    )
  return jkt === undefined ? undefined : checkProof(request, credential, { ...token, jkt })
}

async function checkProof(
  request: Request,
  { token }: Credential,
  { proofs, owner, jkt }: BoundToken & { readonly jkt: string },
): Promise<Refusal | undefined> {
  const proof = request.headers.get('dpop')
  if (proof === undefined) return refuseInvalid('token: bound to a key, shown without a proof')
  const asked = { method: request.method, url: urlOf(request), token, jkt, owner }
  const problem = await proofs.verify(proof, asked)
  if (problem === undefined) return undefined
  return problem.nonce === undefined
    ? refuseInvalid(`proof: ${problem.why}`)
    : askForNonce(`proof: ${problem.why}`, problem.nonce)
}

/** The URL that this request was made to, as its sender must know it: by the gateway's name, or by an agent's own. */
function urlOf({ host, path, snapshot }: Request): string {
  const { publicUrl, agentsByHost } = snapshot
  const isAgents = agentsByHost.has(host) || agentsByHost.has(host.replace(/:\d+$/, ''))
  return isAgents ? `${new URL(publicUrl).protocol}//${host}${path}` : `${publicUrl}${path}`
}
