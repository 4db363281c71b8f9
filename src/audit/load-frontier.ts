// The right edge of a tiled log as its folder has it, proven: every partial tile is under the root that was signed,
// every entry of the partial bundle hashes to its leaf, and the last full ones are under the hashes above them.
// Undefined when anything of that is missing or wrong; it repairs nothing and reads a few dozen files at most.

import { createFrontier, type TileFrontier } from '../tlog/tile-frontier.ts'
import { hashBytes, leafHash } from '../tlog/merkle.ts'
import { decodeBundle, encodeBundle, levelsOf, rootOfTile, tileWidth } from '../tlog/tiles.ts'
import type { FileSystem } from './files.ts'
import { findTile, type TileFile } from './tile-files.ts'

export interface Frontage {
  readonly files: FileSystem
  readonly dir: string
  readonly size: number
  /** of the tree of that size, signed or grown from what is */
  readonly root: Buffer
  /** tiles of level 0 and bundles that end at or below it may be gone */
  readonly minimumIndex: number
}

/** how many full tiles and bundles before the edge are looked at */
export const lastTiles = 8

export async function loadFrontier(frontage: Frontage): Promise<TileFrontier | undefined> {
  const { files, dir, size, root } = frontage
  const levels: Buffer[] = []
  for (const { level, full, partial } of levelsOf(size)) {
    const tile = partial === 0 ? undefined : await findTile(files, dir, { level, index: full, width: partial })
    if (partial > 0 && tile === undefined) return undefined
    levels.push(tile?.bytes.subarray(0, partial * hashBytes) ?? Buffer.alloc(0))
  }
  const width = size % tileWidth
  const bundle =
    width === 0
      ? undefined
      : await findTile(files, dir, { level: 'entries', index: Math.floor(size / tileWidth), width })
  if (width > 0 && bundle === undefined) return undefined
  const entries = bundle === undefined ? [] : firstEntries(bundle, width)
  if (!doEntriesHash(entries, levels[0] ?? Buffer.alloc(0))) return undefined
  const frontier = createFrontier({ size, levels, bundle: encodeBundle(entries) })
  return frontier.root().equals(root) && (await areLastTilesSound(frontage, levels)) ? frontier : undefined
}

function firstEntries({ bytes, width }: TileFile, count: number): Buffer[] {
  return decodeBundle(bytes, width)?.slice(0, count) ?? []
}

function doEntriesHash(entries: readonly Buffer[], hashes: Buffer): boolean {
  return (
    entries.length * hashBytes === hashes.length &&
    entries.every((entry, at) => leafHash(entry).equals(hashes.subarray(at * hashBytes, (at + 1) * hashBytes)))
  )
}

async function areLastTilesSound(
  { files, dir, size, minimumIndex }: Frontage,
  levels: readonly Buffer[],
): Promise<boolean> {
  for (const { level, full } of levelsOf(size)) {
    const above = levels[level + 1] ?? Buffer.alloc(0)
    const known = Math.min(above.length / hashBytes, full, level === 0 ? lastTiles : 1)
    for (let back = 1; back <= known; back += 1) {
      const index = full - back
      if (level === 0 && (index + 1) * tileWidth <= minimumIndex) break
      const tile = await findTile(files, dir, { level, index, width: tileWidth })
      const hash = above.subarray(above.length - back * hashBytes, above.length - (back - 1) * hashBytes)
      if (tile === undefined || !rootOfTile(tile.bytes).equals(hash)) return false
      if (level > 0) continue
      const bundle = await findTile(files, dir, { level: 'entries', index, width: tileWidth })
      if (bundle === undefined || !doEntriesHash(firstEntries(bundle, tileWidth), tile.bytes)) return false
    }
  }
  return true
}
