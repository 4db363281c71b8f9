// Fetches a card for a command. An agent that cannot be reached is the world's failure (exit 3), not wrong usage.

import { Fault } from '../base/fault.ts'
import type { Input } from './command.ts'
import { CommandError } from './io.ts'
import type { AgentTarget, CardFacts } from './ports.ts'

export async function fetchCard(input: Input, target: AgentTarget): Promise<CardFacts> {
  const ports = await input.ports()
  try {
    return await ports.inspectAgent(target)
  } catch (error) {
    if (error instanceof Fault) throw new CommandError(3, error.message, error.hint)
    throw error
  }
}
