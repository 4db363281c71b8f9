// Whom the reader of a proof trusts: verifier keys of the log (--key) and of witnesses (--witness), each the key itself
// or `file:PATH` with one a line. Never what lies in the file that is checked; that is shown to those who gave none.

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { isSystemError, systemReason } from '../base/system-error.ts'
import type { Input, OptionSpec } from './command.ts'
import { CommandError } from './io.ts'
import type { Evidence, Trust, WitnessedBy } from './ports.ts'

export const trustOptions: Readonly<Record<string, OptionSpec>> = {
  key: { value: 'VKEY', multiple: true, about: "the log's verifier key, or file:PATH with one a line (key.vkey)" },
  witness: { value: 'VKEY', multiple: true, about: 'the key of a witness, or file:PATH with one a line' },
  'require-witnesses': { value: 'N', about: 'so many of the given witnesses must have cosigned (default: 0)' },
}

const maxKeyFileBytes = 1_048_576 // bound: a file of verifier keys

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
  const text = input.option('require-witnesses') ?? '0'
  if (!/^\d{1,3}$/.test(text)) {
    throw new CommandError(2, `--require-witnesses is not a number: ${JSON.stringify(text)}`, 'write it in digits')
  }
  const requireWitnesses = Number(text)
  if (requireWitnesses > 0 && witnesses.length === 0)
    throw new CommandError(2, '--require-witnesses needs keys of witnesses', 'name each by --witness VKEY')
  return { keys, witnesses, requireWitnesses }
}

function keyLines(input: Input, flag: 'key' | 'witness'): string[] {
  return input.list(flag).flatMap((word) => {
    if (!word.startsWith('file:')) return [word]
    const text = readFileArgument(input, word.slice('file:'.length), maxKeyFileBytes).toString('utf8')
    return text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#'))
  })
}

/** A file that a flag or an argument names, read whole; ends the command when it cannot be, or is too long. */
export function readFileArgument(input: Input, path: string, maxBytes: number): Buffer {
  let bytes: Buffer
  try {
    bytes = readFileSync(resolve(input.io.cwd, path))
  } catch (error) {
    if (!isSystemError(error)) throw error
    throw new CommandError(2, `cannot read ${path}: ${systemReason(error)}`, 'check the path')
  }
  if (bytes.length > maxBytes) throw new CommandError(1, `${path} is longer than such a file may be`)
  return bytes
}

/** `w1.example at 2026-11-14T09:00:00.000Z, …`, or that there is none. */
export function formatWitnesses(witnesses: readonly WitnessedBy[]): string {
  if (witnesses.length === 0) return 'no witness that was given'
  return witnesses.map(({ name, time }) => `${name} at ${time}`).join(', ')
}
