// `unblock caller ID`: recorded first, then undone.

import { unblockCommand } from './block-command.ts'
import type { Command } from './command.ts'

export const command: Command = unblockCommand('caller')
