// `config show`: the configuration as it is read, references to secrets as references. `--effective` adds every
// default and says where each value came from.

import { effectiveConfig, formatEffective } from '../config/config.ts'
import { ageIdentityOption, configOption } from './command.ts'
import type { Command } from './command.ts'
import { printJson } from './io.ts'
import { requireConfig } from './state.ts'

export const command: Command = {
  arguments: [],
  options: {
    config: configOption,
    'age-identity': ageIdentityOption,
    effective: { about: 'with every default, and where each value came from' },
  },
  run: async (input) => {
    const loaded = await requireConfig(input)
    const shown = effectiveConfig(loaded, { withDefaults: input.flag('effective') })
    if (input.json) printJson(input.io, shown)
    else input.io.out(formatEffective(shown))
    return 0
  },
}
