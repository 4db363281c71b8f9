// The keys of subjects: for each subject and month a random data key, for each subject one random pseudonym.
// They are made on first use, lie wrapped in subjects.keys, and a line is durable before any record that needs
// it. In memory lie a table of offsets (16 bytes a subject) and the keys lately used; the rest is read again.

import { createRandomPool, type RandomSource } from '../base/bytes.ts'
import { Fault } from '../base/fault.ts'
import { invariant } from '../base/invariant.ts'
import { deriveBodySecret, keyIdBytes, type BodyKey } from './body.ts'
import { parseErasedLine } from './erased-line.ts'
import type { OpenFile } from './files.ts'
import { createOffsetIndex, type OffsetIndex } from './offset-index.ts'
import { readLines } from './read-lines.ts'
import {
  createKeyId,
  dataKeyBytes,
  maxLineBytes,
  maxSubjectBytes,
  parseSubjectLine,
  pseudonymBytes,
  type KeyWrapper,
  type SubjectLine,
  type SubjectSecret,
} from './subject-line.ts'

export interface SubjectKey extends BodyKey {
  readonly month: string
  readonly tag: Buffer
  readonly secretParts: SubjectSecret
  /** base64url */
  readonly pseudonym: string
  /** its line is durable, and a record commits to it */
  isCommitted: boolean
  /** records on their way that need it */
  waiting: number
  /** its subject is being erased: no further record may get it */
  isForgotten: boolean
}

/** A committed line. */
export interface FoundLine {
  readonly offset: number
  /** without its newline */
  readonly text: string
  readonly line: SubjectLine
  /** base64url */
  readonly pseudonym: string
}

export interface FoundLines {
  readonly lines: readonly FoundLine[]
  /** up to where the file was looked through */
  readonly end: number
}

export interface Subjects {
  /** the key for a record of this month: a later month's when the clock went back */
  keyFor(subject: string, month: string): SubjectKey
  /** a record that was given this key will not be written */
  release(key: SubjectKey): void
  /** the line of a key that has none yet, naming the record that will commit to it */
  lineFor(key: SubjectKey, recordIndex: number): Buffer
  /** writes lines behind the committed ones, not yet durable */
  write(lines: readonly Buffer[]): Promise<void>
  datasync(): Promise<void>
  /** the group that commits to these lines is durable */
  commit(keys: readonly SubjectKey[], lines: readonly Buffer[]): void
  /** takes lines back that no record will commit to; does nothing when there are none */
  undo(): Promise<void>
  /** from now on the subject is a new one: another key, another pseudonym, though its lines are still there */
  forget(subject: string): void
  /** its lines are destroyed, or will not be */
  settle(subject: string): void
  /** the lines that the subject still has, committed at or behind an offset */
  find(subject: string, from: number): Promise<FoundLines>
  /** puts other bytes in the place of a committed line, not yet durable */
  overwrite(offset: number, line: Buffer): Promise<void>
  readonly droppedLines: number
  close(): Promise<void>
}

export interface SubjectsOptions {
  readonly file: OpenFile
  readonly wrapper: KeyWrapper
  readonly random: RandomSource
  readonly epoch: Buffer
  /** records in the log: lines that name a later record were never committed to */
  readonly size: number
  /** keys kept in memory, at most twice this many */
  readonly cacheSize?: number
}

export async function openSubjects(options: SubjectsOptions): Promise<Subjects> {
  const { file, wrapper } = options
  const { index, committedBytes, droppedLines, last } = await loadLines(file, options.size)
  if (last !== undefined && wrapper.unwrap(last) === undefined) {
    throw new Fault('KEY_UNREADABLE', 'the key-encryption key does not open the keys of this ledger', {
      hint: 'give the key-encryption key that this data directory was begun with (audit.keyEncryptionKey)',
    })
  }
  if (droppedLines > 0) {
    await file.truncate(committedBytes)
    await file.datasync()
  }
  return createSubjects(options, { index, committedBytes, droppedLines })
}

interface Loaded {
  readonly index: OffsetIndex
  readonly committedBytes: number
  readonly droppedLines: number
}

async function loadLines(file: OpenFile, size: number): Promise<Loaded & { last: SubjectLine | undefined }> {
  const index = createOffsetIndex()
  let committedBytes = 0
  let droppedLines = 0
  let last: SubjectLine | undefined
  for await (const { offset, text, isWhole } of readLines(file, maxLineBytes)) {
    const line = isWhole ? parseSubjectLine(text) : undefined
    const erased = isWhole && line === undefined ? parseErasedLine(text) : undefined
    const isCommitted = (line ?? erased ?? { index: Infinity }).index < size
    // a torn or uncommitted line may stand at the end only; what cannot be read must not be overwritten
    if ((isCommitted && droppedLines > 0) || (line === undefined && isWhole && !isCommitted)) {
      throw new Fault('LEDGER_CORRUPT', `subjects.keys is damaged at byte ${isCommitted ? committedBytes : offset}`, {
        hint: 'run `sallyport audit verify` and restore subjects.keys from a backup; without one: `sallyport audit begin-anew --reason TEXT` (docs/ledger.md)',
      })
    }
    if (!isCommitted) {
      droppedLines += 1
      continue
    }
    committedBytes = offset + text.length + 1
    if (line === undefined) continue
    index.set(line.tag, 0, offset)
    last = line
  }
  return { index, committedBytes, droppedLines, last }
}

function createSubjects(options: SubjectsOptions, loaded: Loaded): Subjects {
  const { file, wrapper, epoch } = options
  const cacheSize = options.cacheSize ?? 4_096
  const takeRandom = createRandomPool(options.random, 4_096)
  const lineBuffer = Buffer.alloc(maxLineBytes)
  // two generations instead of a list of uses: what is used moves to the young one, the old one goes whole
  let young = new Map<string, SubjectKey>()
  let old = new Map<string, SubjectKey>()
  // not forgotten while a record waits for them, or a subject would get two pseudonyms
  const uncommitted = new Map<string, SubjectKey>()
  const beingErased = new Set<string>()
  let committedBytes = loaded.committedBytes
  let isTailClean = true

  const remember = (key: SubjectKey): void => {
    if (young.size >= cacheSize) {
      old = young
      young = new Map()
    }
    young.set(key.secretParts.subject, key)
  }
  const readCommitted = (subject: string, tag: Buffer): SubjectKey | undefined => {
    const offset = loaded.index.get(tag)
    if (offset < 0 || beingErased.has(subject)) return undefined
    const count = file.readSync(lineBuffer, offset)
    const end = lineBuffer.subarray(0, count).indexOf(10)
    const text = lineBuffer.toString('latin1', 0, Math.max(end, 0))
    const line = parseSubjectLine(text)
    const secret = line && wrapper.unwrap(line)
    if (line === undefined && parseErasedLine(text) !== undefined) return undefined
    if (line === undefined || secret === undefined) {
      throw new Fault('LEDGER_CORRUPT', `subjects.keys was changed at byte ${offset}`, {
        hint: 'run `sallyport audit verify`',
      })
    }
    return secret.subject === subject ? keyOf(secret, { ...line, isCommitted: true }) : undefined
  }
  const keyOf = (
    secret: SubjectSecret,
    line: { keyId: Buffer; month: string; tag: Buffer; isCommitted: boolean },
  ): SubjectKey => ({
    id: line.keyId,
    month: line.month,
    tag: line.tag,
    secret: deriveBodySecret(secret.dataKey, epoch),
    secretParts: secret,
    pseudonym: secret.pseudonym.toString('base64url'),
    isCommitted: line.isCommitted,
    waiting: 0,
    isForgotten: false,
  })
  const recall = (subject: string): SubjectKey | undefined => {
    invariant(Buffer.byteLength(subject) <= maxSubjectBytes && subject.isWellFormed(), 'a subject has a bounded name')
    const key = old.get(subject) ?? readCommitted(subject, wrapper.tagOf(subject))
    if (key !== undefined) remember(key)
    return key
  }
  const create = (subject: string, month: string, before: SubjectKey | undefined): SubjectKey => {
    const random = takeRandom(keyIdBytes + dataKeyBytes + pseudonymBytes)
    const keyId = createKeyId(random)
    const dataKey = Buffer.from(random.subarray(keyIdBytes, keyIdBytes + dataKeyBytes))
    const pseudonym = before?.secretParts.pseudonym ?? Buffer.from(random.subarray(keyIdBytes + dataKeyBytes))
    const tag = before?.tag ?? Buffer.from(wrapper.tagOf(subject))
    const key = keyOf({ subject, dataKey, pseudonym }, { keyId, month, tag, isCommitted: false })
    uncommitted.set(subject, key)
    return key
  }

  return {
    keyFor(subject, month) {
      const newest =
        (uncommitted.size > 0 ? uncommitted.get(subject) : undefined) ?? young.get(subject) ?? recall(subject)
      const key = newest === undefined || newest.month < month ? create(subject, month, newest) : newest
      if (!key.isCommitted) key.waiting += 1
      return key
    },
    release(key) {
      key.waiting -= 1
      const { subject } = key.secretParts
      if (key.waiting <= 0 && !key.isCommitted && uncommitted.get(subject) === key) uncommitted.delete(subject)
    },
    lineFor(key, recordIndex) {
      const { id: keyId, month, tag } = key
      return Buffer.from(
        wrapper.formatLine({ index: recordIndex, month, keyId, tag }, key.secretParts, Buffer.from(takeRandom(16))),
      )
    },
    async write(lines) {
      isTailClean = false
      await file.write(Buffer.concat(lines), committedBytes)
    },
    datasync: () => file.datasync(),
    commit(keys, lines) {
      keys.forEach((key, position) => {
        key.isCommitted = true
        loaded.index.set(key.tag, 0, committedBytes)
        committedBytes += lines[position]?.length ?? 0
        const { subject } = key.secretParts
        if (uncommitted.get(subject) === key) uncommitted.delete(subject)
        if (!key.isForgotten) remember(key)
      })
      isTailClean = true
    },
    async undo() {
      if (isTailClean) return
      await file.truncate(committedBytes)
      await file.datasync()
      isTailClean = true
    },
    forget(subject) {
      beingErased.add(subject)
      for (const keys of [uncommitted, young, old]) {
        const key = keys.get(subject)
        if (key !== undefined) key.isForgotten = true
        keys.delete(subject)
      }
    },
    settle(subject) {
      beingErased.delete(subject)
    },
    async find(subject, from) {
      const tag = wrapper.tagOf(subject).toString('base64url')
      const lines: FoundLine[] = []
      const end = committedBytes
      for await (const { offset, text, isWhole } of readLines(file, maxLineBytes, from)) {
        if (offset >= end) break
        const line = isWhole && text.includes(tag) ? parseSubjectLine(text) : undefined
        const secret = line && wrapper.unwrap(line)
        if (line === undefined || secret?.subject !== subject) continue
        lines.push({ offset, text, line, pseudonym: secret.pseudonym.toString('base64url') })
      }
      return { lines, end }
    },
    overwrite: (offset, line) => file.write(line, offset),
    droppedLines: loaded.droppedLines,
    close: () => file.close(),
  }
}
