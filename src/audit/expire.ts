// Retention in one log: bodies that have expired are taken out of sealed segments, whole segments that have expired
// are removed. Records of the log say so first, durably; only then is anything changed, so that a verifier can tell
// what went by the rules from what somebody took. Leaves, listed hashes and signatures stay; the open segment is
// never touched, nor a body or record of a subject under legal hold.

import { join } from 'node:path'
import { Fault } from '../base/fault.ts'
import { hashBytes } from '../tlog/merkle.ts'
import { tilePath, tileWidth } from '../tlog/tiles.ts'
import { parseBody } from './body.ts'
import { ownOperation, reservedField } from './encode-record.ts'
import { parseEnvelope, type RecordKind } from './envelope.ts'
import type { CommitOwn } from './rotate-key.ts'
import { errorCode, type FileSystem } from './files.ts'
import { frameHeadBytes, frameType, sealFrame, type Group } from './frame.ts'
import { areListed, segmentIndices } from './group-source.ts'
import { readLineClaims, type LineClaims } from './hold-key-lines.ts'
import { createCount, keptFields, u64, type KeptLines } from './kept-lines.ts'
import { listTiles } from './list-tiles.ts'
import { lastTiles } from './load-frontier.ts'
import { replaceFile } from './replace-file.ts'
import { createGroupScanner, readSegmentHeader, segmentName } from './segment.ts'
import { syncOrFail } from './segment-writer.ts'

export type BodyKind = Exclude<RecordKind, 'subject-key'>

export interface RetentionRules {
  /** by kind, how long bodies are kept; for ever where nothing is said */
  readonly bodiesMs: Readonly<Partial<Record<BodyKind, number>>>
  /** how long whole records are kept */
  readonly recordsMs?: number | undefined
}

export interface RetentionRequest {
  readonly rules: RetentionRules
  readonly nowMs: number
  /** what is not old enough by this time stays, whatever the clock says */
  readonly vouchedMs: number
  /** key ids, hex, of subjects under legal hold */
  readonly heldKeys: ReadonlySet<string>
  /** records from this index on stay: of a subject under hold, or not yet exported */
  readonly keepFrom: number
  /** bodies of records from this index on stay: whoever gets a copy has not got them yet */
  readonly keepBodiesFrom: number
  /** changes nothing */
  readonly isDryRun: boolean
}

export interface RetentionResult {
  /** bodies that went */
  readonly bodies: number
  /** bodies that would have gone and are held */
  readonly heldBodies: number
  /** records that went */
  readonly records: number
  /** first index that the log still holds */
  readonly minimumIndex: number
  readonly freedBytes: number
  /** how far the clock is ahead of what can be vouched for, where that alone kept something; otherwise 0 */
  readonly clockAheadMs: number
}

export interface RetentionParts {
  readonly files: FileSystem
  readonly dir: string
  /** writes one record of the ledger about itself, nothing else being written meanwhile */
  readonly commitOwn: CommitOwn
  /** what stays of the key lines of records that go, held against them; no erasure goes on meanwhile, nor is one unfinished */
  readonly keptLines: (claims: LineClaims) => Promise<KeptLines>
  /** by kind, the index below which no body is left; goes on between calls */
  readonly done: Map<BodyKind, number>
  /** the log is being closed: what is not done yet is done another time */
  readonly isStopping: () => boolean
}

interface Sealed {
  readonly first: number
  /** index behind its last record */
  readonly end: number
  /** when the first record behind it was made */
  readonly endMs: number
}

const rewritten = 'rewrite.tmp'

export async function applyRetention(parts: RetentionParts, request: RetentionRequest): Promise<RetentionResult> {
  const { nowMs, vouchedMs, isDryRun } = request
  if (nowMs <= vouchedMs) return { ...(await retain(parts, request)), clockAheadMs: 0 }
  const result = await retain(parts, { ...request, nowMs: vouchedMs })
  const more = await retain(parts, { ...request, isDryRun: true })
  const isHeld = isDryRun
    ? more.bodies !== result.bodies || more.records !== result.records
    : more.bodies > 0 || more.records > 0
  return { ...result, clockAheadMs: isHeld ? nowMs - vouchedMs : 0 }
}

type Retained = Omit<RetentionResult, 'clockAheadMs'>

async function retain(parts: RetentionParts, request: RetentionRequest): Promise<Retained> {
  const sealed = await findSealed(parts)
  const pruned = await pruneRecords(parts, sealed, request)
  const kept = sealed.filter(({ first }) => first >= pruned.minimumIndex)
  const expired = await expireBodies(parts, kept, request)
  return {
    ...pruned,
    bodies: expired.bodies,
    heldBodies: expired.held,
    freedBytes: pruned.freedBytes + expired.freedBytes,
  }
}

/** Segments that are written no more, oldest first. */
async function findSealed({ files, dir }: RetentionParts): Promise<Sealed[]> {
  const firsts = await segmentIndices(files, dir)
  const sealed: Sealed[] = []
  for (const [at, first] of firsts.entries()) {
    const end = firsts[at + 1]
    if (end === undefined) break
    sealed.push({ first, end, endMs: await beginMs(files, dir, end) })
  }
  return sealed
}

/** When the first record of a segment was made; never, where that cannot be read. */
async function beginMs(files: FileSystem, dir: string, first: number): Promise<number> {
  for await (const group of groupsOf(files, dir, first)) {
    const [record] = group.records
    const envelope = record && parseEnvelope(record.envelope)
    return envelope === undefined ? Infinity : Date.parse(envelope.time)
  }
  return Infinity
}

/** The groups of a segment; each is a view until the next. Throws LEDGER_CORRUPT where the segment is damaged. */
async function* groupsOf(files: FileSystem, dir: string, first: number): AsyncGenerator<Group, void, undefined> {
  const name = segmentName(first)
  const file = await files.open(join(dir, 'segments', name), 'read')
  try {
    const header = await readSegmentHeader(file)
    if (header?.firstIndex !== first) throw corrupt(name)
    const scanner = createGroupScanner(file, header.bytes)
    for (;;) {
      const item = scanner.take()
      if (item === undefined) await scanner.fill()
      else if (item.kind === 'group' && isSound(item)) yield item
      else if (item.kind === 'stop' && item.reason === 'end') return
      else throw corrupt(name)
    }
  } finally {
    await file.close()
  }
}

async function* groupsOfAll(
  { files, dir }: RetentionParts,
  segments: readonly Sealed[],
): AsyncGenerator<Group, void, undefined> {
  for (const { first } of segments) yield* groupsOf(files, dir, first)
}

// what is damaged is evidence: it is not written anew with a checksum that fits
function isSound(group: Group): boolean {
  return areListed(group) && group.records.every(({ damaged }) => damaged === undefined)
}

/** How many segments, from the oldest on, ended before a time and before an index. */
function countExpired(sealed: readonly Sealed[], beforeMs: number, keepFrom: number): number {
  const kept = sealed.findIndex(({ end, endMs }) => !(endMs <= beforeMs) || end > keepFrom)
  return kept < 0 ? sealed.length : kept
}

interface Pruned {
  readonly records: number
  readonly minimumIndex: number
  readonly freedBytes: number
}

async function pruneRecords(
  parts: RetentionParts,
  sealed: readonly Sealed[],
  { rules, nowMs, keepFrom, isDryRun }: RetentionRequest,
): Promise<Pruned> {
  const { files, dir } = parts
  const oldest = sealed[0]?.first ?? 0
  const count = rules.recordsMs === undefined ? 0 : countExpired(sealed, nowMs - rules.recordsMs, keepFrom)
  const gone = sealed.slice(0, count)
  const minimumIndex = gone.at(-1)?.end ?? oldest
  let freedBytes = 0
  for (const { first } of gone) freedBytes += await files.fileSize(join(dir, 'segments', segmentName(first)))
  const result = { records: minimumIndex - oldest, minimumIndex, freedBytes }
  if (gone.length === 0 || isDryRun) return result
  const claims = await readLineClaims(parts, groupsOfAll(parts, gone), { from: oldest, to: minimumIndex })
  const kept = await parts.keptLines(claims)
  await parts.commitOwn(ownOperation.pruned, {
    [reservedField.minimumIndex]: String(minimumIndex),
    ...keptFields(kept),
  })
  await replaceFile(files, join(dir, 'minimum-index'), Buffer.from(`${minimumIndex}\n`))
  await syncOrFail(() => files.syncFolder(dir))
  // oldest first: what is left at any moment has no gap
  for (const { first } of gone) {
    await files.remove(join(dir, 'segments', segmentName(first)))
    await syncOrFail(() => files.syncFolder(join(dir, 'segments')))
  }
  await pruneTiles(parts, minimumIndex)
  return result
}

/** Tiles and bundles of pruned records alone; a few are kept, by which the writer proves the edge of its tiles. */
async function pruneTiles({ files, dir }: RetentionParts, minimumIndex: number): Promise<void> {
  const listing = await listTiles(files, dir, { unexpected: () => undefined })
  const below = Math.floor(minimumIndex / tileWidth) - lastTiles - 1
  for (const level of ['entries', 0] as const) {
    for (const index of listing.full.get(level) ?? []) {
      if (index >= below) continue
      // what a kill has left of its making would be held against nothing
      for (const width of listing.partial.get(`${level}/${index}`) ?? [])
        await removeTile(files, join(dir, tilePath(level, index, width)))
      await removeTile(files, join(dir, tilePath(level, index)))
    }
  }
}

async function removeTile(files: FileSystem, path: string): Promise<void> {
  await files.remove(path).catch((error: unknown) => {
    if (errorCode(error) !== 'ENOENT') throw error
  })
}

interface Expired {
  readonly bodies: number
  readonly held: number
  readonly freedBytes: number
}

async function expireBodies(
  parts: RetentionParts,
  sealed: readonly Sealed[],
  request: RetentionRequest,
): Promise<Expired> {
  const { files, dir, done } = parts
  const before = expiredBefore(sealed, request)
  const rule: BodyRule = {
    isGoing: (index, kind) => index < (before.get(kind as BodyKind) ?? 0),
    isHeld: (body) => request.heldKeys.has(parseBody(body)?.keyId.toString('hex') ?? ''),
  }
  const due = sealed.filter(({ first, end }) =>
    [...before].some(([kind, index]) => first < index && end > (done.get(kind) ?? 0)),
  )
  const found: (BodyCount & { segment: Sealed })[] = []
  for (const segment of due) found.push({ segment, ...(await countBodies(parts, segment, rule)) })
  const sum = (of: 'bodies' | 'held' | 'bytes'): number => found.reduce((total, each) => total + each[of], 0)
  const result = { bodies: sum('bodies'), held: sum('held'), freedBytes: sum('bytes') }
  if (request.isDryRun) return result
  for (const { segment, bodies, gone } of found) {
    if (parts.isStopping()) return result
    if (bodies === 0) continue
    await sayExpired(parts, { segment, before, gone })
    await rewriteSegment(files, dir, segment, rule)
  }
  // what is held now is looked at again
  const heldFrom = found.find(({ held }) => held > 0)?.segment.first ?? Infinity
  for (const [kind, index] of before) done.set(kind, Math.max(done.get(kind) ?? 0, Math.min(index, heldFrom)))
  return result
}

interface BodyRule {
  isGoing(index: number, kind: RecordKind): boolean
  isHeld(body: Buffer): boolean
}

/** By kind, where bodies that are kept begin. */
function expiredBefore(
  sealed: readonly Sealed[],
  { rules, nowMs, keepBodiesFrom }: RetentionRequest,
): Map<BodyKind, number> {
  const before = new Map<BodyKind, number>()
  for (const [kind, keptMs] of Object.entries(rules.bodiesMs) as [BodyKind, number][]) {
    const end = sealed[countExpired(sealed, nowMs - keptMs, keepBodiesFrom) - 1]?.end
    if (end !== undefined) before.set(kind, end)
  }
  return before
}

/**
 * One record for each segment: of which kinds bodies go, and all that are gone from it then. The segment is written anew
 * at once, so what is gone from it is what one record says, whenever a kill comes.
 */
async function sayExpired(
  { commitOwn }: RetentionParts,
  { segment, before, gone }: { segment: Sealed; before: ReadonlyMap<BodyKind, number>; gone: string },
): Promise<void> {
  const kinds = [...before.keys()].filter((kind) => segment.first < (before.get(kind) ?? 0)).toSorted()
  await commitOwn(ownOperation.expired, {
    [reservedField.expiredKinds]: kinds.join(','),
    [reservedField.expiredBefore]: String(segment.end),
    [reservedField.expiredBodies]: `${segment.first} ${gone}`,
  })
}

interface BodyCount {
  readonly bodies: number
  readonly held: number
  readonly bytes: number
  /** `<count> <hash>` of the records whose bodies are gone when these have gone */
  readonly gone: string
}

async function countBodies({ files, dir }: RetentionParts, { first }: Sealed, rule: BodyRule): Promise<BodyCount> {
  const count = { bodies: 0, held: 0, bytes: 0 }
  const gone = createCount()
  let index = first
  for await (const { records } of groupsOf(files, dir, first)) {
    for (const { envelope, body, isExpired } of records) {
      const kind = body && parseEnvelope(envelope)?.kind
      const isDue = body !== undefined && kind !== undefined && rule.isGoing(index, kind)
      const isHeld = isDue && rule.isHeld(body)
      if (isDue) count[isHeld ? 'held' : 'bodies'] += 1
      if (isDue && !isHeld) count.bytes += body.length
      if (isExpired || (isDue && !isHeld)) gone.add(u64(index))
      index += 1
    }
  }
  return { ...count, gone: gone.text() }
}

/** The same segment without the bodies that go, durably in the place of the one before. */
async function rewriteSegment(files: FileSystem, dir: string, { first }: Sealed, rule: BodyRule): Promise<void> {
  const folder = join(dir, 'segments')
  const target = await files.open(join(folder, rewritten), 'replace')
  try {
    const header = await readHeader(files, join(folder, segmentName(first)))
    await target.write(header, 0)
    let [at, index] = [header.length, first]
    for await (const group of groupsOf(files, dir, first)) {
      const bytes = writeGroup(group, index, rule)
      await target.write(bytes, at)
      at += bytes.length
      index += group.records.length
    }
    await syncOrFail(() => target.datasync())
  } finally {
    await target.close()
  }
  await files.rename(join(folder, rewritten), join(folder, segmentName(first)))
  await syncOrFail(() => files.syncFolder(folder))
}

async function readHeader(files: FileSystem, path: string): Promise<Buffer> {
  const file = await files.open(path, 'read')
  try {
    const header = Buffer.alloc((await readSegmentHeader(file))?.bytes ?? 0)
    await file.read(header, 0)
    return header
  } finally {
    await file.close()
  }
}

function writeGroup({ records, hashes, note }: Group, first: number, rule: BodyRule): Buffer {
  const commit = Buffer.alloc(4)
  commit.writeUInt32LE(hashes.length / hashBytes)
  const frames = records.flatMap(({ envelope, body, isExpired }, place) => {
    const kind = parseEnvelope(envelope)?.kind
    const isGoing = body !== undefined && kind !== undefined && rule.isGoing(first + place, kind) && !rule.isHeld(body)
    const own = frameOf(frameType.envelope, envelope)
    if (isExpired || isGoing) return [own, frameOf(frameType.expiredBody)]
    return body === undefined ? [own] : [own, frameOf(frameType.body, body)]
  })
  return Buffer.concat([...frames, frameOf(frameType.commit, commit, hashes, note)])
}

function frameOf(type: number, ...payload: readonly Buffer[]): Buffer {
  const frame = Buffer.concat([Buffer.alloc(frameHeadBytes), ...payload])
  sealFrame(frame, 0, type, frame.length - frameHeadBytes)
  return frame
}

function corrupt(name: string): Fault {
  return new Fault('LEDGER_CORRUPT', `segment ${name} is damaged: nothing of it was removed`, {
    hint: 'run `sallyport audit verify`',
  })
}
