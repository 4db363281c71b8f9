// Holds the lines of subjects.keys against the records that commit to them, both read in order and once. Line and
// record name each other: the line has the record's index, the record the SHA-256 of the line. So a line that was
// changed, added, removed or moved is found without the key that could open it. A line that was erased states the
// hash of the one before it and the record of the erasure, which must vouch for it.

import { createHash, type Hash } from 'node:crypto'
import type { ErasedLine } from './erased-line.ts'
import type { ErasureJournal } from './erase-subject.ts'
import type { OpenFile } from './files.ts'
import { claimLine, type ClaimedLine } from './key-line.ts'
import { readLines } from './read-lines.ts'
import { isLineBeginning, maxLineBytes, parseSubjectLine } from './subject-line.ts'

export interface LineChecker {
  /** a record commits to a line */
  expect(index: number, lineHash: string): Promise<void>
  /** a record says that it destroyed lines, and which */
  erased(index: number, linesHash: string): void
  /** records from `from` to before `to` could not be read: their lines cannot be judged */
  skip(from: number, to: number): void
  /** after the last record: the number of lines that name a later one, and are what a killed writer leaves */
  finish(size: number): Promise<number>
}

export interface LineCheckerOptions {
  readonly file: OpenFile | undefined
  /** an erasure that is recorded and was not finished: its lines count as what they will be */
  readonly journal?: ErasureJournal | undefined
  readonly report: (index: number, message: string) => void
}

export function createLineChecker({ file, journal, report }: LineCheckerOptions): LineChecker {
  const lines = file === undefined ? undefined : readLines(file, maxLineBytes)
  const unfinished = new Map(journal?.lines.map(({ offset, text }) => [offset, text]))
  const erasures = createErasureChecker(report)
  const skipped: { from: number; to: number }[] = []
  let line: ClaimedLine | undefined
  let isStarted = false

  const nextLine = async (): Promise<ClaimedLine | undefined> => {
    const result = await lines?.next()
    if (result === undefined || result.done === true) return undefined
    const claimed = claimLine(result.value, unfinished.get(result.value.offset))
    if (claimed.erased !== undefined) erasures.meet(claimed.erased)
    return claimed
  }
  const begin = async (): Promise<void> => {
    if (!isStarted) line = await nextLine()
    isStarted = true
  }
  const isSkipped = (index: number): boolean => skipped.some(({ from, to }) => index >= from && index < to)
  const reportStray = ({ claimedIndex }: ClaimedLine): void => {
    if (!isSkipped(claimedIndex)) report(claimedIndex, 'a key line that this record does not commit to')
  }

  return {
    async expect(index, lineHash) {
      await begin()
      while (line !== undefined && line.claimedIndex < index && line.hash !== lineHash) {
        reportStray(line)
        line = await nextLine()
      }
      if (line === undefined || line.claimedIndex > index)
        return report(index, 'the key line that this record commits to is missing')
      if (line.hash !== lineHash) report(index, 'the key line that this record commits to was changed')
      line = await nextLine()
    },
    erased: (index, linesHash) => erasures.vouch(index, linesHash),
    skip(from, to) {
      skipped.push({ from, to })
    },
    async finish(size) {
      await begin()
      let uncommitted = 0
      for (; line !== undefined; line = await nextLine()) {
        const { text, isWhole, claimedIndex } = line
        if (isWhole && claimedIndex < size) reportStray(line)
        else if (isWhole ? parseSubjectLine(text) !== undefined : isLineBeginning(text, size)) uncommitted += 1
        else return (report(size, 'bytes behind the last key line that no writer leaves there'), uncommitted)
      }
      erasures.finish(isSkipped)
      return uncommitted
    },
  }
}

interface ErasureChecker {
  meet(line: ErasedLine): void
  vouch(index: number, linesHash: string): void
  finish(isSkipped: (index: number) => boolean): void
}

/** Erased lines against the records that erased them. Records that could not be read cannot be asked. */
function createErasureChecker(report: LineCheckerOptions['report']): ErasureChecker {
  /** by the record that they name: the hash over its lines, and the first of them */
  const found = new Map<number, { hashes: Hash; first: number }>()
  const vouched = new Map<number, string>()
  return {
    meet({ index, erasure, lineHash }) {
      if (erasure <= index) report(index, 'an erased key line names an erasure from before it was made')
      const known = found.get(erasure) ?? { hashes: createHash('sha256'), first: index }
      known.hashes.update(Buffer.from(lineHash, 'base64url'))
      found.set(erasure, known)
    },
    vouch(index, linesHash) {
      vouched.set(index, linesHash)
    },
    finish(isSkipped) {
      for (const [erasure, { hashes, first }] of found) {
        const linesHash = vouched.get(erasure)
        vouched.delete(erasure)
        if (isSkipped(erasure) || linesHash === hashes.digest('base64url')) continue
        if (linesHash === undefined) report(first, 'an erased key line that no record of an erasure vouches for')
        else report(erasure, 'the erased key lines are not those that this record erased')
      }
      // among lines of records that could not be read may be those that it erased
      for (const erasure of vouched.keys()) report(erasure, 'the key lines that this record erased are there again')
    },
  }
}
