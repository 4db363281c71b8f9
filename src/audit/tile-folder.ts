// The files of a tiled log as its one writer puts them there: full tiles for good, partial ones until wider ones are
// published. Each is written and synced as `tile-<n>.tmp` and renamed to its name; the folders that it changed are
// synced before a checkpoint speaks of it. It removes partial tiles, and nothing else.

import { dirname, join } from 'node:path'
import type { TileContent } from '../tlog/tile-frontier.ts'
import { tilePath } from '../tlog/tiles.ts'
import { errorCode, type FileSystem } from './files.ts'
import { writeDurably } from './replace-file.ts'
import { partialWidths, readTileFile } from './tile-files.ts'

export interface TileFolder {
  /** side by side; `isMaybeThere`: they may have been written before, and what is there is not written again */
  writeFull(tiles: readonly TileContent[], options: { isMaybeThere: boolean }): Promise<void>
  /** those of the tree that is published next; what stands there from the last publication is not written again */
  writePartials(tiles: readonly TileContent[]): Promise<void>
  /** takes the partial tiles that lie there for the published ones; false when one is missing or another */
  adopt(tiles: readonly TileContent[]): Promise<boolean>
  /** makes durable which files there are */
  sync(): Promise<void>
  /** the checkpoint of the partials written last is published: others go */
  removeStale(): Promise<void>
}

export function createTileFolder(files: FileSystem, dir: string): TileFolder {
  return new Folder(files, dir)
}

type Place = Pick<TileContent, 'level' | 'index'>

const maxKnownFolders = 64

class Folder implements TileFolder {
  readonly #files: FileSystem
  readonly #dir: string
  /** folders that need not be made */
  #known = new Set<string>()
  readonly #unsynced = new Set<string>()
  #published = new Map<string, Place>()
  #next = new Map<string, Place>()
  #isSwept = false

  constructor(files: FileSystem, dir: string) {
    this.#files = files
    this.#dir = dir
  }

  async writeFull(tiles: readonly TileContent[], { isMaybeThere }: { isMaybeThere: boolean }): Promise<void> {
    const writeOne = async (tile: TileContent, slot: number): Promise<void> => {
      const there = isMaybeThere ? await readTileFile(this.#files, this.#dir, tile) : undefined
      if (there === undefined || !there.bytes.equals(tile.bytes)) await this.#write(tile, slot)
    }
    // all have ended before one is tried again: they write under the same temporary names
    const ends = await Promise.allSettled(tiles.map(writeOne))
    for (const end of ends) if (end.status === 'rejected') throw end.reason
  }

  async writePartials(tiles: readonly TileContent[]): Promise<void> {
    // what an attempt before this one wrote, and was never published, goes with the published ones
    for (const [path, tile] of this.#next) this.#published.set(path, tile)
    this.#next = new Map()
    for (const tile of tiles) {
      const path = tilePath(tile.level, tile.index, tile.width)
      if (!this.#published.has(path)) await this.#write(tile)
      this.#next.set(path, { level: tile.level, index: tile.index })
    }
  }

  async adopt(tiles: readonly TileContent[]): Promise<boolean> {
    let areAllThere = true
    for (const { level, index, width, bytes } of tiles) {
      const there = await readTileFile(this.#files, this.#dir, { level, index, width })
      if (there?.bytes.equals(bytes) === true) this.#published.set(tilePath(level, index, width), { level, index })
      else areAllThere = false
    }
    return areAllThere
  }

  async sync(): Promise<void> {
    for (const folder of this.#unsynced) {
      await this.#files.syncFolder(folder).catch((error: unknown) => {
        // somebody removed it; what is written next makes it again
        if (errorCode(error) !== 'ENOENT') throw error
        this.#known.clear()
      })
      this.#unsynced.delete(folder)
    }
  }

  async removeStale(): Promise<void> {
    const stale = [...this.#published].filter(([path]) => !this.#next.has(path))
    for (const [path, tile] of stale) {
      const folder = dirname(join(this.#dir, path))
      await this.#removePartial(join(this.#dir, path))
      const isGoneOnWith = [...this.#next.values()].some(
        ({ level, index }) => level === tile.level && index === tile.index,
      )
      if (!isGoneOnWith) await this.#removeFolder(folder)
      this.#published.delete(path)
    }
    for (const [path, tile] of this.#next) this.#published.set(path, tile)
    this.#next = new Map()
    if (!this.#isSwept) await this.#sweep()
    this.#isSwept = true
  }

  /** Partial tiles that a crash left near the edge: of sizes that nobody publishes any more. */
  async #sweep(): Promise<void> {
    for (const { level, index } of this.#published.values()) {
      const folder = dirname(join(this.#dir, tilePath(level, index)))
      for (const name of (await this.#files.list(folder)).filter((each) => each.endsWith('.p'))) {
        for (const width of await partialWidths(this.#files, join(folder, name))) {
          const path = join(folder, name, String(width))
          if (!this.#published.has(path.slice(this.#dir.length + 1))) await this.#removePartial(path)
        }
        if (name !== `${tilePath(level, index).slice(-3)}.p`) await this.#removeFolder(join(folder, name))
      }
    }
  }

  async #write({ level, index, width, bytes }: TileContent, slot = 0): Promise<void> {
    const path = join(this.#dir, tilePath(level, index, width))
    const folder = dirname(path)
    if (!this.#known.has(folder)) await this.#makeFolder(folder)
    const beside = join(this.#dir, `tile-${slot}.tmp`)
    await writeDurably(this.#files, beside, bytes)
    await this.#files.rename(beside, path).catch((error: unknown) => {
      // somebody may have removed the folder: the next attempt makes it
      this.#known.clear()
      throw error
    })
    this.#unsynced.add(folder)
  }

  async #makeFolder(folder: string): Promise<void> {
    await this.#files.makeFolder(folder)
    if (this.#known.size >= maxKnownFolders) this.#known = new Set()
    this.#known.add(folder)
    // each of the folders above may be new as well
    for (let above = dirname(folder); above.length >= this.#dir.length; above = dirname(above)) {
      this.#unsynced.add(above)
      if (this.#known.has(above)) return
      this.#known.add(above)
    }
  }

  async #removePartial(path: string): Promise<void> {
    await this.#files.remove(path).catch((error: unknown) => {
      if (errorCode(error) !== 'ENOENT') throw error
    })
  }

  async #removeFolder(path: string): Promise<void> {
    this.#known.delete(path)
    await this.#files.removeFolder(path).catch((error: unknown) => {
      // what is in it is for the verifier to speak of
      if (errorCode(error) !== 'ENOENT' && errorCode(error) !== 'ENOTEMPTY') throw error
    })
  }
}
