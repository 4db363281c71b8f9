// Which official client is run against which agent, in which binding and version, and what each SDK cannot do: what
// stands here as impossible fails alike when the agent is called directly, so that a newer SDK that can is noticed.
// docs/interop.md says it in words.

import { bindingNames, type Binding, type Operation } from '../../src/a2a/operations.ts'
import { goClient, javascriptClient, pythonClient, type Exercise } from './interop-clients.ts'

export const clients = { javascript: javascriptClient(), python: pythonClient(), go: goClient() }
export type Language = keyof typeof clients
export const languages = ['javascript', 'python', 'go'] as const satisfies Language[]

/** `bridged` is the conformance agent once more, of which the gateway knows gRPC alone. */
export type AgentName = 'calculator' | 'conformance' | 'bridged'
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
}

export interface Run {
  readonly language: Language
  readonly agent: AgentName
  readonly binding: Binding
  readonly version: Exercise['version']
  readonly isTls: boolean
}

/** The calculator checks who calls and speaks two bindings of 1.0; the conformance agent speaks everything. */
const plainRuns: readonly Run[] = languages.flatMap((language) => [
  ...(['JSONRPC', 'HTTP+JSON'] as const).map((binding): Run => ({
    language,
    agent: 'calculator',
    binding,
    version: '1.0',
    isTls: false,
  })),
  ...bindingNames.map((binding): Run => ({ language, agent: 'conformance', binding, version: '1.0', isTls: false })),
  ...(['JSONRPC', 'HTTP+JSON'] as const).map((binding): Run => ({
    language,
    agent: 'bridged',
    binding,
    version: '1.0',
    isTls: false,
  })),
])
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
const neverSent: Readonly<Record<string, readonly Step[]>> = {}

const keyOf = ({ language, binding, version }: Run): string => `${language} ${binding} ${version}`

export function failingSteps(run: Run): readonly Step[] {
  const onStatus = run.agent === 'bridged' ? [] : (failsOnStatus[keyOf(run)] ?? [])
  return [...(failsAfterwards[keyOf(run)] ?? []), ...onStatus, ...(neverSent[keyOf(run)] ?? [])]
}

/** What the ledger should say that the caller was allowed to do, in order. */
export function expectedOperations(run: Run): readonly Operation[] {
  // the calculator asks nothing back and has no extended card: no client asks for one that the card does not name
  const absent: readonly Step[] = run.agent === 'calculator' ? ['askedBack', 'extendedCard'] : []
  const unsent = [...absent, ...(neverSent[keyOf(run)] ?? [])]
  return steps.filter((step) => !unsent.includes(step)).flatMap((step): readonly Operation[] => operations[step])
}
