// Where the key-encryption key comes from: a file or the environment, or, when nothing is configured, a file beside
// the data directory that is made on first use. It must not lie where the records lie that it opens. A key management
// service would be one more `KeySource`, which has a wrapped key unwrapped at start; nothing after it would change.

import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { Fault } from '../base/fault.ts'
import { readOrCreateSecretFile } from '../base/secret-file.ts'
import { isFileBelow, type LoadedConfig } from '../config/config.ts'

export interface KeySource {
  /** 32 bytes. Rejects with a Fault, KEY_UNREADABLE. */
  load(): Promise<Buffer>
}

/** The source for whoever writes. */
export function keySource(dataDir: string, loaded: LoadedConfig | undefined): KeySource {
  const reference = loaded?.config.audit.keyEncryptionKey
  // `--data-dir` may name another folder than the configuration that was checked
  if (reference !== undefined && loaded !== undefined && isFileBelow(reference, loaded.baseDir, dataDir)) {
    throw new Fault('KEY_UNREADABLE', 'the key-encryption key lies inside the data directory', {
      hint: 'keep it elsewhere: a copy of the records must not hold the key that opens them',
    })
  }
  const read = (): Buffer =>
    reference === undefined || loaded === undefined
      ? readOrCreateSecretFile(pathBeside(dataDir), newSecret)
      : loaded.secrets.resolve(reference).bytes()
  return {
    load: () =>
      new Promise((resolve) => {
        resolve(decodeKey(read()))
      }),
  }
}

/** The source for whoever only reads: undefined where there is none, and none is made. */
export function existingKeySource(dataDir: string, loaded: LoadedConfig | undefined): KeySource | undefined {
  const isThere = loaded?.config.audit.keyEncryptionKey !== undefined || existsSync(pathBeside(dataDir))
  return isThere ? keySource(dataDir, loaded) : undefined
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
