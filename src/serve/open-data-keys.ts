// Opens what seals the stored secrets of a data directory: its data keys, under the key-encryption key. Whoever calls
// holds the lock of the directory. Keys that an earlier version left plain are sealed here, before any is read.

import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { sealKeyFolder } from '../base/key-file.ts'
import type { Secret } from '../base/secret.ts'
import type { LoadedConfig } from '../config/config.ts'
import { DataKeys, onDisk } from '../secrets/secrets.ts'
import { dataKeysPath, loadKeyEncryptionKey } from './key-encryption-key.ts'

export interface OpenDataKeys {
  readonly dataKeys: DataKeys
  /** what the ledger's subject keys are wrapped under */
  readonly ledgerKey: Secret
  /** names of key files that lay plain */
  readonly sealedNow: readonly string[]
}

/** Throws a Fault, KEY_UNREADABLE: without the key-encryption key nothing starts. */
export async function openDataKeys(
  dataDir: string,
  loaded: LoadedConfig | undefined,
  clock: Clock,
): Promise<OpenDataKeys> {
  const kek = loadKeyEncryptionKey(dataDir, loaded)
  const dataKeys = await DataKeys.open({ disk: onDisk(dataKeysPath(dataDir)), kek, nowMs: () => clock.nowMs() })
  const sealedNow = await sealKeyFolder(join(dataDir, 'keys'), dataKeys)
  await dataKeys.refusePlain()
  return { dataKeys, ledgerKey: dataKeys.ledgerKey() ?? kek.bytes, sealedNow }
}
