// `block agent NAME`: it can neither be called nor call, at once, whatever policy says, in open streams too.

import { blockCommand } from './block-command.ts'
import type { Command } from './command.ts'

export const command: Command = blockCommand(
  'agent',
  'The agent answers as unavailable to those who may call it, and may be nobody in a call of others.',
)
