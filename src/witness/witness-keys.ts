// The name and the keys of a witness: Ed25519 and ML-DSA-44, made on first use and kept in files of mode 0600. They
// are never written twice: who has lost them begins a new witness, under another name, that others must be told of.

import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '../base/fault.ts'
import { readOrCreateSecretFile } from '../base/secret-file.ts'
import { isSystemError } from '../base/system-error.ts'
import { isKeyName } from '../tlog/checkpoint.ts'
import { createCosigningKey, type CosignerKind, type CosigningKey } from '../tlog/cosignature.ts'

export interface WitnessKeys {
  readonly name: string
  /** ML-DSA-44 first: the one that new deployments should use */
  readonly keys: readonly CosigningKey[]
}

/** Throws a Fault: CONFIG_INVALID without a name, or under another one than before; KEY_UNREADABLE. */
export function openWitnessKeys(dataDir: string, name: string | undefined): WitnessKeys {
  if (name !== undefined && !isKeyName(name)) {
    throw new Fault('CONFIG_INVALID', `${JSON.stringify(name)} cannot be the name of a witness`, {
      hint: 'take a URL without its scheme, such as witness.example.com/w1: printable, no spaces, no plus',
    })
  }
  const path = join(dataDir, 'name')
  if (name === undefined && readName(path) === undefined) {
    throw new Fault('CONFIG_INVALID', `there is no witness in ${dataDir} yet`, {
      hint: 'name it: --name witness.example.com/w1',
    })
  }
  const kept = readOrCreateSecretFile(path, () => Buffer.from(`${name}\n`))
    .toString('latin1')
    .trim()
  if (name !== undefined && kept !== name) {
    throw new Fault('CONFIG_INVALID', `the witness in ${dataDir} is named ${JSON.stringify(kept)}`, {
      hint: 'leave out --name, or take another data directory for another witness',
    })
  }
  return { name: kept, keys: [openKey(dataDir, kept, 'ml-dsa-44'), openKey(dataDir, kept, 'ed25519')] }
}

function readName(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch (cause) {
    if (isSystemError(cause) && cause.code === 'ENOENT') return undefined
    throw new Fault('KEY_UNREADABLE', `cannot read ${path}`, { cause })
  }
}

function openKey(dataDir: string, name: string, kind: CosignerKind): CosigningKey {
  const path = join(dataDir, `${kind}.pem`)
  const pem = readOrCreateSecretFile(path, () => {
    // two calls: the types of the one do not know the kinds of the other
    const { privateKey } = kind === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ml-dsa-44')
    return Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' }))
  })
  try {
    return createCosigningKey(name, createPrivateKey(pem))
  } catch (cause) {
    throw new Fault('KEY_UNREADABLE', `${path} is not the key of a witness`, {
      cause,
      hint: 'restore it from a backup; a new key is a new witness',
    })
  }
}
