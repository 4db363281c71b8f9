// What the cards of agents declare of extensions, known before a call needs it and asked again behind its back: no call
// waits for a card or fails because one cannot be had. What was read last holds until another is read, so that an agent
// which hides its card for a while is not rid of what it required.

import { declaredBy, type DeclaredExtensions } from '../a2a/extensions.ts'
import { cardJsonBounds } from '../a2a/card.ts'
import type { Clock } from '../base/clock.ts'
import { decodeUtf8, isJsonObject, parseStrictJson } from '../base/strict-json.ts'
import type { AgentConfig, Snapshot } from '../config/config.ts'

const freshMs = 60_000 // bound: what a card declares is believed before it is read again, in milliseconds
const retryMs = 10_000 // bound: a card that could not be read is not asked for again, in milliseconds

export interface DeclaredExtensionsBook {
  /** undefined as long as no card was read */
  of(agent: AgentConfig, snapshot: Snapshot): DeclaredExtensions | undefined
  /** asks for the cards of all agents that are not known */
  warm(snapshot: Snapshot): void
}

interface Entry {
  readonly address: string
  declared: DeclaredExtensions | undefined
  askAgainMs: number
}

export function createDeclaredExtensions(parts: {
  readonly clock: Clock
  readonly fetchCard: (agent: AgentConfig, snapshot: Snapshot) => Promise<Buffer>
}): DeclaredExtensionsBook {
  // names come from the configuration, so this map is bounded by it
  const entries = new Map<string, Entry>()

  const ask = async (entry: Entry, agent: AgentConfig, snapshot: Snapshot): Promise<void> => {
    const read = await parts.fetchCard(agent, snapshot).then(readCard, () => undefined)
    const nowMs = parts.clock.monotonicMs()
    entry.askAgainMs = nowMs + (read === undefined ? retryMs : freshMs)
    if (read !== undefined) entry.declared = read
  }
  const entryOf = (agent: AgentConfig, snapshot: Snapshot): Entry => {
    const address = `${agent.url} ${agent.cardUrl ?? ''}`
    const known = entries.get(agent.name)
    // somebody else's word counts for nothing at another address
    const entry = known?.address === address ? known : { address, declared: undefined, askAgainMs: -Infinity }
    if (entry !== known) entries.set(agent.name, entry)
    if (entry.askAgainMs <= parts.clock.monotonicMs()) {
      entry.askAgainMs = Infinity
      void ask(entry, agent, snapshot)
    }
    return entry
  }
  return {
    of: (agent, snapshot) => entryOf(agent, snapshot).declared,
    warm(snapshot) {
      for (const name of entries.keys()) if (!snapshot.agents.has(name)) entries.delete(name)
      for (const agent of snapshot.config.agents) entryOf(agent, snapshot)
    },
  }
}

/** undefined when it is no card that could be believed. */
function readCard(bytes: Buffer): DeclaredExtensions | undefined {
  const text = decodeUtf8(bytes)
  const parsed = text === undefined ? undefined : parseStrictJson(text, cardJsonBounds)
  return parsed?.ok === true && isJsonObject(parsed.value) ? declaredBy(parsed.value) : undefined
}
