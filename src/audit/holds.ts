// Legal holds of a data directory, in holds.json: while one is in force nothing of its subject is erased or expires,
// and under a hold on all nothing at all. It names subjects in clear, for its owner alone (mode 0600). A file that
// cannot be read is a fault: whoever cannot tell what is held must not destroy.

import { dirname } from 'node:path'
import { Fault } from '../base/fault.ts'
import { isJsonObject, parseStrictJson } from '../base/strict-json.ts'
import { fileBounds } from './file-bounds.ts'
import type { FileSystem } from './files.ts'
import { replaceFile } from './replace-file.ts'

export interface Hold {
  readonly name: string
  /** undefined: everything */
  readonly subject: string | undefined
  readonly reason: string
  readonly sinceMs: number
}

export interface HoldBook {
  list(): Promise<readonly Hold[]>
  /** False when there is one of that name. Durable when it resolves. */
  add(hold: Hold): Promise<boolean>
  /** The hold that was released; undefined when there was none. */
  release(name: string): Promise<Hold | undefined>
  /** The hold that keeps a subject from being erased. */
  holdOn(subject: string): Promise<Hold | undefined>
}

const maxHolds = 1_000 // bound: legal holds in force
const bounds = { maxDepth: 4, maxNodes: 16_384 }

export function createHoldBook(files: FileSystem, path: string): HoldBook {
  const read = async (): Promise<readonly Hold[]> => {
    const bytes = await files.readFile(path, fileBounds.holds)
    const holds = bytes === undefined ? [] : parseHolds(bytes)
    if (holds !== undefined) return holds
    throw new Fault('STORE_UNREACHABLE', `${path} is not a list of legal holds`, {
      hint: 'restore it from a backup; until then nothing is erased and nothing expires',
    })
  }
  const write = async (holds: readonly Hold[]): Promise<void> => {
    const listed = holds.map(({ name, subject = null, reason, sinceMs }) => ({ name, subject, reason, sinceMs }))
    await replaceFile(files, path, Buffer.from(`${JSON.stringify({ holds: listed }, undefined, 2)}\n`))
    await files.syncFolder(dirname(path))
  }
  return {
    list: read,
    async add(hold) {
      const holds = await read()
      if (holds.some(({ name }) => name === hold.name)) return false
      if (holds.length >= maxHolds)
        throw new Fault('CONTROL_FAILED', `there are ${maxHolds} legal holds already`, {
          hint: 'release one: sallyport audit release NAME --reason TEXT',
        })
      await write([...holds, hold])
      return true
    },
    async release(released) {
      const holds = await read()
      const found = holds.find(({ name }) => name === released)
      if (found !== undefined) await write(holds.filter((hold) => hold !== found))
      return found
    },
    async holdOn(subject) {
      return (await read()).find((hold) => hold.subject === undefined || hold.subject === subject)
    },
  }
}

/** Undefined unless it is what we would write. */
function parseHolds(bytes: Buffer): readonly Hold[] | undefined {
  const parsed = parseStrictJson(bytes.toString('utf8'), bounds)
  const holds = parsed.ok && isJsonObject(parsed.value) ? parsed.value['holds'] : undefined
  if (!Array.isArray(holds)) return undefined
  const read = holds.map((hold): Hold | undefined => {
    if (!isJsonObject(hold)) return undefined
    const { name, subject, reason, sinceMs } = hold
    const isSubject = subject === null || typeof subject === 'string'
    return typeof name === 'string' && isSubject && typeof reason === 'string' && typeof sinceMs === 'number'
      ? { name, subject: subject ?? undefined, reason, sinceMs }
      : undefined
  })
  return read.every((hold) => hold !== undefined) ? read : undefined
}
