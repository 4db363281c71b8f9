// Files that hold one private key, sealed under a data key: whoever has the file alone can sign nothing. Plain PEM
// files, as versions before this wrote them, are sealed once, by a rename over them, so that at every moment the one
// or the other is there, whole; after that a plain file is somebody else's and is refused. The name of the file is bound: two key files cannot be swapped.

import { readdirSync, unlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { decodeBase64 } from './bytes.ts'
import { Fault } from './fault.ts'
import type { Place, Sealer } from './sealing.ts'
import { readOrCreateSecretFile, readSecretFile, replaceSecretFile } from './secret-file.ts'
import { isSystemError } from './system-error.ts'

const begin = '-----BEGIN SALLYPORT SEALED KEY-----'
const end = '-----END SALLYPORT SEALED KEY-----'
const maxKeyFileBytes = 64 * 1024 // bound: a file that holds a private key

/** Hands `keep` what a key file must hold: `name` is that of the file, without its folder. */
export async function sealKeyFile<T>(
  sealer: Sealer,
  name: string,
  pem: Buffer,
  keep: (content: Buffer) => T | Promise<T>,
): Promise<T> {
  return await sealer.seal(placeOf(name), pem, (sealed) => keep(armor(sealed)))
}

/** Throws a Fault, KEY_UNREADABLE, for a sealed file of another name, of another key, or one that was changed. */
export function openKeyFile(sealer: Sealer, name: string, content: Buffer): Buffer {
  const sealed = sealedBytes(content)
  if (sealed !== undefined) return sealer.open(placeOf(name), sealed)
  if (sealer.acceptsPlain) return content
  throw new Fault('KEY_UNREADABLE', `${name} is not sealed, and every key here was: somebody else put it there`, {
    hint: 'restore the keys folder of the data directory from a backup (docs/secrets.md)',
  })
}

/** The envelope in a key file; undefined when the file is plain. Throws a Fault when it is neither. */
function sealedBytes(content: Buffer): Buffer | undefined {
  if (!startsSealed(content)) return undefined
  const text = content.toString('latin1').trim()
  const bytes = text.endsWith(end) ? decodeBase64(text.slice(begin.length, -end.length).replace(/\n/g, '')) : undefined
  if (bytes === undefined) throw notReadable()
  return bytes
}

/** The key at this path; made on first use. */
export async function readOrCreateKeyFile(path: string, sealer: Sealer, createPem: () => Buffer): Promise<Buffer> {
  const name = basename(path)
  const found =
    readSecretFile(path, maxKeyFileBytes) ??
    (await sealKeyFile(sealer, name, createPem(), (content) => readOrCreateSecretFile(path, () => content)))
  return openKeyFile(sealer, name, found)
}

/**
 * Seals what lies plain in a folder of keys, and removes what a crash left of writing them. To be called by whoever
 * holds the data directory, before any key is read. Killed anywhere, it has lost nothing and is gone on with.
 */
export async function sealKeyFolder(folder: string, sealer: Sealer, replace = replaceSecretFile): Promise<string[]> {
  const sealedNow: string[] = []
  for (const name of listFolder(folder)) {
    const path = join(folder, name)
    // never the only copy of a key: a draft becomes a key by getting its name
    if (/\.pem\.[0-9a-z-]+$/.test(name)) unlinkSync(path)
    if (!name.endsWith('.pem')) continue
    const content = readSecretFile(path, maxKeyFileBytes)
    if (!sealer.acceptsPlain || content === undefined || !isPlainKey(content)) continue
    await sealKeyFile(sealer, name, content, (sealed) => replace(path, sealed))
    sealedNow.push(name)
  }
  return sealedNow
}

/**
 * Seals anew every key in the folder that is not sealed under the newest data key, until `isEnough` says so after one.
 * A file that was changed or went meanwhile is left alone.
 */
export async function resealKeyFolder(folder: string, sealer: Sealer, isEnough: () => boolean): Promise<void> {
  for (const { name, content } of listKeyFiles(folder)) {
    if (isSealedAnew(content, sealer)) continue
    const path = join(folder, name)
    await sealKeyFile(sealer, name, openKeyFile(sealer, name, content), (sealed) => {
      if (readSecretFile(path, maxKeyFileBytes)?.equals(content) === true) replaceSecretFile(path, sealed)
    })
    if (isEnough()) return
  }
}

/** How many keys are in the folder, and how many of them are sealed under the newest data key. */
export function countKeyFiles(folder: string, sealer: Sealer): { total: number; done: number } {
  const files = listKeyFiles(folder)
  return { total: files.length, done: files.filter(({ content }) => isSealedAnew(content, sealer)).length }
}

function listKeyFiles(folder: string): { name: string; content: Buffer }[] {
  return listFolder(folder).flatMap((name) => {
    const content = name.endsWith('.pem') ? readSecretFile(join(folder, name), maxKeyFileBytes) : undefined
    // what is neither plain nor sealed is no key of ours
    return content === undefined || !(isPlainKey(content) || startsSealed(content)) ? [] : [{ name, content }]
  })
}

function isSealedAnew(content: Buffer, sealer: Sealer): boolean {
  const sealed = sealedBytes(content)
  return sealed !== undefined && sealer.isCurrent(sealed)
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (isSystemError(error) && error.code === 'ENOENT') return []
    throw error
  }
}

const isPlainKey = (content: Buffer): boolean => /^-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(content.toString('latin1'))

const startsSealed = (content: Buffer): boolean => content.toString('latin1', 0, begin.length) === begin

const placeOf = (name: string): Place => ({ table: 'keys', row: name, column: 'private-key' })

function armor(sealed: Buffer): Buffer {
  const lines = sealed.toString('base64').match(/.{1,64}/g) ?? []
  return Buffer.from(`${[begin, ...lines, end].join('\n')}\n`)
}

const notReadable = (): Fault =>
  new Fault('KEY_UNREADABLE', 'a key file is neither a sealed key nor a plain one', {
    hint: 'restore the keys folder of the data directory from a backup',
  })
