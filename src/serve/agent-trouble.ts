// Tells the operator what agents do wrong. The caller reads one public sentence and the ledger keeps the reason;
// this is the line in the log that makes somebody look. A broken agent fails every call, so there is at most one line
// per agent and code in a while, with a count.

import type { Clock } from '../base/clock.ts'
import type { Admitted } from '../exchange/exchange.ts'
import type { Refusal } from '../refusal/refusal.ts'

const quietMs = 10_000

export interface AgentTrouble {
  /** Never throws; costs a map look-up while a line for this agent and code is fresh. */
  note(admitted: Admitted, refusal: Refusal): void
  /** says what was held back */
  close(): void
}

/** The latest of its kind, and how many there were since the last line. */
interface Held {
  saidMs: number
  count: number
  fields: TroubleFields
  timer: NodeJS.Timeout | undefined
}

export interface TroubleFields {
  readonly agent: string
  readonly code: string
  readonly detail: string
  /** where the agent was called; from the configuration, which holds no userinfo */
  readonly url: string
  readonly operation: string
}

export function createAgentTrouble(
  clock: Clock,
  warn: (fields: TroubleFields & { readonly count: number }) => void,
): AgentTrouble {
  // agents times codes: bounded by the configuration and the catalogue
  const kinds = new Map<string, Held>()
  const say = (held: Held): void => {
    clearTimeout(held.timer)
    held.timer = undefined
    if (held.count > 0) warn({ ...held.fields, count: held.count })
    held.saidMs = clock.monotonicMs()
    held.count = 0
  }
  return {
    note({ agent, agentFace: { binding }, operation }, { code, detail }) {
      const own = binding === 'GRPC' ? agent.grpcUrl : binding === 'HTTP+JSON' ? agent.restUrl : undefined
      const url = own ?? agent.url
      const fields = { agent: agent.name, code, detail, url, operation }
      const key = `${agent.name} ${code}`
      const held = kinds.get(key) ?? { saidMs: -Infinity, count: 0, fields, timer: undefined }
      kinds.set(key, held)
      held.count += 1
      held.fields = fields
      const waitMs = held.saidMs + quietMs - clock.monotonicMs()
      if (waitMs <= 0) say(held)
      else held.timer ??= setTimeout(() => say(held), waitMs).unref()
    },
    close: () => {
      for (const held of kinds.values()) say(held)
    },
  }
}
