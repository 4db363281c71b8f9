// Reads records in order, in bounded memory, from a log that lies still or is being written: only what a commit
// ends is ever given out. With the key-encryption key it also gives what the body holds, as long as the subject's
// key has not been destroyed. It checks leaf hashes against the commit, not signatures: that is verify-ledger.

import { hash, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { Fault } from '../base/fault.ts'
import type { JsonObject } from '../base/strict-json.ts'
import { deriveBodySecret, keyIdBytes, openBody, parseBody } from './body.ts'
import { eventField } from './encode-record.ts'
import { parseEnvelope, type Envelope } from './envelope.ts'
import { parseErasedLine } from './erased-line.ts'
import { fileBounds } from './file-bounds.ts'
import { nodeFiles, type FileSystem, type OpenFile } from './files.ts'
import type { Group } from './frame.ts'
import { segmentIndices } from './group-source.ts'
import { hashBytes, leafHash } from '../tlog/merkle.ts'
import { createOffsetIndex } from './offset-index.ts'
import { readLines } from './read-lines.ts'
import { createGroupScanner, readSegmentHeader, segmentName, type GroupScanner } from './segment.ts'
import { createKeyWrapper, maxLineBytes, parseSubjectLine, type KeyWrapper } from './subject-line.ts'
import { parseMinimumIndex } from './verify-retention.ts'

export type { Envelope } from './envelope.ts'

/** Where a group of records begins: enough to read one of them again without reading what comes before. */
export interface GroupPlace {
  /** first index of the segment that holds it */
  readonly segment: number
  readonly offset: number
  /** index of its first record */
  readonly index: number
}

export interface LedgerRecord {
  readonly index: number
  readonly place: GroupPlace
  readonly envelope: Envelope
  /** what the leaf hash is over */
  readonly envelopeBytes: Buffer
  /** base64url, as in a receipt */
  readonly leafHash: string
  /** undefined without the key-encryption key, after an erasure or expiry, and for records without a body */
  readonly event: JsonObject | undefined
  /** salt and value of every committed field, for disclosure; undefined like `event` */
  readonly committed: Readonly<Record<string, { readonly salt: string; readonly value: string }>> | undefined
  /** the key of its body was destroyed on purpose; seen only with the key-encryption key */
  readonly erased: boolean
  /** its body is gone, by the rules of retention */
  readonly expired: boolean
}

/** What of a record its OCSF event is made of. */
export type OcsfSource = Pick<LedgerRecord, 'envelope' | 'leafHash' | 'event' | 'erased' | 'expired'>

export interface ReadOptions {
  /** first index to give; 0 by default */
  readonly from?: number
  /** a group at or before `from`, where reading begins; whoever gives one that is none gets LEDGER_CORRUPT or nothing */
  readonly place?: GroupPlace
  readonly keyEncryptionKey?: Buffer
  /** which bodies are opened; all by default. The others' records come without event. */
  readonly opens?: (envelope: Envelope) => boolean
  readonly fs?: FileSystem
}

export interface LedgerReader {
  /** records up to the last commit; call it again later for those that came since */
  read(): AsyncGenerator<LedgerRecord, void, undefined>
  /** one record of the group at a place, checked like every other; undefined when it does not stand there */
  readAt(place: GroupPlace, index: number): Promise<LedgerRecord | undefined>
  /** index of the next record */
  readonly next: number
  close(): Promise<void>
}

/** Records of one log (dataDir/ledger/<name>) from an index to its present end. Throws LEDGER_CORRUPT. */
export async function* readLedger(
  dir: string,
  options: ReadOptions = {},
): AsyncGenerator<LedgerRecord, void, undefined> {
  const reader = createLedgerReader(dir, options)
  try {
    yield* reader.read()
  } finally {
    await reader.close()
  }
}

/** The same, remembering where it stopped, so that following a log costs nothing for what was read before. */
export function createLedgerReader(dir: string, options: ReadOptions = {}): LedgerReader {
  return new Reader(dir, options)
}

class Reader implements LedgerReader {
  next: number
  readonly #dir: string
  readonly #files: FileSystem
  readonly #keyEncryptionKey: Buffer | undefined
  readonly #opens: (envelope: Envelope) => boolean
  // index of the record at the scanner's place; runs behind `next` only until the first wanted record
  #at = 0
  #stuckAt = -1
  #file: OpenFile | undefined
  #scanner: GroupScanner | undefined
  #segment = 0
  #place: GroupPlace | undefined
  #bodies: BodyOpener | undefined
  // of the record last read by its place: reading on goes on where it was
  #opened: { readonly segment: number; readonly file: OpenFile; group: Group | undefined } | undefined

  constructor(dir: string, options: ReadOptions) {
    this.#dir = dir
    this.#files = options.fs ?? nodeFiles
    this.#keyEncryptionKey = options.keyEncryptionKey
    this.#opens = options.opens ?? (() => true)
    this.next = options.from ?? 0
    this.#place = options.place
  }

  async *read(): AsyncGenerator<LedgerRecord, void, undefined> {
    while (await this.#enterSegment()) {
      for await (const group of this.#groups()) {
        const first = this.#at
        this.#at += group.records.length
        if (this.#at <= this.next) continue
        const place = { segment: this.#segment, offset: group.offset, index: first }
        for await (const record of this.#readRecords(group, place, this.next)) {
          this.next = record.index + 1
          yield record
        }
      }
      if (!(await this.#leaveSegment())) return
    }
  }

  async readAt(place: GroupPlace, index: number): Promise<LedgerRecord | undefined> {
    const group = await this.#groupAt(place)
    const isThere = group !== undefined && index >= place.index && index < place.index + group.records.length
    if (isThere) for await (const record of this.#readRecords(group, place, index, index)) return record
    return undefined
  }

  async #groupAt({ segment, offset }: GroupPlace): Promise<Group | undefined> {
    // a place may come from an index that somebody spoilt
    if (offset < 0 || (this.#opened?.segment !== segment && !(await this.#openAt(segment)))) return undefined
    if (this.#opened === undefined || this.#opened.group?.offset === offset) return this.#opened?.group
    const scanner = createGroupScanner(this.#opened.file, offset)
    let item = scanner.take()
    for (; item === undefined; item = scanner.take()) await scanner.fill()
    if (item.kind === 'stop') return undefined
    // its bytes are the scanner's, which reads no further
    this.#opened.group = item
    return item
  }

  async #openAt(segment: number): Promise<boolean> {
    await this.#opened?.file.close()
    this.#opened = undefined
    if (!(await this.#segments()).includes(segment)) return false
    const file = await this.#files.open(join(this.#dir, 'segments', segmentName(segment)), 'read')
    this.#opened = { segment, file, group: undefined }
    const header = await readSegmentHeader(file)
    if (header?.firstIndex !== segment) throw corrupt(`the header of segment ${segmentName(segment)}`)
    await this.#openBodies(header.origin)
    return true
  }

  async close(): Promise<void> {
    await this.#file?.close()
    await this.#bodies?.close()
    await this.#opened?.file.close()
    this.#opened = undefined
    this.#file = undefined
    this.#bodies = undefined
    this.#scanner = undefined
  }

  #segments(): Promise<number[]> {
    return segmentIndices(this.#files, this.#dir)
  }

  async #enterSegment(): Promise<boolean> {
    if (this.#scanner !== undefined) {
      this.#scanner.rewind()
      return true
    }
    const place = this.#place
    this.#place = undefined
    const first = place?.segment ?? (await this.#findSegment())
    if (first === undefined) return false
    const name = segmentName(first)
    this.#file = await this.#files.open(join(this.#dir, 'segments', name), 'read')
    const header = await readSegmentHeader(this.#file)
    if (header?.firstIndex !== first) throw corrupt(`the header of segment ${name}`)
    await this.#openBodies(header.origin)
    this.#segment = first
    this.#at = place?.index ?? first
    this.#scanner = createGroupScanner(this.#file, place?.offset ?? header.bytes)
    return true
  }

  /** The segment of the next record; the oldest one where older records were pruned. */
  async #findSegment(): Promise<number | undefined> {
    const segments = await this.#segments()
    const [oldest] = segments
    const isPruned = oldest !== undefined && this.next < oldest && (await this.#isPrunedTo(oldest))
    if (isPruned) this.next = oldest
    return segments.findLast((index) => index <= this.next)
  }

  async #isPrunedTo(index: number): Promise<boolean> {
    const bytes = await this.#files.readFile(join(this.#dir, 'minimum-index'), fileBounds.minimumIndex)
    return (parseMinimumIndex(bytes ?? Buffer.alloc(0)) ?? 0) >= index
  }

  async #openBodies(origin: string): Promise<void> {
    if (this.#bodies !== undefined || this.#keyEncryptionKey === undefined) return
    const wrapper = createKeyWrapper(this.#keyEncryptionKey, origin)
    this.#bodies = new BodyOpener(await this.#files.open(join(this.#dir, 'subjects.keys'), 'read'), wrapper)
  }

  async *#groups(): AsyncGenerator<Group, void, undefined> {
    for (;;) {
      const item = this.#scanner?.take()
      if (item?.kind === 'stop') return
      if (item === undefined) await this.#scanner?.fill()
      else yield item
    }
  }

  /** True when there is more to read: in a later segment, or in this one, if it grew before it was sealed. */
  async #leaveSegment(): Promise<boolean> {
    // a kill can leave a segment without a record, which begins where it ends: it does not follow itself
    const later = (await this.#segments()).find((index) => index >= this.#at && index > this.#segment)
    if (later === undefined) return false
    if (later !== this.#at) {
      if (await this.#isPrunedTo(later)) return await this.#closeSegment()
      const hasGrown = this.#at > this.#stuckAt && (await this.#file?.size()) !== this.#scanner?.offset
      if (!hasGrown) throw corrupt(`record ${this.#at}: what follows is not in the segment after it`)
      this.#stuckAt = this.#at
      return true
    }
    return await this.#closeSegment()
  }

  async #closeSegment(): Promise<true> {
    await this.#file?.close()
    this.#file = undefined
    this.#scanner = undefined
    return true
  }

  /** One by one, opened when it is asked for: who reads beside calls must be able to pause within a group. */
  async *#readRecords(
    group: Group,
    place: GroupPlace,
    from: number,
    to = Infinity,
  ): AsyncGenerator<LedgerRecord, void, undefined> {
    for (const [position, { envelope: view, body: bodyView, isExpired }] of group.records.entries()) {
      const index = place.index + position
      if (index < from || index > to) continue
      const envelopeBytes = Buffer.from(view)
      const envelope = parseEnvelope(envelopeBytes)
      const leaf = leafHash(envelopeBytes)
      const isListed =
        !group.commitDamaged && leaf.equals(group.hashes.subarray(position * hashBytes, (position + 1) * hashBytes))
      const bodyHash = bodyView === undefined ? '' : hash('sha256', bodyView, 'base64url')
      const isBodyRight = isExpired ? envelope?.body !== '' : envelope?.body === bodyHash
      if (envelope?.index !== index || !isListed || !isBodyRight) throw corrupt(`record ${index}`)
      const isWanted = bodyView !== undefined && this.#opens(envelope)
      const opened = isWanted ? await this.#bodies?.open(bodyView, envelope.call) : undefined
      yield {
        index,
        place,
        envelope,
        envelopeBytes,
        leafHash: leaf.toString('base64url'),
        event: opened === 'erased' ? undefined : opened?.event,
        committed: opened === 'erased' ? undefined : opened?.committed,
        erased: opened === 'erased',
        expired: isExpired,
      }
    }
  }
}

type Opened = Pick<LedgerRecord, 'event' | 'committed'>

const maxSecrets = 16_384

/** Finds the key of a body among the lines of subjects.keys, and opens it. */
class BodyOpener {
  readonly #file: OpenFile
  readonly #wrapper: KeyWrapper
  readonly #offsets = createOffsetIndex()
  #scannedBytes = -1
  #secrets = new Map<string, KeyObject>()

  constructor(file: OpenFile, wrapper: KeyWrapper) {
    this.#file = file
    this.#wrapper = wrapper
  }

  async open(payload: Buffer, call: string): Promise<Opened | 'erased' | undefined> {
    const body = parseBody(payload)
    if (body === undefined) return undefined
    const name = Buffer.concat([body.keyId, body.epoch]).toString('latin1')
    let secret = this.#secrets.get(name)
    if (secret === undefined) {
      const found = await this.#findSecret(body.keyId, body.epoch)
      if (found === undefined || found === 'erased') return found
      secret = found
      if (this.#secrets.size >= maxSecrets) this.#secrets = new Map()
      this.#secrets.set(name, secret)
    }
    const text = openBody(body, secret, call)
    return text === undefined ? undefined : parsePlaintext(text)
  }

  async #findSecret(keyId: Buffer, epoch: Buffer): Promise<KeyObject | 'erased' | undefined> {
    let offset = this.#offsets.get(keyId)
    // keys may have come since the lines were read
    if (offset < 0 && (await this.#file.size()) > this.#scannedBytes) {
      await this.#scan()
      offset = this.#offsets.get(keyId)
    }
    if (offset < 0) return undefined
    const bytes = Buffer.alloc(maxLineBytes)
    const count = await this.#file.read(bytes, offset)
    const end = bytes.subarray(0, count).indexOf(10)
    const text = bytes.toString('latin1', 0, Math.max(end, 0))
    const line = parseSubjectLine(text)
    if (line === undefined && parseErasedLine(text) !== undefined) return 'erased'
    const secret = line && this.#wrapper.unwrap(line)
    return secret && deriveBodySecret(secret.dataKey, epoch)
  }

  async #scan(): Promise<void> {
    this.#scannedBytes = await this.#file.size()
    for await (const { offset, text, isWhole } of readLines(this.#file, maxLineBytes)) {
      const line = isWhole ? (parseSubjectLine(text) ?? parseErasedLine(text)) : undefined
      if (line !== undefined && line.keyId.length === keyIdBytes) this.#offsets.set(line.keyId, 0, offset)
    }
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

// The text was authenticated by its tag: it is what our writer wrote.
function parsePlaintext(text: string): Opened {
  const { event, salts, values } = JSON.parse(text) as {
    event: JsonObject
    salts: Record<string, string>
    values: Record<string, string>
  }
  const committed: Record<string, { salt: string; value: string }> = {}
  for (const [name, salt] of Object.entries(salts)) {
    // what JSON.stringify wrote it writes again: the whole event is not in the body twice
    const value = name === eventField ? JSON.stringify(event) : Object.hasOwn(values, name) ? values[name] : event[name]
    committed[name] = { salt, value: typeof value === 'string' ? value : '' }
  }
  return { event, committed }
}

function corrupt(what: string): Fault {
  return new Fault('LEDGER_CORRUPT', `the ledger is damaged: ${what}`, { hint: 'run `sallyport audit verify`' })
}
