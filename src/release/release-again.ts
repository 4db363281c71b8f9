// An answer that was released before, for the same caller, given out again: the agent's bytes stay what they were, and
// only the JSON-RPC id becomes that of the request that asks this time.

import { spliceMember } from '../base/strict-json.ts'
import type { Admitted, HeaderRecord, Released } from '../exchange/exchange.ts'

/** What is kept of an answer that may be asked for again. */
export interface KeptAnswer {
  readonly status: number
  readonly contentType: string
  readonly headers?: HeaderRecord | undefined
  readonly trailers?: HeaderRecord | undefined
  readonly released: Released
  /** the JSON-RPC id that stands in it */
  readonly requestId: string
}

export function textAgain({ binding, requestId }: Admitted, kept: KeptAnswer): string {
  const { text } = kept.released
  if (binding !== 'JSONRPC' || requestId === kept.requestId) return text
  return spliceMember(text, ['id'], requestId) ?? text
}
