// Nobody may fill the disk with refusals: of callers we do not know, or of one that was told to slow down. Within a
// budget each has its record; beyond it they are folded: a durable "folding since" record comes first, replies then
// carry its receipt, and counts by code and source follow once a window, or at the next start where the process was
// killed. Nothing is dropped without a count (invariant 2).

import type { Clock } from '../base/clock.ts'
import type { JsonObject } from '../base/strict-json.ts'
import type { Receipt } from '../exchange/exchange.ts'
import type { NewRecord } from './ledger.ts'
import type { FoldCode, OpenFold } from './open-folds.ts'

export interface Folder {
  /** undefined: record this one by itself. Otherwise the receipt of the fold it was counted in. */
  take(source: string, code: string): Promise<Receipt> | undefined
  /** what was opened, and is not yet said by a durable record */
  pending(): OpenFold[]
  /** a fold of a run that ended before it was said: some of its calls were never counted */
  adopt(fold: OpenFold): Promise<void>
  close(): Promise<void>
}

/** What was folded and is not yet said. */
interface Counts {
  readonly sinceMs: number
  count: number
  readonly codes: Map<string, number>
  readonly sources: Map<string, number>
  otherSources: number
  /** records that said that folding begins */
  readonly openings: number[]
  /** there were more than is known */
  isUncounted: boolean
}

interface Fold extends Counts {
  readonly opened: Promise<Receipt>
}

const windowMs = 60_000
const maxSources = 100

export function createFolder(options: {
  clock: Clock
  perMinute: number
  /** of the records that a fold leaves; what one by one would have said */
  code: FoldCode
  append: (record: NewRecord) => Promise<Receipt>
}): Folder {
  const { clock } = options
  let windowStartMs = clock.monotonicMs()
  let singles = 0
  let fold: Fold | undefined
  /** counts of closed folds whose record could not be written */
  let unsaid: Counts | undefined
  /** counts whose record is being written */
  const saying = new Set<Counts>()

  const record = (event: JsonObject): NewRecord => ({
    kind: 'folded',
    call: '',
    timeMs: clock.nowMs(),
    snapshot: '',
    subject: 'anonymous',
    agent: '',
    operation: '',
    outcome: 'refused',
    code: options.code,
    sensitive: {},
    event,
  })
  const openFold = (): Fold => {
    const sinceMs = clock.nowMs()
    const opened = options.append(record({ foldingSince: sinceMs }))
    const counts = newCounts(sinceMs)
    opened.then(
      ({ index }) => counts.openings.push(index),
      () => {
        if (fold?.opened === opened) fold = undefined
      },
    )
    return Object.assign(counts, { opened })
  }
  const closeFold = async (): Promise<void> => {
    const closing = fold
    fold = undefined
    if (closing !== undefined) saying.add(closing)
    // a fold that never opened holds nothing: those it counted were told so, and the trail counts them
    const isOpened = (await closing?.opened.catch(() => undefined)) !== undefined
    const counts = merge(unsaid, isOpened ? closing : undefined)
    unsaid = undefined
    if (closing !== undefined) saying.delete(closing)
    if (counts === undefined) return
    saying.add(counts)
    const { count, sinceMs, codes, sources, otherSources, openings, isUncounted } = counts
    const event = {
      folded: count,
      sinceMs,
      codes: Object.fromEntries(codes),
      sources: Object.fromEntries(sources),
      otherSources,
      openings: [...openings],
      ...(isUncounted && { uncounted: true }),
    }
    await options.append(record(event)).catch(() => {
      // said with the next window instead
      unsaid = merge(counts, unsaid)
    })
    saying.delete(counts)
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
      current.count += 1
      add(current.codes, code, 1)
      addSource(current, source, 1)
      return current.opened
    },
    pending() {
      const all: Counts[] = [...saying]
      if (unsaid !== undefined) all.push(unsaid)
      if (fold !== undefined) all.push(fold)
      const begun = all.filter(({ openings }) => openings.length > 0)
      return begun.map(({ openings, sinceMs, count, codes }) => ({
        code: options.code,
        openings,
        sinceMs,
        count,
        codes,
      }))
    },
    async adopt({ sinceMs, count, codes, openings }) {
      const known = { count, otherSources: count, codes: new Map(codes), openings: [...openings], isUncounted: true }
      unsaid = merge({ ...newCounts(sinceMs), ...known }, unsaid)
      await closeFold()
    },
    async close() {
      clearInterval(timer)
      await closeFold()
    },
  }
}

const newCounts = (sinceMs: number): Counts => ({
  sinceMs,
  count: 0,
  codes: new Map(),
  sources: new Map(),
  otherSources: 0,
  openings: [],
  isUncounted: false,
})

const add = (counts: Map<string, number>, key: string, times: number): void =>
  void counts.set(key, (counts.get(key) ?? 0) + times)

/** Sources are whoever sends: beyond a hundred they are counted together. */
function addSource(counts: Counts, source: string, times: number): void {
  if (counts.sources.has(source) || counts.sources.size < maxSources) add(counts.sources, source, times)
  else counts.otherSources += times
}

function merge(older: Counts | undefined, newer: Counts | undefined): Counts | undefined {
  if (older === undefined || newer === undefined) return older ?? newer
  older.count += newer.count
  older.otherSources += newer.otherSources
  older.openings.push(...newer.openings)
  older.isUncounted ||= newer.isUncounted
  for (const [code, times] of newer.codes) add(older.codes, code, times)
  for (const [source, times] of newer.sources) addSource(older, source, times)
  return older
}
