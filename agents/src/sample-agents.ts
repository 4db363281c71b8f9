// The two sample agents of the demonstration, on the official A2A SDK: `calculator` does real work without network
// or model, `concierge` answers by calling it through the gateway. Both accept calls from the gateway alone.
// They write nothing to standard output and keep everything in memory.

import { createAgentState } from './agent-state.ts'
import { calculatorCard, calculatorWork } from './calculator.ts'
import { conciergeCard, conciergeWork, type ConciergeOptions } from './concierge.ts'
import { createEvaluator } from './evaluator.ts'
import { mayPushTo } from './push-sender.ts'
import { serveAgent, type AgentParts } from './serve-agent.ts'
import { createAssertionVerifier, type Verification } from './verify-assertion.ts'

export interface SampleAgentsOptions {
  readonly host?: '127.0.0.1'
  /** 0, the default, takes any free port */
  readonly calculatorPort?: number
  readonly conciergePort?: number
  readonly verification: Verification
  readonly concierge: ConciergeOptions
  /** how long one step of `slow N` takes; a second by default */
  readonly slowStepMs?: number
  /** how long one expression may take; two seconds by default */
  readonly evaluateTimeoutMs?: number
  /** tasks each agent remembers; the oldest go first */
  readonly maxTasks?: number
  /** origins that push notifications may go to beside public HTTPS ones; the gateway's by default */
  readonly pushOrigins?: () => string[]
}

const maxBytes = 64 * 1024 * 1024

export interface SampleAgents {
  readonly calculator: { readonly url: string }
  readonly concierge: { readonly url: string }
  close(): Promise<void>
}

export async function startSampleAgents(options: SampleAgentsOptions): Promise<SampleAgents> {
  const evaluator = createEvaluator({ timeoutMs: options.evaluateTimeoutMs ?? 2000 })
  const pushOrigins = options.pushOrigins ?? (() => originOf(options.concierge.gatewayUrl()))
  const common = (name: string): Pick<AgentParts, 'host' | 'state' | 'verify' | 'pushOrigins'> => ({
    host: options.host ?? '127.0.0.1',
    state: createAgentState({
      maxTasks: options.maxTasks ?? 10_000,
      maxBytes,
      mayPushTo: (url) => mayPushTo(url, pushOrigins()),
    }),
    verify: createAssertionVerifier(`agent:${name}`, options.verification),
    pushOrigins,
  })
  const calculator = {
    ...common('calculator'),
    port: options.calculatorPort ?? 0,
    card: calculatorCard,
    work: calculatorWork(evaluator, options.slowStepMs ?? 1000),
  }
  const concierge = {
    ...common('concierge'),
    port: options.conciergePort ?? 0,
    card: conciergeCard,
    work: conciergeWork(options.concierge),
  }
  const started: { close(): Promise<void> }[] = [evaluator]
  const start = async (parts: AgentParts): Promise<{ readonly url: string }> => {
    const agent = await serveAgent(parts)
    started.push(agent)
    return { url: agent.url }
  }
  const close = async (): Promise<void> => {
    await Promise.all(started.map((part) => part.close()))
  }
  try {
    return { calculator: await start(calculator), concierge: await start(concierge), close }
  } catch (error) {
    // A port was taken: what has started must not keep the process alive.
    await close()
    throw error
  }
}

function originOf(url: string): string[] {
  return URL.canParse(url) ? [new URL(url).origin] : []
}
