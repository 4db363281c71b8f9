// Secrets that the gateway makes for itself and keeps in files of mode 0600. A file appears whole or not at
// all, is synced before it is used, and is overwritten only by what is asked to replace it: a secret that was lost is an operator's matter.

import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { randomBytes } from 'node:crypto'
import { dirname } from 'node:path'
import { Fault } from './fault.ts'

/** The bytes at this path; `create` makes them when there is no such file yet. Two processes get the same bytes. */
export function readOrCreateSecretFile(path: string, create: () => Buffer): Buffer {
  try {
    return readExisting(path) ?? writeNew(path, create())
  } catch (cause) {
    throw new Fault('KEY_UNREADABLE', `cannot read or create ${path}`, {
      cause,
      hint: `check the owner and the mode of ${dirname(path)}`,
    })
  }
}

/** The bytes of a file; undefined when there is none. Throws a Fault when it is no file of that size at most. */
export function readSecretFile(path: string, maxBytes: number): Buffer | undefined {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined) return undefined
  if (found.isFile() && found.size <= maxBytes) return readExisting(path)
  throw new Fault('KEY_UNREADABLE', `${path} is no file of at most ${maxBytes} bytes`, {
    hint: 'see what lies there; restore it from a backup',
  })
}

/** Puts a whole file in the place of another, durably: at every moment there is the one or the other. */
export function replaceSecretFile(path: string, bytes: Buffer): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  try {
    writeDraft(draft, bytes)
    renameSync(draft, path)
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  }
  syncDirectory(dirname(path))
}

function readExisting(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

function writeNew(path: string, bytes: Buffer): Buffer {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  writeDraft(draft, bytes)
  try {
    linkSync(draft, path) // fails, rather than replaces, when another process was first
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
    return readFileSync(path)
  } finally {
    unlinkSync(draft)
  }
  syncDirectory(dirname(path))
  return bytes
}

function writeDraft(path: string, bytes: Buffer): void {
  const file = openSync(path, 'wx', 0o600)
  try {
    writeSync(file, bytes)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function syncDirectory(path: string): void {
  const directory = openSync(path, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
