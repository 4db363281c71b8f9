// A disk in memory that loses power. What was written and not datasync'ed since, and what was made, renamed or removed
// in a folder that was not synced since, is gone after a cut, or there in part: a kill shows no missing sync, this
// does. It is meaner than most: changes that wait in one folder reach the disk in any choice, each in its order.

import { basename, dirname, join } from 'node:path'
import type { FileSystem, OpenFile } from '../../src/audit/files.ts'

/** What a disk holds: bytes by path, and the folders. */
export interface DiskImage {
  readonly files: ReadonlyMap<string, Buffer>
  readonly folders: ReadonlySet<string>
}

/**
 * How much of a change that was never synced reached the disk all the same: 0 nothing, 1 all of it. `after`: how many
 * changes of the same folder or file wait behind it.
 */
export type Luck = (after: number) => number

/** The worst case: only what was synced is there. */
export const noLuck: Luck = () => 0

/** The newest overtook what came before it. */
export const newestFirst: Luck = (after) => (after === 0 ? 1 : 0)

/** The same choices at every run. */
export function countedLuck(seed: number): Luck {
  let state = seed * 2_654_435_761 + 1
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    return (state >>> 8) / 0xff_ff_ff
  }
}

export interface ForgetfulDisk extends FileSystem {
  /** called before each call that changes or syncs anything, with its name */
  beforeCall: (call: string) => void
  /** as it may be found after a power cut at this moment */
  cut(luck: Luck): DiskImage
}

interface FileNode {
  live: Buffer
  durable: Buffer
  pending: (OneWrite | { readonly size: number })[]
}
interface OneWrite {
  readonly bytes: Buffer
  readonly position: number
}
interface FolderNode {
  live: Map<string, Node>
  durable: Map<string, Node>
  pending: Change[]
}
type Node = FileNode | FolderNode
/** names that change together; undefined: the name goes */
type Change = readonly (readonly [name: string, node: Node | undefined])[]

const isFolder = (node: Node | undefined): node is FolderNode =>
  node !== undefined && 'pending' in node && !isFile(node)
const isFile = (node: Node | undefined): node is FileNode => node !== undefined && Buffer.isBuffer(node.live)
const newFolder = (): FolderNode => ({ live: new Map(), durable: new Map(), pending: [] })

/** With what an image holds, all of it durable. Folders that an image does not name are there when files need them. */
export function createForgetfulDisk(image: DiskImage): ForgetfulDisk {
  const root = newFolder()
  const makeDurable = (path: string): FolderNode => {
    if (dirname(path) === path) return root
    const parent = makeDurable(dirname(path))
    const found = parent.live.get(basename(path))
    if (isFolder(found)) return found
    const made = newFolder()
    for (const names of [parent.live, parent.durable]) names.set(basename(path), made)
    return made
  }
  for (const folder of image.folders) makeDurable(folder)
  for (const [path, bytes] of image.files) {
    const parent = makeDurable(dirname(path))
    const file: FileNode = { live: bytes, durable: bytes, pending: [] }
    for (const names of [parent.live, parent.durable]) names.set(basename(path), file)
  }
  return describeDisk(root)
}

function describeDisk(root: FolderNode): ForgetfulDisk {
  const find = (path: string): Node | undefined => {
    if (dirname(path) === path) return root
    const parent = find(dirname(path))
    return isFolder(parent) ? parent.live.get(basename(path)) : undefined
  }
  const folderAt = (path: string): FolderNode => {
    const folder = find(path)
    return isFolder(folder) ? folder : fail('ENOENT', path)
  }
  const folderOf = (path: string): FolderNode => folderAt(dirname(path))
  const fileAt = (path: string): FileNode => {
    const file = find(path)
    return isFile(file) ? file : fail('ENOENT', path)
  }
  const change = (folder: FolderNode, entries: Change): void => {
    apply(folder.live, entries)
    folder.pending.push(entries)
  }
  const noteCall = (call: string, path: string): void => disk.beforeCall(`${call} ${basename(path)}`)
  const disk: ForgetfulDisk = {
    beforeCall: () => undefined,
    cut: (luck) => imageOf(root, luck),
    open: promised((path, mode) => {
      if (mode === 'read' || mode === 'update') return openNode(fileAt(path), path, noteCall)
      noteCall('open', path)
      const found = find(path)
      if (isFolder(found) || (found !== undefined && mode === 'create')) return fail('EEXIST', path)
      if (found !== undefined) truncate(found, 0)
      const file = found ?? { live: Buffer.alloc(0), durable: Buffer.alloc(0), pending: [] }
      if (found === undefined) change(folderOf(path), [[basename(path), file]])
      return openNode(file, path, noteCall)
    }),
    readFile: promised((path, maxBytes) => {
      const file = find(path)
      if (file === undefined) return undefined
      return isFile(file) && file.live.length <= maxBytes ? Buffer.from(file.live) : Buffer.alloc(0)
    }),
    fileSize: promised((path) => fileAt(path).live.length),
    kindOf: promised((path) => {
      const found = find(path)
      return isFile(found) ? 'file' : found === undefined ? 'other' : 'folder'
    }),
    list: promised((path) => {
      const folder = find(path)
      return isFolder(folder) ? [...folder.live.keys()] : folder === undefined ? [] : fail('ENOTDIR', path)
    }),
    makeFolder: promised((path) => {
      noteCall('makeFolder', path)
      const make = (wanted: string): void => {
        if (find(wanted) !== undefined) return
        make(dirname(wanted))
        change(folderOf(wanted), [[basename(wanted), newFolder()]])
      }
      make(path)
    }),
    rename: promised((from, to) => {
      noteCall('rename', to)
      const node = fileAt(from)
      const [source, target] = [folderOf(from), folderOf(to)]
      const gone = [basename(from), undefined] as const
      if (source === target) return change(target, [gone, [basename(to), node]])
      change(target, [[basename(to), node]])
      change(source, [gone])
    }),
    remove: promised((path) => {
      noteCall('remove', path)
      fileAt(path)
      change(folderOf(path), [[basename(path), undefined]])
    }),
    removeFolder: promised((path) => {
      noteCall('removeFolder', path)
      if (folderAt(path).live.size > 0) fail('ENOTEMPTY', path)
      change(folderOf(path), [[basename(path), undefined]])
    }),
    syncFolder: promised((path) => {
      noteCall('syncFolder', path)
      const folder = folderAt(path)
      for (const entries of folder.pending.splice(0)) apply(folder.durable, entries)
    }),
  }
  return disk
}

function openNode(file: FileNode, path: string, noteCall: (call: string, path: string) => void): OpenFile {
  const read = (into: Buffer, position: number): number => file.live.copy(into, 0, Math.min(position, file.live.length))
  return {
    write: promised((bytes, position) => {
      noteCall('write', path)
      // a copy: whoever writes may use the buffer again
      const one: OneWrite = { bytes: Buffer.from(bytes), position }
      file.live = overwritten(file.live, one)
      file.pending.push(one)
    }),
    read: promised(read),
    readSync: read,
    datasync: promised(() => {
      noteCall('datasync', path)
      file.durable = file.live
      file.pending = []
    }),
    truncate: promised((size) => {
      noteCall('truncate', path)
      truncate(file, size)
    }),
    size: promised(() => file.live.length),
    close: promised(() => undefined),
  }
}

function truncate(file: FileNode, size: number): void {
  file.live = resized(file.live, size)
  file.pending.push({ size })
}

function resized(bytes: Buffer, size: number): Buffer {
  const next = Buffer.alloc(size)
  bytes.copy(next)
  return next
}

function overwritten(bytes: Buffer, { bytes: more, position }: OneWrite): Buffer {
  const next = resized(bytes, Math.max(bytes.length, position + more.length))
  more.copy(next, position)
  return next
}

function apply(names: Map<string, Node>, entries: Change): void {
  for (const [name, node] of entries) {
    if (node === undefined) names.delete(name)
    else names.set(name, node)
  }
}

function imageOf(root: FolderNode, luck: Luck): DiskImage {
  const image = { files: new Map<string, Buffer>(), folders: new Set<string>() }
  const visit = (folder: FolderNode, path: string): void => {
    image.folders.add(path)
    const names = new Map(folder.durable)
    folder.pending.forEach((entries, at) => {
      if (luck(folder.pending.length - 1 - at) > 0.5) apply(names, entries)
    })
    for (const [name, node] of names) {
      if (isFile(node)) image.files.set(join(path, name), contentOf(node, luck))
      else visit(node, join(path, name))
    }
  }
  visit(root, '/')
  return image
}

/** A write is torn, or not there, as often as it is whole. */
function contentOf({ durable, pending }: FileNode, luck: Luck): Buffer {
  let bytes = durable
  for (const [at, one] of pending.entries()) {
    const share = Math.min(1, Math.max(0, luck(pending.length - 1 - at) * 2 - 0.5))
    if ('size' in one) bytes = share > 0.5 ? resized(bytes, one.size) : bytes
    else if (share > 0) {
      const kept = one.bytes.subarray(0, Math.round(one.bytes.length * share))
      bytes = overwritten(bytes, { bytes: kept, position: one.position })
    }
  }
  return bytes
}

function promised<Given extends unknown[], Result>(
  work: (...given: Given) => Result,
): (...given: Given) => Promise<Result> {
  return (...given) => new Promise((resolve) => resolve(work(...given)))
}

function fail(code: string, path: string): never {
  throw Object.assign(new Error(`${code}: ${path}`), { code })
}
