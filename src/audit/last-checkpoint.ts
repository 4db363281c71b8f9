// What the last checkpoint of a log that cannot be opened any more says: how far it had come, for whoever looks for
// what was lost. Only a checkpoint that a listed key of the log signed is repeated; the log itself is not verified.

import { join } from 'node:path'
import { maxNoteBytes, parseCheckpoint, verifyCheckpoint } from '../tlog/checkpoint.ts'
import { fileBounds } from './file-bounds.ts'
import { nodeFiles } from './files.ts'
import { parseVkeys } from './recover-ledger.ts'

export async function readClaimedEnd(
  dir: string,
  origin: string,
): Promise<{ readonly size: number; readonly root: string } | undefined> {
  const read = (file: string, maxBytes: number): Promise<Buffer | undefined> =>
    // a bad sector: it cannot be read
    nodeFiles.readFile(join(dir, file), maxBytes).catch(() => undefined)
  const note = await read('checkpoint', maxNoteBytes)
  const lines = await read('key.vkey', fileBounds.keyList)
  const checkpoint = note && parseCheckpoint(note)
  const verifiers = lines && parseVkeys(lines)
  if (checkpoint?.origin !== origin || verifiers === undefined || !verifyCheckpoint(checkpoint, verifiers))
    return undefined
  return { size: checkpoint.size, root: checkpoint.root.toString('base64') }
}
