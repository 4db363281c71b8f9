// A line of subjects.keys that was destroyed on purpose, in the place and of the length of the one before it. It says
// which record had committed to that one, by which hash, and which record destroyed it; the key, the pseudonym and
// the tag are gone. So the log still verifies, and nobody can pass off a lost line as an erased one.

import { hash } from 'node:crypto'
import { decodeBase64Url } from '../base/bytes.ts'
import { invariant } from '../base/invariant.ts'
import { hashBytes } from '../tlog/merkle.ts'
import { checksum, maxLineBytes, parseSubjectLine } from './subject-line.ts'

export interface ErasedLine {
  /** index of the record that holds the hash of the line as it was */
  readonly index: number
  readonly month: string
  readonly keyId: Buffer
  /** SHA-256 of the line as it was, with its newline; base64url */
  readonly lineHash: string
  /** index of the record of the erasure */
  readonly erasure: number
}

const linePattern =
  /^x1 (0|[1-9][0-9]{0,15}) ([0-9]{4}-(?:0[1-9]|1[0-2])) ([0-9a-f]{16}) ([A-Za-z0-9_-]{43}) (0|[1-9][0-9]{0,15}) -+ ([0-9a-f]{8})$/

/** Both texts are without newline, and of one length. */
export function formatErasedLine(text: string, erasure: number): string {
  const line = parseSubjectLine(text)
  invariant(line !== undefined, 'only a whole line is erased')
  const { index, month, keyId } = line
  const head = `x1 ${index} ${month} ${keyId.toString('hex')} ${hashOfLine(text)} ${erasure} `
  const padded = head.padEnd(text.length - 9, '-')
  const erased = `${padded} ${checksum(padded)}`
  invariant(padded.length > head.length && erased.length === text.length, 'an erased line fits into its place')
  return erased
}

/** Undefined when it is not one of ours, whole. */
export function parseErasedLine(text: string): ErasedLine | undefined {
  const match = text.length < maxLineBytes ? linePattern.exec(text) : null
  if (match === null) return undefined
  const [, index = '', month = '', keyId = '', lineHash = '', erasure = '', sum = ''] = match
  if (sum !== checksum(text.slice(0, -9)) || decodeBase64Url(lineHash)?.length !== hashBytes) return undefined
  return { index: Number(index), month, keyId: Buffer.from(keyId, 'hex'), lineHash, erasure: Number(erasure) }
}

/** SHA-256 of a line with its newline, base64url: what its record commits to. `text` is without. */
export function hashOfLine(text: string): string {
  return hash('sha256', Buffer.from(`${text}\n`, 'latin1'), 'base64url')
}

/** What the record of an erasure holds: SHA-256 of the hashes of its lines, in order. */
export function hashOfErasure(lineHashes: readonly string[]): string {
  return hash('sha256', Buffer.concat(lineHashes.map((each) => Buffer.from(each, 'base64url'))), 'base64url')
}
