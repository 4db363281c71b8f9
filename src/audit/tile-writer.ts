// Publishes the log as a tiled one (C2SP tlog-tiles): tiles, entry bundles and then, never before them, the signed
// `checkpoint`. They are derived: the segments stay the truth, and what is missing here is made again from them. No
// append waits for it and none fails by it; what the disk does not take is counted and tried again. Every file is
// made durable beside its place and renamed, so that a name never stands for half a tile.

import { join } from 'node:path'
import { Fault } from '../base/fault.ts'
import { maxNoteBytes, parseCheckpoint } from '../tlog/checkpoint.ts'
import { hashBytes } from '../tlog/merkle.ts'
import { createFrontier, type TileContent, type TileFrontier } from '../tlog/tile-frontier.ts'
import { encodeBundle } from '../tlog/tiles.ts'
import type { FileSystem } from './files.ts'
import { maxGroupRecords } from './frame.ts'
import type { TileEntries } from './group.ts'
import { createGroupSource, segmentIndices, type GroupSource } from './group-source.ts'
import { loadFrontier } from './load-frontier.ts'
import { replaceFile } from './replace-file.ts'
import { readSegmentHeader, segmentName } from './segment.ts'
import { createTileFolder, type TileFolder } from './tile-folder.ts'

export interface TileWriter {
  /** these records are durable in their segment, under this checkpoint: publish it, or a newer one, soon */
  offer(records: TileEntries, note: Buffer): void
  /** publishes what was offered last; rejects when the disk does not take it */
  flush(): Promise<void>
  /** flushes, if that does not mean to make the tiles of a whole log; lets go of what is open */
  close(): Promise<void>
  /** lets go of what is open and publishes nothing more */
  stop(): Promise<void>
  /**
   * To be asked before a group: undefined when its records can wait in memory for their tiles. Otherwise resolves when
   * they can, or when it is clear that they cannot soon: then they are read back later.
   */
  room(): Promise<void> | undefined
  readonly failures: number
}

export interface TileWriterOptions {
  readonly files: FileSystem
  readonly dir: string
  /** at most one publication in so many milliseconds */
  readonly intervalMs: number
  /** the tree as it was opened, durable, and its signed note */
  readonly size: number
  readonly note: Buffer
  /** records in the log itself that from here on it has tiles; called before the first tile of an older log */
  readonly sayLayout: () => Promise<void>
}

const maxBufferedRecords = 16_384 // bound: durable records that wait in memory for their tiles
const maxBufferedBytes = 16_777_216 // bound: bytes of durable records that wait in memory for their tiles
const busyRecords = maxBufferedRecords / 4
/** files that are written side by side: more would keep groups of records from the disk */
const tilesAtOnce = 4
/** so many records are still made into tiles when the log is closed; the rest when it is next opened */
const maxRecordsAtClose = 65_536
const parkRecords = 65_536

export function createTileWriter(options: TileWriterOptions): TileWriter {
  return new Publisher(options)
}

/** Not a failure: the log is being closed. */
class Stopped extends Error {
  override readonly name = 'Stopped'
}

class Publisher implements TileWriter {
  failures = 0
  readonly #options: TileWriterOptions
  readonly #folder: TileFolder
  readonly #source: GroupSource
  #newest: { size: number; note: Buffer }
  #publishedSize = -1
  #frontier: TileFrontier | undefined
  /** its size when it was found */
  #begunAt = 0
  #buffered: TileEntries[] = []
  #bufferedRecords = 0
  #bufferedBytes = 0
  /** full tiles that the disk has not taken yet */
  #full: TileContent[] = []
  #isCatchingUp = false
  #isFailing = false
  /** records read back since what was made of them was last left in a state to go on from */
  #unparked = 0
  /** how many records may still be read back before giving up; undefined while the log is open */
  #allowance: number | undefined
  #running: Promise<void> = Promise.resolve()
  #waiting: Promise<void> | undefined
  #isPublishing = false
  #timer: NodeJS.Timeout | undefined

  constructor(options: TileWriterOptions) {
    this.#options = options
    this.#newest = { size: options.size, note: options.note }
    this.#folder = createTileFolder(options.files, options.dir)
    this.#source = createGroupSource(options.files, options.dir)
    // what a crash left half done is found and mended also when nothing new comes
    if (options.size > 0) this.#schedule()
  }

  offer(records: TileEntries, note: Buffer): void {
    this.#newest = { size: records.first + records.count, note }
    this.#buffered.push(records)
    this.#bufferedRecords += records.count
    this.#bufferedBytes += records.entries.length
    if (this.#bufferedRecords > maxBufferedRecords || this.#bufferedBytes > maxBufferedBytes) this.#forget()
    else if (this.#bufferedRecords >= busyRecords && !this.#isPublishing) this.flush().catch(() => this.#schedule())
    this.#schedule()
  }

  room(): Promise<void> | undefined {
    const isFull =
      this.#bufferedRecords + maxGroupRecords > maxBufferedRecords || this.#bufferedBytes > maxBufferedBytes / 2
    // a disk that takes no tiles, or a log that gets its first, would keep records waiting for long
    if (!isFull || this.#isFailing || this.#isCatchingUp || this.#frontier === undefined) return undefined
    return this.flush().catch(() => undefined)
  }

  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    // one at a time, also after one that failed; one that has not begun yet will publish the newest
    const publish = (): Promise<void> => {
      this.#waiting = undefined
      return this.#publishCounted()
    }
    this.#waiting ??= this.#running.then(publish, publish)
    this.#running = this.#waiting
    return this.#waiting
  }

  async close(): Promise<void> {
    this.#allowance = maxRecordsAtClose
    try {
      await this.flush()
    } finally {
      await this.stop()
    }
  }

  async stop(): Promise<void> {
    this.#allowance ??= 0
    clearTimeout(this.#timer)
    await this.#running.catch(() => undefined)
    clearTimeout(this.#timer)
    await this.#source.close()
  }

  #schedule(): void {
    if (this.#allowance !== undefined) return
    this.#timer ??= setTimeout(() => {
      this.flush().catch(() => this.#schedule())
    }, this.#options.intervalMs).unref()
  }

  // what is dropped here is read back from the segments
  #forget(): void {
    this.#buffered = []
    this.#bufferedRecords = 0
    this.#bufferedBytes = 0
  }

  async #publishCounted(): Promise<void> {
    this.#isPublishing = true
    try {
      await this.#publish()
      this.#isFailing = false
    } catch (error) {
      this.#isFailing = true
      if (!(error instanceof Stopped)) this.failures += 1
      throw error
    } finally {
      this.#isPublishing = false
    }
  }

  async #publish(): Promise<void> {
    const frontier = this.#frontier ?? (await this.#findFrontier())
    if (this.#frontier === undefined) this.#begunAt = frontier.size
    this.#frontier = frontier
    const { size, note } = this.#newest
    if (size === this.#publishedSize) return
    await this.#advance(frontier, size)
    if (this.#isCatchingUp) this.#checkRoot(frontier, note)
    await this.#folder.writePartials(frontier.partials())
    await this.#folder.sync()
    const { files, dir } = this.#options
    await replaceFile(files, join(dir, 'checkpoint'), note)
    // before the tiles of the one before go: after a power cut a checkpoint has its own
    await files.syncFolder(dir)
    this.#publishedSize = size
    await this.#folder.removeStale()
  }

  /** Where the tiles on the disk are proven to be right, as near to their end as can be. */
  async #findFrontier(): Promise<TileFrontier> {
    const { files, dir, sayLayout } = this.#options
    const bytes = await files.readFile(join(dir, 'checkpoint'), maxNoteBytes)
    const published = bytes && parseCheckpoint(bytes)
    if (published === undefined) throw new Fault('LEDGER_CORRUPT', 'the checkpoint file is missing')
    const { size, root } = published
    if (size > 0 && (await files.list(join(dir, 'tile'))).length === 0) await sayLayout()
    const indices = (await segmentIndices(files, dir)).toReversed()
    const minimumIndex = indices.at(-1) ?? 0
    // an opening before this one may have come further than to what is published, and not to its end
    const later = await this.#findSegmentFrontier(
      indices.filter((index) => index > size),
      minimumIndex,
    )
    if (later !== undefined) return later
    const frontier = size === 0 ? createFrontier() : await loadFrontier({ files, dir, size, root, minimumIndex })
    if (frontier !== undefined) {
      if (await this.#folder.adopt(frontier.partials())) this.#publishedSize = size
      return frontier
    }
    this.#isCatchingUp = true
    const earlier = await this.#findSegmentFrontier(
      indices.filter((index) => index <= size),
      minimumIndex,
    )
    if (earlier !== undefined) return earlier
    throw new Fault('LEDGER_CORRUPT', 'the tiles of records that are no longer kept are missing', {
      hint: 'restore the folder `tile` of the log from a backup',
    })
  }

  /** The first place of these, where segments begin with the signed edge of the tree, that has its tiles. */
  async #findSegmentFrontier(indices: readonly number[], minimumIndex: number): Promise<TileFrontier | undefined> {
    const { files, dir } = this.#options
    for (const firstIndex of indices) {
      if (firstIndex === 0) return createFrontier()
      const file = await files.open(join(dir, 'segments', segmentName(firstIndex)), 'read')
      const header = await readSegmentHeader(file).finally(() => file.close())
      if (header?.firstIndex !== firstIndex) continue
      const frontier = await loadFrontier({ files, dir, size: firstIndex, root: header.edge.root(), minimumIndex })
      if (frontier !== undefined) return frontier
    }
    return undefined
  }

  /** Lets the tiles grow to exactly this size, from memory where it has the records and else from the segments. */
  async #advance(frontier: TileFrontier, size: number): Promise<void> {
    await this.#writeFull(1)
    while (frontier.size < size) {
      const next = this.#buffered[0]
      if (next !== undefined && next.first < frontier.size) this.#take()
      else if (next?.first === frontier.size) await this.#add(frontier, this.#take() ?? next)
      else await this.#readBack(frontier)
      if (this.#unparked >= parkRecords) await this.#park(frontier)
    }
    await this.#writeFull(1)
    // kept open while the records come faster than their tiles: its place need not be found again
    if (frontier.size === this.#newest.size || this.#buffered[0]?.first === frontier.size) await this.#source.close()
  }

  /** What was read back leads to what was signed; from memory nothing else can come. */
  #checkRoot(frontier: TileFrontier, note: Buffer): void {
    if (parseCheckpoint(note)?.root.equals(frontier.root()) !== true) {
      this.#frontier = undefined
      this.#full = []
      throw new Fault('LEDGER_CORRUPT', 'the records do not lead to the checkpoint', {
        hint: 'run `sallyport audit verify`',
      })
    }
    this.#isCatchingUp = false
  }

  #take(): TileEntries | undefined {
    const taken = this.#buffered.shift()
    this.#bufferedRecords -= taken?.count ?? 0
    this.#bufferedBytes -= taken?.entries.length ?? 0
    return taken
  }

  async #readBack(frontier: TileFrontier): Promise<void> {
    this.#isCatchingUp = true
    const group = await this.#source.read(frontier.size)
    if (group === undefined) throw new Fault('LEDGER_CORRUPT', `record ${frontier.size} is not in the segments`)
    if (this.#allowance !== undefined && (this.#allowance -= group.records.length) < 0 && (await this.#isFurther())) {
      await this.#park(frontier)
      throw new Stopped('the log is being closed')
    }
    this.#unparked += group.records.length
    const entries = encodeBundle(group.records.map(({ envelope }) => envelope))
    await this.#add(frontier, { first: frontier.size, count: group.records.length, leaves: group.hashes, entries })
  }

  /** True when the next opening can begin further on than this one did. */
  async #isFurther(): Promise<boolean> {
    const { files, dir } = this.#options
    const size = this.#frontier?.size ?? 0
    return (await segmentIndices(files, dir)).some((index) => index > this.#begunAt && index <= size)
  }

  /** So that the next opening goes on from the last segment before this place, if there is no publication before. */
  async #park(frontier: TileFrontier): Promise<void> {
    this.#unparked = 0
    await this.#folder.writePartials(frontier.partials())
    await this.#folder.sync()
  }

  async #add(frontier: TileFrontier, { count, leaves, entries }: TileEntries): Promise<void> {
    let at = 0
    for (let place = 0; place < count; place += 1) {
      const end = at + 2 + entries.readUInt16BE(at)
      this.#full.push(...frontier.append(leaves, place * hashBytes, entries.subarray(at, end)))
      at = end
    }
    await this.#writeFull(tilesAtOnce)
  }

  /** Writes full tiles while there are so many. */
  async #writeFull(least: number): Promise<void> {
    while (this.#full.length >= least) {
      const tiles = this.#full.slice(0, tilesAtOnce)
      await this.#folder.writeFull(tiles, { isMaybeThere: this.#isCatchingUp })
      this.#full = this.#full.slice(tiles.length)
    }
  }
}
