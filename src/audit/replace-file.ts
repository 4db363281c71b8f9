// Puts whole files in the place of others, durably: written and synced beside, then renamed. After a crash there is
// the one or the other under the name, never half of one; what may be left beside it ends in `.tmp`. Making the
// rename itself durable is for the caller, who knows when it matters.

import type { FileSystem } from './files.ts'

/** Writes `<path>.tmp` and renames it to its path. */
export async function replaceFile(files: FileSystem, path: string, bytes: Buffer): Promise<void> {
  const beside = `${path}.tmp`
  await writeDurably(files, beside, bytes)
  await files.rename(beside, path)
}

export async function writeDurably(files: FileSystem, path: string, bytes: Buffer): Promise<void> {
  const file = await files.open(path, 'replace')
  try {
    await file.write(bytes, 0)
    await file.datasync()
  } finally {
    await file.close()
  }
}
