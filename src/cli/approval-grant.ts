// `approval grant ID`: let a call pass once, as an approver who is no part of it.

import { approvalCommand } from './approval-decision.ts'
import type { Command } from './command.ts'

export const command: Command = approvalCommand('approval.grant')
