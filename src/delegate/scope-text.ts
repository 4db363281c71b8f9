// A scope as OAuth writes it: words with a space between, `agent:NAME` for an agent, the name of an operation for that.
// Where no agent is named all are meant, and so with operations. RFC 6749 §3.3.

import { isOperation, type Operation } from '../a2a/operations.ts'
import type { CallerScope } from '../exchange/exchange.ts'

const agentWord = /^agent:([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)$/
const maxWords = 64 // bound: words in the scope of a token request

/** undefined where nothing was given, which is no narrowing. */
export function parseScope(text: string | undefined): CallerScope | undefined | 'malformed' {
  if (text === undefined) return undefined
  const words = text.split(' ')
  if (words.length > maxWords) return 'malformed'
  const agents = new Set<string>()
  const operations = new Set<Operation>()
  for (const word of words) {
    const agent = agentWord.exec(word)?.[1]
    if (agent !== undefined) agents.add(agent)
    else if (isOperation(word)) operations.add(word)
    else return 'malformed'
  }
  return {
    ...(agents.size > 0 && { agents: [...agents] }),
    ...(operations.size > 0 && { operations: [...operations] }),
  }
}

/** undefined for no narrowing. */
export function formatScope(scope: CallerScope | undefined): string | undefined {
  const words = [...(scope?.agents ?? []).map((agent) => `agent:${agent}`), ...(scope?.operations ?? [])]
  return words.length === 0 ? undefined : words.join(' ')
}
