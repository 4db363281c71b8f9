// The right edge of a tiled log (C2SP tlog-tiles) as it grows: the tile that is being filled at each level and the
// entry bundle beside them. All that is needed to write the tiles of a log, or to say what they must be, without
// looking back. It holds at most one tile a level and one bundle; it touches no disk.

import { invariant } from '../base/invariant.ts'
import { createEdge, hashBytes } from './merkle.ts'
import { decodeBundle, levelsOf, rootOfTile, tileWidth, type TileLevel } from './tiles.ts'

export interface TileContent {
  readonly level: TileLevel
  readonly index: number
  readonly width: number
  readonly bytes: Buffer
  /** of a bundle: the leaf hashes of its entries */
  readonly leaves?: Buffer
}

export interface TileFrontier {
  /** leaves of the tree */
  readonly size: number
  /**
   * The next leaf and its entry, which is given as it stands in a bundle. Answers what became full by it: the
   * bundle, then the tile of level 0, then those above. Their bytes stay as they are. Who has grown the tree as well
   * may give the hash of the tile of level 0, for when this leaf is its last: it need not be computed twice.
   */
  append(leaves: Buffer, leafAt: number, entry: Buffer, lastTile?: Buffer): readonly TileContent[]
  /** the tiles and the bundle that are not full; views that the next append changes */
  partials(): TileContent[]
  root(): Buffer
}

/** What a frontier begins with: the partial tiles by level, of the widths that the size says, and the partial bundle. */
export interface FrontierStart {
  readonly size: number
  readonly levels: readonly Buffer[]
  readonly bundle: Buffer
}

export function createFrontier(start: FrontierStart = { size: 0, levels: [], bundle: Buffer.alloc(0) }): TileFrontier {
  return new Frontier(start)
}

const none: readonly TileContent[] = []
const tileBytes = tileWidth * hashBytes

class Frontier implements TileFrontier {
  size: number
  readonly #levels: Buffer[] = []
  #bundle: Buffer
  #bundleBytes: number

  constructor({ size, levels, bundle }: FrontierStart) {
    this.size = size
    for (const { level, partial } of levelsOf(size)) {
      const hashes = levels[level] ?? Buffer.alloc(0)
      invariant(hashes.length === partial * hashBytes, 'a partial tile has the width that its tree says')
      this.#levels[level] = Buffer.concat([hashes], tileBytes)
    }
    invariant(decodeBundle(bundle, size % tileWidth) !== undefined, 'a partial bundle has the width that its tree says')
    this.#bundle = Buffer.from(bundle)
    this.#bundleBytes = bundle.length
  }

  append(leaves: Buffer, leafAt: number, entry: Buffer, lastTile?: Buffer): readonly TileContent[] {
    this.#addEntry(entry)
    let at = this.size
    this.size += 1
    this.#tile(0).set(leaves.subarray(leafAt, leafAt + hashBytes), (at % tileWidth) * hashBytes)
    if (at % tileWidth < tileWidth - 1) return none
    const full: TileContent[] = [this.#endBundle(Math.floor(at / tileWidth), this.#tile(0))]
    for (let level = 0; at % tileWidth === tileWidth - 1; level += 1) {
      const bytes = this.#tile(level)
      const index = Math.floor(at / tileWidth)
      full.push({ level, index, width: tileWidth, bytes })
      this.#levels[level] = Buffer.alloc(tileBytes)
      const hash = (level === 0 ? lastTile : undefined) ?? rootOfTile(bytes)
      this.#tile(level + 1).set(hash, (index % tileWidth) * hashBytes)
      at = index
    }
    return full
  }

  partials(): TileContent[] {
    const contents: TileContent[] = []
    for (const { level, full, partial } of levelsOf(this.size)) {
      if (partial === 0) continue
      const tile = { index: full, width: partial }
      const bytes = this.#tile(level).subarray(0, partial * hashBytes)
      const bundle = this.#bundle.subarray(0, this.#bundleBytes)
      if (level === 0) contents.push({ level: 'entries', ...tile, bytes: bundle, leaves: bytes })
      contents.push({ level, ...tile, bytes })
    }
    return contents
  }

  root(): Buffer {
    const hashes: Buffer[] = []
    for (const { level, partial } of levelsOf(this.size).toReversed()) {
      let at = 0
      for (let power = tileWidth / 2; power >= 1; power /= 2) {
        if (partial % (2 * power) < power) continue
        hashes.push(rootOfTile(this.#tile(level).subarray(at * hashBytes, (at + power) * hashBytes)))
        at += power
      }
    }
    return createEdge(this.size, Buffer.concat(hashes)).root()
  }

  #tile(level: number): Buffer {
    const tile = this.#levels[level] ?? Buffer.alloc(tileBytes)
    this.#levels[level] = tile
    return tile
  }

  #addEntry(entry: Buffer): void {
    const end = this.#bundleBytes + entry.length
    if (end > this.#bundle.length) {
      const larger = Buffer.allocUnsafe(Math.max(end, 2 * this.#bundle.length))
      this.#bundle.copy(larger, 0, 0, this.#bundleBytes)
      this.#bundle = larger
    }
    entry.copy(this.#bundle, this.#bundleBytes)
    this.#bundleBytes = end
  }

  #endBundle(index: number, leaves: Buffer): TileContent {
    const bytes = this.#bundle.subarray(0, this.#bundleBytes)
    // as large as this one will be, most likely
    this.#bundle = Buffer.allocUnsafe(this.#bundleBytes)
    this.#bundleBytes = 0
    return { level: 'entries', index, width: tileWidth, bytes, leaves }
  }
}
