// Retention, once a day in the gateway and whenever an operator asks: every log of the data directory, by the rules in
// force, except what is held or not yet exported. What goes is recorded in the log itself, and again as an act. A
// hold that cannot be read keeps everything.

import { join } from 'node:path'
import { createHoldBook, nodeFiles, type RetentionRules } from '../audit/audit.ts'
import type { Clock } from '../base/clock.ts'
import type { PruneAnswer, PrunedLog } from '../cli/ports.ts'
import type { Config } from '../config/config.ts'
import { rolesOf } from './erase-everywhere.ts'
import type { State } from './state.ts'

export type RetainingState = Pick<State, 'dataDir' | 'withLog' | 'audit'>

export interface RetentionRun {
  readonly config: Config
  readonly isDryRun: boolean
  /** first record of a log that is not exported yet; undefined where nothing is exported */
  readonly minimumExported: (origin: string) => number | undefined
  /** when a witness last cosigned, by its own clock */
  readonly witnessedMs?: (() => number | undefined) | undefined
  /** somebody says that the clock is right, whatever the logs vouch for */
  readonly isClockTrusted?: boolean
}

export async function applyRetention(state: RetainingState, run: RetentionRun): Promise<PruneAnswer> {
  const rules = rulesOf(run.config)
  if (Object.keys(rules.bodiesMs).length === 0 && rules.recordsMs === undefined)
    return { heldBy: '', clockAheadMs: 0, logs: [] }
  const holds = await createHoldBook(nodeFiles, join(state.dataDir, 'holds.json')).list()
  const onAll = holds.find(({ subject }) => subject === undefined)
  if (onAll !== undefined) return { heldBy: onAll.name, clockAheadMs: 0, logs: [] }
  const heldSubjects = holds.map(({ subject }) => subject).filter((subject) => subject !== undefined)
  const logs: PrunedLog[] = []
  let vouchedMs = run.isClockTrusted === true ? Infinity : (run.witnessedMs?.() ?? 0)
  let clockAheadMs = 0
  for (const role of await rolesOf(state.dataDir)) {
    await state.withLog(role, async (ledger) => {
      const { origin } = ledger
      const minimumExported = run.minimumExported(origin)
      // the log of the gateway comes first, and vouches for one that is seldom written
      vouchedMs = Math.max(vouchedMs, await ledger.vouchedMs())
      const wanted = { rules, heldSubjects, minimumExported, vouchedMs, isDryRun: run.isDryRun }
      const { clockAheadMs: aheadMs, ...pruned } = await ledger.applyRetention(wanted)
      clockAheadMs = Math.max(clockAheadMs, aheadMs)
      logs.push({ origin, ...pruned })
    })
  }
  const hasGone = logs.some(({ bodies, records }) => bodies > 0 || records > 0)
  if (hasGone && !run.isDryRun)
    await state.audit.administered('audit.prune', '', { logs: logs.map((log) => ({ ...log })) })
  return { heldBy: '', clockAheadMs, logs }
}

/** What is said of a kind goes before what is said of all. */
function rulesOf({ audit: { retention } }: Config): RetentionRules {
  const { bodies, records, ...kinds } = retention
  const bodiesMs: Partial<Record<keyof typeof kinds, number>> = {}
  for (const kind of ['decision', 'completion', 'ownership', 'administration', 'lifecycle', 'folded'] as const) {
    const keptMs = kinds[kind] ?? bodies
    if (keptMs !== undefined) bodiesMs[kind] = keptMs
  }
  return { bodiesMs, recordsMs: records }
}

export interface AuditUpkeep {
  /** runs what is due */
  tick(): Promise<void>
  stop(): void
}

export interface AuditUpkeepOptions {
  readonly clock: Clock
  readonly run: () => Promise<unknown>
  readonly onProblem: (error: unknown) => void
  /** calls back again and again; gives what ends that */
  readonly every?: (callback: () => void, milliseconds: number) => () => void
}

const dayMs = 86_400_000
const firstMs = 600_000
const lookMs = 60_000

/** Once a day, and for the first time ten minutes after the start; by the wall clock, so that a sleep delays nothing. */
export function createAuditUpkeep(options: AuditUpkeepOptions): AuditUpkeep {
  const { clock, run, onProblem, every = repeat } = options
  let dueMs = clock.nowMs() + firstMs
  let running: Promise<void> | undefined
  const runOnce = async (): Promise<void> => {
    dueMs = clock.nowMs() + dayMs
    try {
      await run()
    } catch (error) {
      onProblem(error)
    }
  }
  const tick = async (): Promise<void> => {
    if (running !== undefined || clock.nowMs() < dueMs) return await running
    running = runOnce()
    await running
    running = undefined
  }
  const stop = every(() => void tick(), lookMs)
  return { tick, stop }
}

function repeat(callback: () => void, milliseconds: number): () => void {
  const timer = setInterval(callback, milliseconds)
  timer.unref()
  return () => clearInterval(timer)
}
