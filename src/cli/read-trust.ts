// Whom the reader of a ledger or of a proof trusts: verifier keys of logs (--key) and of witnesses (--witness), each the
// key itself or `file:PATH` with one a line, and a checkpoint that was kept elsewhere (--since). Never what lies in that
// which is checked; it is shown to those who must give a key. Files are bounded: what is huge is neither.

import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { isSystemError, systemReason } from '../base/system-error.ts'
import type { Input, OptionSpec } from './command.ts'
import { CommandError } from './io.ts'
import type { Evidence, StateContext, Trust, VerifyOptions, WitnessedBy } from './ports.ts'

const key = { value: 'VKEY', multiple: true } as const
const count = { value: 'N' } as const

/** Of the commands that check a proof. */
export const trustOptions: Readonly<Record<string, OptionSpec>> = {
  key: { ...key, about: "the log's verifier key, or file:PATH with one a line (key.vkey)" },
  witness: { ...key, about: 'the key of a witness, or file:PATH with one a line' },
  'require-witnesses': { ...count, about: 'so many of the given witnesses must have cosigned (default: none)' },
}

/** Of `audit verify`. */
export const voucherOptions: Readonly<Record<string, OptionSpec>> = {
  key: { ...key, about: 'a verifier key that was kept, or file:PATH with one a line: each log must be of one of them' },
  'require-witnesses': { ...count, about: 'each log must have a checkpoint that so many witnesses cosigned' },
  witness: {
    ...key,
    about: 'verifier key of a witness, or file:PATH with one a line (default: those of the configuration)',
  },
  since: { value: 'FILE', about: 'a checkpoint that was kept elsewhere: the log must contain it' },
}

const maxTrustFileBytes = 1_048_576 // bound: a file of verifier keys, or with a checkpoint that was kept

/** Ends the command when no key of the log was given, naming those in the evidence. */
export async function readTrust(input: Input, evidence: Evidence): Promise<Trust> {
  const keys = keyLines(input, 'key')
  if (keys.length === 0) {
    const found = await (await input.ports()).suggestKeys(evidence)
    const [first] = found
    const hint = 'give the one that you have from elsewhere: --key VKEY'
    throw new CommandError(
      2,
      '--key is missing: nothing is proven without the key of the log',
      first === undefined ? hint : `trust it only if you got it from elsewhere: --key '${first}'`,
    )
  }
  const witnesses = keyLines(input, 'witness')
  return { keys, witnesses, requireWitnesses: requiredWitnesses(input, witnesses) }
}

/** The same for a whole ledger, which may be verified without any of it; witnesses may be in the configuration. */
export function readVouchers(input: Input, { loaded }: Pick<StateContext, 'loaded'>): VerifyOptions {
  const given = keyLines(input, 'witness')
  const configured = loaded?.config.audit.witness.witnesses.map((witness) => witness.key) ?? []
  const witnesses = given.length > 0 ? given : configured
  const since = input.option('since')
  return {
    keys: keyLines(input, 'key'),
    witnesses,
    requireWitnesses: requiredWitnesses(input, witnesses),
    since: since === undefined ? undefined : readFileArgument(input, since, { maxBytes: maxTrustFileBytes, exit: 2 }),
  }
}

function requiredWitnesses(input: Input, known: readonly string[]): number {
  const text = input.option('require-witnesses')
  if (text === undefined) return 0
  if (!/^[1-9]\d{0,2}$/.test(text)) {
    const hint = 'write --require-witnesses 2, or leave it out'
    throw new CommandError(2, `--require-witnesses is not a number of witnesses: ${JSON.stringify(text)}`, hint)
  }
  if (known.length === 0)
    throw new CommandError(2, '--require-witnesses needs keys of witnesses', 'name each by --witness VKEY')
  return Number(text)
}

function keyLines(input: Input, flag: 'key' | 'witness'): string[] {
  return input.list(flag).flatMap((word) => {
    if (!word.startsWith('file:')) return [word]
    const path = word.slice('file:'.length)
    const lines = readFileArgument(input, path, { maxBytes: maxTrustFileBytes, exit: 2 })
      .toString('utf8')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#'))
    // who names a file means to be strict: none in it must not be as if the flag had been left out
    if (lines.length === 0)
      throw new CommandError(2, `there is no verifier key in ${path}`, 'one a line, as in key.vkey of a log')
    return lines
  })
}

interface FileBounds {
  readonly maxBytes: number
  /** when it is longer: 1 where that is an answer, 2 where something else was meant */
  readonly exit: 1 | 2
}

/** A file that a flag or an argument names, read whole; ends the command when it cannot be, or is too long. */
export function readFileArgument(input: Input, path: string, { maxBytes, exit }: FileBounds): Buffer {
  let bytes: Buffer | undefined
  try {
    bytes = readBytes(resolve(input.io.cwd, path), maxBytes + 1)
  } catch (error) {
    if (!isSystemError(error)) throw error
    throw new CommandError(2, `cannot read ${path}: ${systemReason(error)}`, 'check the path')
  }
  if (bytes === undefined) throw new CommandError(2, `cannot read ${path}: it is no file`, 'check the path')
  if (bytes.length > maxBytes) throw new CommandError(exit, `${path} is longer than such a file may be`)
  return bytes
}

/** The path of a file that is read bit by bit; ends the command when it is none: a pipe would be waited for. */
export function requireFile(input: Input, path: string): string {
  const absolute = resolve(input.io.cwd, path)
  const found = statSync(absolute, { throwIfNoEntry: false })
  if (found === undefined) throw new CommandError(2, `there is no file ${absolute}`, 'check the path')
  if (!found.isFile()) throw new CommandError(2, `cannot read ${path}: it is no file`, 'check the path')
  return absolute
}

/** What the shell hands over, as by `<(…)`: the only pipes that somebody is sure to write into. */
const handedOver = /^\/(?:dev\/stdin|dev\/fd\/\d+|proc\/self\/fd\/\d+)$/

/** At most so many bytes of a file; undefined for a pipe that might be waited for, or a device. */
function readBytes(path: string, limit: number): Buffer | undefined {
  const isHandedOver = handedOver.test(path)
  const file = openSync(path, constants.O_RDONLY | (isHandedOver ? 0 : constants.O_NONBLOCK))
  try {
    const found = fstatSync(file)
    if (!found.isFile() && !(isHandedOver && found.isFIFO())) return undefined
    const bytes = Buffer.alloc(limit)
    let length = 0
    for (let read = -1; read !== 0 && length < limit; length += read) read = readSync(file, bytes, { offset: length })
    return bytes.subarray(0, length)
  } finally {
    closeSync(file)
  }
}

/** `w1.example at 2026-11-14T09:00:00.000Z, …`, or that there is none. */
export function formatWitnesses(witnesses: readonly WitnessedBy[]): string {
  if (witnesses.length === 0) return 'no witness that was given'
  return witnesses.map(({ name, time }) => `${name} at ${time}`).join(', ')
}
