// Destroys the keys of a subject in one log: the lines of subjects.keys are overwritten where they stand, and a record
// of the log vouches for it. A journal names lines and record before either is changed; a kill at any moment leaves a
// log in which the subject is whole, or one in which the next open finishes. It changes no leaf and no other line.

import { join } from 'node:path'
import { crc32c } from '../base/crc32c.ts'
import { Fault } from '../base/fault.ts'
import type { Receipt } from '../exchange/exchange.ts'
import { ownOperation, reservedField, type OwnOperation } from './encode-record.ts'
import { formatErasedLine, hashOfErasure, hashOfLine, parseErasedLine } from './erased-line.ts'
import { fileBounds } from './file-bounds.ts'
import type { FileSystem } from './files.ts'
import { createLedgerReader } from './read-ledger.ts'
import { replaceFile } from './replace-file.ts'
import { syncOrFail } from './segment-writer.ts'
import { maxLineBytes } from './subject-line.ts'
import type { FoundLine, FoundLines, Subjects } from './subjects.ts'

const journalName = 'subjects.erasing'

/** What a log still has of a subject. */
export interface SubjectTrace {
  readonly lines: number
  /** `YYYY-MM`, in order */
  readonly months: readonly string[]
  /** base64url; only whoever erases learns them */
  readonly pseudonyms: readonly string[]
}

export interface SubjectErasure extends SubjectTrace {
  /** of the record that vouches for it; undefined when there was nothing to erase */
  readonly receipt: Receipt | undefined
}

export interface ErasedPlace {
  readonly offset: number
  /** without its newline */
  readonly text: string
}

/** Lines that a record destroys. */
export interface ErasureJournal {
  /** index of the record */
  readonly index: number
  readonly lines: readonly ErasedPlace[]
  /** what the record says of them */
  readonly linesHash: string
}

interface Folder {
  readonly files: FileSystem
  readonly dir: string
}

export interface ErasureParts extends Folder {
  readonly subjects: Subjects
  /** index that the next record gets */
  readonly nextIndex: () => number
  readonly commitOwn: (operation: OwnOperation, fields: Readonly<Record<string, string>>) => Promise<Receipt>
}

export function traceOf(lines: readonly FoundLine[]): SubjectTrace {
  return {
    lines: lines.length,
    months: [...new Set(lines.map(({ line }) => line.month))].toSorted(),
    pseudonyms: [...new Set(lines.map(({ pseudonym }) => pseudonym))],
  }
}

/**
 * To be called where nothing else is written, once `subjects.forget` was; `found` is what the subject had a moment ago.
 * Rejects with what the disk says; then the subject is as before, unless the record is there: it stays forgotten.
 */
export async function eraseSubject(parts: ErasureParts, subject: string, found: FoundLines): Promise<SubjectErasure> {
  const { subjects } = parts
  const recorded = { receipt: undefined as Receipt | undefined }
  try {
    // one that could not be finished before
    await finishErasure(parts, subjects)
    const since = await subjects.find(subject, found.end)
    const lines = [...found.lines, ...since.lines]
    if (lines.length > 0) await eraseLines(parts, lines, recorded)
    subjects.settle(subject)
    return { ...traceOf(lines), receipt: recorded.receipt }
  } catch (error) {
    if (recorded.receipt === undefined) subjects.settle(subject)
    throw error
  }
}

async function eraseLines(
  parts: ErasureParts,
  lines: readonly FoundLine[],
  recorded: { receipt: Receipt | undefined },
): Promise<void> {
  const { files, dir, subjects, commitOwn } = parts
  const index = parts.nextIndex()
  const erased = lines.map(({ offset, text }) => ({ offset, text: formatErasedLine(text, index) }))
  const linesHash = hashOfErasure(lines.map(({ text }) => hashOfLine(text)))
  await replaceFile(files, join(dir, journalName), formatJournal(index, erased))
  await syncOrFail(() => files.syncFolder(dir))
  // where this fails the journal stays: whether there is such a record is found out when it is read again
  recorded.receipt = await commitOwn(ownOperation.erased, { [reservedField.erasedLines]: linesHash })
  await overwriteLines(parts, subjects, erased)
}

type KeyLines = Pick<Subjects, 'overwrite' | 'datasync'>

/** Finishes what a kill interrupted, or drops what had not begun. */
export async function finishErasure(folder: Folder, file: KeyLines): Promise<void> {
  const journal = await readJournal(folder)
  if (journal === undefined) return
  if (await isVouchedFor(folder, journal)) return await overwriteLines(folder, file, journal.lines)
  await folder.files.remove(join(folder.dir, journalName))
  await syncOrFail(() => folder.files.syncFolder(folder.dir))
}

async function overwriteLines({ files, dir }: Folder, file: KeyLines, lines: readonly ErasedPlace[]): Promise<void> {
  for (const { offset, text } of lines) await file.overwrite(offset, Buffer.from(`${text}\n`, 'latin1'))
  await syncOrFail(() => file.datasync())
  await files.remove(join(dir, journalName))
  await syncOrFail(() => files.syncFolder(dir))
}

/** Undefined when there is none; what is no journal is a fault. */
export async function readJournal({ files, dir }: Folder): Promise<ErasureJournal | undefined> {
  const bytes = await files.readFile(join(dir, journalName), fileBounds.journal)
  if (bytes === undefined) return undefined
  const journal = parseJournal(bytes)
  if (journal !== undefined) return journal
  throw new Fault('LEDGER_CORRUPT', `${journalName} is not what an erasure leaves`, {
    hint: 'move it out of the folder of the log, start, and erase the subject again',
  })
}

/** Whether the log has the record that a journal speaks of. */
export async function isVouchedFor({ files, dir }: Folder, journal: ErasureJournal): Promise<boolean> {
  const reader = createLedgerReader(dir, { from: journal.index, fs: files })
  try {
    for await (const { index, envelope } of reader.read()) {
      const { kind, body, operation, fields } = envelope
      const isErasure = kind === 'lifecycle' && body === '' && operation === ownOperation.erased
      return index === journal.index && isErasure && fields[reservedField.erasedLines] === journal.linesHash
    }
    return false
  } finally {
    await reader.close()
  }
}

function formatJournal(index: number, lines: readonly ErasedPlace[]): Buffer {
  const text = [`e1 ${index}`, ...lines.map((line) => `${line.offset} ${line.text}`), ''].join('\n')
  return Buffer.from(`${text}${sumOf(text)}\n`, 'latin1')
}

/** Undefined unless every byte of it is as we would write it. */
export function parseJournal(bytes: Buffer): ErasureJournal | undefined {
  const all = bytes.toString('latin1').split('\n')
  const index = Number(/^e1 (0|[1-9][0-9]{0,15})$/.exec(all[0] ?? '')?.[1] ?? Number.NaN)
  const lines: ErasedPlace[] = []
  const hashes: string[] = []
  for (const entry of all.slice(1, -2)) {
    const [, offset = '', text = ''] = /^(0|[1-9][0-9]{0,15}) (.+)$/.exec(entry) ?? []
    const erased = text.length < maxLineBytes ? parseErasedLine(text) : undefined
    if (erased === undefined || erased.erasure !== index) return undefined
    lines.push({ offset: Number(offset), text })
    hashes.push(erased.lineHash)
  }
  const isWhole = lines.length > 0 && Number.isSafeInteger(index) && formatJournal(index, lines).equals(bytes)
  return isWhole ? { index, lines, linesHash: hashOfErasure(hashes) } : undefined
}

function sumOf(text: string): string {
  return crc32c(Buffer.from(text, 'latin1')).toString(16).padStart(8, '0')
}
