// Which logs a witness watches, and by which keys: verifier keys from the command line, and from files that are read
// again when they change. A file that cannot be read, or has a line that is no verifier key, changes nothing: the
// keys from before stay in force, and it is said. Nobody outside can make the files be read more than once a second.

import { readFileSync, statSync } from 'node:fs'
import type { Clock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import { parseVkey, type Verifier } from '../tlog/checkpoint.ts'

export interface WatchedLogs {
  /** the keys of a log; empty when it is not watched */
  keysOf(origin: string): readonly Verifier[]
}

export interface WatchedLogsOptions {
  /** verifier keys */
  readonly vkeys: readonly string[]
  /** files with a verifier key a line; blank lines and lines that begin with # are left out */
  readonly files: readonly string[]
  readonly clock: Clock
  readonly warn: (message: string) => void
}

const recheckMs = 1_000
const maxFileBytes = 1_048_576 // bound: bytes in a file of verifier keys
const maxKeys = 4_096 // bound: verifier keys that a witness knows

interface KeyFile {
  readonly path: string
  /** what shows that it changed */
  version: string
  keys: readonly Verifier[]
}

/** Throws a Fault CONFIG_INVALID when a key or a file cannot be used, or there is none. */
export function openWatchedLogs(options: WatchedLogsOptions): WatchedLogs {
  const { clock, warn } = options
  const fixed = options.vkeys.map((line) => {
    const key = parseVkey(line)
    if (key === undefined) throw invalid(`not a verifier key of a log: ${JSON.stringify(line)}`)
    return key
  })
  const files = options.files.map((path): KeyFile => ({ path, version: versionOf(path), keys: readKeys(path) }))
  if (fixed.length + files.length === 0) throw invalid('no log to watch was named')
  let byOrigin = group(fixed, files)
  let checkedMs = clock.monotonicMs()

  const recheck = (): void => {
    if (clock.monotonicMs() - checkedMs < recheckMs) return
    checkedMs = clock.monotonicMs()
    const changed = files.filter((file) => versionOf(file.path) !== file.version)
    for (const file of changed) {
      file.version = versionOf(file.path)
      try {
        file.keys = readKeys(file.path)
      } catch (error) {
        warn(`${file.path} was not taken over: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
    if (changed.length > 0) byOrigin = group(fixed, files)
  }
  return {
    keysOf(origin) {
      recheck()
      return byOrigin.get(origin) ?? []
    },
  }
}

function group(fixed: readonly Verifier[], files: readonly KeyFile[]): Map<string, Verifier[]> {
  const byOrigin = new Map<string, Verifier[]>()
  for (const key of [...fixed, ...files.flatMap(({ keys }) => keys)]) {
    const keys = byOrigin.get(key.name) ?? []
    if (!keys.some(({ vkey }) => vkey === key.vkey)) keys.push(key)
    byOrigin.set(key.name, keys)
  }
  return byOrigin
}

function versionOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false })
  return found === undefined ? 'absent' : [found.ino, found.size, found.mtimeMs, found.ctimeMs].join(' ')
}

function readKeys(path: string): Verifier[] {
  const text = readText(path)
  const lines = text.split('\n').map((line) => line.trim())
  const keys = lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const key = parseVkey(line)
      if (key === undefined) throw invalid(`${path} has a line that is no verifier key: ${JSON.stringify(line)}`)
      return key
    })
  if (keys.length > maxKeys) throw invalid(`${path} has more than ${maxKeys} verifier keys`)
  return keys
}

function readText(path: string): string {
  try {
    if (statSync(path).size > maxFileBytes) throw invalid(`${path} is larger than ${maxFileBytes} bytes`)
    return readFileSync(path, 'latin1')
  } catch (cause) {
    throw cause instanceof Fault ? cause : invalid(`${path} cannot be read`, cause)
  }
}

function invalid(message: string, cause?: unknown): Fault {
  return new Fault('CONFIG_INVALID', message, {
    cause,
    hint: 'give the verifier key of each log: --log VKEY, or --log file:PATH with one a line (key.vkey of a log)',
  })
}
