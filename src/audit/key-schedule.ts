// Which keys sign a log where. The records of the log say so themselves: the first commits to the first key, one
// with `signing-key` adds a key, one with `retired-key` takes the older of two away, each from the group after it
// on. A note has one signature by every key valid at its place, newest first, and nothing else. It only reads.

import { hash } from 'node:crypto'
import { isNamedBy, type UnverifiedCheckpoint, type Verifier } from '../tlog/checkpoint.ts'
import { reservedField } from './encode-record.ts'

/** What a record says of a line of key.vkey: SHA-256 of it, without its newline. */
export function keyLineHash(vkey: string): string {
  return hash('sha256', vkey, 'base64url')
}

export interface KeySchedule {
  /** goes on to the next group: what the records before it say is in force */
  advance(): void
  /** true when the note names exactly those as its signers who must sign here; signatures are checked elsewhere */
  isNamedRight(note: UnverifiedCheckpoint): boolean
  /** takes a record of the ledger about itself; answers what is wrong with it */
  take(fields: Readonly<Record<string, string>>, recordsInGroup: number): string | undefined
  /** goes on behind records that were not seen: whoever signed there is valid. False when that cannot be. */
  resume(note: UnverifiedCheckpoint): boolean
  /** key.vkey has been read again: true when it is the old one with more lines */
  learn(lines: readonly Verifier[]): boolean
  /** the lines of key.vkey */
  readonly lines: readonly string[]
  /** hashes of the lines of the keys that sign the next group, newest first */
  readonly next: readonly string[]
  /** a key was added or retired by the last record that was taken */
  readonly isChanging: boolean
  /** a record added a key whose line key.vkey did not have */
  readonly lacksLine: boolean
  /** whether key.vkey has exactly the lines that records commit to; `unfinished` when only the last is missing */
  compare(): 'same' | 'unfinished' | 'different'
}

export function createKeySchedule(verifiers: readonly Verifier[]): KeySchedule {
  let lines: readonly { hash: string; verifier: Verifier }[] = withHashes(verifiers)
  let committed: readonly string[] = []
  let valid: readonly string[] = lines.slice(0, 1).map((line) => line.hash)
  let next = valid

  const add = (key: string): string | undefined => {
    if (committed.length === 0) {
      committed = [key]
      return key === next[0] ? undefined : 'the first record commits to another signing key'
    }
    if (next.length !== 1) return 'a signing key was added while two were valid'
    if (committed.includes(key)) return 'a signing key was added twice'
    committed = [...committed, key]
    next = [key, ...next]
    return undefined
  }
  const retire = (key: string): string | undefined => {
    if (next.length !== 2 || next[1] !== key) return 'a signing key was retired that is not the older of two'
    next = next.slice(0, 1)
    return undefined
  }
  return {
    advance() {
      valid = next
    },
    isNamedRight(note) {
      const signers = valid.map((key) => lines.find((line) => line.hash === key)?.verifier)
      return signers.every((signer) => signer !== undefined) && signers.length > 0 && isNamedBy(note, signers)
    },
    take(fields, recordsInGroup) {
      const added = fields[reservedField.signingKey]
      const retired = fields[reservedField.retiredKey]
      if (added === undefined && retired === undefined) return undefined
      if (recordsInGroup !== 1 || (added !== undefined && retired !== undefined))
        return 'a signing key does not change in a group of its own'
      return added === undefined ? retire(retired ?? '') : add(added)
    },
    resume(note) {
      const places = note.signatures.map(({ name, keyHash }) =>
        lines.findIndex(({ verifier }) => verifier.name === name && verifier.keyHash === keyHash),
      )
      const [newest = -1, older] = places
      if (newest < 0 || places.length > 2 || (older !== undefined && older !== newest - 1)) return false
      committed = lines.slice(0, newest + 1).map((line) => line.hash)
      valid = places.map((place) => committed[place] ?? '')
      next = valid
      return true
    },
    learn(grown) {
      // a line beyond these is of a rotation that came after what has been read
      const longer = withHashes(grown.slice(0, committed.length))
      const isLonger = longer.length > lines.length && lines.every((line, at) => line.hash === longer[at]?.hash)
      if (isLonger) lines = longer
      return isLonger
    },
    get lines() {
      return lines.map(({ verifier }) => verifier.vkey)
    },
    get next() {
      return next
    },
    get isChanging() {
      return valid !== next
    },
    get lacksLine() {
      return committed.length > lines.length
    },
    compare() {
      if (!lines.every((line, at) => line.hash === committed[at])) return 'different'
      if (lines.length === committed.length) return 'same'
      const isUnused = lines.length === committed.length - 1 && !valid.includes(committed.at(-1) ?? '')
      return isUnused ? 'unfinished' : 'different'
    },
  }
}

function withHashes(verifiers: readonly Verifier[]): { hash: string; verifier: Verifier }[] {
  return verifiers.map((verifier) => ({ hash: keyLineHash(verifier.vkey), verifier }))
}
