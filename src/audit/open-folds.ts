// Refusals that were folded and whose counts no record says yet, as they are known beside the ledger and in it. A crash
// loses what was counted since the last few seconds, never that something was: the record that opened the fold stands
// in the ledger, and the next start says what is known of it (invariant 2). No source is written here, only numbers.

import type { JsonObject } from '../base/strict-json.ts'

export type FoldCode = 'AUTHN_FLOOD' | 'LIMIT_RATE'

export interface OpenFold {
  readonly code: FoldCode
  /** indices of the records that say "folding since" */
  readonly openings: readonly number[]
  readonly sinceMs: number
  /** calls, at least */
  readonly count: number
  readonly codes: ReadonlyMap<string, number>
}

const maxFolds = 64
const maxOpenings = 10_000

/** As JSON, within the file of open calls. */
export function formatFolds(folds: readonly OpenFold[]): JsonObject[] {
  return folds.map(({ openings, codes, ...rest }) => ({
    ...rest,
    openings: [...openings],
    codes: Object.fromEntries(codes),
  }))
}

/** undefined unless all of it is what was written: then the ledger alone is asked. */
export function parseFolds(value: unknown): OpenFold[] | undefined {
  if (!Array.isArray(value) || value.length > maxFolds) return undefined
  const folds = value.map(parseFold)
  const whole = folds.filter((fold) => fold !== undefined)
  return whole.length === folds.length ? whole : undefined
}

function parseFold(value: unknown): OpenFold | undefined {
  if (!isObject(value)) return undefined
  const { code, openings, sinceMs, count, codes } = value
  if (!isFoldCode(code) || !isCount(sinceMs) || !isCount(count)) return undefined
  if (!Array.isArray(openings) || openings.length > maxOpenings || !openings.every(isCount)) return undefined
  if (!isObject(codes)) return undefined
  const counted = new Map<string, number>()
  for (const [name, times] of Object.entries(codes)) {
    if (!isCount(times)) return undefined
    counted.set(name, times)
  }
  return { code, openings, sinceMs, count, codes: counted }
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
const isFoldCode = (value: unknown): value is FoldCode => value === 'AUTHN_FLOOD' || value === 'LIMIT_RATE'

export interface FoldFollower {
  /** the next record of kind `folded`; without a body it says nothing */
  note(index: number, code: string, event: JsonObject | undefined): void
  /** what was opened and never said */
  readonly open: readonly OpenFold[]
}

/** Follows what the ledger says of folds after the file was written. */
export function followFolds(known: readonly OpenFold[]): FoldFollower {
  let open = [...known]
  return {
    note(index, code, event) {
      if (event === undefined || !isFoldCode(code)) return
      const { foldingSince, folded, openings } = event
      // it was opened for a call
      if (isCount(foldingSince))
        open.push({ code, openings: [index], sinceMs: foldingSince, count: 1, codes: new Map() })
      if (folded === undefined) return
      // a record of an earlier version does not name what it closes: all that came before it
      const isClosed = (fold: OpenFold): boolean =>
        fold.code === code && (!Array.isArray(openings) || fold.openings.some((each) => openings.includes(each)))
      open = open.filter((fold) => !isClosed(fold))
    },
    get open() {
      return open
    },
  }
}
