// Before records are pruned, the key lines that they commit to are held against them for the last time: the record of
// the pruning vouches for these lines from then on, and must not vouch for what somebody put there. It changes nothing.

import { join } from 'node:path'
import { Fault } from '../base/fault.ts'
import { ownOperation, reservedField } from './encode-record.ts'
import { parseEnvelope, type Envelope } from './envelope.ts'
import type { FileSystem } from './files.ts'
import type { Group } from './frame.ts'
import { segmentIndices } from './group-source.ts'
import { readKeptLines } from './kept-lines.ts'
import { createLedgerReader } from './read-ledger.ts'
import { createLineChecker } from './verify-subjects.ts'

/** What records say of key lines. */
export interface LineClaims {
  /** of records that are to be pruned, in order */
  readonly pruned: readonly { readonly index: number; readonly name: 'line' | 'erased-lines'; readonly hash: string }[]
  /** first index that the log still holds, and first that it will hold */
  readonly from: number
  readonly to: number
  /** of the pruning before; undefined for none, or for one that says nothing of lines */
  readonly before: Envelope | undefined
}

/** Reads the records; while it does, others may be written. */
export async function readLineClaims(
  { files, dir }: { files: FileSystem; dir: string },
  groups: AsyncIterable<Group>,
  { from, to }: Pick<LineClaims, 'from' | 'to'>,
): Promise<LineClaims> {
  const pruned: LineClaims['pruned'][number][] = []
  for await (const { records } of groups)
    for (const { envelope: bytes } of records) {
      const envelope = parseEnvelope(bytes)
      const { index = 0, fields = {}, body = '' } = envelope ?? {}
      for (const name of [reservedField.line, reservedField.erasedLines]) {
        const value = fields[name]
        if (value !== undefined && body === '') pruned.push({ index, name, hash: value })
      }
    }
  return { pruned, from, to, before: from === 0 ? undefined : await findPruning(files, dir) }
}

/** The newest record of a pruning: it lies near the end, where there is one. */
async function findPruning(files: FileSystem, dir: string): Promise<Envelope | undefined> {
  const firsts = await segmentIndices(files, dir)
  for (const [at, first] of [...firsts.entries()].toReversed()) {
    const reader = createLedgerReader(dir, { from: first, fs: files })
    let found: Envelope | undefined
    try {
      for await (const { index, envelope } of reader.read()) {
        if (index >= (firsts[at + 1] ?? Infinity)) break
        if (envelope.operation === ownOperation.pruned && envelope.body === '') found = envelope
      }
    } finally {
      await reader.close()
    }
    if (found !== undefined) return found
  }
  return undefined
}

/** Rejects with LEDGER_CORRUPT where a line is not what was said of it. Nothing may be written meanwhile. */
export async function holdKeyLines(files: FileSystem, dir: string, claims: LineClaims): Promise<void> {
  const file = await files.open(join(dir, 'subjects.keys'), 'read')
  try {
    const checker = createLineChecker({ file, report: (index, message) => refuse(`record ${index}: ${message}`) })
    checker.skip(0, claims.from)
    checker.skip(claims.to, Number.MAX_SAFE_INTEGER)
    for (const { index, name, hash } of claims.pruned)
      if (name === 'line') await checker.expect(index, hash)
      else checker.erased(index, hash)
    await checker.finish(Number.MAX_SAFE_INTEGER)
    const { index: recordIndex = 0, fields = {} } = claims.before ?? {}
    const { [reservedField.keptLines]: lines, [reservedField.keptErased]: erased } = fields
    if (lines === undefined) return
    const minimumIndex = Number(fields[reservedField.minimumIndex])
    const found = await readKeptLines({ file, minimumIndex, recordIndex })
    if (found.lines !== lines || found.erased !== erased) refuse(`not those that record ${recordIndex} says are kept`)
  } finally {
    await file.close()
  }
}

function refuse(why: string): never {
  throw new Fault('LEDGER_CORRUPT', `the key lines are not what the log says, and no record is pruned: ${why}`, {
    hint: 'run `sallyport audit verify`',
  })
}
