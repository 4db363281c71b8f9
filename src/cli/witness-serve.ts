// `witness serve`: cosigns checkpoints of the logs that are named, and of nobody else's. It wants a folder of its own,
// out of reach of whoever runs those logs.

import { resolve } from 'node:path'
import type { Command, Input } from './command.ts'
import { CommandError, toExitCode } from './io.ts'

export const witnessDataDir = { value: 'DIR', about: 'folder of the witness: its keys and what it cosigned last' }
export const witnessName = {
  value: 'NAME',
  about: 'name of the witness, needed once: a URL without its scheme, such as witness.example.com/w1',
}

export const command: Command = {
  arguments: [],
  options: {
    'data-dir': witnessDataDir,
    listen: { value: 'ADDRESS', about: 'where logs ask for cosignatures (default: 127.0.0.1:7010)' },
    name: witnessName,
    log: {
      value: 'VKEY',
      multiple: true,
      about: 'verifier key of a log to watch, or file:PATH with one a line, read again when it changes',
    },
  },
  details: 'It speaks C2SP tlog-witness. Put TLS in front of it where the network is not trusted.',
  run: async (input) => {
    const logs = input.list('log')
    if (logs.length === 0) throw new CommandError(2, 'no log to watch was named', 'write --log VKEY or --log file:PATH')
    const listen = input.option('listen') ?? '127.0.0.1:7010'
    if (!/^(\[[0-9a-fA-F:.]+\]|[^\s:/]+):\d{1,5}$/.test(listen))
      throw new CommandError(2, `not an address: ${JSON.stringify(listen)}`, 'write --listen 127.0.0.1:7010')
    const { cwd, out, err } = input.io
    const code = await (
      await input.ports()
    ).runWitness({
      dataDir: requireWitnessDir(input),
      name: input.option('name'),
      listen,
      vkeys: logs.filter((each) => !each.startsWith('file:')),
      files: logs.filter((each) => each.startsWith('file:')).map((each) => resolve(cwd, each.slice('file:'.length))),
      json: input.json,
      out,
      err,
      stop: input.io.stopSignal(),
    })
    return toExitCode(code)
  },
}

export function requireWitnessDir(input: Input): string {
  const dataDir = input.option('data-dir')
  if (dataDir === undefined)
    throw new CommandError(2, 'the folder of the witness is missing', 'write --data-dir DIR, a folder for it alone')
  return resolve(input.io.cwd, dataDir)
}
