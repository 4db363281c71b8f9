// `witness key`: the verifier keys of a witness, made on first use. They are what goes into the configuration of a
// gateway and what auditors are given; nothing secret is printed.

import type { Command } from './command.ts'
import { printJson } from './io.ts'
import { requireWitnessDir, witnessDataDir, witnessName } from './witness-serve.ts'

export const command: Command = {
  arguments: [],
  options: { 'data-dir': witnessDataDir, name: witnessName },
  run: async (input) => {
    const dataDir = requireWitnessDir(input)
    const { name, keys } = (await input.ports()).witnessKeys({ dataDir, name: input.option('name') })
    if (input.json) printJson(input.io, { name, keys })
    else for (const key of keys) input.io.out(`${key}\n`)
    return 0
  },
}
