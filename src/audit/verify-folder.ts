// What lies in the folder of a log: its files under their names, and nothing else. A name alone is not believed:
// a folder, a pipe or words under the name of a file are findings, and are not opened. Files in the middle of a
// write, which a crash may leave, are said.

import { join } from 'node:path'
import type { FileSystem } from './files.ts'
import { isLogName } from './log-origin.ts'
import { segmentIndex } from './segment.ts'
import { isAbsent } from './tile-files.ts'

export interface LogFolder {
  /** names of files of a log: those that are there, and are what their names say */
  readonly present: ReadonlySet<string>
  /** first indices of the segments, in order */
  readonly segments: readonly number[]
}

export interface FolderReport {
  unexpected(file: string, message: string): void
  note(file: string, message: string): void
}

const provenFiles = [
  'checkpoint',
  'key.vkey',
  'minimum-index',
  'segments',
  'subjects.erasing',
  'subjects.keys',
  'tile',
  'witnessed',
]
const provenFolders: ReadonlySet<string> = new Set(['segments', 'tile'])
const temporaryFile =
  /^(?:checkpoint|subjects\.keys|subjects\.erasing|key\.vkey|minimum-index|witnessed|tile-[0-9])\.tmp$/
const lockFile = /^lock(?:\.[0-9]+)?$/
/** process id and start time, or nothing yet */
const lockText = /^(?:[1-9][0-9]{0,9} [0-9]{0,20}\n?)?$/
const maxLockBytes = 64
const maxLooks = 8
const unfinished = 'left by a write that was not finished; it proves nothing'

export interface LogFolderOptions {
  readonly files: FileSystem
  readonly dir: string
  /** name of the folder */
  readonly name: string
  readonly report: FolderReport
}

/** Undefined when this is not the folder of a log at all. */
export async function readLogFolder(options: LogFolderOptions): Promise<LogFolder | undefined> {
  const { files, dir, name, report } = options
  const names = isLogName(name) ? await files.list(dir).catch(() => undefined) : undefined
  if (names === undefined) {
    report.unexpected('', 'not the folder of a log')
    return undefined
  }
  const present = new Set<string>()
  for (const file of names) {
    const isProven = provenFiles.includes(file)
    const isTemporary = temporaryFile.test(file)
    if (!isProven && !isTemporary && !lockFile.test(file)) report.unexpected(file, 'no file of a log')
    else if (!(await isKind(options, file, provenFolders.has(file) ? 'folder' : 'file'))) continue
    else if (isProven) present.add(file)
    else if (isTemporary) report.note(file, unfinished)
    else if (!(await isLock(files, join(dir, file)))) report.unexpected(file, 'not what a writer locks with')
  }
  return { present, segments: present.has('segments') ? await listSegments(options) : [] }
}

async function listSegments(options: LogFolderOptions): Promise<number[]> {
  const { files, dir, report } = options
  const indices: number[] = []
  for (const name of await files.list(join(dir, 'segments'))) {
    const file = `segments/${name}`
    const index = segmentIndex(name)
    if (index === undefined && name !== 'next.tmp' && name !== 'rewrite.tmp') report.unexpected(file, 'no segment')
    else if (!(await isKind(options, file, 'file'))) continue
    else if (index === undefined) report.note(file, unfinished)
    else indices.push(index)
  }
  return indices.toSorted((a, b) => a - b)
}

async function isKind(
  { files, dir, report }: LogFolderOptions,
  file: string,
  kind: 'file' | 'folder',
): Promise<boolean> {
  const path = join(dir, file)
  // what is gone by now was a running writer's; what is there again a moment later may be too
  for (let look = 0; look < maxLooks; look += 1) {
    if ((await files.kindOf(path)) === kind) return true
    if (await isAbsent(files, path)) return false
  }
  report.unexpected(file, `not a ${kind}`)
  return false
}

async function isLock(files: FileSystem, path: string): Promise<boolean> {
  const bytes = await files.fileSize(path).catch(() => 0)
  return bytes <= maxLockBytes && lockText.test((await files.readFile(path, maxLockBytes))?.toString('latin1') ?? '')
}
