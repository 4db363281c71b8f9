// The positions that the A2A 1.0 schema defines (a2a.proto of 1.0.1), as data: every request, every answer, every
// event, with the camelCase names of ProtoJSON. What is not listed is unknown and passes; what is listed has one
// spelling and one kind. Agent cards are not described here: the gateway rebuilds them.

import { defineShape, type FieldSpec, type Shape } from './check-shape.ts'
import {
  boolean,
  choice,
  count,
  id,
  ids,
  many,
  manyRequired,
  one,
  oneRequired,
  requiredId,
  string,
  strings,
  struct,
} from './field-specs.ts'
import type { Binding, Operation } from './operations.ts'

export { base64Bytes, checkShape, decodedBase64Bytes, foldName, isAlias, isIdentifier } from './check-shape.ts'
export type { Shape, ShapeProblem } from './check-shape.ts'

export const taskStates: ReadonlySet<string> = new Set([
  'TASK_STATE_UNSPECIFIED',
  'TASK_STATE_SUBMITTED',
  'TASK_STATE_WORKING',
  'TASK_STATE_COMPLETED',
  'TASK_STATE_FAILED',
  'TASK_STATE_CANCELED',
  'TASK_STATE_INPUT_REQUIRED',
  'TASK_STATE_REJECTED',
  'TASK_STATE_AUTH_REQUIRED',
])
/** Nothing follows on these (A2A 1.0 §4.1.3). */
const finalStates: ReadonlySet<string> = new Set([
  'TASK_STATE_COMPLETED',
  'TASK_STATE_FAILED',
  'TASK_STATE_CANCELED',
  'TASK_STATE_REJECTED',
])
export const isFinished = (state: string): boolean => finalStates.has(state)
/** What may still change, '' among it: a task of which nobody has said yet how it is. */
export const unfinishedStates: readonly string[] = ['', ...taskStates].filter((state) => !finalStates.has(state))
const sentRoles: ReadonlySet<string> = new Set(['ROLE_USER', 'ROLE_AGENT'])
const roles: ReadonlySet<string> = new Set([...sentRoles, 'ROLE_UNSPECIFIED'])

const part = defineShape({
  text: { kind: 'string', union: true },
  raw: { kind: 'base64', union: true },
  url: { kind: 'string', union: true },
  data: { kind: 'anything', union: true },
  metadata: struct,
  filename: string,
  mediaType: string,
})

const messageFields = {
  messageId: requiredId,
  contextId: id,
  taskId: id,
  metadata: struct,
  extensions: strings,
  referenceTaskIds: ids,
} satisfies Record<string, FieldSpec>
// A caller names its role and says something; agents may leave out what ProtoJSON leaves out.
const sentMessage = defineShape({
  ...messageFields,
  role: { kind: sentRoles, required: true },
  parts: manyRequired(part),
})
const message = defineShape({ ...messageFields, role: { kind: roles }, parts: many(part) })

const authentication = defineShape({ scheme: string, credentials: string })
const pushConfigFields = {
  tenant: string,
  id,
  taskId: id,
  url: string,
  token: string,
  authentication: one(authentication),
} satisfies Record<string, FieldSpec>
const pushConfig = defineShape(pushConfigFields)
const createPushConfig = defineShape({ ...pushConfigFields, url: { kind: 'string', required: true } })

const configuration = defineShape(
  {
    acceptedOutputModes: strings,
    taskPushNotificationConfig: one(createPushConfig),
    historyLength: count,
    returnImmediately: boolean,
  },
  // 0.3 called the webhook so; an agent that still reads it would register one that no rule has seen.
  { retired: ['pushNotificationConfig'] },
)

const send = defineShape({
  tenant: string,
  message: oneRequired(sentMessage),
  configuration: one(configuration),
  metadata: struct,
})
const list = defineShape({
  tenant: string,
  contextId: id,
  status: { kind: taskStates },
  pageSize: count,
  pageToken: string,
  historyLength: count,
  statusTimestampAfter: string,
  includeArtifacts: boolean,
})

// prettier-ignore
const requests: Readonly<Record<Operation, Shape>> = Object.freeze({
  SendMessage:                      send,
  SendStreamingMessage:             send,
  GetTask:                          defineShape({ tenant: string, id: requiredId, historyLength: count }),
  ListTasks:                        list,
  CancelTask:                       defineShape({ tenant: string, id: requiredId, metadata: struct }),
  SubscribeToTask:                  defineShape({ tenant: string, id: requiredId }),
  CreateTaskPushNotificationConfig: defineShape({ ...pushConfigFields, taskId: requiredId, url: { kind: 'string', required: true } }),
  GetTaskPushNotificationConfig:    defineShape({ tenant: string, taskId: requiredId, id: requiredId }),
  ListTaskPushNotificationConfigs:  defineShape({ tenant: string, taskId: requiredId, pageSize: count, pageToken: string }),
  DeleteTaskPushNotificationConfig: defineShape({ tenant: string, taskId: requiredId, id: requiredId }),
  GetExtendedAgentCard:             defineShape({ tenant: string }),
})

// On HTTP+JSON the path names the task; the body may repeat it. Only these operations have a body there.
const restBodies: ReadonlyMap<Operation, Shape> = new Map([
  ['SendMessage', send],
  ['SendStreamingMessage', send],
  ['CancelTask', defineShape({ tenant: string, id, metadata: struct })],
  ['SubscribeToTask', defineShape({ tenant: string, id })],
  ['CreateTaskPushNotificationConfig', createPushConfig],
])

/** The shape of JSON-RPC `params`. */
export function requestShape(operation: Operation): Shape {
  return requests[operation]
}

/** The shape of an HTTP+JSON request body; undefined where the operation has none. */
export function restBodyShape(operation: Operation): Shape | undefined {
  return restBodies.get(operation)
}

const status = defineShape({ state: { kind: taskStates }, message: one(message), timestamp: string })
const artifact = defineShape({
  artifactId: requiredId,
  name: string,
  description: string,
  parts: many(part),
  metadata: struct,
  extensions: strings,
})
const task = defineShape({
  id: requiredId,
  contextId: id,
  status: oneRequired(status),
  artifacts: many(artifact),
  history: many(message),
  metadata: struct,
})
const statusUpdate = defineShape({ taskId: requiredId, contextId: id, status: oneRequired(status), metadata: struct })
const artifactUpdate = defineShape({
  taskId: requiredId,
  contextId: id,
  artifact: oneRequired(artifact),
  append: boolean,
  lastChunk: boolean,
  metadata: struct,
})

/** One event of a stream, and the body of a push notification. */
export const streamEventShape: Shape = defineShape({
  task: choice(task),
  message: choice(message),
  statusUpdate: choice(statusUpdate),
  artifactUpdate: choice(artifactUpdate),
})

/** The positions of 1.0 that a translation to another version or encoding goes through. */
export const shapes10 = Object.freeze({
  part,
  message,
  status,
  artifact,
  task,
  statusUpdate,
  artifactUpdate,
  authentication,
  pushConfig,
  configuration,
  send,
})

const sendAnswer = defineShape({ task: choice(task), message: choice(message) })
const listAnswer = defineShape({ tasks: many(task), nextPageToken: string, pageSize: count, totalSize: count })
const pushConfigsAnswer = defineShape({ configs: many(pushConfig), nextPageToken: string })
const card = defineShape({})
const empty = defineShape({})
const emptyOrNull = defineShape({}, { nullable: true })

// prettier-ignore
const answers: Readonly<Record<Operation, Shape>> = Object.freeze({
  SendMessage:                      sendAnswer,
  SendStreamingMessage:             streamEventShape,
  GetTask:                          task,
  ListTasks:                        listAnswer,
  CancelTask:                       task,
  SubscribeToTask:                  streamEventShape,
  CreateTaskPushNotificationConfig: pushConfig,
  GetTaskPushNotificationConfig:    pushConfig,
  ListTaskPushNotificationConfigs:  pushConfigsAnswer,
  DeleteTaskPushNotificationConfig: empty,
  GetExtendedAgentCard:             card,
})

/** The shape of JSON-RPC `result`, of an HTTP+JSON answer body, or of each event where the operation streams. */
export function answerShape(operation: Operation, binding: Binding): Shape {
  // JSON-RPC must answer something: agents say null where HTTP+JSON says 204.
  if (operation === 'DeleteTaskPushNotificationConfig' && binding === 'JSONRPC') return emptyOrNull
  return answers[operation]
}

const errorDetails: FieldSpec = { kind: 'struct', repeated: true }

const rpcError = defineShape({
  code: { kind: 'integer', required: true },
  message: { kind: 'string', required: true },
  data: { kind: 'anything' },
})

/** A JSON-RPC answer's envelope: exactly one of result and error. What `result` holds is answerShape's to say. */
export const jsonRpcAnswerShape: Shape = defineShape({
  jsonrpc: { kind: new Set(['2.0']), required: true },
  id: { kind: 'anything', required: true },
  result: { kind: 'anything', union: true },
  error: choice(rpcError),
})

/** An HTTP+JSON error body (§11.6). */
export const restErrorShape: Shape = defineShape({
  error: oneRequired(
    defineShape({ code: { kind: 'integer' }, status: string, message: string, details: errorDetails }),
  ),
})
