// What the ledger asks of a disk, as an interface, so that tests can hand it a disk that is full, that lies or
// that dies. The appending path is asynchronous (a stalled disk must not stall calls); `readSync` is for the few
// hundred bytes of a key line that fell out of memory.

import { close, constants, fdatasync, fstat, ftruncate, open, read, readSync, write } from 'node:fs'
import { mkdir, open as openHandle, readdir, rename, rmdir, stat, unlink, type FileHandle } from 'node:fs/promises'
import { promisify } from 'node:util'
import { Fault } from '../base/fault.ts'

export interface OpenFile {
  /** writes all bytes at the position */
  write(bytes: Buffer, position: number): Promise<void>
  /** fills as much of the buffer as the file has; returns how much that was */
  read(into: Buffer, position: number): Promise<number>
  readSync(into: Buffer, position: number): number
  datasync(): Promise<void>
  truncate(size: number): Promise<void>
  size(): Promise<number>
  close(): Promise<void>
}

export interface FileSystem {
  /** `create`: fails when it exists; `replace`: empties it; `update`: must exist; `read`: must exist, and be a file */
  open(path: string, mode: 'create' | 'replace' | 'update' | 'read'): Promise<OpenFile>
  /**
   * A small file, whole. Undefined when there is nothing of that name; empty when it is larger, or no file (a pipe, a
   * device, a folder): nothing that we write is, and nothing that we parse is empty.
   */
  readFile(path: string, maxBytes: number): Promise<Buffer | undefined>
  fileSize(path: string): Promise<number>
  /** what a name stands for, links followed; `other`: a pipe, a device, nothing that can be looked at */
  kindOf(path: string): Promise<'file' | 'folder' | 'other'>
  /** names in a folder; empty when there is no such folder */
  list(path: string): Promise<string[]>
  makeFolder(path: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  /** rejects when the folder is not empty */
  removeFolder(path: string): Promise<void>
  /** makes creations, renames and removals in a folder durable */
  syncFolder(path: string): Promise<void>
}

const openCallback = promisify(open)
const closeCallback = promisify(close)
const truncateCallback = promisify(ftruncate)
const statCallback = promisify(fstat)
// a pipe without a writer would be waited for
const readFlags = constants.O_RDONLY | constants.O_NONBLOCK
const flags = { create: 'wx+', replace: 'w+', update: 'r+', read: readFlags } as const

export const nodeFiles: FileSystem = {
  async open(path, mode) {
    const fd = await openCallback(path, flags[mode], 0o600)
    if (mode !== 'read' || (await statCallback(fd)).isFile()) return fileOf(fd)
    await closeCallback(fd)
    throw new Fault('LEDGER_CORRUPT', `${path} is no file`, { hint: 'see what lies there, and move it away' })
  },
  fileSize: async (path) => (await stat(path)).size,
  async kindOf(path) {
    const found = await stat(path).catch(() => undefined)
    return found?.isFile() === true ? 'file' : found?.isDirectory() === true ? 'folder' : 'other'
  },
  readFile: readBounded,
  list: async (path) => (await readdir(path).catch(undefinedWhenAbsent)) ?? [],
  async makeFolder(path) {
    await mkdir(path, { recursive: true, mode: 0o700 })
  },
  rename,
  remove: unlink,
  removeFolder: rmdir,
  async syncFolder(path) {
    const handle = await openHandle(path, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
}

export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

async function readBounded(path: string, maxBytes: number): Promise<Buffer | undefined> {
  let handle: FileHandle
  try {
    handle = await openHandle(path, readFlags)
  } catch (error) {
    // a socket
    if (errorCode(error) === 'ENXIO') return Buffer.alloc(0)
    return undefinedWhenAbsent(error)
  }
  try {
    const found = await handle.stat()
    return found.isFile() && found.size <= maxBytes ? await readUpTo(handle, found.size, maxBytes) : Buffer.alloc(0)
  } finally {
    await handle.close()
  }
}

/** To the end, wherever that is by now: some files say that they are empty, and are not. */
async function readUpTo(handle: FileHandle, size: number, maxBytes: number): Promise<Buffer> {
  let bytes = Buffer.allocUnsafe(size + 1)
  for (let length = 0; ;) {
    const { bytesRead } = await handle.read(bytes, length, bytes.length - length, length)
    if (bytesRead === 0) return bytes.subarray(0, length)
    length += bytesRead
    if (length > maxBytes) return Buffer.alloc(0)
    if (length === bytes.length) bytes = Buffer.concat([bytes], Math.min(2 * length, maxBytes + 1))
  }
}

function undefinedWhenAbsent(error: unknown): undefined {
  if (errorCode(error) === 'ENOENT') return undefined
  throw error
}

// Callbacks instead of FileHandle: a third of the processor time for a write, and it is made once per group.
function fileOf(fd: number): OpenFile {
  return {
    write: (bytes, position) =>
      new Promise((resolve, reject) => {
        const step = (done: number): void => {
          write(fd, bytes, done, bytes.length - done, position + done, (error, written) => {
            if (error !== null) reject(error)
            else if (done + written >= bytes.length) resolve()
            else step(done + written)
          })
        }
        step(0)
      }),
    read: (into, position) =>
      new Promise((resolve, reject) => {
        const step = (done: number): void => {
          read(fd, into, done, into.length - done, position + done, (error, count) => {
            if (error !== null) reject(error)
            else if (count === 0 || done + count >= into.length) resolve(done + count)
            else step(done + count)
          })
        }
        step(0)
      }),
    readSync: (into, position) => readSync(fd, into, 0, into.length, position),
    datasync: () =>
      new Promise((resolve, reject) => {
        fdatasync(fd, (error) => (error === null || error === undefined ? resolve() : reject(error)))
      }),
    truncate: (size) => truncateCallback(fd, size),
    size: async () => (await statCallback(fd)).size,
    close: () => closeCallback(fd),
  }
}
