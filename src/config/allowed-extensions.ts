// Which extensions of A2A may be used with an agent: what its own entry says, or the gateway's where that says nothing.

import type { AgentConfig, Config } from './schema.ts'

export function allowedExtensions({ gateway }: Config, agent: AgentConfig): '*' | readonly string[] {
  return agent.extensions ?? gateway.extensions
}
