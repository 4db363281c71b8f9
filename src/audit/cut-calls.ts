// Finds what a crash cut off: calls that were allowed and never completed, and folds of refusals whose counts were never
// said. What was open is in the file of open calls as of
// some record; from there the ledger's envelopes say what began and what ended, which takes no key. Without that file
// the ledger is read back to where an earlier start must have settled the rest: nothing is skipped because of it.

import { join } from 'node:path'
import { isOperation } from '../a2a/operations.ts'
import type { JsonValue } from '../base/strict-json.ts'
import { nodeFiles, type FileSystem } from './files.ts'
import type { Group } from './frame.ts'
import { segmentIndices } from './group-source.ts'
import { maxOpenCallsBytes, parseOpenCalls, type CutCall } from './open-calls.ts'
import { followFolds, type OpenFold } from './open-folds.ts'
import { createLedgerReader, type GroupPlace, type LedgerRecord } from './read-ledger.ts'
import { createGroupScanner, readSegmentHeader, segmentName } from './segment.ts'

export interface CutCallsOptions {
  /** the folder of the log, already opened: its tail is whole */
  readonly dir: string
  readonly origin: string
  /** durable records */
  readonly size: number
  readonly openCallsPath: string
  readonly keyEncryptionKey: Buffer
  readonly fs?: FileSystem
}

export interface CutOff {
  /** in the order of their decisions */
  readonly calls: readonly CutCall[]
  readonly folds: readonly OpenFold[]
}

export async function findCutOff(options: CutCallsOptions): Promise<CutOff> {
  const files = options.fs ?? nodeFiles
  const segments = await segmentIndices(files, options.dir)
  const known = parseOpenCalls(await files.readFile(options.openCallsPath, maxOpenCallsBytes))
  // of another log, or of a later state of this one: it says nothing here
  const isUsable = known !== undefined && known.origin === options.origin && known.size <= options.size
  const open = new Map(isUsable ? known.calls : [])
  const folded: number[] = []
  const from = isUsable ? known.size : await findSettled(files, options.dir, segments)
  for await (const { group, place } of scanGroups(files, options.dir, segments, from)) {
    for (const [at, { envelope }] of group.records.entries()) {
      const index = place.index + at
      if (index < from) continue
      if (envelope.includes(foldedKind)) folded.push(index)
      else noteRecord(open, envelope, index)
    }
  }
  return {
    calls: await describeCalls(open, segments, options),
    folds: await findOpenFolds(isUsable ? known.folds : [], folded, segments, options),
  }
}

interface PlacedGroup {
  readonly group: Group
  readonly place: GroupPlace
}

/** Groups from the one that holds a record on, in bounded memory. Hashes were checked when the log was opened. */
async function* scanGroups(
  files: FileSystem,
  dir: string,
  segments: readonly number[],
  from: number,
): AsyncGenerator<PlacedGroup, void, undefined> {
  const first = segments.findLastIndex((index) => index <= from)
  for (const segment of segments.slice(Math.max(first, 0))) {
    const file = await files.open(join(dir, 'segments', segmentName(segment)), 'read')
    try {
      const header = await readSegmentHeader(file)
      if (header === undefined) return
      const scanner = createGroupScanner(file, header.bytes)
      for (let index = segment; ;) {
        const item = scanner.take()
        if (item?.kind === 'stop') break
        if (item === undefined) {
          await scanner.fill()
          continue
        }
        const place = { segment, offset: item.offset, index }
        index += item.records.length
        if (index > from) yield { group: item, place }
      }
    } finally {
      await file.close()
    }
  }
}

// an envelope is canonical JSON: a quote within a text is escaped, so that these can only be members
const foldedKind = Buffer.from('"kind":"folded"')
const completion = Buffer.from('"kind":"completion"')
const decision = Buffer.from('"kind":"decision"')
const allowed = Buffer.from('"outcome":"allowed"')
const lifecycle = Buffer.from('"kind":"lifecycle","operation":"st')
const callMember = Buffer.from('"call":"')
const operationMember = Buffer.from('"operation":"')

function noteRecord(open: Map<string, number>, envelope: Buffer, index: number): void {
  if (envelope.includes(completion)) open.delete(textAfter(envelope, callMember))
  else if (
    envelope.includes(decision) &&
    envelope.includes(allowed) &&
    isOperation(textAfter(envelope, operationMember))
  ) {
    open.set(textAfter(envelope, callMember), index)
  }
}

/** Ids of calls and names of operations have no escapes. */
function textAfter(envelope: Buffer, member: Buffer): string {
  const start = envelope.indexOf(member) + member.length
  return envelope.toString('latin1', start, envelope.indexOf('"', start))
}

/**
 * An index before which nothing is open. After an orderly end nothing was. A start comes after the cut calls of the
 * run before got their completions, but perhaps after the first calls of its own run: so it takes two of them.
 */
async function findSettled(files: FileSystem, dir: string, segments: readonly number[]): Promise<number> {
  let starts = 0
  for (const [at, segment] of [...segments.entries()].toReversed()) {
    const marks: { index: number; isStop: boolean }[] = []
    for await (const { group, place } of scanGroups(files, dir, segments.slice(at, at + 1), segment)) {
      for (const [offset, { envelope }] of group.records.entries()) {
        if (!envelope.includes(lifecycle)) continue
        const operation = textAfter(envelope, operationMember)
        if (operation === 'stopped' || operation === 'started')
          marks.push({ index: place.index + offset, isStop: operation === 'stopped' })
      }
    }
    for (const { index, isStop } of marks.toReversed()) {
      if (isStop || (starts += 1) === 2) return index
    }
  }
  return 0
}

/** Who called, and about what, is in the body of the decision. */
async function describeCalls(
  open: ReadonlyMap<string, number>,
  segments: readonly number[],
  options: CutCallsOptions,
): Promise<CutCall[]> {
  const wanted = [...open.values()].toSorted((a, b) => a - b)
  const calls: CutCall[] = []
  for await (const { index, envelope, event } of readEach(wanted, segments, options)) {
    const { call, agent, operation } = envelope
    const { caller, origin, task } = event ?? {}
    const known = { caller: textOf(caller), origin: textOf(origin), task: textOf(task) }
    calls.push({ call, index, agent, operation, ...known })
  }
  return calls
}

/** Whether a record opens a fold or says its counts is in its body. */
async function findOpenFolds(
  known: readonly OpenFold[],
  folded: readonly number[],
  segments: readonly number[],
  options: CutCallsOptions,
): Promise<readonly OpenFold[]> {
  const follower = followFolds(known)
  for await (const { index, envelope, event } of readEach(folded, segments, options))
    follower.note(index, envelope.code, event)
  return follower.open
}

async function* readEach(
  wanted: readonly number[],
  segments: readonly number[],
  options: CutCallsOptions,
): AsyncGenerator<LedgerRecord, void, undefined> {
  if (wanted.length === 0) return
  const files = options.fs ?? nodeFiles
  const { keyEncryptionKey } = options
  const reader = createLedgerReader(options.dir, { keyEncryptionKey, fs: files })
  try {
    for await (const { index, place } of placesOf(files, options.dir, segments, wanted)) {
      const record = await reader.readAt(place, index)
      if (record !== undefined) yield record
    }
  } finally {
    await reader.close()
  }
}

const textOf = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '')

/** Only segments that hold a wanted record are read. */
async function* placesOf(
  files: FileSystem,
  dir: string,
  segments: readonly number[],
  wanted: readonly number[],
): AsyncGenerator<{ index: number; place: GroupPlace }, void, undefined> {
  let next = 0
  for (const [at, segment] of segments.entries()) {
    const end = segments[at + 1] ?? Infinity
    const isNeeded = (): boolean => (wanted[next] ?? Infinity) < end
    if (!isNeeded()) continue
    for await (const { group, place } of scanGroups(files, dir, [segment], segment)) {
      for (; (wanted[next] ?? Infinity) < place.index + group.records.length; next += 1) {
        yield { index: wanted[next] ?? 0, place }
      }
      if (!isNeeded()) break
    }
  }
}
