// Which records an export is about: a range by index or time, and members of the envelope. The caller is the one
// thing that only a body tells. The same code chooses when a file is written and judges when it is verified.

import type { JsonObject } from '../base/strict-json.ts'
import type { Envelope } from './envelope.ts'

export const queryNames = ['caller', 'agent', 'operation', 'outcome', 'code', 'kind'] as const

/** All that is given must fit; the beginning is inclusive, the end exclusive. */
export interface ExportFilter {
  readonly fromIndex?: number
  readonly toIndex?: number
  readonly fromMs?: number
  readonly toMs?: number
  readonly caller?: string
  readonly agent?: string
  readonly operation?: string
  readonly outcome?: string
  readonly code?: string
  readonly kind?: string
}

/** The filter in words, as options of the command: what is judged, whatever the file says was typed. */
export function describeFilter(filter: ExportFilter): string {
  const { fromIndex, toIndex, fromMs, toMs } = filter
  const timeOf = (ms: number): string => (Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(ms))
  const given: (string | undefined)[] = [
    fromIndex === undefined ? undefined : `--from ${fromIndex}`,
    fromMs === undefined ? undefined : `--from ${timeOf(fromMs)}`,
    toIndex === undefined ? undefined : `--to ${toIndex}`,
    toMs === undefined ? undefined : `--to ${timeOf(toMs)}`,
    ...queryNames.map((name) => (filter[name] === undefined ? undefined : `--${name} ${filter[name]}`)),
  ]
  return given.filter((each) => each !== undefined).join(' ')
}

/** Ends of the exported range beyond which records could still lie that the query asks for. */
export function openEndsOf(filter: ExportFilter, range: { fromSize: number; toSize: number }): ('before' | 'after')[] {
  const { fromIndex, toIndex } = filter
  const isBegun = range.fromSize === 0 || (fromIndex !== undefined && range.fromSize <= fromIndex)
  const isEnded = toIndex !== undefined && range.toSize >= toIndex
  return [...(isBegun ? [] : (['before'] as const)), ...(isEnded ? [] : (['after'] as const))]
}

/** Whether a record lies in the range: the range, not the filter, decides between which checkpoints is exported. */
export function isInRange(filter: ExportFilter, index: number, time: string): boolean {
  const { fromIndex = 0, toIndex = Infinity, fromMs = -Infinity, toMs = Infinity } = filter
  if (index < fromIndex || index >= toIndex) return false
  if (fromMs === -Infinity && toMs === Infinity) return true
  const timeMs = Date.parse(time)
  return timeMs >= fromMs && timeMs < toMs
}

/** Whether the envelope fits, as far as an envelope says. */
export function fitsEnvelope(filter: ExportFilter, envelope: Envelope): boolean {
  if (!isInRange(filter, envelope.index, envelope.time)) return false
  return (['agent', 'operation', 'outcome', 'code', 'kind'] as const).every(
    (name) => filter[name] === undefined || filter[name] === envelope[name],
  )
}

/** Whether the record is of the caller who is asked for; undefined when its event cannot be read. */
export function fitsCaller({ caller }: ExportFilter, event: JsonObject | undefined): boolean | undefined {
  if (caller === undefined) return true
  return event === undefined ? undefined : event['caller'] === caller
}
