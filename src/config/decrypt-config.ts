// Opens a configuration that may be encrypted, whole or in single values, before it is parsed. What was decrypted stays
// in memory, beside the configuration and not in it: there the encrypted text stands, as in the file.

import { Fault } from '../base/fault.ts'
import type { Secret } from '../base/secret.ts'
import { decodeAgeFile, decodeAgeValue, decryptAge } from './age.ts'
import { readIdentities } from './age-identities.ts'
import type { ConfigPath } from './problem.ts'
import { readYaml } from './read-yaml.ts'
import { isSecretPosition } from './secret-positions.ts'
import type { Environment } from './secrets.ts'

const maxValues = 256 // bound: encrypted values in a configuration

export interface DecryptOptions {
  /** absolute path of a file with identities; the environment's otherwise */
  readonly ageIdentity?: string | undefined
  readonly env: Environment
  /** whether single values are left as they are */
  readonly onlyFile: boolean
}

export interface DecryptedConfig {
  readonly plain: Buffer
  /** by value, `age:…`: what it holds, or why that cannot be said */
  readonly decrypted: ReadonlyMap<string, Secret | Fault>
}

/** Throws a Fault, KEY_UNREADABLE, for a file that is encrypted whole and cannot be decrypted. */
export async function decryptConfig(content: Buffer, options: DecryptOptions): Promise<DecryptedConfig> {
  let identities: readonly Secret[] | undefined
  const read = (): readonly Secret[] => (identities ??= readIdentities(options.ageIdentity, options.env))
  const encrypted = decodeAgeFile(content)
  const plain = encrypted === undefined ? content : (await decryptAge(encrypted, read())).bytes()
  const decrypted = new Map<string, Secret | Fault>()
  if (!options.onlyFile)
    for (const reference of findAgeValues(plain)) decrypted.set(reference, await openValue(reference, read))
  return { plain, decrypted }
}

async function openValue(reference: string, identities: () => readonly Secret[]): Promise<Secret | Fault> {
  try {
    return await decryptAge(decodeAgeValue(reference), identities())
  } catch (error) {
    if (error instanceof Fault) return error
    throw error
  }
}

/** All that stand where a secret may; the first so many of them. */
function findAgeValues(content: Buffer): Set<string> {
  const yaml = readYaml(content.toString('utf8'))
  const found = new Set<string>()
  const walk = (value: unknown, path: ConfigPath): void => {
    if (found.size >= maxValues) return
    if (typeof value === 'string' && value.startsWith('age:') && isSecretPosition(path)) found.add(value)
    else if (Array.isArray(value)) value.forEach((item, index) => walk(item, [...path, index]))
    else if (typeof value === 'object' && value !== null)
      for (const [key, member] of Object.entries(value)) walk(member, [...path, key])
  }
  if (yaml.ok) walk(yaml.value, [])
  return found
}
