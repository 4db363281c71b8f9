// Whether calls can be taken at present, and if not, why: /readyz. Everything is looked at when it is asked for. A
// reload that was refused is told and changes nothing: what ran before it goes on, and serving by it is right.

import type { Readiness } from '../admin/contract.ts'

export interface ReadinessSources {
  readonly nowMs: () => number
  readonly ledgerStatus: () => string
  /** why the index of owners cannot be written; undefined when it can */
  readonly storeProblem: () => string | undefined
  /** why the ledger counts as unwitnessed; absent where no witness is configured */
  readonly witnessProblem?: (() => string | undefined) | undefined
  readonly isStopping: () => boolean
  readonly connections: () => number
  readonly maxConnections: () => number
  readonly configDigest: () => string
}

export interface ReadinessReporter {
  report(): Readiness
  /** a changed configuration is in force */
  reloaded(): void
  /** a changed configuration was refused */
  reloadRefused(): void
}

export function createReadiness(sources: ReadinessSources): ReadinessReporter {
  let refusedAtMs: number | undefined
  const accepting = (): { ok: boolean; detail: string } => {
    if (sources.isStopping()) return { ok: false, detail: 'stopping' }
    // further connections are closed at once
    if (sources.connections() >= sources.maxConnections()) return { ok: false, detail: 'no room for connections' }
    return { ok: true, detail: 'accepting' }
  }
  const configuration = (): string => {
    if (refusedAtMs === undefined) return sources.configDigest()
    return `${sources.configDigest()}; last reload refused at ${new Date(refusedAtMs).toISOString()}`
  }
  return {
    report() {
      const status = sources.ledgerStatus()
      const problem = sources.storeProblem()
      const unwitnessed = sources.witnessProblem?.()
      const checks = [
        { name: 'ledger', ok: status === 'writable', detail: status },
        { name: 'store', ok: problem === undefined, detail: problem ?? 'reachable' },
        ...(sources.witnessProblem === undefined
          ? []
          : [{ name: 'witnesses', ok: unwitnessed === undefined, detail: unwitnessed ?? 'witnessed' }]),
        { name: 'accepting', ...accepting() },
        { name: 'configuration', ok: true, detail: configuration() },
      ]
      return { ready: checks.every((check) => check.ok), checks }
    },
    reloaded() {
      refusedAtMs = undefined
    },
    reloadRefused() {
      refusedAtMs = sources.nowMs()
    },
  }
}
