// `approval deny ID`: refuse a call that waits, as an approver who is no part of it.

import { approvalCommand } from './approval-decision.ts'
import type { Command } from './command.ts'

export const command: Command = approvalCommand('approval.deny')
