// Which official client is run against which agent, in which binding and version, and what each SDK cannot do: what
// stands here as impossible fails alike when the agent is called directly, so that a newer SDK that can is noticed.
// docs/interop.md says it in words.

import { bindingNames, type Binding, type Operation } from '../../src/a2a/operations.ts'
import { goClient, javascriptClient, pythonClient, type Exercise } from './interop-clients.ts'

export const clients = { javascript: javascriptClient(), python: pythonClient(), go: goClient() }
export type Language = keyof typeof clients
export const languages = ['javascript', 'python', 'go'] as const satisfies Language[]

/**
 * The conformance agent stands there four times: with all that it speaks, as one that speaks gRPC alone (`bridged`),
 * 1.0 alone (`newer`) and 0.3 alone (`older`).
 */
export type AgentName = 'calculator' | 'conformance' | 'bridged' | 'newer' | 'older'
type Words = Pick<Exercise, 'quick' | 'slow' | 'asking'> & { readonly cardName: string; readonly answer: string }
const prefixes: Words = {
  cardName: 'conformance',
  quick: { text: 'text, please', messageId: 'tck-artifact-text' },
  slow: { text: 'take your time', messageId: 'test-resubscribe-message-id' },
  asking: { text: 'what do you need?', messageId: 'tck-input-required' },
  answer: 'Generated text content',
}
export const words: Readonly<Record<AgentName, Words>> = {
  calculator: {
    cardName: 'calculator',
    quick: { text: '0.1 + 0.2' },
    slow: { text: 'slow 500' },
    answer: '0.1 + 0.2 = 0.3',
  },
  conformance: prefixes,
  bridged: prefixes,
  newer: prefixes,
  older: prefixes,
}

export interface Run {
  readonly language: Language
  readonly agent: AgentName
  readonly binding: Binding
  readonly version: Exercise['version']
  readonly isTls: boolean
}

/**
 * gRPC of 0.3 has no tenant, so no card can say which agent is meant. Over HTTP+JSON the Go client speaks a 0.3 of its
 * own: without /v1, and in the form of JSON-RPC in snake case.
 */
const oldBindings: Readonly<Record<Language, readonly Binding[]>> = {
  javascript: ['JSONRPC', 'HTTP+JSON'],
  python: ['JSONRPC', 'HTTP+JSON'],
  go: ['JSONRPC'],
}

/** The calculator checks who calls and speaks two bindings of 1.0, so gRPC is bridged to it. */
const plainRuns: readonly Run[] = languages.flatMap((language) => {
  const each = (agent: AgentName, version: Run['version'], bindings: readonly Binding[]): Run[] =>
    bindings.map((binding) => ({ language, agent, binding, version, isTls: false }))
  return [
    ...each('calculator', '1.0', bindingNames),
    ...each('conformance', '1.0', bindingNames),
    ...each('bridged', '1.0', ['JSONRPC', 'HTTP+JSON']),
    ...each('older', '1.0', bindingNames),
    ...each('conformance', '0.3', oldBindings[language]),
    ...each('newer', '0.3', oldBindings[language]),
  ]
})
const secureRuns: readonly Run[] = (
  [
    ['javascript', 'JSONRPC'],
    ['javascript', 'GRPC'],
    ['python', 'HTTP+JSON'],
    ['python', 'GRPC'],
    ['go', 'JSONRPC'],
    ['go', 'GRPC'],
  ] as const
).map(([language, binding]) => ({ language, agent: 'conformance', binding, version: '1.0', isTls: true }))
export const runs: readonly Run[] = [...plainRuns, ...secureRuns]

export const nameOf = ({ agent, binding, version, isTls }: Run): string =>
  `${binding} ${version}${isTls ? ' over TLS' : ''} with the ${agent}`

/** One step of an exercise, or of its part about webhooks. */
export type Step = keyof typeof operations
const operations = {
  send: ['SendMessage'],
  stream: ['SendStreamingMessage'],
  secondTurn: ['SendMessage'],
  get: ['GetTask'],
  list: ['ListTasks'],
  background: ['SendMessage'],
  'push.create': ['CreateTaskPushNotificationConfig'],
  'push.get': ['GetTaskPushNotificationConfig'],
  'push.list': ['ListTaskPushNotificationConfigs'],
  'push.delete': ['DeleteTaskPushNotificationConfig'],
  subscribe: ['SubscribeToTask'],
  cancel: ['CancelTask'],
  // refused, so it is not among what was allowed
  unknownTask: [],
  askedBack: ['SendMessage', 'SendMessage'],
  extendedCard: ['GetExtendedAgentCard'],
} as const satisfies Record<string, readonly Operation[]>
export const steps = Object.keys(operations) as readonly Step[]

/** Steps that the SDK reports as failed after it has sent them: the agent has done what was asked. */
const failsAfterwards: Readonly<Record<string, readonly Step[]>> = {
  // no card with requirements (a2aproject/a2a-go issue 430)
  'go HTTP+JSON 1.0': ['extendedCard'],
  'go JSONRPC 1.0': ['extendedCard'],
}

/**
 * Agents on the JavaScript SDK answer HTTP+JSON with 201 to a new webhook and with an empty 204 to a deleted one. Go's
 * client takes nothing but 200 for success, Python's reads the 204 as JSON. Bridged, the answer is the gateway's own.
 */
const failsOnStatus: Readonly<Record<string, readonly Step[]>> = {
  'python HTTP+JSON 1.0': ['push.delete'],
  'go HTTP+JSON 1.0': ['push.create', 'push.delete'],
}

/** Steps that it does not even send. */
const neverSent: Readonly<Record<string, readonly Step[]>> = {
  'javascript JSONRPC 0.3': ['list'],
  'javascript HTTP+JSON 0.3': ['list'],
  'python JSONRPC 0.3': ['list'],
  'python HTTP+JSON 0.3': ['list', 'push.list', 'push.delete'],
  'go JSONRPC 0.3': ['list'],
}

const keyOf = ({ language, binding, version }: Run): string => `${language} ${binding} ${version}`

export function failingSteps(run: Run): readonly Step[] {
  const onStatus = run.agent === 'bridged' || run.agent === 'older' ? [] : (failsOnStatus[keyOf(run)] ?? [])
  const unread = isWebhookUnread(run) ? (['push.create', 'push.get'] as const) : []
  return [...(failsAfterwards[keyOf(run)] ?? []), ...onStatus, ...unread, ...(neverSent[keyOf(run)] ?? [])]
}

/**
 * Of a new webhook over HTTP+JSON two bodies of 0.3 exist. Agents on the JavaScript SDK 1.3.0 read the bare
 * configuration, which the Python client does not send.
 */
export function isWebhookUnread({ language, agent, binding, version }: Run): boolean {
  return language === 'python' && agent === 'conformance' && binding === 'HTTP+JSON' && version === '0.3'
}

/** The SDK's error for a task that nobody has. */
export function unknownTaskError({ language, binding, version }: Run): string {
  if (language === 'go') return 'ErrTaskNotFound'
  // it reads nothing but the status
  if (language === 'python' && binding === 'HTTP+JSON' && version === '0.3') return 'MethodNotFoundError'
  return 'TaskNotFoundError'
}

/** What the ledger should say that the caller was allowed to do, in order. */
export function expectedOperations(run: Run): readonly Operation[] {
  // the calculator asks nothing back and has no extended card: no client asks for one that the card does not name
  const absent: readonly Step[] = run.agent === 'calculator' ? ['askedBack', 'extendedCard'] : []
  const unsent = [...absent, ...(neverSent[keyOf(run)] ?? [])]
  return steps.filter((step) => !unsent.includes(step)).flatMap((step): readonly Operation[] => operations[step])
}
