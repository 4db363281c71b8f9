// Nobody may fill the disk with refusals of callers we do not know. Within a budget each has its record; beyond
// it they are folded: a durable "folding since" record comes first, replies then carry its receipt, and counts
// by code and source follow once a window. Nothing is dropped without a count (invariant 2).

import type { Clock } from '../base/clock.ts'
import type { JsonObject } from '../base/strict-json.ts'
import type { Receipt } from '../exchange/exchange.ts'
import type { NewRecord } from './ledger.ts'

export interface Folder {
  /** undefined: record this one by itself. Otherwise the receipt of the fold it was counted in. */
  take(source: string, code: string): Promise<Receipt> | undefined
  close(): Promise<void>
}

interface Fold {
  readonly opened: Promise<Receipt>
  readonly sinceMs: number
  count: number
  readonly codes: Map<string, number>
  readonly sources: Map<string, number>
  otherSources: number
}

const windowMs = 60_000
const maxSources = 100

export function createFolder(options: {
  clock: Clock
  perMinute: number
  append: (record: NewRecord) => Promise<Receipt>
}): Folder {
  const { clock } = options
  let windowStartMs = clock.monotonicMs()
  let singles = 0
  let fold: Fold | undefined

  const record = (event: JsonObject): NewRecord => ({
    kind: 'folded',
    call: '',
    timeMs: clock.nowMs(),
    snapshot: '',
    subject: 'anonymous',
    agent: '',
    operation: '',
    outcome: 'refused',
    code: 'AUTHN_FLOOD',
    sensitive: {},
    event,
  })
  const openFold = (): Fold => ({
    opened: options.append(record({ foldingSince: clock.nowMs() })),
    sinceMs: clock.nowMs(),
    count: 0,
    codes: new Map(),
    sources: new Map(),
    otherSources: 0,
  })
  const closeFold = async (): Promise<void> => {
    const closing = fold
    fold = undefined
    if (closing === undefined) return
    const { count, sinceMs, codes, sources, otherSources } = closing
    await options
      .append(
        record({
          folded: count,
          sinceMs,
          codes: Object.fromEntries(codes),
          sources: Object.fromEntries(sources),
          otherSources,
        }),
      )
      // the trail has counted the loss already
      .catch(() => undefined)
  }
  const timer = setInterval(() => void closeFold(), windowMs)
  timer.unref()

  return {
    take(source, code) {
      const nowMs = clock.monotonicMs()
      if (nowMs - windowStartMs >= windowMs) {
        windowStartMs = nowMs
        singles = 0
        void closeFold()
      }
      if (singles < options.perMinute) {
        singles += 1
        return undefined
      }
      const current = (fold ??= openFold())
      current.opened.catch(() => {
        if (fold === current) fold = undefined
      })
      current.count += 1
      current.codes.set(code, (current.codes.get(code) ?? 0) + 1)
      const seen = current.sources.get(source)
      if (seen !== undefined || current.sources.size < maxSources) current.sources.set(source, (seen ?? 0) + 1)
      else current.otherSources += 1
      return current.opened
    },
    async close() {
      clearInterval(timer)
      await closeFold()
    },
  }
}
