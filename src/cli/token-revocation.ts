// How a revocation is shown: times as text.

import { printable } from './io.ts'
import type { TokenRevocation } from './ports.ts'

export interface RevocationDocument {
  readonly kind: 'token' | 'subject'
  readonly issuer: string | null
  readonly id: string
  readonly before: string
  readonly until: string
}

export function revocationDocument({ kind, issuer, id, beforeMs, untilMs }: TokenRevocation): RevocationDocument {
  return { kind, issuer, id, before: new Date(beforeMs).toISOString(), until: new Date(untilMs).toISOString() }
}

export function describeRevocation({ kind, issuer, id, before, until }: RevocationDocument): string {
  const what =
    kind === 'token' ? `token ${printable(id)} of ${issuer}` : `tokens of ${printable(id)} issued before ${before}`
  return `${what}; kept until ${until}`
}
