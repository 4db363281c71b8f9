// Verifies a file of `audit export` on another machine: signatures of both checkpoints, the tree grown from the one to
// the other leaf by leaf (so nothing between is missing, changed or moved), every envelope and event against its
// commitments, the filter against what it can be judged by. One line in memory at a time; the file may be hostile.

import { createHash } from 'node:crypto'
import { decodeBase64 } from '../base/bytes.ts'
import { readVersion } from '../base/version.ts'
import { decodeUtf8, isJsonObject, parseStrictJson, type JsonObject } from '../base/strict-json.ts'
import { createEdge, edgeLength, hashBytes, leafHash, verifyConsistency, type Edge } from '../tlog/merkle.ts'
import { readByteLines } from './byte-lines.ts'
import { eventField } from './encode-record.ts'
import { parseEnvelope, type Envelope } from './envelope.ts'
import { fitsCaller, fitsEnvelope, openEndsOf } from './export-filter.ts'
import {
  formatEnd,
  maxExportHeaderBytes,
  maxExportLineBytes,
  parseHashes,
  parseHeader,
  parseLine,
  type ExportedEvent,
  type ExportedRecord,
  type ExportHeader,
} from './export-format.ts'
import type { OpenFile } from './files.ts'
import { toOcsf } from './ocsf.ts'
import { isCommittedTo } from './proof-extra.ts'
import { proveCheckpoint, refuse, type Judged, type ProvenCheckpoint, type TrustedKeys } from './trusted-keys.ts'

export interface VerifiedExport {
  readonly header: ExportHeader
  readonly from: ProvenCheckpoint
  readonly to: ProvenCheckpoint
  /** undefined when the file has no cosigned checkpoint, or no witness was named */
  readonly witnessed: ProvenCheckpoint | undefined
  /** given with their envelopes */
  readonly shown: number
  /** of them, with an event that the record commits to */
  readonly provenEvents: number
  /** with an event that nothing ties to the record: from before events were committed to */
  readonly looseEvents: number
  /** with a proven event whose OCSF reading is of another version of this program, and could not be made again */
  readonly otherReadings: number
  /** ends of the range beyond which the query could still ask for records */
  readonly openEnds: readonly ('before' | 'after')[]
  /** shown ones of which nothing says whether their caller is the one who was asked for */
  readonly unjudged: number
  /** given by leaf hash alone */
  readonly hidden: number
  /** the leaf at the index that was watched for */
  readonly watched: Buffer | undefined
}

export interface VerifyExportOptions {
  readonly trusted: TrustedKeys
  /** an index whose leaf is wanted */
  readonly watch?: number
}

/** What the file proves, or the first thing about it that does not hold. Never throws because of what is in it. */
export async function verifyExport(file: OpenFile, options: VerifyExportOptions): Promise<Judged<VerifiedExport>> {
  const lines = readByteLines(file, maxExportLineBytes)
  const first = await lines.next()
  if (first.done === true || !first.value.isWhole || first.value.bytes.length > maxExportHeaderBytes)
    return refuse('it does not begin with the header of an export')
  const header = parseHeader(first.value.bytes)
  if (header === undefined) return refuse('it does not begin with the header of an export')
  const sum = createHash('sha256').update(first.value.bytes).update('\n')
  const frame = proveFrame(header, options.trusted)
  if (!frame.ok) return frame
  const body = new ExportBody(header, frame.value, options.watch)
  for await (const { bytes, isWhole } of lines) {
    if (body.isEnded) return refuse('something follows its last line')
    if (!isWhole) return refuse(`line ${body.lines + 1} is cut off`)
    const problem = body.take(bytes, () => sum.copy().digest('hex'))
    if (problem !== undefined) return refuse(`line ${body.lines + 1}: ${problem}`)
    if (body.isEnded) continue
    sum.update(bytes).update('\n')
    body.lines += 1
  }
  return body.finish()
}

interface Frame {
  readonly from: ProvenCheckpoint
  readonly to: ProvenCheckpoint
  readonly witnessed: ProvenCheckpoint | undefined
  readonly edge: Edge
}

/** Everything that the header claims about the tree. */
function proveFrame(header: ExportHeader, trusted: TrustedKeys): Judged<Frame> {
  const plain = { ...trusted, requireWitnesses: 0 }
  const from = proveCheckpoint(Buffer.from(header.from.checkpoint), plain)
  if (!from.ok) return refuse(`the checkpoint before its records: ${from.why}`)
  const to = proveCheckpoint(Buffer.from(header.to.checkpoint), plain)
  if (!to.ok) return refuse(`the checkpoint behind its records: ${to.why}`)
  const [before, after] = [from.value, to.value]
  if (before.origin !== header.origin || after.origin !== header.origin)
    return refuse(`its checkpoints are not of the log ${header.origin} that it names`)
  if (before.size > after.size || after.size - before.size !== header.population)
    return refuse(`its checkpoints lie ${after.size - before.size} records apart, and it claims ${header.population}`)
  const { fromIndex } = header.query.filter
  if (fromIndex !== undefined && before.size > fromIndex)
    return refuse(`it begins at record ${before.size}, and its query asks for records from ${fromIndex} on`)
  const edge = readEdge(header.from.edge, before)
  if (edge === undefined) return refuse('its edge hashes are not those of the checkpoint before its records')
  if (!isConsistent(before, after, header.consistency)) return refuse('its consistency proof does not hold')
  const witnessed = proveWitnessed(header, after, trusted)
  return witnessed.ok ? { ok: true, value: { from: before, to: after, witnessed: witnessed.value, edge } } : witnessed
}

function readEdge(text: string, { size, root }: ProvenCheckpoint): Edge | undefined {
  const hashes = decodeBase64(text)
  if (hashes?.length !== edgeLength(size) * hashBytes) return undefined
  const edge = createEdge(size, hashes)
  return edge.root().equals(root) ? edge : undefined
}

function isConsistent(
  smaller: Pick<ProvenCheckpoint, 'size' | 'root'>,
  larger: Pick<ProvenCheckpoint, 'size' | 'root'>,
  texts: readonly string[],
): boolean {
  const proof = parseHashes(texts)
  if (proof === undefined) return false
  // the empty tree is the beginning of every other: there is nothing to prove
  if (smaller.size === 0) return proof.length === 0
  return verifyConsistency({
    size1: smaller.size,
    size2: larger.size,
    root1: smaller.root,
    root2: larger.root,
    proof,
  })
}

function proveWitnessed(
  header: ExportHeader,
  to: ProvenCheckpoint,
  trusted: TrustedKeys,
): Judged<ProvenCheckpoint | undefined> {
  const needed = trusted.requireWitnesses
  if (header.witnessed === undefined)
    return needed > 0 ? refuse('it holds no checkpoint that witnesses cosigned') : { ok: true, value: undefined }
  const witnessed = proveCheckpoint(Buffer.from(header.witnessed.checkpoint), trusted)
  if (!witnessed.ok) return refuse(`its witnessed checkpoint: ${witnessed.why}`)
  const { origin, size } = witnessed.value
  const [smaller, larger] = size < to.size ? [witnessed.value, to] : [to, witnessed.value]
  if (origin !== to.origin || !isConsistent(smaller, larger, header.witnessed.consistency))
    return refuse('its witnessed checkpoint is not of the same tree')
  if (needed > 0 && size < to.size)
    return refuse(`its witnesses have seen ${size} records, and it goes up to ${to.size}`)
  return { ok: true, value: witnessed.value }
}

const eventBounds = { maxDepth: 64, maxNodes: 1_000_000 }

class ExportBody {
  lines = 1
  isEnded = false
  readonly #header: ExportHeader
  readonly #frame: Frame
  readonly #watch: number | undefined
  #shown = 0
  #provenEvents = 0
  #looseEvents = 0
  #unjudged = 0
  #otherReadings = 0
  #watched: Buffer | undefined

  constructor(header: ExportHeader, frame: Frame, watch: number | undefined) {
    this.#header = header
    this.#frame = frame
    this.#watch = watch
  }

  /** What is wrong with the line. */
  take(bytes: Buffer, sumSoFar: () => string): string | undefined {
    const line = parseLine(bytes)
    if (line === undefined) return 'it is no line of an export'
    if (line.kind === 'end') {
      this.isEnded = true
      // compared as it stands there, so that no other spelling passes
      return bytes.equals(Buffer.from(formatEnd(this.lines, sumSoFar()).slice(0, -1)))
        ? undefined
        : 'the sum at the end does not fit what stands before it'
    }
    const { edge, to } = this.#frame
    const index = edge.size
    if (index >= to.size) return 'there are more records than its checkpoints have between them'
    const leaf = line.kind === 'leaf' ? line.leaf : leafHash(Buffer.from(line.record.entry))
    if (index === this.#watch) this.#watched = Buffer.from(leaf)
    edge.append(leaf)
    return line.kind === 'leaf' ? undefined : this.#takeRecord(line.record, index)
  }

  #takeRecord({ entry, event }: ExportedRecord, index: number): string | undefined {
    const envelope = parseEnvelope(Buffer.from(entry))
    if (envelope?.index !== index) return `it is not the envelope of record ${index}`
    if (event !== undefined && !this.#header.withEvents) return 'it holds an event, and the header says that none do'
    const problem = event === undefined ? undefined : judgeEvent(envelope, event)
    if (problem !== undefined) return problem
    if (event?.ocsf !== undefined && !this.#isReading(entry, envelope, event)) {
      if (event.salt !== undefined && this.#header.version === readVersion())
        return 'its OCSF event is not how the record reads'
      this.#otherReadings += 1
    }
    this.#shown += 1
    if (event !== undefined && event.salt === undefined) this.#looseEvents += 1
    if (event?.salt !== undefined) this.#provenEvents += 1
    return this.#judgeFilter(envelope, event)
  }

  #isReading(entry: string, envelope: Envelope, { text, ocsf }: ExportedEvent): boolean {
    const leaf = leafHash(Buffer.from(entry)).toString('base64url')
    const record = { envelope, leafHash: leaf, event: parseEvent(text), erased: false, expired: false }
    const { origin, version } = this.#header
    return JSON.stringify(toOcsf(record, { origin, version })) === JSON.stringify(ocsf)
  }

  #judgeFilter(envelope: Envelope, event: ExportedEvent | undefined): string | undefined {
    const { filter } = this.#header.query
    if (!fitsEnvelope(filter, envelope)) return 'it does not match the query of the export'
    const fits = fitsCaller(filter, event?.salt === undefined ? undefined : parseEvent(event.text))
    if (fits === undefined) this.#unjudged += 1
    return fits === false ? 'its caller is not the one of the query' : undefined
  }

  finish(): Judged<VerifiedExport> {
    const { from, to, witnessed, edge } = this.#frame
    const { population, matching } = this.#header
    if (!this.isEnded) return refuse('its end is missing')
    if (edge.size !== to.size) return refuse(`it holds ${edge.size - from.size} of ${population} records`)
    if (!edge.root().equals(to.root)) return refuse('its records are not those between its two checkpoints')
    if (this.#shown !== matching) return refuse(`it claims ${matching} matching records and shows ${this.#shown}`)
    return {
      ok: true,
      value: {
        header: this.#header,
        from,
        to,
        witnessed,
        shown: this.#shown,
        provenEvents: this.#provenEvents,
        looseEvents: this.#looseEvents,
        unjudged: this.#unjudged,
        otherReadings: this.#otherReadings,
        openEnds: openEndsOf(this.#header.query.filter, { fromSize: from.size, toSize: to.size }),
        hidden: population - this.#shown,
        watched: this.#watched,
      },
    }
  }
}

function judgeEvent(envelope: Envelope, { text, salt, fields }: ExportedEvent): string | undefined {
  if (parseEvent(text) === undefined) return 'its event is no JSON object'
  const isCommitted = Object.hasOwn(envelope.fields, eventField)
  if (isCommitted !== (salt !== undefined)) return 'its event is not the one that the record commits to'
  if (salt !== undefined && !isCommittedTo(envelope, eventField, { salt, value: text }))
    return 'its event is not the one that the record commits to'
  const falseOne = Object.entries(fields).find(([name, field]) => !isCommittedTo(envelope, name, field))
  return falseOne && `the record does not commit to its ${JSON.stringify(falseOne[0])}`
}

function parseEvent(text: string): JsonObject | undefined {
  const parsed = decodeUtf8(Buffer.from(text)) === undefined ? undefined : parseStrictJson(text, eventBounds)
  return parsed?.ok === true && isJsonObject(parsed.value) ? parsed.value : undefined
}

/** What keys the file itself names: to be shown to somebody who has none, never to be used. */
export async function keysInExport(file: OpenFile): Promise<readonly string[]> {
  const first = await readByteLines(file, maxExportHeaderBytes).next()
  return first.done === true || !first.value.isWhole ? [] : (parseHeader(first.value.bytes)?.vkeys ?? [])
}
