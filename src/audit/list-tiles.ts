// Which tiles and bundles lie in the folder of a log, by their names alone. Listed before the records are walked, so
// that what a running writer adds meanwhile is no finding. A name that no tile has is told; nothing is opened, and a
// folder that links to itself is not followed for ever.

import { join } from 'node:path'
import { parseTilePath, type TileLevel } from '../tlog/tiles.ts'
import { errorCode, type FileSystem } from './files.ts'

export interface TileListing {
  /** indices of the full ones, by level */
  readonly full: ReadonlyMap<TileLevel, ReadonlySet<number>>
  /** widths of the partial ones, by `<level>/<index>` */
  readonly partial: ReadonlyMap<string, readonly number[]>
}

export interface UnexpectedReport {
  unexpected(file: string, message: string): void
}

const maxNames = 4_194_304 // bound: names below the folder `tile` that a verification looks at

export async function listTiles(files: FileSystem, dir: string, report: UnexpectedReport): Promise<TileListing> {
  return await new Lister(files, dir, report).run()
}

class Lister {
  readonly #files: FileSystem
  readonly #dir: string
  readonly #report: UnexpectedReport
  readonly #full = new Map<TileLevel, Set<number>>()
  readonly #partial = new Map<string, number[]>()
  #names = 0

  constructor(files: FileSystem, dir: string, report: UnexpectedReport) {
    this.#files = files
    this.#dir = dir
    this.#report = report
  }

  async run(): Promise<TileListing> {
    for (const level of await this.#list('tile')) {
      // the name of the first tile of a level says whether there is such a level
      if (parseTilePath(`tile/${level}/000`) === undefined)
        this.#report.unexpected(`tile/${level}`, 'no level of tiles')
      else await this.#listFolder(`tile/${level}`)
    }
    return { full: this.#full, partial: this.#partial }
  }

  async #listFolder(folder: string): Promise<void> {
    for (const name of await this.#list(folder)) {
      const path = `${folder}/${name}`
      // a folder that is no prefix of a tile's name is not entered: so the depth has its bound
      const isFolder = name.startsWith('x') && parseTilePath(`${path}/000`) !== undefined
      if (isFolder) await this.#listFolder(path)
      else if (name.endsWith('.p')) await this.#listPartials(path)
      else this.#note(path)
    }
  }

  async #listPartials(folder: string): Promise<void> {
    for (const width of await this.#list(folder)) this.#note(`${folder}/${width}`)
  }

  #note(path: string): void {
    const tile = parseTilePath(path)
    if (tile === undefined) return this.#report.unexpected(path, 'no tile')
    const { level, index, width } = tile
    if (width < 256) {
      const key = `${level}/${index}`
      this.#partial.set(key, [...(this.#partial.get(key) ?? []), width])
    } else {
      const indices = this.#full.get(level) ?? new Set()
      this.#full.set(level, indices.add(index))
    }
  }

  async #list(folder: string): Promise<string[]> {
    try {
      const names = await this.#files.list(join(this.#dir, folder))
      this.#names += names.length
      if (this.#names <= maxNames) return names
      this.#report.unexpected(folder, 'more names than a log has tiles')
    } catch (error) {
      if (errorCode(error) !== 'ENOTDIR' && errorCode(error) !== 'ELOOP') throw error
      this.#report.unexpected(folder, 'not a folder')
    }
    return []
  }
}
