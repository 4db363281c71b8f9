// `--role`: which log of a data directory a command is about.

import type { Input, OptionSpec } from './command.ts'
import { CommandError } from './io.ts'
import type { LogRole } from './ports.ts'

export const roleOption: OptionSpec = {
  value: 'ROLE',
  about: 'whose log: gateway, or cli for that of commands that found no gateway running (default: gateway)',
}

export function readRole(input: Input): LogRole {
  const role = input.option('role') ?? 'gateway'
  if (role === 'gateway' || role === 'cli') return role
  throw new CommandError(2, `--role is neither gateway nor cli: ${JSON.stringify(role)}`, 'write --role gateway')
}
