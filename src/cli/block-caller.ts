// `block caller ID`: at once, whatever policy says, in open streams too.

import { blockCommand } from './block-command.ts'
import type { Command } from './command.ts'

export const command: Command = blockCommand(
  'caller',
  `The principal may be nobody in a call: not its caller, not the origin, not an agent in between. With it everybody is
blocked who is the same under another name (an alias's members, an agent's identities), or belongs to the group.`,
)
