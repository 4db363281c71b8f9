// Where the key-encryption key comes from: a file or the environment, or, when nothing is configured, a file beside
// the data directory that is made on first use. It must not lie where the records lie that it opens. What it wraps
// are data keys (`secrets/`); the ledger's subject keys are wrapped under it too, until a rotation gives it another.

import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '../base/fault.ts'
import { Secret } from '../base/secret.ts'
import { readOrCreateSecretFile } from '../base/secret-file.ts'
import { isFileBelow, type LoadedConfig } from '../config/config.ts'
import { createLocalKey, onDisk, readLedgerKey, type NamedKey } from '../secrets/secrets.ts'

/** Where the key comes from that the ledger's subject keys are wrapped under. */
export interface KeySource {
  /** 32 bytes. Rejects with a Fault, KEY_UNREADABLE. */
  load(): Promise<Buffer>
}

export interface LoadedKey extends NamedKey {
  readonly bytes: Secret
}

export const dataKeysPath = (dataDir: string): string => join(dataDir, 'keys', 'data-keys.json')

/** The key-encryption key of a data directory; made beside it where none is configured and none is there. */
export function loadKeyEncryptionKey(dataDir: string, loaded: LoadedConfig | undefined): LoadedKey {
  const reference = loaded?.config.audit.keyEncryptionKey
  if (reference !== undefined && loaded !== undefined) return loadNamedKey(reference, dataDir, loaded)
  const path = pathBeside(dataDir)
  // a new one would open nothing, and would hide that the right one is missing
  if (!existsSync(path) && existsSync(dataKeysPath(dataDir))) {
    throw new Fault('KEY_UNREADABLE', `the key-encryption key of this data directory is gone: there is no ${path}`, {
      hint: 'restore it from a backup, or name it by audit.keyEncryptionKey',
    })
  }
  return named('', readOrCreateSecretFile(path, newSecret))
}

/** The key-encryption key behind a reference. */
export function loadNamedKey(reference: string, dataDir: string, loaded: LoadedConfig | undefined): LoadedKey {
  if (loaded === undefined) {
    throw new Fault('CONTROL_FAILED', 'a key-encryption key is named relative to a configuration, and none is known', {
      hint: 'name it: --config FILE',
    })
  }
  if (reference.startsWith('secret:')) {
    throw new Fault('CONTROL_FAILED', 'the key-encryption key cannot itself be a stored secret', {
      hint: 'write file:PATH or env:NAME',
    })
  }
  // `--data-dir` may name another folder than the configuration that was checked
  if (isFileBelow(reference, loaded.baseDir, dataDir)) {
    throw new Fault('KEY_UNREADABLE', 'the key-encryption key lies inside the data directory', {
      hint: 'keep it elsewhere: a copy of the records must not hold the key that opens them',
    })
  }
  return named(reference, loaded.secrets.resolve(reference).bytes())
}

function named(reference: string, text: Buffer): LoadedKey {
  const bytes = decodeKey(text)
  return { reference, bytes: new Secret(bytes), key: createLocalKey(bytes) }
}

/** For whoever only reads: undefined where there is no key-encryption key, and none is made. */
export function existingKeySource(dataDir: string, loaded: LoadedConfig | undefined): KeySource | undefined {
  const isThere = loaded?.config.audit.keyEncryptionKey !== undefined || existsSync(pathBeside(dataDir))
  return isThere ? keySource(dataDir, loaded) : undefined
}

export function keySource(dataDir: string, loaded: LoadedConfig | undefined): KeySource {
  return {
    async load() {
      const kek = loadKeyEncryptionKey(dataDir, loaded)
      return ((await readLedgerKey(onDisk(dataKeysPath(dataDir)), kek)) ?? kek.bytes).bytes()
    },
  }
}

const pathBeside = (dataDir: string): string => `${dataDir}.kek`

/** As such keys stand in files: 32 random bytes, base64url. */
export const newSecret = (): Buffer => Buffer.from(randomBytes(32).toString('base64url'))

function decodeKey(text: Buffer): Buffer {
  const key = Buffer.from(text.toString('latin1').trim(), 'base64url')
  if (key.length === 32) return key
  throw new Fault('KEY_UNREADABLE', 'the key-encryption key is not 32 bytes of base64url', {
    hint: 'make one: head -c 32 /dev/urandom | basenc --base64url',
  })
}
