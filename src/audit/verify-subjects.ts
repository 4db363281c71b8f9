// Holds the lines of subjects.keys against the records that commit to them, both read in order and once. Line and
// record name each other: the line has the record's index, the record the SHA-256 of the line. So a line that was
// changed, added, removed or moved is found without the key that could open it.

import { hash } from 'node:crypto'
import type { OpenFile } from './files.ts'
import { readLines } from './read-lines.ts'
import { isLineBeginning, maxLineBytes, parseSubjectLine } from './subject-line.ts'

export interface LineChecker {
  /** a record commits to a line */
  expect(index: number, lineHash: string): Promise<void>
  /** records from `from` to before `to` could not be read: their lines cannot be judged */
  skip(from: number, to: number): void
  /** after the last record: the number of lines that name a later one, and are what a killed writer leaves */
  finish(size: number): Promise<number>
}

interface ClaimedLine {
  readonly text: string
  readonly claimedIndex: number
  readonly hash: string
  readonly isWhole: boolean
}

export function createLineChecker(
  file: OpenFile | undefined,
  report: (index: number, message: string) => void,
): LineChecker {
  const lines = file === undefined ? undefined : readLines(file, maxLineBytes)
  const skipped: { from: number; to: number }[] = []
  let line: ClaimedLine | undefined
  let isStarted = false

  const nextLine = async (): Promise<ClaimedLine | undefined> => {
    const result = await lines?.next()
    return result === undefined || result.done === true ? undefined : claim(result.value)
  }
  const begin = async (): Promise<void> => {
    if (!isStarted) line = await nextLine()
    isStarted = true
  }
  const reportStray = ({ claimedIndex }: ClaimedLine): void => {
    if (skipped.some(({ from, to }) => claimedIndex >= from && claimedIndex < to)) return
    report(claimedIndex, 'a key line that this record does not commit to')
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
      return uncommitted
    },
  }
}

function claim({ text, isWhole }: { text: string; isWhole: boolean }): ClaimedLine {
  const index = /^k1 (0|[1-9][0-9]{0,15}) /.exec(text)?.[1]
  return {
    text,
    claimedIndex: index === undefined ? Number.NaN : Number(index),
    hash: hash('sha256', Buffer.from(isWhole ? `${text}\n` : text, 'latin1'), 'base64url'),
    isWhole,
  }
}
