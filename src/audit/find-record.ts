// How people name a record: a receipt from an answer's Sallyport-Record, a place in a log (`1a2b3c4d/17`, `#17` as
// `audit tail` prints it, or behind a whole origin), or the id of a call, which may have several records. It reads
// names and knows nothing of what is in a log.

import { isKeyName } from '../tlog/checkpoint.ts'
import { isLogName } from './log-origin.ts'
import { parseReceipt } from './receipt.ts'

export type RecordName =
  | {
      readonly kind: 'place'
      /** the folder of the log: the origin after its last slash */
      readonly log: string
      readonly index: number
      /** the whole origin, where it was given */
      readonly origin: string | undefined
      /** base64url, where a receipt was given */
      readonly leafHash: string | undefined
    }
  | { readonly kind: 'call'; readonly call: string }

const placePattern = /^(.+)[/#](0|[1-9][0-9]{0,15})$/
const callPattern = /^[!-~]{1,256}$/

/** Undefined when it names nothing. */
export function parseRecordName(text: string): RecordName | undefined {
  const receipt = parseReceipt(text)
  if (receipt !== undefined) return placeOf(receipt.origin, receipt.index, receipt.leafHash)
  const [, origin, index] = placePattern.exec(text) ?? []
  if (origin !== undefined && isKeyName(origin)) return placeOf(origin, Number(index), undefined)
  return callPattern.test(text) && !text.includes('/') && !text.includes('#') ? { kind: 'call', call: text } : undefined
}

function placeOf(origin: string, index: number, leafHash: string | undefined): RecordName | undefined {
  const log = origin.slice(origin.lastIndexOf('/') + 1)
  if (!isLogName(log) || !Number.isSafeInteger(index)) return undefined
  return { kind: 'place', log, index, origin: log === origin ? undefined : origin, leafHash }
}
