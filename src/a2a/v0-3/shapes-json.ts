// The positions of A2A 0.3 in the form of JSON-RPC (specification §6 and §7 of 0.3.0), as data, as strictly as
// shape.ts has those of 1.0. Besides other spellings, the names that 1.0 has at a position are refused there: a value
// that both versions could read, each in its own way, is nobody's.

import { defineList, defineShape, defineVariants, type FieldSpec, type Shape } from '../check-shape.ts'
import {
  boolean,
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
} from '../field-specs.ts'
import type { Operation } from '../operations.ts'
import { shapes10 } from '../shape.ts'
import { roleWords, stateWords } from './names.ts'

/** the discriminator, where the position already says what it must be */
const kind = (name: string): FieldSpec => ({ kind: new Set([name]) })

/** Shapes that both directions of the translation walk along. */
export interface Shapes03 {
  readonly part: Shape
  readonly message: Shape
  readonly status: Shape
  readonly artifact: Shape
  readonly task: Shape
  readonly statusUpdate: Shape
  readonly artifactUpdate: Shape
  readonly authentication: Shape
  readonly pushConfig: Shape
  readonly configuration: Shape
  readonly send: Shape
}

const partNames = [...shapes10.part.fields.keys(), 'file', 'kind']
const textPart = defineShape(
  { kind: kind('text'), text: { kind: 'string', required: true }, metadata: struct },
  { retired: partNames },
)
const dataPart = defineShape(
  { kind: kind('data'), data: { kind: 'struct', required: true }, metadata: struct },
  { retired: partNames },
)
const file = defineShape(
  {
    uri: { kind: 'string', union: true },
    bytes: { kind: 'base64', union: true },
    name: string,
    mimeType: string,
  },
  { retired: ['url', 'raw', 'mediaType', 'filename', 'fileWithUri', 'fileWithBytes'] },
)
const filePart = defineShape({ kind: kind('file'), file: oneRequired(file), metadata: struct }, { retired: partNames })
const part = defineVariants('kind', { text: textPart, file: filePart, data: dataPart })

const roles: ReadonlySet<string> = new Set(roleWords.json.from03.keys())
const messageFields = {
  kind: kind('message'),
  messageId: requiredId,
  contextId: id,
  taskId: id,
  metadata: struct,
  extensions: strings,
  referenceTaskIds: ids,
} satisfies Record<string, FieldSpec>
const sentMessage = defineShape({
  ...messageFields,
  role: { kind: roles, required: true },
  parts: manyRequired(part),
})
const message = defineShape({ ...messageFields, role: { kind: roles }, parts: many(part) })

const authentication = defineShape({ schemes: strings, credentials: string }, { retired: ['scheme'] })
const pushConfigFields = { id, url: string, token: string, authentication: one(authentication) }
const pushConfigRetired = { retired: [...shapes10.pushConfig.fields.keys(), 'pushNotificationConfig'] }
const pushConfig = defineShape(pushConfigFields, pushConfigRetired)
const sentPushConfig = defineShape({ ...pushConfigFields, url: { kind: 'string', required: true } }, pushConfigRetired)

const configuration = defineShape(
  {
    acceptedOutputModes: strings,
    blocking: boolean,
    historyLength: count,
    pushNotificationConfig: one(sentPushConfig),
  },
  { retired: [...shapes10.configuration.fields.keys(), 'pushNotification'] },
)

const send = defineShape(
  { message: oneRequired(sentMessage), configuration: one(configuration), metadata: struct },
  { retired: ['tenant', 'request'] },
)
const ofTask = { id: requiredId, metadata: struct } satisfies Record<string, FieldSpec>
const ofConfig = { ...ofTask, pushNotificationConfigId: requiredId } satisfies Record<string, FieldSpec>
const names = { retired: ['tenant', 'taskId', 'name', 'parent', 'pageSize', 'pageToken', 'pushNotificationConfigId'] }
const newConfig = defineShape(
  { taskId: requiredId, pushNotificationConfig: oneRequired(sentPushConfig) },
  pushConfigRetired,
)

// prettier-ignore
export const jsonRequests: Readonly<Partial<Record<Operation, Shape>>> = Object.freeze({
  SendMessage:                      send,
  SendStreamingMessage:             send,
  GetTask:                          defineShape({ ...ofTask, historyLength: count }, names),
  CancelTask:                       defineShape(ofTask, names),
  SubscribeToTask:                  defineShape(ofTask, names),
  CreateTaskPushNotificationConfig: newConfig,
  // 0.3 lets a caller leave out which configuration it means; 1.0 has no such question, so it must be named.
  GetTaskPushNotificationConfig:    defineShape(ofConfig, names),
  ListTaskPushNotificationConfigs:  defineShape(ofTask, names),
  DeleteTaskPushNotificationConfig: defineShape(ofConfig, names),
  GetExtendedAgentCard:             defineShape({}, { retired: ['tenant'], nullable: true }),
})

const states: ReadonlySet<string> = new Set(stateWords.json.from03.keys())
const status = defineShape(
  { state: { kind: states, required: true }, message: one(message), timestamp: string },
  { retired: ['update'] },
)
const artifact = defineShape({
  artifactId: requiredId,
  name: string,
  description: string,
  parts: many(part),
  metadata: struct,
  extensions: strings,
})
const task = defineShape({
  kind: kind('task'),
  id: requiredId,
  contextId: id,
  status: oneRequired(status),
  artifacts: many(artifact),
  history: many(message),
  metadata: struct,
})
const statusUpdate = defineShape({
  kind: kind('status-update'),
  taskId: requiredId,
  contextId: id,
  status: oneRequired(status),
  final: boolean,
  metadata: struct,
})
const artifactUpdate = defineShape({
  kind: kind('artifact-update'),
  taskId: requiredId,
  contextId: id,
  artifact: oneRequired(artifact),
  append: boolean,
  lastChunk: boolean,
  metadata: struct,
})

const sendAnswer = defineVariants('kind', { task, message })
const event = defineVariants('kind', {
  task,
  message,
  'status-update': statusUpdate,
  'artifact-update': artifactUpdate,
})
const taskConfig = defineShape(
  { taskId: requiredId, pushNotificationConfig: oneRequired(pushConfig) },
  pushConfigRetired,
)

// prettier-ignore
export const jsonAnswers: Readonly<Partial<Record<Operation, Shape>>> = Object.freeze({
  SendMessage:                      sendAnswer,
  SendStreamingMessage:             event,
  GetTask:                          task,
  CancelTask:                       task,
  SubscribeToTask:                  event,
  CreateTaskPushNotificationConfig: taskConfig,
  GetTaskPushNotificationConfig:    taskConfig,
  ListTaskPushNotificationConfigs:  defineList(taskConfig),
  DeleteTaskPushNotificationConfig: defineShape({}, { nullable: true }),
  GetExtendedAgentCard:             defineShape({}),
})

export const jsonShapes: Shapes03 = Object.freeze({
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
export const jsonPartShapes = Object.freeze({ text: textPart, file: filePart, data: dataPart, inFile: file })
