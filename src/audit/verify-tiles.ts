// Holds the tiles and entry bundles of a log (C2SP tlog-tiles) against its tree: what is missing, what was changed,
// what does not belong. The leaves come from whoever walks the segments, so that nothing is read or hashed twice;
// where that walk has lost its way, the signed root says what the tiles must be (verify-tiles-by-root.ts). It never writes.

import { join } from 'node:path'
import type { UnverifiedCheckpoint } from '../tlog/checkpoint.ts'
import { createFrontier, type TileContent } from '../tlog/tile-frontier.ts'
import { leavesPerHash, levelsOf, tilePath, tileWidth, writeEntry, type TileLevel } from '../tlog/tiles.ts'
import type { FileSystem } from './files.ts'
import { maxEnvelopeBytes } from './frame.ts'
import type { TileListing } from './list-tiles.ts'
import { differingEntry, differingHash, findTile, isAbsent, readTileFile } from './tile-files.ts'
import { verifyTilesByRoot, type TileReport } from './verify-tiles-by-root.ts'

export interface TileVerifierOptions {
  readonly files: FileSystem
  readonly dir: string
  readonly listing: TileListing
  readonly report: TileReport
}

export interface TileVerifier {
  /**
   * The leaf hash of the next record, and its envelope as it stands in the segment. Of a tree that has grown by a
   * group: the hash of the tile that was completed in it, if one was.
   */
  add(leaves: Buffer, leafAt: number, envelope: Buffer, lastTile: Buffer): void
  /** compares what has become complete */
  settle(): Promise<void>
  /** the records that follow are not known */
  lose(): void
  finish(end: TileEnd): Promise<void>
}

export interface TileEnd {
  /** what is published, signed */
  readonly checkpoint: Pick<UnverifiedCheckpoint, 'size' | 'root'>
  /** the log has said, in a record that the checkpoint covers, that it has tiles */
  readonly isComplete: boolean
  /** tiles of level 0 and bundles that end at or below it may be gone */
  readonly minimumIndex: number
  /** a later checkpoint was published since the tiles were listed */
  readonly isMoving: boolean
}

export function createTileVerifier(options: TileVerifierOptions): TileVerifier {
  return new Verifier(options)
}

const maxMissing = 1_000
const maxRunning = 16

class Verifier implements TileVerifier {
  readonly #options: TileVerifierOptions
  readonly #frontier = createFrontier()
  readonly #entry = Buffer.alloc(2 + maxEnvelopeBytes)
  #complete: TileContent[] = []
  #missing: { level: TileLevel; index: number }[] = []
  /** files are read while the walk goes on */
  #running: Promise<void>[] = []
  readonly #errors: unknown[] = []
  #isLost = false

  constructor(options: TileVerifierOptions) {
    this.#options = options
  }

  add(leaves: Buffer, leafAt: number, envelope: Buffer, lastTile: Buffer): void {
    if (this.#isLost) return
    const end = writeEntry(this.#entry, 0, envelope)
    this.#complete.push(...this.#frontier.append(leaves, leafAt, this.#entry.subarray(0, end), lastTile))
  }

  async settle(): Promise<void> {
    const complete = this.#complete
    if (complete.length === 0) return
    this.#complete = []
    for (const tile of complete) {
      const comparison = this.#compare(tile).catch((error: unknown) => {
        this.#errors.push(error)
      })
      this.#running.push(comparison)
    }
    if (this.#running.length > maxRunning) await this.#settleAll()
  }

  async #settleAll(): Promise<void> {
    await Promise.all(this.#running)
    this.#running = []
    if (this.#errors.length > 0) throw this.#errors[0]
  }

  lose(): void {
    this.#isLost = true
  }

  async finish(end: TileEnd): Promise<void> {
    await this.settle()
    await this.#settleAll()
    const { checkpoint, minimumIndex } = end
    const from = this.#frontier.size
    if (this.#isLost || checkpoint.size > from) {
      this.#judgeMissing(end)
      return await verifyTilesByRoot({
        ...this.#options,
        ...checkpoint,
        minimumIndex,
        from,
        isComplete: end.isComplete,
      })
    }
    for (const tile of this.#frontier.partials()) await this.#compare(tile)
    await this.#judgePublished(end)
    this.#judgeMissing(end)
    this.#judgeBeyond()
  }

  /** The partial tiles of what is published: they stay until a later checkpoint is. */
  async #judgePublished({ checkpoint, isComplete, isMoving }: TileEnd): Promise<void> {
    if (!isComplete) return
    const { files, dir, listing, report } = this.#options
    let isOlder = false
    for (const { level, full: index, partial } of levelsOf(checkpoint.size)) {
      if (partial === 0) continue
      for (const each of level === 0 ? (['entries', 0] as const) : [level]) {
        const widths = this.#widths(each, index)
        if (widths.includes(partial)) continue
        const isLater = listing.full.get(each)?.has(index) === true || (widths.at(-1) ?? 0) > partial
        const wanted = { level: each, index, width: partial }
        if (isLater && !isMoving) isOlder = true
        else if (!isLater && (await findTile(files, dir, wanted)) === undefined)
          this.#reportMissing(each, index, partial)
      }
    }
    const message = 'the tiles are of a later checkpoint: this one was put back, or its tiles were removed'
    if (isOlder) report.problem({ index: checkpoint.size, file: 'checkpoint', kind: 'checkpoint', message })
  }

  #widths(level: TileLevel, index: number): number[] {
    return this.#options.listing.partial.get(`${level}/${index}`)?.toSorted((a, b) => a - b) ?? []
  }

  /** A tile that is known, against the file of its name and the partial ones that it has grown from. */
  async #compare(tile: TileContent): Promise<void> {
    const { level, index, width } = tile
    const isFull = width === tileWidth
    const isThere = isFull && this.#options.listing.full.get(level)?.has(index) === true
    if (isThere) await this.#compareFile(tile, tileWidth)
    else if (isFull && this.#missing.length < maxMissing) this.#missing.push({ level, index })
    for (const partial of this.#widths(level, index)) if (partial <= width) await this.#compareFile(tile, partial)
  }

  async #compareFile({ level, index, bytes, leaves }: TileContent, width: number): Promise<void> {
    const { files, dir, report } = this.#options
    const path = tilePath(level, index, width)
    const file = await readTileFile(files, dir, { level, index, width })
    const first = index * tileWidth * leavesPerHash(level)
    if (file === undefined) {
      // a writer removes partial ones once there are wider ones
      const isGone = width < tileWidth && (await isAbsent(files, join(dir, path)))
      if (!isGone) report.problem({ index: first, file: path, kind: 'tile', message: 'not of the form of a tile' })
      return
    }
    if (bytes.subarray(0, file.bytes.length).equals(file.bytes)) return
    const place = leaves === undefined ? differingHash(file.bytes, bytes) : differingEntry(file, leaves)
    // the entries may be right and the record in the segment wrong, which is told there
    if (place < 0) return
    const message = leaves === undefined ? 'a hash is not that of the tree' : 'an entry is not the one that was signed'
    report.problem({ index: first + place * leavesPerHash(level), file: path, kind: 'tile', message })
  }

  #judgeMissing({ checkpoint, isComplete, minimumIndex }: TileEnd): void {
    for (const { level, index } of this.#missing) {
      const end = (index + 1) * tileWidth * leavesPerHash(level)
      const isPruned = (level === 0 || level === 'entries') && end <= minimumIndex
      if (isComplete && end <= checkpoint.size && !isPruned) this.#reportMissing(level, index, tileWidth)
    }
    this.#missing = []
  }

  #reportMissing(level: TileLevel, index: number, width: number): void {
    const first = index * tileWidth * leavesPerHash(level)
    const file = tilePath(level, index, width)
    this.#options.report.problem({ index: first, file, kind: 'missing-file', message: 'the tile is missing' })
  }

  /** Listed before the walk, so nothing that is made from durable records can be beyond its end. */
  #judgeBeyond(): void {
    const { listing, report } = this.#options
    const judge = (level: TileLevel, index: number, width: number): void => {
      if ((index * tileWidth + width) * leavesPerHash(level) <= this.#frontier.size) return
      const file = tilePath(level, index, width)
      report.problem({
        index: this.#frontier.size,
        file,
        kind: 'unexpected-file',
        message: 'of records that are not there',
      })
    }
    for (const [level, indices] of listing.full) for (const index of indices) judge(level, index, tileWidth)
    for (const [key, widths] of listing.partial) {
      const [level = '', index = ''] = key.split('/')
      for (const width of widths) judge(level === 'entries' ? level : Number(level), Number(index), width)
    }
  }
}
