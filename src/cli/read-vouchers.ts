// The flags by which `audit verify` is told whom to believe: keys of witnesses, how many of them, and a checkpoint that
// was kept elsewhere. Files are bounded: what is huge is neither.

import { stat, readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Input, OptionSpec } from './command.ts'
import { CommandError } from './io.ts'
import type { StateContext, VerifyOptions } from './ports.ts'

const maxVoucherBytes = 1_048_576 // bound: a file with keys of witnesses, or with a checkpoint that was kept

export const voucherOptions: Readonly<Record<string, OptionSpec>> = {
  'require-witnesses': { value: 'N', about: 'each log must have a checkpoint that so many witnesses cosigned' },
  witness: {
    value: 'VKEY',
    multiple: true,
    about: 'verifier key of a witness, or file:PATH with one a line (default: those of the configuration)',
  },
  since: { value: 'FILE', about: 'a checkpoint that was kept elsewhere: the log must contain it' },
}

/** Throws CommandError 2. */
export async function readVouchers(input: Input, { loaded }: Pick<StateContext, 'loaded'>): Promise<VerifyOptions> {
  const given = input.list('witness')
  const configured = loaded?.config.audit.witness.witnesses.map(({ key }) => key) ?? []
  const lines = await Promise.all(
    given.map(async (each) =>
      each.startsWith('file:') ? (await readBounded(input, each.slice('file:'.length))).toString('latin1') : each,
    ),
  )
  const witnesses = (given.length > 0 ? lines : configured).join('\n')
  const required = input.option('require-witnesses')
  if (required !== undefined && !/^[1-9]\d?$/.test(required))
    throw new CommandError(2, `not a number of witnesses: ${JSON.stringify(required)}`, 'write --require-witnesses 2')
  if (required !== undefined && witnesses.trim() === '')
    throw new CommandError(2, 'no witness is known', 'name them by --witness, or in the configuration')
  const since = input.option('since')
  return {
    witnesses,
    requireWitnesses: Number(required ?? 0),
    since: since === undefined ? undefined : await readBounded(input, since),
  }
}

async function readBounded(input: Input, path: string): Promise<Buffer> {
  const full = resolve(input.io.cwd, path)
  const found = await stat(full)
  if (!found.isFile() || found.size > maxVoucherBytes)
    throw new CommandError(2, `${full} is no file, or too large`, 'name a checkpoint, or a file of verifier keys')
  return await readFile(full)
}
