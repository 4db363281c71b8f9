// Verifies a copy of a log that holds only what a tiled log is (C2SP tlog-tiles): `checkpoint`, `key.vkey` and
// `tile`. What an auditor gets: every entry is held against the tiles, every tile against the signed root, and the
// verifier keys against the records that name them. Bodies and key lines are not there, and nothing is said of them.

import type { UnverifiedCheckpoint, Verifier } from '../tlog/checkpoint.ts'
import { parseEnvelope } from './envelope.ts'
import type { FileSystem } from './files.ts'
import { createKeySchedule } from './key-schedule.ts'
import { reservedField } from './encode-record.ts'
import { parseIndex } from './verify-expired.ts'
import { listTiles, type UnexpectedReport } from './list-tiles.ts'
import { verifyTilesByRoot, type TileReport } from './verify-tiles-by-root.ts'

export interface TiledLogOptions {
  readonly files: FileSystem
  readonly dir: string
  /** whose signature has been verified */
  readonly checkpoint: UnverifiedCheckpoint
  readonly verifiers: readonly Verifier[]
  readonly minimumIndex: number
  readonly report: TileReport & UnexpectedReport
}

/** False when the verifier keys are not those that the records name. */
export async function verifyTiledLog(options: TiledLogOptions): Promise<boolean> {
  const { files, dir, checkpoint, minimumIndex, report } = options
  const listing = await listTiles(files, dir, report)
  const keys = createKeySchedule(options.verifiers)
  const { size, root } = checkpoint
  let prunedBefore = 0
  const onEntry = (index: number, entry: Buffer): void => {
    const envelope = parseEnvelope(entry)
    if (envelope?.index !== index)
      report.problem({ index, file: 'tile', kind: 'tile', message: 'the entry is not the envelope that belongs here' })
    // what the last record says of the keys holds from the next checkpoint on
    if (index === size - 1) keys.advance()
    // there are no groups in tiles: that such a record stands alone in its own is not to be seen here
    const minimum =
      envelope?.kind === 'lifecycle' && envelope.body === ''
        ? parseIndex(envelope.fields[reservedField.minimumIndex])
        : undefined
    if (minimum !== undefined && minimum <= index) prunedBefore = Math.max(prunedBefore, minimum)
    const wrong = envelope?.kind === 'lifecycle' ? keys.take(envelope.fields, 1) : undefined
    if (wrong !== undefined) report.problem({ index, file: 'tile', kind: 'tile', message: wrong })
  }
  await verifyTilesByRoot({
    files,
    dir,
    listing,
    report,
    size,
    root,
    minimumIndex,
    onEntry,
    from: 0,
    isComplete: true,
  })
  if (minimumIndex > prunedBefore)
    report.problem({
      index: 0,
      file: 'minimum-index',
      kind: 'missing-file',
      message: 'no record says that the log was pruned',
    })
  if (size === 0) return true
  // records that were pruned may have named keys
  if (minimumIndex > 0) return keys.resume(checkpoint)
  return keys.compare() !== 'different' && keys.isNamedRight(checkpoint)
}
