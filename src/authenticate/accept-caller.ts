// Whether an agent accepts the way in which its caller proved who it is. Asked right after route, of every operation
// and of its card: whoever may not know of the agent has been told by then that there is none. Here the answer may
// say which ways are accepted, since the caller knows of the agent anyway and can come back with another credential.

import { acceptedMethods, type AgentConfig, type Snapshot } from '../config/config.ts'
import type { Caller, Target } from '../exchange/exchange.ts'
import { refuse, type Refusal } from '../refusal/refusal.ts'

export function acceptsCaller(agent: AgentConfig, caller: Caller): boolean {
  const { method } = caller
  const { methods, issuers, senderConstrained } = agent.authentication
  if (method === 'anonymous') return false
  if (methods !== undefined && !methods.includes(method)) return false
  if (senderConstrained && caller.senderConstrained === undefined) return false
  return issuers === undefined || method === 'api-key' || issuers.includes(issuerOf(caller))
}

export function refuseUnaccepted(
  { target, caller }: { readonly target: Target; readonly caller: Caller },
  snapshot: Snapshot,
): Refusal | undefined {
  if (!('agent' in target) || acceptsCaller(target.agent, caller)) return undefined
  const { methods, senderConstrained } = acceptedMethods(snapshot.config, target.agent)
  const challenges = [
    ...([...methods].some((method) => method !== 'mtls') && !senderConstrained ? ['Bearer realm="sallyport"'] : []),
    ...(senderConstrained && [...methods].some((method) => method !== 'mtls') ? ['DPoP realm="sallyport"'] : []),
    // no scheme is registered for it; a 401 has to name one
    ...(methods.has('mtls') ? ['ClientCertificate realm="sallyport"'] : []),
  ]
  return refuse('AUTHN_INVALID', `${target.agent.name} does not accept ${caller.method} of this kind`, {
    hint: `accepted: ${[...methods].join(', ')}${senderConstrained ? ', bound to a key' : ''}`,
    headers: { 'www-authenticate': challenges.join(', ') },
  })
}

/** Short name or trust domain of who vouches for a credential. */
function issuerOf({ method, credential, evidence }: Caller): string {
  if (method !== 'mtls') return credential
  return /^(?:user:|spiffe:\/\/)([^/]+)\//.exec(evidence?.['subject'] ?? '')?.[1] ?? ''
}
