// Turns what is to be recorded into what is written, all but its index: commitments to the sensitive values, the
// encrypted body, the envelope around them. It is done when a record is appended, not when its group is written,
// so that a group costs the event loop little at once. Values in clear end here.

import { hash } from 'node:crypto'
import type { RandomSource } from '../base/bytes.ts'
import { invariant } from '../base/invariant.ts'
import type { JsonObject } from '../base/strict-json.ts'
import type { BodySealer } from './body.ts'
import { commitTo, createFieldNames, saltBytes } from './commitment.ts'
import {
  createTimeFormatter,
  formatEnvelope,
  formatField,
  type EnvelopeText,
  type RecordKind,
  type RecordOutcome,
} from './envelope.ts'
import { maxBodyBytes, maxEnvelopeBytes } from './frame.ts'
import type { SubjectKey, Subjects } from './subjects.ts'

/** What the walk wants recorded. `sensitive` values are committed to one by one; `event` is only ever encrypted. */
export interface NewRecord {
  readonly kind: Exclude<RecordKind, 'subject-key'>
  readonly call: string
  readonly timeMs: number
  readonly snapshot: string
  /** principal id whose keys encrypt the body; '' for the gateway itself */
  readonly subject: string
  readonly agent: string
  readonly operation: string
  readonly outcome: RecordOutcome
  readonly code: string
  readonly sensitive: Readonly<Record<string, string>>
  readonly event: JsonObject
}

export interface EncodedRecord {
  readonly text: EnvelopeText
  readonly time: string
  /** both undefined for what the ledger says about itself */
  readonly body: Buffer | undefined
  readonly key: SubjectKey | undefined
}

/** Names of fields that stand in clear, in records that the ledger writes about itself (docs/ledger.md). */
export const reservedField = {
  /** SHA-256 of a line of key.vkey that signs from here on */
  signingKey: 'signing-key',
  /** SHA-256 of a line of key.vkey that signs no longer */
  retiredKey: 'retired-key',
  /** SHA-256 of a line of subjects.keys */
  line: 'line',
  /** `tlog-tiles`: from here on there are tiles for every checkpoint in `checkpoint` */
  layout: 'layout',
  /** SHA-256 of the hashes of the key lines that an erasure destroys */
  erasedLines: 'erased-lines',
  /** kinds of records, comma-separated, whose bodies have gone … */
  expiredKinds: 'expired-kinds',
  /** … where their index is below this */
  expiredBefore: 'expired-before',
  /** … `<first index of the segment> <count> <SHA-256 of the indices, u64 each>`: all that are gone from it then */
  expiredBodies: 'expired-bodies',
  /** first index that the log still holds */
  minimumIndex: 'minimum-index',
  /** `<count> <SHA-256 of their hashes>` of the key lines that are left of pruned records */
  keptLines: 'kept-lines',
  /** `<count> <SHA-256>` of those among them that an erasure had destroyed by then */
  keptErased: 'kept-erased',
  /** `<origin> <size> <root>` of the log that was set aside for this one */
  succeeds: 'succeeds',
} as const satisfies Record<string, string>

/** What the ledger writes about itself: operations of records of kind `lifecycle`, and `subjectKey` of its own kind. */
export const ownOperation = {
  created: 'ledger-created',
  succeeds: 'log-succeeds',
  tilesBegun: 'tiles-begun',
  keyAdded: 'signing-key-added',
  keyRetired: 'signing-key-retired',
  subjectKey: 'subject-key-created',
  erased: 'subject-erased',
  expired: 'bodies-expired',
  pruned: 'records-pruned',
  resumed: 'recording-resumed',
} as const satisfies Record<string, string>

export type OwnOperation = (typeof ownOperation)[keyof typeof ownOperation]

/** The commitment to the whole event, as its JSON stands in the body: one hash, so that all of it can be disclosed. */
export const eventField = 'event'

/** value of the field `layout` */
export const tileLayout = 'tlog-tiles'

const reservedNames: ReadonlySet<string> = new Set(Object.values(reservedField))

const maxCallBytes = 256
const indexDigits = 16

/** A record of the ledger about itself: of kind `lifecycle` or `subject-key`, fields in clear, nobody's, without a body. */
export function encodeOwnRecord(own: {
  kind: 'lifecycle' | 'subject-key'
  operation: string
  time: string
  fields: Readonly<Record<string, string>>
}): EncodedRecord {
  const { kind, operation, time, fields } = own
  const members = Object.keys(fields)
    .toSorted()
    .map((name) => formatField(name, fields[name] ?? ''))
  const text = formatEnvelope(
    { actor: '', agent: '', body: '', call: '', code: '', kind, operation, outcome: 'done', snapshot: '', time },
    members.join(','),
  )
  return { text, time, body: undefined, key: undefined }
}

export type RecordEncoder = (record: NewRecord) => EncodedRecord

export function createRecordEncoder(options: {
  subjects: Subjects
  sealer: BodySealer
  random: RandomSource
}): RecordEncoder {
  const { subjects, sealer } = options
  const formatTime = createTimeFormatter()
  const fieldNames = createFieldNames([eventField])
  const salts = Buffer.alloc(256 * saltBytes)
  let saltsUsed = salts.length

  return (record) => {
    const time = formatTime(record.timeMs)
    invariant(record.call.length <= maxCallBytes, 'the id of a call is short')
    const { sensitive, event } = record
    let fields = ''
    let saltsText = ''
    let values = ''
    invariant(sensitive[eventField] === undefined, 'this name is that of the whole event')
    const eventText = JSON.stringify(event)
    for (const field of fieldNames(Object.keys(sensitive))) {
      const { name, quoted } = field
      const value = name === eventField ? eventText : (sensitive[name] ?? '')
      invariant(!reservedNames.has(name), 'this field is the ledger’s own')
      if (saltsUsed === salts.length) {
        options.random(salts)
        saltsUsed = 0
      }
      const comma = fields === '' ? '' : ','
      fields += `${comma}${quoted}:"${commitTo(salts, saltsUsed, field, value)}"`
      saltsText += `${comma}${quoted}:"${salts.toString('base64url', saltsUsed, saltsUsed + saltBytes)}"`
      // most values stand in the event under the same name, and need not be written twice
      if (name !== eventField && event[name] !== value)
        values += `${values === '' ? '' : ','}${quoted}:${JSON.stringify(value)}`
      saltsUsed += saltBytes
    }
    const plaintext = `{"event":${eventText},"salts":{${saltsText}},"values":{${values}}}`
    const key = subjects.keyFor(record.subject, time.slice(0, 7))
    try {
      const body = sealer.seal(key, plaintext, record.call)
      invariant(body.length <= maxBodyBytes, 'a body is at most 8 MiB')
      const { kind, call, agent, operation, outcome, code, snapshot } = record
      const actor = record.subject === '' ? '' : key.pseudonym
      const bodyHash = hash('sha256', body, 'base64url')
      const text = formatEnvelope(
        { actor, agent, body: bodyHash, call, code, kind, operation, outcome, snapshot, time },
        fields,
      )
      const bytes = Buffer.byteLength(text.head) + Buffer.byteLength(text.tail) + indexDigits
      invariant(bytes <= maxEnvelopeBytes, 'an envelope is at most 8 KiB')
      return { text, time, body, key }
    } catch (error) {
      subjects.release(key)
      throw error
    }
  }
}
