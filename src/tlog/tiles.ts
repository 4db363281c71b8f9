// Names and contents of the files of a tiled log, as C2SP tlog-tiles has them: tiles of 256 hashes, bundles of 256
// entries, the partial ones at the right edge. One spelling per name. Names and bundles are read from hostile disks:
// what is not exactly as it would be written is undefined, and nothing throws.

import { invariant } from '../base/invariant.ts'
import { createEdge, hashBytes } from './merkle.ts'

export const tileWidth = 256
/** `entries` are bundles of log entries, numbers the levels of the tree: 0 holds leaf hashes */
export type TileLevel = number | 'entries'

export interface TileName {
  readonly level: TileLevel
  readonly index: number
  /** 256 for a full one */
  readonly width: number
}

const maxLevel = 63
const maxEntryBytes = 65_535
const namePattern = /^tile\/(entries|0|[1-9]\d?)\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/

/** `tile/<L>/<N>[.p/<W>]`, below the folder or URL of a log. */
export function tilePath(level: TileLevel, index: number, width: number = tileWidth): string {
  invariant(Number.isSafeInteger(index) && index >= 0, 'the index of a tile is a safe integer')
  invariant(width >= 1 && width <= tileWidth, 'a tile is 1 to 256 wide')
  let path = String(index % 1_000).padStart(3, '0')
  for (let rest = Math.floor(index / 1_000); rest > 0; rest = Math.floor(rest / 1_000))
    path = `x${String(rest % 1_000).padStart(3, '0')}/${path}`
  return `tile/${level}/${path}${width === tileWidth ? '' : `.p/${width}`}`
}

/** Undefined unless the text is the one spelling of a tile's name. */
export function parseTilePath(path: string): TileName | undefined {
  const [, levelText, indexText, widthText] = namePattern.exec(path) ?? []
  if (levelText === undefined || indexText === undefined) return undefined
  const level = levelText === 'entries' ? 'entries' : Number(levelText)
  const index = Number(indexText.replaceAll(/[x/]/g, ''))
  const width = widthText === undefined ? tileWidth : Number(widthText)
  if (level !== 'entries' && level > maxLevel) return undefined
  if (!Number.isSafeInteger(index) || (widthText !== undefined && width >= tileWidth)) return undefined
  return tilePath(level, index, width) === path ? { level, index, width } : undefined
}

/** How many leaves one hash of a level stands for. */
export function leavesPerHash(level: TileLevel): number {
  return level === 'entries' ? 1 : tileWidth ** level
}

export interface LevelTiles {
  readonly level: number
  /** tiles 0 to full - 1 are full */
  readonly full: number
  /** width of the one after them; 0 when there is none */
  readonly partial: number
}

/** The tiles of a tree of so many leaves, level by level; bundles are as the tiles of level 0. */
export function levelsOf(size: number): LevelTiles[] {
  invariant(Number.isSafeInteger(size) && size >= 0, 'a tree size is a safe integer')
  const levels: LevelTiles[] = []
  for (let count = size, level = 0; count > 0; count = Math.floor(count / tileWidth), level += 1)
    levels.push({ level, full: Math.floor(count / tileWidth), partial: count % tileWidth })
  return levels
}

/** Appends an entry to a bundle that is being built; returns where it ends. The caller keeps the room. */
export function writeEntry(bundle: Buffer, at: number, entry: Buffer): number {
  invariant(entry.length <= maxEntryBytes, 'an entry of a bundle has at most 65,535 bytes')
  const payloadAt = bundle.writeUInt16BE(entry.length, at)
  return payloadAt + entry.copy(bundle, payloadAt)
}

export function encodeBundle(entries: readonly Buffer[]): Buffer {
  const bundle = Buffer.allocUnsafe(entries.reduce((sum, entry) => sum + 2 + entry.length, 0))
  let at = 0
  for (const entry of entries) at = writeEntry(bundle, at, entry)
  return bundle
}

/** The entries of a bundle that must hold exactly so many; views of its bytes. Undefined when it does not. */
export function decodeBundle(bytes: Buffer, count: number): Buffer[] | undefined {
  const entries: Buffer[] = []
  let at = 0
  while (entries.length < count) {
    if (at + 2 > bytes.length) return undefined
    const end = at + 2 + bytes.readUInt16BE(at)
    if (end > bytes.length) return undefined
    entries.push(bytes.subarray(at + 2, end))
    at = end
  }
  return at === bytes.length ? entries : undefined
}

/** The hash that a full tile has in the level above: the root over its 256 hashes. */
export function rootOfTile(hashes: Buffer): Buffer {
  const edge = createEdge()
  for (let at = 0; at < hashes.length; at += hashBytes) edge.append(hashes, at)
  return edge.root()
}
