// Reads sallyport.yaml and says everything that is wrong with it at once, or returns what is effective. Needs no
// network; a file with one problem is refused whole, so nothing half-read ever runs.

import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { z } from 'zod'
import { Fault } from '../base/fault.ts'
import { systemReason } from '../base/system-error.ts'
import { checkConfig } from './check-config.ts'
import { decryptConfig } from './decrypt-config.ts'
import { knownKeys } from './known-keys.ts'
import { guessMeant } from './near-miss.ts'
import { formatPath, showValue, suggest } from './problem.ts'
import type { ConfigPath, ExtraCheck, Finding, Problem } from './problem.ts'
import { readYaml } from './read-yaml.ts'
import type { Place } from './read-yaml.ts'
import { configSchema } from './schema.ts'
import type { Config } from './schema.ts'
import { isSecretPosition } from './secret-positions.ts'
import { checkSecrets, SecretReader, type Environment, type MoreSecrets, type NamedSecrets } from './secrets.ts'

export interface LoadedConfig {
  readonly ok: true
  readonly file: string
  /** folder of the file: what relative paths in it start from */
  readonly baseDir: string
  /** absolute */
  readonly dataDir: string
  readonly config: Config
  /** follows the references to secrets in it */
  readonly secrets: SecretReader
  /** as written, before defaults */
  readonly input: unknown
  readonly warnings: readonly Problem[]
}
export interface RefusedConfig {
  readonly ok: false
  readonly file: string
  readonly problems: readonly Problem[]
}
export type Loaded = LoadedConfig | RefusedConfig

export interface LoadOptions {
  readonly extraChecks?: ExtraCheck
  readonly env?: Environment
  /** for whoever holds the data directory: what `secret:` references name */
  readonly stored?: NamedSecrets
  /** absolute path of a file with identities of age; the environment's otherwise */
  readonly ageIdentity?: string
  /** what `openConfig` decrypted */
  readonly decrypted?: MoreSecrets['decrypted']
  /** for commands that leave the secrets to the running process: its files and environment are not theirs */
  readonly secrets?: 'unresolved'
}

/** Reads and checks a configuration file. Never throws because of the file. */
export async function loadConfig(file: string, options: LoadOptions = {}): Promise<Loaded> {
  try {
    return await openConfig(await readFile(file), file, options)
  } catch (error) {
    const hint = 'name the file by --config FILE, or try: sallyport demo'
    return refuse(file, [
      { path: '', line: 0, column: 0, received: '', message: `cannot be read: ${systemReason(error)}`, hint },
    ])
  }
}

/** The same for content that is already here, and may be encrypted. */
export async function openConfig(content: Buffer, file: string, options: LoadOptions): Promise<Loaded> {
  try {
    const { plain, decrypted } = await decryptConfig(content, {
      ageIdentity: options.ageIdentity,
      env: options.env ?? process.env,
      onlyFile: options.secrets === 'unresolved',
    })
    return parseConfig(plain, file, { ...options, decrypted })
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    const { message, hint = '' } = error
    return refuse(file, [{ path: '', line: 0, column: 0, received: '', message: `the file: ${message}`, hint }])
  }
}

/** The same for content that is not encrypted; `file` names it and anchors relative paths. */
export function parseConfig(content: string | Buffer, file: string, options: LoadOptions = {}): Loaded {
  const text = typeof content === 'string' ? content : decode(content)
  if (text === undefined)
    return refuse(file, [
      { path: '', line: 1, column: 1, received: '', message: 'the file is not UTF-8', hint: 'save it as UTF-8' },
    ])
  const yaml = readYaml(text)
  if (!yaml.ok)
    return refuse(
      file,
      yaml.problems.map((problem) => ({ ...problem, path: '', received: '', hint: yamlHint(problem.message) })),
    )
  const input = yaml.value ?? {}
  const toProblem = (finding: Finding): Problem => place(finding, input, (path, atKey) => yaml.place(path, atKey))
  const parsed = configSchema.safeParse(input)
  if (!parsed.success)
    return refuse(file, parsed.error.issues.flatMap((issue, at) => explainIssue(issue, input, at)).map(toProblem))
  const baseDir = dirname(resolve(file))
  const secrets = new SecretReader(baseDir, options.env, options)
  const checked = checkConfig(parsed.data, baseDir, options.secrets === 'unresolved' ? undefined : secrets)
  const problems = [...checked.problems, ...(options.extraChecks?.(parsed.data) ?? [])]
  if (problems.length > 0) return refuse(file, problems.map(toProblem))
  return {
    ok: true,
    file: resolve(file),
    baseDir,
    dataDir: resolve(baseDir, parsed.data.dataDir),
    config: parsed.data,
    secrets,
    input,
    warnings: checked.warnings.map(toProblem),
  }
}

/**
 * Follows the `secret:` references too, which only whoever holds the data directory can. Throws a Fault, CONFIG_INVALID,
 * that names every one which leads nowhere.
 */
export function withStoredSecrets(loaded: LoadedConfig, stored: NamedSecrets): LoadedConfig {
  const secrets = loaded.secrets.withStored(stored)
  const [first, ...others] = checkSecrets(loaded.config, loaded.baseDir, secrets).problems
  if (first === undefined) return { ...loaded, secrets }
  const told = [first, ...others].map(({ path, message }) => `${formatPath(path)}: ${message}`).join('; ')
  throw new Fault('CONFIG_INVALID', told, { ...(first.hint !== undefined && { hint: first.hint }) })
}

function refuse(file: string, problems: readonly Problem[]): RefusedConfig {
  const inOrder = [...problems].sort((left, right) => left.line - right.line || left.column - right.column)
  return { ok: false, file, problems: inOrder }
}

function decode(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    // TextDecoder's only complaint about bytes is that they are not UTF-8.
    return undefined
  }
}

function yamlHint(message: string): string {
  if (message.startsWith('map keys must be unique')) return 'remove one of the two'
  if (message.startsWith('unresolved tag')) return 'write plain YAML 1.2 without tags'
  if (message.includes('tabs')) return 'indent by spaces'
  return 'see docs/config.md'
}

function place(finding: Finding, input: unknown, locate: (path: ConfigPath, atKey?: boolean) => Place): Problem {
  const { path, message, hint = '', atKey = false, wrongKind = false } = finding
  const value = valueAt(input, path)
  const isShown = !atKey && (wrongKind || typeof value !== 'object')
  const received = isShown ? showValue(value, isSecretPosition(path)) : ''
  return {
    path: formatPath(path),
    ...locate(path, atKey),
    received,
    message,
    hint: hint === '' ? 'see docs/config.md' : hint,
  }
}

export function valueAt(input: unknown, path: ConfigPath): unknown {
  let value = input
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = Reflect.get(value, step)
  }
  return value
}

/** A guess costs a pass over the whole file: the first few wrong values get one. */
const maxGuesses = 20

/** One issue of the schema in our words; unknown keys become one finding each. `at` is its place among the issues. */
function explainIssue(issue: z.core.$ZodIssue, input: unknown, at: number): Finding[] {
  const path = issue.path.filter((step) => typeof step !== 'symbol')
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(path)
    return issue.keys.map((key) => ({
      path: [...path, key],
      atKey: true,
      message: 'unknown key',
      hint: suggest(key, known),
    }))
  }
  const value = valueAt(input, path)
  const words = knownWords(issue)
  if (value === undefined) return [{ path, message: 'is required', hint: requirement(issue) }]
  if (words.length === 1)
    return [{ path, message: requirement(issue), hint: hintFor(input, path, value), wrongKind: true }]
  if (words.length > 1)
    return [
      {
        path,
        message: 'not one of the known words',
        hint: quoted(value, words) ?? suggest(typeof value === 'string' ? value : '', words),
        wrongKind: true,
      },
    ]
  const hint = hintFor(at < maxGuesses ? input : undefined, path, value)
  return [{ path, message: requirement(issue), hint, wrongKind: true }]
}

/** YAML reads a version such as 1.0 as a number, although the word that was meant is known here. */
function quoted(value: unknown, words: readonly string[]): string | undefined {
  const meant = typeof value === 'number' ? words.find((word) => Number(word) === value) : undefined
  return meant && `write ${JSON.stringify(meant)}, in quotes: without them it is a number`
}

/** The words that would have been accepted, also where a union offers them in parts. */
function knownWords(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'invalid_value') return issue.values.map(String)
  return issue.code === 'invalid_union'
    ? issue.errors.flat().flatMap((inner) => (inner.path.length === 0 ? knownWords(inner) : []))
    : []
}

/** What was expected, lower case and without what zod says of the value itself. */
function requirement(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type') return `expected ${articled(issue.expected)}`
  if (issue.code === 'invalid_union') {
    const parts = issue.errors
      .flat()
      .filter((inner) => inner.path.length === 0)
      .map(requirement)
    return [...new Set(parts)].join(', or ').replaceAll(', or expected ', ' or ') || 'not valid'
  }
  // unless the schema has words of its own
  const isTooSmall = issue.code === 'too_small' && issue.message.startsWith('Too small')
  if (isTooSmall && issue.origin === 'array')
    return issue.minimum === 1 ? 'the list is empty' : `needs ${issue.minimum} items or more`
  if (isTooSmall && issue.origin === 'number' && issue.inclusive !== false) return `must be at least ${issue.minimum}`
  if (issue.code === 'invalid_value') return `expected ${issue.values.map(String).join(' or ')}`
  return issue.message.charAt(0).toLowerCase() + issue.message.slice(1)
}

function articled(kind: string): string {
  const words: Record<string, string> = {
    string: 'a text',
    number: 'a number',
    int: 'a whole number',
    boolean: 'true or false',
    array: 'a list',
    object: 'a mapping',
  }
  return words[kind] ?? kind
}

function hintFor(input: unknown, path: ConfigPath, value: unknown): string {
  if (isSecretPosition(path))
    return 'put the secret into a file and write file:PATH, into the environment and write env:NAME, store it by `sallyport secret set NAME` and write secret:NAME, or encrypt it by `sallyport config encrypt`'
  if (value === null) return 'give a value or remove the key'
  return input === undefined ? '' : guessMeant(input, path, value)
}
