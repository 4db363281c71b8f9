// Secrets that the gateway makes for itself and keeps in files of mode 0600. A file appears whole or not at
// all, is synced before it is used, and is never overwritten: a secret that was lost is an operator's matter.

import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs'
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
  const file = openSync(draft, 'wx', 0o600)
  try {
    writeSync(file, bytes)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
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
