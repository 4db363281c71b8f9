// Which extensions the agent took up (A2A 1.0.1 §4.6): told to the caller in the field of its version, and never more
// than the agent was told of.

import { legacyExtensionsHeader } from '../a2a/v0-3/names.ts'
import type { Admitted, HeaderRecord } from '../exchange/exchange.ts'
import type { AgentAnswer } from '../forward/forward.ts'

const nothing: HeaderRecord = Object.freeze({})

export function tellActivated({ extensions, version }: Admitted, answer: AgentAnswer): HeaderRecord {
  if (extensions.length === 0 || answer.kind === 'refusal' || !answer.extensions) return nothing
  const said = new Set(answer.extensions.split(',').map((uri) => uri.trim()))
  const activated = extensions.filter((uri) => said.has(uri))
  if (activated.length === 0) return nothing
  return { [version === '0.3' ? legacyExtensionsHeader : 'a2a-extensions']: activated.join(', ') }
}
