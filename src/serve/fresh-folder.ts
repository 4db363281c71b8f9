// The folder of a demonstration that asked for none: it goes when the process does, also when that is stopped before
// anybody else listens for signals. Only a kill leaves it behind.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface FreshFolder {
  readonly path: string
  /** somebody else ends the process when it is asked to stop */
  readonly leaveSignals: () => void
}

export function makeFreshFolder(prefix: string): FreshFolder {
  const stops = (['SIGINT', 'SIGTERM'] as const).map((signal) => ({
    signal,
    stop: (): void => process.exit(signal === 'SIGINT' ? 130 : 143),
  }))
  for (const { signal, stop } of stops) process.on(signal, stop)
  const path = mkdtempSync(join(tmpdir(), prefix))
  process.once('exit', () => rmSync(path, { recursive: true, force: true }))
  return {
    path,
    leaveSignals: () => {
      for (const { signal, stop } of stops) process.off(signal, stop)
    },
  }
}
