// Holds tiles and entry bundles (C2SP tlog-tiles) against a signed root and nothing else: from the edge, whose hashes
// must lead to that root, down to every leaf and entry. For a copy of a log without its segments, for the part that
// was pruned, and where segments are damaged. What hangs under a changed tile is not examined: nobody vouches for it.

import { join } from 'node:path'
import { hashBytes, leafHash } from '../tlog/merkle.ts'
import {
  decodeBundle,
  leavesPerHash,
  levelsOf,
  rootOfTile,
  tilePath,
  tileWidth,
  type TileLevel,
} from '../tlog/tiles.ts'
import { openTree } from '../tlog/tree-reader.ts'
import type { FileSystem } from './files.ts'
import type { TileListing } from './list-tiles.ts'
import { differingEntry, differingHash, findTile, isAbsent, readTileFile, type TileFile } from './tile-files.ts'

export interface TileProblem {
  /** the first record concerned */
  readonly index: number
  readonly file: string
  readonly kind: 'tile' | 'missing-file' | 'unexpected-file' | 'checkpoint' | 'key'
  readonly message: string
}

export interface TileReport {
  problem(problem: TileProblem): void
  note(file: string, message: string): void
}

export interface RootOptions {
  readonly files: FileSystem
  readonly dir: string
  readonly listing: TileListing
  readonly report: TileReport
  /** of the signed checkpoint */
  readonly size: number
  readonly root: Buffer
  /** tiles of level 0 and bundles that end at or below it may be gone */
  readonly minimumIndex: number
  /** what ends at or below it has been compared already */
  readonly from: number
  /** what is missing is a problem */
  readonly isComplete: boolean
  /** called with every entry that hashes to its leaf, in order */
  readonly onEntry?: (index: number, entry: Buffer) => void
}

export async function verifyTilesByRoot(options: RootOptions): Promise<void> {
  await new RootVerifier(options).run()
}

class RootVerifier {
  readonly #options: RootOptions

  constructor(options: RootOptions) {
    this.#options = options
  }

  async run(): Promise<void> {
    const { size, root, files, dir } = this.#options
    const edge = new Map<number, Buffer>()
    for (const { level, full, partial } of levelsOf(size)) {
      if (partial === 0) continue
      const tile = await findTile(files, dir, { level, index: full, width: partial })
      if (tile === undefined) this.#missing(level, full, partial)
      else edge.set(level, tile.bytes.subarray(0, partial * hashBytes))
    }
    const readTile = (level: number): Promise<Buffer> => Promise.resolve(edge.get(level) ?? Buffer.alloc(0))
    const isWhole = levelsOf(size).every(({ level, partial }) => partial === 0 || edge.has(level))
    const isProven = isWhole && (await openTree(size, { readTile }).root()).equals(root)
    for (const { level, full } of levelsOf(size).toReversed()) {
      const hashes = edge.get(level)
      if (hashes !== undefined) await this.#verifyBelow(level, full, hashes)
    }
    if (isWhole && !isProven) this.#reportEdge()
    this.#noteBeyond()
  }

  #problem(problem: TileProblem): void {
    this.#options.report.problem(problem)
  }

  #missing(level: TileLevel, index: number, width: number): void {
    const first = index * tileWidth * leavesPerHash(level)
    const file = tilePath(level, index, width)
    if (this.#options.isComplete)
      this.#problem({ index: first, file, kind: 'missing-file', message: 'the tile is missing' })
  }

  #reportEdge(): void {
    const { size } = this.#options
    for (const { level, full: index, partial } of levelsOf(size)) {
      if (partial === 0) continue
      const message = 'with the others at the edge it does not lead to the signed root'
      const first = index * tileWidth * leavesPerHash(level)
      this.#problem({ index: first, file: tilePath(level, index, partial), kind: 'tile', message })
    }
  }

  /** What hangs under a tile whose hashes are taken for right: tiles one level down, or the bundle. */
  async #verifyBelow(level: number, index: number, hashes: Buffer): Promise<void> {
    await this.#verifyPartials(level, index, hashes)
    if (level === 0) return await this.#verifyBundle(index, hashes)
    for (let at = 0; at < hashes.length; at += hashBytes) {
      const child = index * tileWidth + at / hashBytes
      const end = (child + 1) * tileWidth * leavesPerHash(level - 1)
      if (end > this.#options.from) await this.#verifyTile(level - 1, child, hashes.subarray(at, at + hashBytes))
    }
  }

  async #verifyTile(level: number, index: number, expected: Buffer): Promise<void> {
    const { files, dir } = this.#options
    const place = { level, index, width: tileWidth }
    const file = tilePath(level, index)
    const tile = await readTileFile(files, dir, place)
    if (tile === undefined) {
      await this.#judgeUnread(level, index, file)
      return level === 0 ? await this.#verifyBundleAlone(index, expected) : undefined
    }
    if (rootOfTile(tile.bytes).equals(expected)) return await this.#verifyBelow(level, index, tile.bytes)
    const first = index * tileWidth * leavesPerHash(level)
    const message = 'its hashes are not those of the tree; what is under it was not examined'
    this.#problem({ index: first, file, kind: 'tile', message })
  }

  async #judgeUnread(level: TileLevel, index: number, file: string): Promise<void> {
    const { files, dir, minimumIndex } = this.#options
    const first = index * tileWidth * leavesPerHash(level)
    if (!(await isAbsent(files, join(dir, file))))
      return this.#problem({ index: first, file, kind: 'tile', message: 'not of the form of a tile' })
    const isLeafLevel = level === 0 || level === 'entries'
    if (!isLeafLevel || (index + 1) * tileWidth > minimumIndex) this.#missing(level, index, tileWidth)
  }

  async #verifyBundle(index: number, leaves: Buffer): Promise<void> {
    const { files, dir, onEntry } = this.#options
    const width = leaves.length / hashBytes
    const bundle = await findTile(files, dir, { level: 'entries', index, width })
    if (bundle === undefined && width === tileWidth)
      return await this.#judgeUnread('entries', index, tilePath('entries', index))
    if (bundle === undefined) return this.#missing('entries', index, width)
    const entries = decodeBundle(bundle.bytes, bundle.width)?.slice(0, width) ?? []
    const place = this.#compareEntries(index, bundle, leaves)
    for (const [at, entry] of entries.entries()) if (place < 0 || at < place) onEntry?.(index * tileWidth + at, entry)
    for (const partial of this.#options.listing.partial.get(`entries/${index}`) ?? []) {
      const file =
        partial > width ? undefined : await readTileFile(files, dir, { level: 'entries', index, width: partial })
      if (file !== undefined && partial !== bundle.width) this.#compareEntries(index, file, leaves)
    }
  }

  /** A bundle whose tile of hashes is gone: what was pruned may stay, and is held against the hash one level up. */
  async #verifyBundleAlone(index: number, expected: Buffer): Promise<void> {
    const { files, dir, listing, onEntry } = this.#options
    const bundle = await readTileFile(files, dir, { level: 'entries', index, width: tileWidth })
    const entries = bundle && decodeBundle(bundle.bytes, tileWidth)
    const leaves = Buffer.concat(entries?.map((entry) => leafHash(entry)) ?? [])
    const isProven = entries !== undefined && rootOfTile(leaves).equals(expected)
    if (isProven) for (const [at, entry] of entries.entries()) onEntry?.(index * tileWidth + at, entry)
    else await this.#reportUnproven('entries', index, tileWidth)
    const places: readonly TileLevel[] = isProven ? [0] : [0, 'entries']
    for (const level of places)
      for (const width of listing.partial.get(`${level}/${index}`) ?? [])
        await this.#reportUnproven(level, index, width)
    for (const width of isProven ? (listing.partial.get(`entries/${index}`) ?? []) : []) {
      const file = await readTileFile(files, dir, { level: 'entries', index, width })
      if (file === undefined) await this.#reportUnproven('entries', index, width)
      else this.#compareEntries(index, file, leaves)
    }
  }

  async #reportUnproven(level: TileLevel, index: number, width: number): Promise<void> {
    const { files, dir } = this.#options
    const file = tilePath(level, index, width)
    if (await isAbsent(files, join(dir, file))) return
    const message = 'the tile of hashes is gone, and this does not lead to the one above it'
    this.#problem({ index: index * tileWidth, file, kind: 'tile', message })
  }

  /** -1 when every entry that has a leaf hashes to it. */
  #compareEntries(index: number, bundle: TileFile, leaves: Buffer): number {
    const known = leaves.length / hashBytes
    const place = differingEntry(bundle, leaves)
    // entries beyond the checkpoint have no leaf to be held against
    if (place < 0 || place >= known) return -1
    const file = tilePath('entries', index, bundle.width)
    const message = 'an entry is not the one that was signed'
    this.#problem({ index: index * tileWidth + place, file, kind: 'tile', message })
    return place
  }

  /** Partial tiles of the same place that were not removed: beginnings of the tile that is known. */
  async #verifyPartials(level: number, index: number, hashes: Buffer): Promise<void> {
    const { files, dir, listing } = this.#options
    for (const width of listing.partial.get(`${level}/${index}`) ?? []) {
      if (width * hashBytes > hashes.length) continue
      const file = tilePath(level, index, width)
      const tile = await readTileFile(files, dir, { level, index, width })
      const first = index * tileWidth * leavesPerHash(level)
      if (tile === undefined) {
        if (await isAbsent(files, join(dir, file))) continue
        this.#problem({ index: first, file, kind: 'tile', message: 'not of the form of a tile' })
        continue
      }
      const place = differingHash(tile.bytes, hashes)
      const message = 'a hash is not that of the tree'
      if (place >= 0) this.#problem({ index: first + place * leavesPerHash(level), file, kind: 'tile', message })
    }
  }

  #noteBeyond(): void {
    const { listing, size, report } = this.#options
    const isBeyond = (level: TileLevel, index: number, width: number): boolean =>
      (index * tileWidth + width) * leavesPerHash(level) > size
    let count = 0
    for (const [level, indices] of listing.full)
      for (const index of indices) if (isBeyond(level, index, tileWidth)) count += 1
    for (const [key, widths] of listing.partial) {
      const [level = '', index = ''] = key.split('/')
      for (const width of widths)
        if (isBeyond(level === 'entries' ? level : Number(level), Number(index), width)) count += 1
    }
    if (count > 0) report.note('tile', `${count} tiles beyond the checkpoint were not examined`)
  }
}
