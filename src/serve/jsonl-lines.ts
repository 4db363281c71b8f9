// Copies as JSON lines, one OCSF event each: appended to a file, or in the body of a POST. The file is the operator's
// to rotate: one that was moved away or removed is begun anew, and a line that a crash or a full disk tore is ended
// before the next, so that a reader loses that line alone, which comes again whole.

import { constants } from 'node:fs'
import { open, stat, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isSystemError } from '../base/system-error.ts'
import type { Batch } from './export-batches.ts'
import {
  addressOf,
  postBatch,
  SendFailure,
  type ExportTarget,
  type HttpTargetOptions,
  type Sent,
} from './export-target.ts'

const everything: Sent = { rejected: 0, why: '' }

const bodyOf = (batch: Batch): Buffer => Buffer.from(batch.records.map(({ line }) => `${line}\n`).join(''))

export function createHttpLines(options: Omit<HttpTargetOptions, 'contentType'>): ExportTarget {
  return {
    address: addressOf(options.url),
    async send(batch) {
      await postBatch({ ...options, contentType: 'application/x-ndjson' }, bodyOf(batch))
      return everything
    },
    close: () => Promise.resolve(),
  }
}

export function createFileLines(path: string): ExportTarget {
  return new FileLines(path)
}

// no O_TRUNC: what is there is somebody's; not blocking: a pipe under this name must stop nothing
const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK

class FileLines implements ExportTarget {
  readonly address: string
  #file: FileHandle | undefined

  constructor(path: string) {
    this.address = path
  }

  async send(batch: Batch): Promise<Sent> {
    try {
      const file = await this.#current()
      await file.appendFile(bodyOf(batch))
      await file.datasync()
      return everything
    } catch (error) {
      // whatever was written of it is ended when the file is opened again
      await this.close()
      if (error instanceof SendFailure) throw error
      throw new SendFailure(isSystemError(error) ? (error.code ?? 'failed') : 'the file cannot be written')
    }
  }

  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close().catch(() => undefined)
  }

  /** The file under the name now: somebody may have put another there, or none. */
  async #current(): Promise<FileHandle> {
    if (this.#file !== undefined && !(await isStillNamed(this.#file, this.address))) await this.close()
    this.#file ??= await openLines(this.address)
    return this.#file
  }
}

async function isStillNamed(file: FileHandle, path: string): Promise<boolean> {
  const there = await stat(path).catch(() => undefined)
  const own = await file.stat()
  return there !== undefined && there.ino === own.ino && there.dev === own.dev
}

async function openLines(path: string): Promise<FileHandle> {
  const file = await open(path, flags, 0o600)
  try {
    const found = await file.stat()
    if (!found.isFile()) throw new SendFailure('not a file')
    if (found.size === 0) await syncFolder(dirname(path))
    else if (!(await endsWithNewline(file, found.size))) await file.appendFile('\n')
    return file
  } catch (error) {
    await file.close()
    throw error
  }
}

async function endsWithNewline(file: FileHandle, size: number): Promise<boolean> {
  const last = Buffer.alloc(1)
  await file.read(last, 0, 1, size - 1)
  return last[0] === 0x0a
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
