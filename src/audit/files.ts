// What the ledger asks of a disk, as an interface, so that tests can hand it a disk that is full, that lies or
// that dies. The appending path is asynchronous (a stalled disk must not stall calls); `readSync` is for the few
// hundred bytes of a key line that fell out of memory.

import { close, fdatasync, fstat, ftruncate, open, read, readSync, write } from 'node:fs'
import { mkdir, open as openHandle, readdir, readFile, rename, rmdir, stat, unlink } from 'node:fs/promises'
import { promisify } from 'node:util'

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
  /** `create`: fails when it exists; `replace`: empties it; `update`: must exist; `read`: must exist */
  open(path: string, mode: 'create' | 'replace' | 'update' | 'read'): Promise<OpenFile>
  /** undefined when there is no such file */
  readFile(path: string): Promise<Buffer | undefined>
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
const flags = { create: 'wx+', replace: 'w+', update: 'r+', read: 'r' } as const

export const nodeFiles: FileSystem = {
  async open(path, mode) {
    return fileOf(await openCallback(path, flags[mode], 0o600))
  },
  fileSize: async (path) => (await stat(path)).size,
  async kindOf(path) {
    const found = await stat(path).catch(() => undefined)
    return found?.isFile() === true ? 'file' : found?.isDirectory() === true ? 'folder' : 'other'
  },
  readFile: (path) => readFile(path).catch(undefinedWhenAbsent),
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
