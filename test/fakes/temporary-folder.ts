// A fresh folder for a test, removed when the test's process ends, whatever became of the test: no test leaves
// anything behind, and none needs to remember it.

import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const made: string[] = []

/** `prefix` matters only to tests of paths: short ones for sockets, ones with spaces for launchers. */
export function temporaryFolder(prefix = 'sallyport-'): string {
  if (made.length === 0) process.once('exit', removeAll)
  const folder = realpathSync(mkdtempSync(join(tmpdir(), prefix)))
  made.push(folder)
  return folder
}

function removeAll(): void {
  for (const folder of made) rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
}
