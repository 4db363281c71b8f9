// How far an export has come: the index of the next record of each log, written down after what was sent has arrived,
// never before. A crash between the two repeats one batch and loses none. A cursor that is lost or cannot be read
// means that everything is sent again. Mode 0600: it says how much is recorded, and where copies go.

import { readFileSync } from 'node:fs'
import { open, readFile, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeFolder } from '../base/make-folder.ts'
import { isJsonObject, parseStrictJson } from '../base/strict-json.ts'
import { isSystemError } from '../base/system-error.ts'

export interface CursorState {
  /** where the copies go, without secrets; '' at first */
  target: string
  /** by origin */
  readonly next: Map<string, number>
}

export interface Cursor extends CursorState {
  /** why an older cursor could not be used; '' when there was none, or it could */
  readonly lost: string
  save(): Promise<void>
}

export const cursorPath = (dataDir: string, name: string): string => join(dataDir, 'export', `${name}.json`)

/** Index below which every one of these exports has sent a log's records; undefined when there is none. */
export function exportedBelow(dataDir: string, names: readonly string[], origin: string): number | undefined {
  const below = names.map((name) => {
    const text = readIfThere(cursorPath(dataDir, name))
    return (text === undefined ? undefined : parseCursor(text)?.next.get(origin)) ?? 0
  })
  return below.length === 0 ? undefined : Math.min(...below)
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (isSystemError(error) && error.code === 'ENOENT') return undefined
    throw error
  }
}

const cursorBounds = { maxDepth: 4, maxNodes: 100_000 }

export async function openCursor(path: string): Promise<Cursor> {
  const bytes = await readFile(path).catch((error: unknown) => {
    if (isSystemError(error) && error.code === 'ENOENT') return undefined
    throw error
  })
  const found = bytes === undefined ? undefined : parseCursor(bytes.toString('utf8'))
  const cursor = {
    target: found?.target ?? '',
    next: found?.next ?? new Map<string, number>(),
    lost: bytes !== undefined && found === undefined ? 'the cursor could not be read' : '',
    save: () => replaceFile(path, formatCursor(cursor)),
  }
  return cursor
}

function formatCursor({ target, next }: CursorState): string {
  return `${JSON.stringify({ v: 1, target, next: Object.fromEntries(next) })}\n`
}

export function parseCursor(text: string): CursorState | undefined {
  const parsed = parseStrictJson(text, cursorBounds)
  if (!parsed.ok || !isJsonObject(parsed.value)) return undefined
  const { v, target, next } = parsed.value
  if (v !== 1 || typeof target !== 'string' || !isJsonObject(next)) return undefined
  const places = new Map<string, number>()
  for (const [origin, index] of Object.entries(next)) {
    if (typeof index !== 'number' || !Number.isSafeInteger(index) || index < 0) return undefined
    places.set(origin, index)
  }
  return { target, next: places }
}

/** The old cursor or the new one, never half of one, whatever happens meanwhile. */
async function replaceFile(path: string, text: string): Promise<void> {
  makeFolder(dirname(path))
  const beside = `${path}.tmp`
  const file = await open(beside, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.datasync()
  } finally {
    await file.close()
  }
  await rename(beside, path)
  const folder = await open(dirname(path), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
