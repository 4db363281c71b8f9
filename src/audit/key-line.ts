// What a line of subjects.keys claims, whole or erased or neither, by its text alone: the record that commits to it
// and the hash that it is committed to by. It believes nothing: whoever asks holds both against the records.

import { hash } from 'node:crypto'
import { hashOfLine, parseErasedLine, type ErasedLine } from './erased-line.ts'
import type { FileLine } from './read-lines.ts'

export interface ClaimedLine {
  readonly text: string
  /** NaN where it names none */
  readonly claimedIndex: number
  /** base64url; of an erased line, of the one before it */
  readonly hash: string
  readonly isWhole: boolean
  readonly erased: ErasedLine | undefined
}

/** `replaced` is what an erasure that is not finished will make of it. */
export function claimLine({ text, isWhole }: FileLine, replaced: string | undefined): ClaimedLine {
  const now = replaced ?? text
  const erased = isWhole ? parseErasedLine(now) : undefined
  const index = /^[kx]1 (0|[1-9][0-9]{0,15}) /.exec(now)?.[1]
  return {
    text: now,
    claimedIndex: index === undefined ? Number.NaN : Number(index),
    hash: isWhole ? (erased?.lineHash ?? hashOfLine(now)) : hash('sha256', Buffer.from(now, 'latin1'), 'base64url'),
    isWhole,
    erased,
  }
}
