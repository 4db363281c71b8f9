// Follows references to secrets (`file:PATH`, `env:NAME`, `secret:NAME`) and holds what was decrypted (`age:…`). Only this folder reads the environment and only here does
// a secret enter the process; it is handed out as a Secret, never put into a configuration, a message or a snapshot.

import { readFileSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { Fault } from '../base/fault.ts'
import { Secret } from '../base/secret.ts'
import { systemReason } from '../base/system-error.ts'
import { checkSecretContents, type ReadSecret } from './check-secret-content.ts'
import { formatPath } from './problem.ts'
import type { Finding, ConfigPath } from './problem.ts'
import type { Config } from './schema.ts'
import { secretPositions } from './secret-positions.ts'

const maxSecretBytes = 1024 * 1024 // bound: a secret

/** Secrets that are stored in the data directory under a name; undefined where there is none of it. */
export interface NamedSecrets {
  read(name: string): Secret | undefined
}

export interface MoreSecrets {
  readonly stored?: NamedSecrets | undefined
  /** by reference, `age:…`: what was decrypted, or why it could not be */
  readonly decrypted?: ReadonlyMap<string, Secret | Fault> | undefined
}

export type Environment = Readonly<Record<string, string | undefined>>

/** Where a configuration's secrets come from. What it holds is in private fields: printing it shows nothing. */
export class SecretReader {
  readonly #baseDir: string
  readonly #env: Environment
  readonly #stored: NamedSecrets | undefined
  readonly #decrypted: ReadonlyMap<string, Secret | Fault>

  /** `file:` paths are relative to `baseDir`, the folder of the configuration file. */
  constructor(baseDir: string, env: Environment = process.env, more: MoreSecrets = {}) {
    this.#baseDir = baseDir
    this.#env = env
    this.#stored = more.stored
    this.#decrypted = more.decrypted ?? new Map<string, Secret>()
  }

  /** The same for whoever holds the data directory: only there `secret:` references can be followed. */
  withStored(stored: NamedSecrets): SecretReader {
    return new SecretReader(this.#baseDir, this.#env, { stored, decrypted: this.#decrypted })
  }

  /** Whether it can be told at all what is behind the reference. */
  canFollow(reference: string): boolean {
    return this.#stored !== undefined || !reference.startsWith('secret:')
  }

  /**
   * What is behind a reference, without one trailing newline; read anew each time. Throws Fault KEY_UNREADABLE, which
   * names the reference and never its content.
   */
  resolve(reference: string): Secret {
    if (reference.startsWith('env:')) return new Secret(readVariable(reference, this.#env))
    if (reference.startsWith('file:')) return new Secret(readReferencedFile(reference, this.#baseDir))
    if (reference.startsWith('secret:')) return readStored(reference, this.#stored)
    if (reference.startsWith('age:')) return readDecrypted(this.#decrypted.get(reference))
    throw new Fault('KEY_UNREADABLE', 'a secret is not given as a reference', {
      hint: 'write file:PATH, env:NAME or secret:NAME, or encrypt it: sallyport config encrypt',
    })
  }

  /** What is no secret: the address that Kubernetes puts into every pod. */
  variable(name: 'KUBERNETES_SERVICE_HOST' | 'KUBERNETES_SERVICE_PORT'): string | undefined {
    return this.#env[name]
  }
}

function readDecrypted(found: Secret | Fault | undefined): Secret {
  if (found instanceof Fault)
    throw new Fault(found.code, found.message, { ...(found.hint !== undefined && { hint: found.hint }) })
  if (found === undefined) throw new Fault('KEY_UNREADABLE', 'an encrypted value was not decrypted here')
  if (found.bytes().length === 0) throw new Fault('KEY_UNREADABLE', 'an encrypted value is empty')
  return found
}

function readStored(reference: string, stored: NamedSecrets | undefined): Secret {
  const name = reference.slice('secret:'.length)
  if (stored === undefined)
    throw new Fault('KEY_UNREADABLE', `${reference} can be followed only by whoever holds the data directory`, {
      hint: 'name a file for this command, or ask the running gateway',
    })
  const secret = stored.read(name)
  if (secret !== undefined) return secret
  throw new Fault('KEY_UNREADABLE', `there is no stored secret ${name}`, {
    hint: `store it: sallyport secret set ${name} < FILE`,
  })
}

function readReferencedFile(reference: string, baseDir: string): Buffer {
  const path = referencedPath(reference, baseDir)
  let bytes: Buffer
  try {
    const { size } = statSync(path)
    if (size > maxSecretBytes) throw new Fault('KEY_UNREADABLE', `${reference} is larger than 1 MiB`)
    bytes = readFileSync(path)
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault('KEY_UNREADABLE', `${reference} cannot be read: ${systemReason(cause)}`, {
      cause,
      hint: `create ${path}, readable by this user only`,
    })
  }
  const trimmed = withoutNewline(bytes)
  if (trimmed.length === 0) throw new Fault('KEY_UNREADABLE', `${reference} is empty`)
  return trimmed
}

/** Whether a reference names a file below a folder, links followed as far as they can be. */
export function isFileBelow(reference: string, baseDir: string, folder: string): boolean {
  if (!reference.startsWith('file:')) return false
  const path = relative(realPath(folder), realPath(referencedPath(reference, baseDir)))
  return path !== '' && path.split(sep)[0] !== '..' && !isAbsolute(path)
}

/** Of what is not there yet, that of the nearest folder which is, and the rest as it stands. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    // not there, or not ours to look at
    return dirname(path) === path ? path : join(realPath(dirname(path)), basename(path))
  }
}

/** The absolute path of a `file:` reference. */
export function referencedPath(reference: string, baseDir: string): string {
  return resolve(baseDir, reference.slice('file:'.length))
}

function readVariable(reference: string, env: Environment): Buffer {
  const name = reference.slice('env:'.length)
  const value = Object.hasOwn(env, name) ? env[name] : undefined
  if (value === undefined || value === '') {
    throw new Fault('KEY_UNREADABLE', `${reference} is not set`, { hint: `set the environment variable ${name}` })
  }
  return withoutNewline(Buffer.from(value, 'utf8'))
}

function withoutNewline(bytes: Buffer): Buffer {
  if (bytes.at(-1) !== 0x0a) return bytes
  return bytes.subarray(0, bytes.at(-2) === 0x0d ? -2 : -1)
}

/** Positions whose files anyone may read: what is handed out in every handshake. */
const publicPositions: ReadonlySet<string> = new Set([
  'gateway.tls.certificate',
  'gateway.tls.clientCa',
  'gateway.tls.crl',
  'identity.mtls.spiffe.*.ca',
  'identity.mtls.subjects.*.ca',
  'agents.*.tls.ca',
  'agents.*.tls.certificate',
  'audit.export.*.ca',
  'identity.kubernetes.*.ca',
  'identity.kubernetes.*.certificate',
  'audit.witness.witnesses.*.ca',
])

/** How messages call it: an encrypted value is long, and nobody reads it. */
const nameOf = (reference: string): string => (reference.startsWith('age:') ? 'the encrypted value' : reference)

/** Every reference in a configuration, with its place. */
export function listSecretReferences(config: Config): { path: ConfigPath; position: string; reference: string }[] {
  return secretPositions().flatMap((position) =>
    follow(config, position.split('.'), []).map(({ path, value }) => ({ path, position, reference: value })),
  )
}

function follow(value: unknown, steps: readonly string[], path: ConfigPath): { path: ConfigPath; value: string }[] {
  const [step, ...rest] = steps
  if (step === undefined) return typeof value === 'string' ? [{ path, value }] : []
  if (step === '*')
    return Array.isArray(value) ? value.flatMap((item, index) => follow(item, rest, [...path, index])) : []
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return []
  return follow(Reflect.get(value, step), rest, [...path, step])
}

/** Problems and warnings of all references: what cannot be read or used closes the door, open files are told. */
export function checkSecrets(
  config: Config,
  baseDir: string,
  reader: SecretReader,
): { problems: Finding[]; warnings: Finding[] } {
  const problems: Finding[] = []
  const warnings: Finding[] = []
  const secrets: ReadSecret[] = []
  for (const { path, position, reference } of listSecretReferences(config)) {
    if (!reader.canFollow(reference)) continue
    try {
      secrets.push({ path, position, reference: nameOf(reference), bytes: reader.resolve(reference).bytes() })
      if (
        !publicPositions.has(position) &&
        reference.startsWith('file:') &&
        (statSync(referencedPath(reference, baseDir)).mode & 0o004) !== 0
      ) {
        warnings.push({
          path,
          message: `every user of this machine can read ${reference}`,
          hint: `chmod 600 ${referencedPath(reference, baseDir)}`,
        })
      }
    } catch (error) {
      const fault =
        error instanceof Fault
          ? error
          : new Fault('KEY_UNREADABLE', `${nameOf(reference)} cannot be read`, { cause: error })
      problems.push({ path, message: fault.message, ...(fault.hint === undefined ? {} : { hint: fault.hint }) })
    }
  }
  return { problems: [...problems, ...checkSecretContents(secrets)], warnings }
}

/** Where a configuration names stored secrets: paths as the file has them, by name. */
export function findStoredSecrets(config: Config): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const { path, reference } of listSecretReferences(config)) {
    if (!reference.startsWith('secret:')) continue
    const name = reference.slice('secret:'.length)
    found.set(name, [...(found.get(name) ?? []), formatPath(path)])
  }
  return found
}
