// The concierge agent: answers small requests in plain words by asking the calculator, through the gateway.
// It shows how an agent passes on whom it acts for: its own key beside the assertion it was given. It never holds
// a caller's credential, and when the gateway says no, its task ends with the gateway's public sentence.

import { randomUUID } from 'node:crypto'
import { Role, TaskState, type AgentCard, type Artifact, type Message, type Task } from '@a2a-js/sdk'
import {
  ClientFactory,
  JsonRpcTransportFactory,
  createAuthenticatingFetchWithRetry,
  type Client,
} from '@a2a-js/sdk/client'
import { STATE_HEADERS_KEY, type RequestContext } from '@a2a-js/sdk/server'
import { cardFor } from './card.ts'
import type { Work } from './running-tasks.ts'
import { textOf, textPart } from './task-report.ts'
import { understand } from './understand.ts'
import { assertionHeader } from './verify-assertion.ts'

export interface ConciergeOptions {
  /** asked at each call: the gateway may start after the agents */
  readonly gatewayUrl: () => string
  readonly calculatorAgent: string
  /** the concierge's own key at the gateway */
  readonly key: () => string
}

const askTimeoutMs = 30_000
const help = "I answer small sums: 'what is 2 + 2', 'convert 5 km to miles', 'average of 1, 2, 3'"

export function conciergeCard(url: string): AgentCard {
  return cardFor({
    name: 'concierge',
    description: 'Answers small requests in plain words, with the help of the calculator.',
    url,
    skills: [
      {
        id: 'ask',
        name: 'Ask',
        description: 'Understands sums, conversions and averages, and has the calculator work them out.',
        tags: ['assistant', 'delegation'],
        examples: ['what is 2 + 2', 'convert 5 km to miles', 'average of 1, 2, 3'],
      },
    ],
  })
}

export function conciergeWork(options: ConciergeOptions): Work {
  const clientFor = rememberClient(options)
  return async (context, report, signal) => {
    const request = textOf(context.userMessage)
    const expression = understand(request)
    if (expression === undefined) return report.rejected(help)
    report.working(`asking ${options.calculatorAgent}: ${expression}`)
    const answer = await ask(await clientFor(), expression, assertionOf(context), signal)
    if (signal.aborted) return
    if (answer.kind === 'refused') return report.failed(`${options.calculatorAgent} refused: ${answer.reason}`)
    for (const artifact of answer.artifacts) report.artifact(artifact.name, artifact.parts)
    report.completed(answer.text)
  }
}

type Answer =
  | { readonly kind: 'answer'; readonly text: string; readonly artifacts: readonly Artifact[] }
  | { readonly kind: 'refused'; readonly reason: string }

async function ask(client: Client, expression: string, assertion: string, signal: AbortSignal): Promise<Answer> {
  try {
    const result = await client.sendMessage(
      { tenant: '', message: question(expression), configuration: undefined, metadata: undefined },
      {
        serviceParameters: { 'Sallyport-Caller-Assertion': assertion },
        signal: AbortSignal.any([signal, AbortSignal.timeout(askTimeoutMs)]),
      },
    )
    return isTask(result) ? readTask(result) : { kind: 'answer', text: textOf(result), artifacts: [] }
  } catch (error) {
    return { kind: 'refused', reason: publicReason(error) }
  }
}

function readTask(task: Task): Answer {
  const said = textOf(task.status?.message)
  if (task.status?.state !== TaskState.TASK_STATE_COMPLETED)
    return { kind: 'refused', reason: said || 'no reason given' }
  const parts = task.artifacts.flatMap((artifact) => artifact.parts.filter((part) => part.content?.$case === 'text'))
  const text = parts.map((part) => (part.content?.$case === 'text' ? part.content.value : '')).join('\n')
  return { kind: 'answer', text: text || said, artifacts: task.artifacts }
}

/** What a protocol error says is public by its nature; anything else is ours and is not shown. */
function publicReason(error: unknown): string {
  const isProtocolError = error instanceof Error && 'reason' in error
  return isProtocolError && error.message !== '' ? error.message.slice(0, 500) : 'it could not be reached'
}

function question(expression: string): Message {
  return {
    messageId: randomUUID(),
    contextId: '',
    taskId: '',
    role: Role.ROLE_USER,
    parts: [textPart(expression)],
    metadata: undefined,
    extensions: [],
    referenceTaskIds: [],
  }
}

const isTask = (result: Message | Task): result is Task => 'status' in result

/** The assertion that came with this call, which was verified before the work began. */
function assertionOf(context: RequestContext): string {
  const headers = context.context.state.get(STATE_HEADERS_KEY)
  if (typeof headers !== 'object' || headers === null) return ''
  const value: unknown = Object.entries(headers).find(([name]) => name === assertionHeader)?.[1]
  return typeof value === 'string' ? value : ''
}

/** One client for as long as the gateway's address stays the same; the key is asked for at every request. */
function rememberClient(options: ConciergeOptions): () => Promise<Client> {
  const authenticated = createAuthenticatingFetchWithRetry(fetch, {
    headers: async () => ({ authorization: `Bearer ${options.key()}` }),
    shouldRetryWithHeaders: async () => undefined,
  })
  const factory = new ClientFactory({ transports: [new JsonRpcTransportFactory({ fetchImpl: authenticated })] })
  let known: { readonly url: string; readonly client: Promise<Client> } | undefined
  return () => {
    const url = `${options.gatewayUrl().replace(/\/+$/, '')}/agents/${options.calculatorAgent}`
    if (known?.url !== url) known = { url, client: factory.createFromAgentCard(peerCard(options.calculatorAgent, url)) }
    return known.client
  }
}

/** Where the peer is, is configuration; asking for its card would be one more call to allow and record. */
function peerCard(name: string, url: string): AgentCard {
  return cardFor({ name, description: '', url, skills: [] })
}
