// Makes a folder and those above it, for its owner alone. Not by `recursive`: where a parent cannot hold folders
// (/proc, some mounts) the runtime's own loop never ends, and a process that hangs tells nobody why.

import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { isSystemError } from './system-error.ts'

/** Throws the system's error when the folder cannot be made; what is there already is left as it is. */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    if (!isSystemError(error)) throw error
    if (error.code === 'EEXIST' && statSync(path).isDirectory()) return
    if (error.code !== 'ENOENT' || existsSync(dirname(path))) throw error
    makeFolder(dirname(path))
    mkdirSync(path, { mode: 0o700 })
  }
}
