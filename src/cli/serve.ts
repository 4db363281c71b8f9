// `serve`: the gateway by its configuration file, until it is asked to stop.

import { resolve } from 'node:path'
import { ageIdentityOption, configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { toExitCode } from './io.ts'
import { requireConfig } from './state.ts'

export const command: Command = {
  arguments: [],
  options: { config: configOption, 'age-identity': ageIdentityOption, 'data-dir': dataDirOption },
  run: async (input) => {
    const loaded = await requireConfig(input, { withPolicy: true })
    const given = input.option('data-dir')
    const dataDir = given === undefined ? loaded.dataDir : resolve(input.io.cwd, given)
    const { out, err } = input.io
    return toExitCode(await (await input.ports()).runServe({ loaded, dataDir, json: input.json, out, err }))
  },
}
