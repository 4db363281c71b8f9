// keys/data-keys.json: the data keys of a data directory, each wrapped under the key-encryption key, while a rotation
// goes on under the old one and the new one. Replaced whole, so that after a crash there is the one before or the
// one after. Nothing in it opens anything without a key-encryption key.

import { Fault } from '../base/fault.ts'
import { replaceSecretFile, readSecretFile } from '../base/secret-file.ts'

/** `data`: seals values. `ledger`: what the ledger's subject keys are wrapped under, where that is no longer the key-encryption key itself. */
export type Purpose = 'data' | 'ledger'

export interface WrappedKey {
  /** 16 hex digits */
  readonly id: string
  readonly purpose: Purpose
  readonly createdAtMs: number
  /** how many uses have been set aside: at least as many as there were */
  readonly uses: number
  /** id of a key-encryption key → base64url */
  readonly wrapped: Readonly<Record<string, string>>
}

export interface DataKeysFile {
  readonly format: 1
  /** in the order in which they came: the last data key is in use */
  readonly keys: readonly WrappedKey[]
  /** id of a key-encryption key → the reference by which it was given last: where to look, nothing else */
  readonly references: Readonly<Record<string, string>>
  /** the key-encryption key that a rotation goes to; absent when none goes on */
  readonly rotatingTo?: string
  /** every key file has been sealed: a plain one is not ours any more */
  readonly allSealed: boolean
}

/** Where the file lies; tests hand in one that fails. */
export interface DataKeysDisk {
  read(): Buffer | undefined
  /** whole and durable, or not at all */
  replace(content: Buffer): void
}

const maxFileBytes = 256 * 1024 // bound: keys/data-keys.json

export function onDisk(path: string): DataKeysDisk {
  return {
    read: () => readSecretFile(path, maxFileBytes),
    replace: (content) => replaceSecretFile(path, content),
  }
}

export const formatDataKeys = (file: DataKeysFile): Buffer => Buffer.from(`${JSON.stringify(file, null, 2)}\n`)

/** undefined when there is no file yet. Throws a Fault, KEY_UNREADABLE, when it is not one of ours. */
export function readDataKeys(disk: DataKeysDisk): DataKeysFile | undefined {
  let content: Buffer | undefined
  try {
    content = disk.read()
  } catch (cause) {
    throw unreadable('cannot be read', cause)
  }
  if (content === undefined) return undefined
  const file = parse(content)
  if (file === undefined) throw unreadable('is not what this version of sallyport writes', undefined)
  return file
}

function unreadable(why: string, cause: unknown): Fault {
  return new Fault('KEY_UNREADABLE', `keys/data-keys.json in the data directory ${why}`, {
    ...(cause !== undefined && { cause }),
    hint: 'restore the keys folder of the data directory from a backup (docs/secrets.md)',
  })
}

function parse(content: Buffer): DataKeysFile | undefined {
  let value: unknown
  try {
    value = JSON.parse(content.toString('utf8'))
  } catch {
    // not JSON: the caller says so
    return undefined
  }
  if (!isRecord(value) || value['format'] !== 1 || !Array.isArray(value['keys'])) return undefined
  const { keys, references, rotatingTo, allSealed } = value
  if (!keys.every(isWrappedKey) || !isTexts(references)) return undefined
  if (new Set(keys.map(({ id }) => id)).size !== keys.length || !keys.some(({ purpose }) => purpose === 'data'))
    return undefined
  if ((rotatingTo !== undefined && typeof rotatingTo !== 'string') || typeof allSealed !== 'boolean') return undefined
  return { format: 1, keys, references, allSealed, ...(rotatingTo !== undefined && { rotatingTo }) }
}

function isWrappedKey(value: unknown): value is WrappedKey {
  if (!isRecord(value)) return false
  const { id, purpose, createdAtMs, uses, wrapped } = value
  return (
    typeof id === 'string' &&
    /^[0-9a-f]{16}$/.test(id) &&
    (purpose === 'data' || purpose === 'ledger') &&
    Number.isSafeInteger(createdAtMs) &&
    Number.isSafeInteger(uses) &&
    Number(uses) >= 0 &&
    isTexts(wrapped)
  )
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isTexts = (value: unknown): value is Record<string, string> =>
  isRecord(value) && Object.values(value).every((each) => typeof each === 'string')
