// Exercises an agent with the official JavaScript SDK's client, unmodified, and prints what it saw as one line of JSON.
// Reads from standard input: where the agent is, whose key to show, which binding and protocol version, what to say.
// test/e2e/interop.test.ts holds it against a gateway, as it does the programs for Python and Go in test/interop.

import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { text as readText } from 'node:stream/consumers'
import { TaskState, taskStateToJSON, type AgentCard, type StreamResponse, type Task } from '@a2a-js/sdk'
import type { Client } from '@a2a-js/sdk/client'
import {
  artifactText,
  asTask,
  connectWithSdk,
  resolveWithSdk,
  userText,
  type ExerciseOptions,
  type SdkBinding,
} from './sdk-client.ts'

interface Word {
  readonly text: string
  readonly messageId?: string
}

interface Ask {
  readonly agent: string
  readonly key: string
  readonly binding: SdkBinding
  readonly version: '1.0' | '0.3'
  readonly ca?: string
  readonly pushUrl: string
  readonly quick: Word
  readonly slow: Word
  readonly asking?: Word
}

interface Sent {
  readonly task: string
  readonly context: string
  readonly state: string
  readonly text: string
}

const ask = JSON.parse(await readText(process.stdin)) as Ask
const options: ExerciseOptions = {
  gatewayUrl: '',
  agent: '',
  agentUrl: ask.agent,
  key: ask.key,
  binding: ask.binding,
  version: ask.version,
  ...(ask.ca !== undefined && { ca: readFileSync(ask.ca) }),
}
const seen: Record<string, unknown> = { sdk: `@a2a-js/sdk ${sdkVersion()}`, binding: ask.binding, version: ask.version }

async function exercise(): Promise<void> {
  await step('publicCard', async () => nameOf(await resolveWithSdk({ ...options, key: undefined })))
  const card = await resolveWithSdk(options)
  seen['card'] = {
    name: card.name,
    interfaces: card.supportedInterfaces.map((face) => [
      face.protocolBinding,
      face.protocolVersion,
      face.url,
      face.tenant,
    ]),
  }
  const client = await connectWithSdk(options)
  const sent = (await step('send', () => send(client, ask.quick))) ?? nothing
  await step('stream', () => read(client.sendMessageStream(requestOf(ask.quick))))
  await step('secondTurn', async () => {
    const turn = await send(client, ask.quick, { contextId: sent.context })
    return { sameContext: turn.context === sent.context, sameTask: turn.task === sent.task }
  })
  await step('get', async () => {
    const task = await client.getTask({ tenant: '', id: sent.task, historyLength: 1 })
    return { same: task.id === sent.task, state: stateOf(task), text: artifactText(task) }
  })
  await step('list', async () => {
    const page = await client.listTasks({
      tenant: '',
      contextId: sent.context,
      status: TaskState.TASK_STATE_UNSPECIFIED,
      pageSize: 10,
      pageToken: '',
      statusTimestampAfter: undefined,
      includeArtifacts: true,
    })
    return { has: page.tasks.some((task) => task.id === sent.task), total: page.totalSize }
  })
  const slow = (await step('background', () => send(client, ask.slow, {}, true))) ?? nothing
  seen['push'] = await pushSteps(client, slow.task)
  await step('subscribe', () =>
    read(client.resubscribeTask({ tenant: '', id: slow.task }), async () => {
      await step('cancel', async () => ({
        state: stateOf(await client.cancelTask({ tenant: '', id: slow.task, metadata: undefined })),
      }))
    }),
  )
  await step('unknownTask', () => client.getTask({ tenant: '', id: 'no-such-task' }))
  const { asking } = ask
  if (asking !== undefined) {
    await step('askedBack', async () => {
      const asked = await send(client, asking)
      const answered = await send(client, ask.quick, { taskId: asked.task, contextId: asked.context })
      return { states: [asked.state, answered.state], sameTask: asked.task === answered.task }
    })
  }
  await step('extendedCard', async () => {
    const { name, skills } = await client.getAgentCard()
    return { name, skills: skills.map(({ id }) => id) }
  })
}

const nothing: Sent = { task: 'none', context: '', state: '', text: '' }

async function step<Value>(name: string, work: () => Promise<Value>): Promise<Value | undefined> {
  const result = await attempt(work)
  seen[name] = result
  return isFailure(result) ? undefined : (result as Value)
}

async function attempt(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return await work()
  } catch (error) {
    const { name, message } = error as Error
    return { error: name, message: message.slice(0, 300) }
  }
}

function isFailure(result: unknown): boolean {
  return typeof result === 'object' && result !== null && 'error' in result
}

function sdkVersion(): string {
  const file = new URL('../../node_modules/@a2a-js/sdk/package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

const nameOf = (card: AgentCard): { name: string } => ({ name: card.name })
const stateOf = (task: Task): string => taskStateToJSON(task.status?.state ?? TaskState.TASK_STATE_UNSPECIFIED)

function requestOf(
  word: Word,
  fields: { taskId?: string; contextId?: string } = {},
  returnImmediately = false,
): Parameters<Client['sendMessage']>[0] {
  const messageId = `${word.messageId ?? 'm'}-${randomUUID()}`
  return {
    tenant: '',
    metadata: undefined,
    message: userText(word.text, { messageId, ...fields }),
    configuration: { acceptedOutputModes: [], taskPushNotificationConfig: undefined, returnImmediately },
  }
}

async function send(
  client: Client,
  word: Word,
  fields: { taskId?: string; contextId?: string } = {},
  returnImmediately = false,
): Promise<Sent> {
  const task = asTask(await client.sendMessage(requestOf(word, fields, returnImmediately)))
  return { task: task.id, context: task.contextId, state: stateOf(task), text: artifactText(task) }
}

const kinds = { task: 'task', statusUpdate: 'status_update', artifactUpdate: 'artifact_update', message: 'message' }

async function read(
  events: AsyncIterable<StreamResponse>,
  onFirst?: () => Promise<void>,
): Promise<{ kinds: string[]; last: string | undefined }> {
  const found: string[] = []
  let last: string | undefined
  for await (const { payload } of events) {
    if (payload === undefined) continue
    found.push(kinds[payload.$case])
    if (payload.$case === 'task' || payload.$case === 'statusUpdate')
      last = taskStateToJSON(payload.value.status?.state ?? TaskState.TASK_STATE_UNSPECIFIED)
    if (found.length === 1) await onFirst?.()
  }
  return { kinds: found, last }
}

/** Create, get, list, delete. */
async function pushSteps(client: Client, taskId: string): Promise<Record<string, unknown>> {
  const named = { tenant: '', taskId, id: 'hook' }
  const config = { ...named, url: ask.pushUrl, token: 't', authentication: undefined }
  return {
    create: await attempt(async () => (await client.createTaskPushNotificationConfig(config)).url),
    get: await attempt(async () => (await client.getTaskPushNotificationConfig(named)).url),
    list: await attempt(async () => {
      const page = await client.listTaskPushNotificationConfig({ tenant: '', taskId, pageSize: 0, pageToken: '' })
      return page.configs.length
    }),
    delete: await attempt(async () => {
      await client.deleteTaskPushNotificationConfig(named)
      return true
    }),
  }
}

await exercise()
process.stdout.write(`${JSON.stringify(seen)}\n`)
