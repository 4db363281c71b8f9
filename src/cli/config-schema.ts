// `config schema`: JSON Schema of sallyport.yaml, for editors and for checks in CI.

import { configJsonSchema } from '../config/config.ts'
import type { Command } from './command.ts'

export const command: Command = {
  arguments: [],
  options: {},
  run: async (input) => {
    input.io.out(`${JSON.stringify(configJsonSchema(), null, input.json ? undefined : 2)}\n`)
    return await Promise.resolve(0)
  },
}
