// Reads a tiled log (C2SP tlog-tiles) from its folder, while a writer may be at work in it: a full tile, else the
// partial one of at least the width that is wanted. What it reads is not believed: whoever uses it holds the hashes
// against a signed root. It never writes, and never reads a file that is larger than its kind may be.

import { basename, dirname, join } from 'node:path'
import { createBoundedCache } from '../base/bounded-cache.ts'
import { Fault } from '../base/fault.ts'
import { maxCosignedNoteBytes } from '../tlog/cosignature.ts'
import { hashBytes, leafHash } from '../tlog/merkle.ts'
import { decodeBundle, tilePath, tileWidth, type TileLevel } from '../tlog/tiles.ts'
import type { TileReader } from '../tlog/tree-reader.ts'
import { errorCode, nodeFiles, type FileSystem } from './files.ts'
import { maxEnvelopeBytes } from './frame.ts'

/** A tile or bundle as it lies on the disk. */
export interface TileFile {
  readonly bytes: Buffer
  /** how many hashes or entries it has */
  readonly width: number
}

export interface TiledLog extends TileReader {
  /** the signed note that was published when the folder was opened; undefined when there was none */
  readonly checkpoint: Buffer | undefined
  /** the entry that hashes to a leaf: the envelope of a record. Rejects when there is none. */
  readEntry(index: number): Promise<Buffer>
}

const maxCachedTiles = 128 // bound: tiles that a reader of a tiled log keeps
const maxCachedBundles = 4 // bound: entry bundles that a reader of a tiled log keeps
const maxBundleBytes = tileWidth * (2 + maxEnvelopeBytes)
const widthPattern = /^[1-9]\d{0,2}$/

/** Opens the folder of a log (dataDir/ledger/<name>) for proofs: `openTree(size, await openTiles(dir))`. */
export async function openTiles(dir: string, fs: FileSystem = nodeFiles): Promise<TiledLog> {
  const checkpoint = await fs.readFile(join(dir, 'checkpoint'), maxCosignedNoteBytes)
  const tiles = createBoundedCache<TileFile>(maxCachedTiles)
  const bundles = createBoundedCache<TileFile>(maxCachedBundles)
  const read = async (level: TileLevel, index: number, width: number): Promise<TileFile> => {
    const cache = level === 'entries' ? bundles : tiles
    const key = `${level}/${index}`
    const cached = cache.get(key)
    if (cached !== undefined && cached.width >= width) return cached
    const file = await findTile(fs, dir, { level, index, width })
    if (file === undefined) throw missing(tilePath(level, index, width))
    cache.set(key, file)
    return file
  }
  return {
    checkpoint,
    readTile: async (level, index, width) => (await read(level, index, width)).bytes,
    async readEntry(index) {
      const at = index % tileWidth
      const { bytes, width } = await read('entries', Math.floor(index / tileWidth), at + 1)
      const entry = decodeBundle(bytes, width)?.[at]
      if (entry === undefined) throw missing(`entry ${index}`)
      return entry
    },
  }
}

export interface WantedTile {
  readonly level: TileLevel
  readonly index: number
  /** at least so many hashes or entries */
  readonly width: number
}

/** Undefined when there is none of the width, or only such as cannot be what their names say. */
export async function findTile(files: FileSystem, dir: string, wanted: WantedTile): Promise<TileFile | undefined> {
  const { level, index, width } = wanted
  const full = tilePath(level, index)
  // a writer replaces partial ones by wider ones: what was listed may be gone a moment later
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const whole = await readTileFile(files, dir, { level, index, width: tileWidth })
    if (whole !== undefined) return whole
    const widths = width === tileWidth ? [] : await partialWidths(files, join(dir, `${full}.p`))
    for (const candidate of widths.filter((each) => each >= width)) {
      const partial = await readTileFile(files, dir, { level, index, width: candidate })
      if (partial !== undefined) return partial
    }
    if (widths.length === 0 && attempt > 0) return undefined
  }
  return undefined
}

/** This very file; undefined when there is none, or when its length cannot be that of a tile of its name. */
export async function readTileFile(
  files: FileSystem,
  dir: string,
  { level, index, width }: WantedTile,
): Promise<TileFile | undefined> {
  const path = join(dir, tilePath(level, index, width))
  // looked at first: a part of its path may be no folder
  if ((await files.kindOf(path)) !== 'file') return undefined
  const bytes = await files.readFile(path, level === 'entries' ? maxBundleBytes : width * hashBytes)
  if (bytes === undefined) return undefined
  const fits = level === 'entries' ? decodeBundle(bytes, width) !== undefined : bytes.length === width * hashBytes
  return fits ? { bytes, width } : undefined
}

/** Widths of the partial tiles in a folder `<N>.p`, smallest first. */
export async function partialWidths(files: FileSystem, folder: string): Promise<number[]> {
  const names = await files.list(folder).catch((error: unknown) => {
    if (errorCode(error) === 'ENOTDIR') return []
    throw error
  })
  return names
    .filter((name) => widthPattern.test(name))
    .map(Number)
    .filter((width) => width < tileWidth)
    .toSorted((a, b) => a - b)
}

/** True when there is nothing of the name: a writer has removed it, rather than somebody put something else there. */
export async function isAbsent(files: FileSystem, path: string): Promise<boolean> {
  const names = await files.list(dirname(path)).catch((): string[] => [])
  return !names.includes(basename(path))
}

/** Place of the first hash that is another than in the tile that it should be the beginning of; -1 for none. */
export function differingHash(found: Buffer, expected: Buffer): number {
  for (let at = 0; at < found.length; at += hashBytes)
    if (!found.subarray(at, at + hashBytes).equals(expected.subarray(at, at + hashBytes))) return at / hashBytes
  return -1
}

/** Place of the first entry of a bundle that does not hash to its leaf; -1 for none. */
export function differingEntry({ bytes, width }: TileFile, leaves: Buffer): number {
  const entries = decodeBundle(bytes, width) ?? []
  return entries.findIndex(
    (entry, at) => !leafHash(entry).equals(leaves.subarray(at * hashBytes, (at + 1) * hashBytes)),
  )
}

function missing(what: string): Fault {
  return new Fault('LEDGER_CORRUPT', `the tiled log has no ${what}`, { hint: 'run `sallyport audit verify`' })
}
