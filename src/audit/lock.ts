// One writer per log: a lock file that names the process. A lock whose process is gone is taken over, so that a
// kill needs no surgery; a process id that was given out again is told apart by the process's start time where
// the system shows it. It guards against mistakes on one machine, not against two machines on one volume.

import { readFileSync } from 'node:fs'
import { link, rename, unlink, writeFile } from 'node:fs/promises'
import { Fault } from '../base/fault.ts'
import { fileBounds } from './file-bounds.ts'
import { errorCode, nodeFiles } from './files.ts'

export interface Lock {
  release(): Promise<void>
}

// logs that this very process holds: its own id in a lock file does not tell
const held = new Set<string>()

export async function takeLock(path: string): Promise<Lock> {
  if (held.has(path)) throw locked(path, 'this process')
  held.add(path)
  try {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      if (await create(path)) return { release: once(() => release(path)) }
      const holder = await readHolder(path)
      if (holder !== undefined && isAlive(holder)) throw locked(path, `process ${holder.split(' ')[0]}`)
      if (holder !== undefined) await removeStale(path, holder)
    }
    throw locked(path, 'another process that is starting')
  } catch (error) {
    held.delete(path)
    throw error
  }
}

async function create(path: string): Promise<boolean> {
  try {
    await writeFile(path, `${process.pid} ${startTime(process.pid)}\n`, { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    throw new Fault('LEDGER_UNWRITABLE', `cannot create ${path}`, { cause: error })
  }
}

// Renamed before it is removed: if somebody else took the stale lock over meanwhile, what we hold is theirs,
// and is given back.
async function removeStale(path: string, holder: string): Promise<void> {
  const aside = `${path}.${process.pid}`
  try {
    await rename(path, aside)
    if ((await readHolder(aside)) !== holder) await link(aside, path)
    await unlink(aside)
  } catch {
    // somebody was faster: the next attempt looks again
  }
}

async function readHolder(path: string): Promise<string | undefined> {
  try {
    return (await nodeFiles.readFile(path, fileBounds.lock))?.toString('utf8').trim()
  } catch {
    // released between two looks
    return undefined
  }
}

function isAlive(holder: string): boolean {
  const [pidText = '', since = ''] = holder.split(' ')
  const pid = Number(pidText)
  // our own id, yet not among the locks we hold: a process before us had the same id (usual in containers)
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (errorCode(error) !== 'EPERM') return false
  }
  return since === '' || startTime(pid) === '' || startTime(pid) === since
}

/** Ticks since boot at which a process started (Linux, proc(5) field 22); '' where that is not to be had. */
function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    // not Linux, or the process is gone
    return ''
  }
}

// a second release would remove the lock of whoever took it since
function once(action: () => Promise<void>): () => Promise<void> {
  let result: Promise<void> | undefined
  return () => (result ??= action())
}

async function release(path: string): Promise<void> {
  held.delete(path)
  await unlink(path).catch(() => undefined)
}

function locked(path: string, holder: string): Fault {
  return new Fault('LEDGER_LOCKED', `the ledger is in use by ${holder}`, {
    hint: `stop that process first; if there is none, remove ${path}`,
  })
}
