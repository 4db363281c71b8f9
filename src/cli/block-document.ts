// A block as it is shown, and the principals that one may be about.

import { CommandError } from './io.ts'
import type { BlockSummary } from './ports.ts'

export interface BlockDocument {
  readonly kind: 'caller' | 'agent'
  readonly id: string
  readonly reason: string
  readonly since: string
  readonly until: string | null
}

export function blockDocument({ kind, id, reason, sinceMs, untilMs }: BlockSummary): BlockDocument {
  const until = untilMs === null ? null : new Date(untilMs).toISOString()
  return { kind, id, reason, since: new Date(sinceMs).toISOString(), until }
}

const principal = /^(?:(?:key|user|agent|serviceaccount|group):|spiffe:\/\/)[^\s*]+$/
const agentName = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/** What nobody can be would be blocked without any effect: it is refused. */
export function readBlocked(kind: 'caller' | 'agent', text: string): string {
  if ((kind === 'agent' ? agentName : principal).test(text)) return text
  throw kind === 'agent'
    ? new CommandError(2, `${JSON.stringify(text)} is not the name of an agent`, 'see: sallyport agent list')
    : new CommandError(
        2,
        `${JSON.stringify(text)} is not a principal or a group`,
        'write it as records have it: user:corp/4f1c, key:ci, agent:planner, group:corp/analysts',
      )
}
