// Asks each agent now and then whether it is there, so that /metrics can say so before a caller finds out.

import type { Clock } from '../base/clock.ts'
import type { Snapshot } from '../config/config.ts'
import type { Dialler } from '../forward/forward.ts'
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
  const checks = new Map<string, { isUp: boolean; atMs: number }>()
  const check = async (): Promise<void> => {
    const nowMs = parts.clock.monotonicMs()
    await Promise.all(
      parts.snapshot().config.agents.map(async (agent) => {
        const { interval, path } = agent.health
        const last = checks.get(agent.name)
        if (interval === 0 || (last !== undefined && nowMs - last.atMs < interval)) return
        checks.set(agent.name, { isUp: last?.isUp ?? true, atMs: nowMs })
        const tls = parts.rules().forwarder.upstreams.get(agent.name)?.secrets.tls
        const bounds = { ...healthBounds, ...(tls && { tls }) }
        const isUp = await parts.dialler.get(new URL(path, agent.url).href, bounds).then(
          () => true,
          () => false,
        )
        checks.set(agent.name, { isUp, atMs: nowMs })
      }),
    )
  }
  const timer = setInterval(() => void check(), 1_000)
  timer.unref()
  return {
    report: () =>
      parts.snapshot().config.agents.map(({ name }) => ({
        name,
        isUp: checks.get(name)?.isUp ?? true,
        circuitOpen: parts.rules().forwarder.upstreams.get(name)?.breaker.isOpen ?? false,
      })),
    stop: () => clearInterval(timer),
  }
}
