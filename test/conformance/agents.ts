// The conformance agents as processes of their own, started by the command that others use too. One for each kind,
// because a card claims a capability or it does not.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { AgentKind } from './subject.ts'

export interface RunningAgent {
  readonly kind: AgentKind
  readonly card: string
  readonly url: string
  /** host:port */
  readonly grpc: string
}

export interface RunningAgents {
  readonly agents: readonly RunningAgent[]
  close(): Promise<void>
}

/** Short: what needs a task at work has one that works until it is canceled. */
export const beatMs = 200

const options: Readonly<Record<AgentKind, readonly string[]>> = {
  full: ['--extended-card', 'on'],
  bare: ['--no-streaming', '--no-push-notifications'],
  strict: ['--required-extension', '--extended-card', 'missing'],
}

const command = join(import.meta.dirname, '../../agents/src/conformance-agent.ts')

export async function startAgents(): Promise<RunningAgents> {
  const children: ChildProcess[] = []
  const start = async (kind: AgentKind): Promise<RunningAgent> => {
    const fixed = ['--port', '0', '--grpc-port', '0', '--beat-ms', String(beatMs), '--json']
    // the SDK tells every refusal to standard error
    const child = spawn(process.execPath, [command, ...fixed, ...options[kind]], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    children.push(child)
    const lines = createInterface({ input: child.stdout })
    const [line] = (await Promise.race([once(lines, 'line'), once(child, 'exit')])) as [unknown]
    if (typeof line !== 'string') throw new Error(`the ${kind} agent ended before it listened`)
    child.stdout.resume()
    return { kind, ...(JSON.parse(line) as Omit<RunningAgent, 'kind'>) }
  }
  const close = async (): Promise<void> => {
    const ended = children.filter((child) => child.exitCode === null).map((child) => once(child, 'exit'))
    for (const child of children) child.kill('SIGTERM')
    await Promise.all(ended)
  }
  try {
    const agents = await Promise.all((['full', 'bare', 'strict'] as const).map(start))
    return { agents, close }
  } catch (error) {
    await close()
    throw error
  }
}
