// What the agents' tests share: both agents on free ports, signing keys, and a client for any caller.

import type { Client } from '@a2a-js/sdk/client'
import { startSampleAgents, type SampleAgents, type SampleAgentsOptions } from '../src/sample-agents.ts'
import { startGatewayKeys, type Claims, type GatewayKeys } from './gateway-keys.ts'
import { artifactText, asTask, connectWithSdk, statusText, userText } from './sdk-client.ts'
import type { Task } from '@a2a-js/sdk'

export interface Harness {
  readonly keys: GatewayKeys
  readonly agents: SampleAgents
  connect(agent: 'calculator' | 'concierge', claims?: Claims): Promise<Client>
  close(): Promise<void>
}

export async function startHarness(options: Partial<SampleAgentsOptions> = {}): Promise<Harness> {
  const keys = await startGatewayKeys()
  const concierge = { gatewayUrl: () => 'http://127.0.0.1:9', calculatorAgent: 'calculator', key: () => 'unused' }
  const agents = await startSampleAgents({ verification: keys, concierge, slowStepMs: 5, ...options })
  return {
    keys,
    agents,
    connect: (agent, claims = {}) =>
      connectWithSdk({
        gatewayUrl: '',
        agent,
        key: 'unused',
        binding: 'JSONRPC',
        agentUrl: agents[agent].url,
        headers: async () => ({ 'Sallyport-Caller-Assertion': await keys.mint({ aud: `agent:${agent}`, ...claims }) }),
      }),
    close: async () => {
      await agents.close()
      keys.close()
    },
  }
}

export interface Answered {
  readonly task: Task
  readonly text: string
  readonly status: string
}

/** A blocking send of some text. */
export async function say(client: Client, text: string): Promise<Answered> {
  const message = userText(text)
  const task = asTask(await client.sendMessage({ tenant: '', message, configuration: undefined, metadata: undefined }))
  return { task, text: artifactText(task), status: statusText(task) }
}

/** A send that returns with the task still under way. */
export async function begin(client: Client, text: string): Promise<Task> {
  const configuration = { acceptedOutputModes: [], taskPushNotificationConfig: undefined, returnImmediately: true }
  return asTask(await client.sendMessage({ tenant: '', message: userText(text), configuration, metadata: undefined }))
}
