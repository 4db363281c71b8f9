// Asks each agent now and then whether it is there, so that /metrics can say so before a caller finds out. What
// calls find out meanwhile counts the same: the latest word stands.

import type { Clock } from '../base/clock.ts'
import type { AgentConfig, Snapshot } from '../config/config.ts'
import type { Dialler, Upstream } from '../forward/forward.ts'
import type { Rules } from '../pipeline/pipeline.ts'
import { healthBounds } from './fetch-bounds.ts'

export interface AgentHealth {
  readonly name: string
  readonly isUp: boolean
  readonly circuitOpen: boolean
}

export function startHealthChecks(parts: {
  dialler: Dialler
  clock: Clock
  rules: () => Rules
  snapshot: () => Snapshot
}): { report(): AgentHealth[]; stop(): void } {
  const checkedMs = new Map<string, number>()
  const upstreamOf = (name: string): Upstream | undefined => parts.rules().forwarder.upstreams.get(name)
  const check = async (): Promise<void> => {
    const nowMs = parts.clock.monotonicMs()
    await Promise.all(
      parts.snapshot().config.agents.map(async (agent) => {
        const { interval } = agent.health
        if (interval === 0 || nowMs - (checkedMs.get(agent.name) ?? -Infinity) < interval) return
        checkedMs.set(agent.name, nowMs)
        const tls = upstreamOf(agent.name)?.secrets.tls
        const bounds = { ...healthBounds, ...(tls && { tls }) }
        const isUp = await parts.dialler.get(healthUrl(agent), bounds).then(
          () => true,
          () => false,
        )
        upstreamOf(agent.name)?.breaker.checked(isUp)
      }),
    )
  }
  const timer = setInterval(() => void check(), 1_000)
  timer.unref()
  return {
    report: () =>
      parts.snapshot().config.agents.map(({ name }) => {
        const breaker = upstreamOf(name)?.breaker
        return { name, isUp: breaker?.isUp ?? true, circuitOpen: breaker?.isOpen ?? false }
      }),
    stop: () => clearInterval(timer),
  }
}

/** Where the card lies, unless the configuration names another path. */
function healthUrl({ url, cardUrl, health }: AgentConfig): string {
  const isDefault = health.path === '/.well-known/agent-card.json'
  return isDefault && cardUrl !== undefined ? cardUrl : new URL(health.path, url).href
}
