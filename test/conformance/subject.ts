// What a test is, and what it sees: one face of one agent, reached directly or through the gateway. A test is written
// once, in the words of A2A 1.0, and runs in every column where its operation exists.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Answer, CallOptions, Client, Event, Stream } from './clients/client.ts'
import type { Face } from './faces.ts'
import { objectOf, type JsonObject, type JsonValue, type Operation } from './wire/dialect.ts'

/** Agents differ in what their cards claim: `bare` claims nothing optional, `strict` requires an extension. */
export type AgentKind = 'full' | 'bare' | 'strict'

export interface ConformanceTest {
  /** group and a short name: stays when the sentence is worded better */
  readonly id: string
  /** of A2A 1.0, unless it says otherwise */
  readonly section: string
  /** the rest of «the agent …» */
  readonly sentence: string
  readonly agent?: AgentKind
  /** what it sees depends on when it looks, or on other tests: only whether it passes is compared */
  readonly timing?: boolean
  /** columns where it means something; all by default */
  readonly where?: (face: Face) => boolean
  run(subject: Subject): Promise<void>
}

export interface Subject extends Face {
  readonly kind: AgentKind
  readonly client: Client
  /** where the agent's card lies, and what it says in this column's version */
  readonly cardUrl: string
  readonly webhooks: Webhooks
  /** the same agent in every other face */
  others(): readonly Subject[]
}

export interface Webhooks {
  /** An address of its own, and what was sent to it. */
  open(): Webhook
}

export interface Webhook {
  readonly url: string
  readonly received: readonly Delivery[]
  /** Resolves when enough has come. */
  until(isEnough: (received: readonly Delivery[]) => boolean): Promise<readonly Delivery[]>
}

export interface Delivery {
  readonly headers: Readonly<Record<string, string>>
  readonly body: JsonObject
}

export const isCurrent = ({ version }: Face): boolean => version === '1.0'
export const isJson = ({ binding }: Face): boolean => binding !== 'GRPC'

/** A message whose id begins with what the agent is to do. */
export function say(prefix: string, fields: JsonObject = {}): JsonObject {
  const messageId = `${prefix}-${randomUUID()}`
  return { message: { messageId, role: 'ROLE_USER', parts: [{ text: 'conformance' }], ...fields } }
}

/** The result of a call that must succeed. */
export async function ask(
  { client }: Subject,
  operation: Operation,
  params: JsonObject,
  options?: CallOptions,
): Promise<JsonObject> {
  return resultOf(await client.call(operation, params, options), operation)
}

export function resultOf(answer: Answer, what: string): JsonObject {
  const { failure } = answer
  assert.equal(failure, undefined, `${what} is refused: ${failure?.code} ${failure?.reason} ${failure?.message}`)
  return answer.result
}

/** The task that a send gives back. */
export async function send(subject: Subject, params: JsonObject, options?: CallOptions): Promise<JsonObject> {
  const { task, ...rest } = await ask(subject, 'SendMessage', params, options)
  assert.ok(task !== undefined, `a send gave no task but ${Object.keys(rest).join(', ')}`)
  return objectOf(task, 'a task')
}

export async function get(subject: Subject, id: JsonValue | undefined, more: JsonObject = {}): Promise<JsonObject> {
  return await ask(subject, 'GetTask', { id: textOf(id), ...more })
}

export async function open(
  { client }: Subject,
  operation: 'SendStreamingMessage' | 'SubscribeToTask',
  params: JsonObject,
  options?: CallOptions,
): Promise<Stream> {
  const opened = await client.stream(operation, params, options)
  if (opened.kind === 'answer') {
    resultOf(opened, operation)
    assert.fail(`${operation} gave an answer, not a stream: HTTP ${opened.http}`)
  }
  return opened
}

/** All that is left of a stream, which must end in order. */
export async function rest(stream: Stream): Promise<Event[]> {
  const events: Event[] = []
  for (let event = await stream.next(); event !== undefined; event = await stream.next()) events.push(event)
  return events
}

/** What each event is: `task`, `message`, `artifactUpdate`, or `statusUpdate` with its state. */
export function outline(events: readonly Event[]): string[] {
  return events.map(({ response }) => {
    const [kind = 'nothing'] = Object.keys(response)
    const status =
      response['statusUpdate'] === undefined ? '' : ` ${stateOf(objectOf(response['statusUpdate'], 'an update'))}`
    return `${kind}${status}`
  })
}

/** TASK_STATE_X without what all states begin with; of a task or an update. */
export function stateOf(task: JsonObject): string {
  return textOf(objectOf(task['status'], 'a status')['state']).replace('TASK_STATE_', '')
}

export function textOf(value: JsonValue | undefined): string {
  assert.equal(typeof value, 'string', `not text: ${JSON.stringify(value)}`)
  return value as string
}

/** The parts of a task's artifacts, one list for each. */
export function artifactsOf(task: JsonObject): JsonObject[][] {
  const artifacts = (task['artifacts'] ?? []) as JsonObject[]
  return artifacts.map((artifact) => artifact['parts'] as JsonObject[])
}

/** The message ids in a task's history. */
export function historyOf(task: JsonObject): string[] {
  return ((task['history'] ?? []) as JsonObject[]).map((message) => textOf(message['messageId']))
}

export function messageIdOf(params: JsonObject): string {
  return textOf(objectOf(params['message'], 'a message')['messageId'])
}

/** A task that works until it is canceled (agents/src/conformance-behaviour.ts). */
export const untilCanceled = 'conformance-until-canceled'

/** Begins one in the background; its id. */
export async function startWork(subject: Subject): Promise<string> {
  const params = { ...say(untilCanceled), configuration: { returnImmediately: true } }
  return textOf((await send(subject, params))['id'])
}

export const cancel = (subject: Subject, id: JsonValue | undefined): Promise<JsonObject> =>
  ask(subject, 'CancelTask', { id: textOf(id) })

export const unknownId = (): string => randomUUID()
