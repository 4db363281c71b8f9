// The data directory and who holds it. One process at a time: the lock is the kernel's, taken through SQLite on
// an otherwise empty file, so it ends with the process, cannot be left over by a crash, and cannot be mistaken
// where process ids repeat (in containers they always do). The file `lock.pid` only tells people who it is.

import { chmodSync, closeSync, existsSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Fault } from '../base/fault.ts'
import { makeFolder } from '../base/make-folder.ts'
import { systemReason } from '../base/system-error.ts'

export interface DataDir {
  /** absolute */
  readonly path: string
  close(): void
}

const format = { version: 1 }

/** Creates the directory (mode 0700) if need be, checks its format, and keeps every other process out until closed. */
export function openDataDir(path: string): DataDir {
  const absolute = resolve(path)
  try {
    makeFolder(absolute)
    checkFormat(join(absolute, 'format'))
    restrictLock(join(absolute, 'lock'))
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault('STORE_UNREACHABLE', `cannot use the data directory ${absolute}: ${systemReason(cause)}`, {
      cause,
      hint: 'check its owner and mode, and that the disk has room',
    })
  }
  const lock = takeLock(absolute)
  return {
    path: absolute,
    close: () => {
      rmSync(join(absolute, 'lock.pid'), { force: true })
      lock.close()
    },
  }
}

function checkFormat(path: string): void {
  let found: string
  try {
    found = readFileSync(path, 'utf8')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    writeFileSync(`${path}.${process.pid}`, `${JSON.stringify(format)}\n`, { mode: 0o600, flush: true })
    renameSync(`${path}.${process.pid}`, path)
    return
  }
  const version = readVersion(found)
  if (version === format.version) return
  throw new Fault(
    'STORE_UNREACHABLE',
    `the data directory has ${version === undefined ? 'an unreadable format file' : `format ${version}`}`,
    {
      hint: `this version of sallyport knows format ${format.version}; use the version that wrote it, or a newer one`,
    },
  )
}

function readVersion(text: string): number | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || !('version' in value)) return undefined
    return typeof value.version === 'number' ? value.version : undefined
  } catch {
    return undefined // not JSON: the caller says so
  }
}

function takeLock(directory: string): DatabaseSync {
  const lock = new DatabaseSync(join(directory, 'lock'), { timeout: 0 })
  try {
    lock.exec('BEGIN EXCLUSIVE')
  } catch (cause) {
    lock.close()
    throw new Fault('LEDGER_LOCKED', `the data directory is in use${describeHolder(directory)}`, {
      cause,
      hint: 'stop that process, or use another --data-dir',
    })
  }
  writeFileSync(join(directory, 'lock.pid'), `${process.pid}\n`, { mode: 0o600 })
  return lock
}

/** For our owner alone, before SQLite opens it: the journal beside it gets the mode of the file. */
function restrictLock(path: string): void {
  // Opening and closing what is there would give up a lock that this process has (POSIX locks are like that).
  if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600))
  chmodSync(path, 0o600)
  try {
    chmodSync(`${path}-journal`, 0o600)
  } catch {
    // none was left over, or its holder has just let go
  }
}

function describeHolder(directory: string): string {
  try {
    return ` by process ${readFileSync(join(directory, 'lock.pid'), 'utf8').trim()}`
  } catch {
    return '' // the holder is just starting or stopping
  }
}
