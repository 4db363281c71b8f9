// Holds the bodies that are gone from a segment against the records that say which ones expired. A record comes before
// the segment is written anew, so what it names may still be there; what is gone is all that one record names, or was
// gone before. Records from before bodies were named vouch by kind and index alone, which is told.

import { reservedField } from './encode-record.ts'
import type { RecordKind } from './envelope.ts'
import { createCount, u64, type Count } from './kept-lines.ts'

export interface ExpiredBody {
  readonly index: number
  readonly kind: RecordKind
  readonly file: string
  readonly offset: number
}

export interface BodyReport {
  /** no record says of this body that it expired */
  body(record: ExpiredBody): void
  /** what is gone from a segment is not what a record names; its first */
  others(record: ExpiredBody): void
  /** only a record from before bodies were named vouches for what is gone from a segment */
  unnamed(file: string): void
}

export interface BodyChecker {
  /** the body of a record is gone as expired */
  meet(record: ExpiredBody): void
  /** a record of the ledger about itself */
  take(index: number, fields: Readonly<Record<string, string>>): void
  finish(report: BodyReport): void
}

/** What is gone from one segment. */
interface Gone {
  readonly first: ExpiredBody
  /** the first and the last of each kind: enough to find one that may not be gone */
  readonly kinds: Map<string, { readonly first: ExpiredBody; last: ExpiredBody }>
  readonly bodies: Count
}

/** By kind, the index below which bodies may be gone. */
type Before = Map<string, number>

export function createBodyChecker(): BodyChecker {
  const gone = new Map<string, Gone>()
  const vouched: Before = new Map()
  const unnamed: Before = new Map()
  /** by the first index of a segment, all that was said to be gone from it, one time after the other */
  const named = new Map<number, Set<string>>()

  return {
    meet(record) {
      const known: Gone = gone.get(record.file) ?? { first: record, kinds: new Map(), bodies: createCount() }
      gone.set(record.file, known)
      known.bodies.add(u64(record.index))
      const kind = known.kinds.get(record.kind)
      if (kind === undefined) known.kinds.set(record.kind, { first: record, last: record })
      else kind.last = record
    },
    take(index, fields) {
      const before = parseIndex(fields[reservedField.expiredBefore])
      // of what comes after it no record can say that it is gone
      if (before === undefined || before > index) return
      const bodies = fields[reservedField.expiredBodies]
      for (const kind of (fields[reservedField.expiredKinds] ?? '').split(',')) {
        raise(vouched, kind, before)
        if (bodies === undefined) raise(unnamed, kind, before)
      }
      const [, first = '', which = ''] = /^(\d+) (\d+ [\w-]{43})$/.exec(bodies ?? '') ?? []
      const segment = parseIndex(first)
      if (segment !== undefined) named.set(segment, (named.get(segment) ?? new Set()).add(which))
    },
    finish(report) {
      for (const [file, each] of gone) {
        const foreign = findForeign(each, vouched)
        const isNamed = named.get(segmentOf(file))?.has(each.bodies.text()) === true
        if (foreign !== undefined) report.body(foreign)
        else if (isNamed) continue
        else if (findForeign(each, unnamed) === undefined) report.unnamed(file)
        else report.others(each.first)
      }
    },
  }
}

function raise(before: Before, kind: string, index: number): void {
  before.set(kind, Math.max(index, before.get(kind) ?? 0))
}

function findForeign({ kinds }: Gone, before: Before): ExpiredBody | undefined {
  for (const [kind, { first, last }] of kinds) {
    const index = before.get(kind) ?? 0
    if (first.index >= index) return first
    if (last.index >= index) return last
  }
  return undefined
}

/** `segments/<first index>.seg` */
function segmentOf(file: string): number {
  return Number(/(\d{20})\.seg$/.exec(file)?.[1] ?? Number.NaN)
}

/** Decimal, in its one spelling. */
export function parseIndex(text: string | undefined): number | undefined {
  return text !== undefined && /^(?:0|[1-9][0-9]{0,15})$/.test(text) && Number.isSafeInteger(Number(text))
    ? Number(text)
    : undefined
}
