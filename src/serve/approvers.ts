// Who may approve something, proven by an API key. A key that is unknown, revoked, expired or of somebody else says
// nothing about which of these it was. A key with a scope or with source networks is for calls and approves nothing.

import { createApiKeyVerifier } from '../authenticate/authenticate.ts'
import type { Clock } from '../base/clock.ts'
import { buildSnapshot, type Config } from '../config/config.ts'
import { isRefusal } from '../refusal/refusal.ts'
import type { State } from './state.ts'

export interface Approver {
  readonly id: string
  /** id of the API key */
  readonly credential: string
}

/** Undefined unless it is a valid key of one who may approve. */
export function findApprover(
  { keyStore, pepper }: Pick<State, 'keyStore' | 'pepper'>,
  config: Config,
  { key, clock, patterns }: { key: string; clock: Clock; patterns: readonly string[] },
): Approver | undefined {
  const verifier = createApiKeyVerifier({ clock, keys: keyStore, pepper: pepper.bytes() })
  // typed at this machine, so it comes from no network: a key for some networks only is for calls from there
  const snapshot = buildSnapshot(config)
  const caller = verifier.verify(key.trim(), snapshot, 'unknown')
  if (isRefusal(caller) || caller.scope !== undefined) return undefined
  // an agent is no person, and would approve of its own calls under another name
  if (snapshot.agentsByPrincipal.has(caller.id)) return undefined
  // two keys of one person are one approver
  const id = snapshot.aliases.get(caller.id) ?? caller.id
  if (!isNamed(patterns, id)) return undefined
  return { id, credential: caller.credential }
}

/** Patterns are those of the policy: a principal, or all of a kind. */
export function isNamed(patterns: readonly string[], id: string, groups: readonly string[] = []): boolean {
  const [kind = ''] = id.split(':')
  return patterns.some(
    (pattern) =>
      (!pattern.startsWith('group:') && (pattern === id || pattern === `${kind}:*`)) || groups.includes(pattern),
  )
}
