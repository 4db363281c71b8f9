// A disk in memory, for reading only: thousands of changed copies of a ledger without a system call.

import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { nodeFiles, type FileSystem } from '../../src/audit/files.ts'

export interface MemoryDisk extends FileSystem {
  /** paths below the root that was given */
  readonly files: Map<string, Buffer>
}

/** Everything below a folder, under the name '' for the folder itself. */
export function loadMemoryDisk(folder: string): MemoryDisk {
  const files = new Map<string, Buffer>()
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile()) files.set(relative(folder, path), readFileSync(path))
  }
  const get = (path: string): Buffer => files.get(path) ?? missing(path)
  return {
    ...nodeFiles,
    files,
    open: (path) => {
      const bytes = get(path)
      const read = (into: Buffer, position: number): number => bytes.copy(into, 0, position)
      return Promise.resolve({
        write: () => missing(path),
        read: (into, position) => Promise.resolve(read(into, position)),
        readSync: read,
        datasync: () => Promise.resolve(),
        truncate: () => missing(path),
        size: () => Promise.resolve(bytes.length),
        close: () => Promise.resolve(),
      })
    },
    readFile: (path, maxBytes) => {
      const bytes = files.get(path)
      return Promise.resolve(bytes !== undefined && bytes.length > maxBytes ? Buffer.alloc(0) : bytes)
    },
    kindOf: (path) => Promise.resolve(files.has(path) ? 'file' : 'folder'),
    fileSize: (path) => Promise.resolve(get(path).length),
    list: (path) => {
      const prefix = path === '' ? '' : `${path}/`
      const names = Array.from(files.keys(), (name) =>
        name.startsWith(prefix) ? name.slice(prefix.length).split('/')[0] : undefined,
      )
      return Promise.resolve([...new Set(names.filter((name) => name !== undefined))])
    },
  }
}

function missing(path: string): never {
  throw Object.assign(new Error(`no such file: ${path}`), { code: 'ENOENT' })
}
