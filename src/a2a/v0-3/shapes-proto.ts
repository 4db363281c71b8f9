// The positions of A2A 0.3 in the ProtoJSON of a2a.v1 (its a2a.proto at 0.3.0 and the patch releases after it), as
// data. Resources are named by paths in text (`tasks/{id}`); messages have `content`, not `parts`. The proto names of
// fields whose JSON name differs (`request`, `msg`, `update`) are other spellings to a decoder, so they are refused,
// as are the names of 1.0 and of the JSON-RPC form.

import { defineShape, type FieldSpec, type Shape } from '../check-shape.ts'
import {
  boolean,
  choice,
  count,
  id,
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
import type { Shapes03 } from './shapes-json.ts'

const requiredString: FieldSpec = { kind: 'string', required: true }

const file = defineShape(
  {
    fileWithUri: { kind: 'string', union: true },
    fileWithBytes: { kind: 'base64', union: true },
    mimeType: string,
    name: string,
  },
  { retired: ['uri', 'bytes', 'url', 'raw', 'mediaType', 'filename'] },
)
const data = defineShape({ data: struct })
const part = defineShape(
  {
    text: { kind: 'string', union: true },
    file: choice(file),
    data: choice(data),
    metadata: struct,
  },
  { retired: [...shapes10.part.fields.keys(), 'kind'] },
)

const sentRoles: ReadonlySet<string> = new Set(['ROLE_USER', 'ROLE_AGENT'])
const roles: ReadonlySet<string> = new Set(roleWords.proto.from03.keys())
const messageFields = {
  messageId: requiredId,
  contextId: id,
  taskId: id,
  metadata: struct,
  extensions: strings,
} satisfies Record<string, FieldSpec>
const messageRetired = { retired: ['parts', 'referenceTaskIds', 'kind'] }
const sentMessage = defineShape(
  { ...messageFields, role: { kind: sentRoles, required: true }, content: manyRequired(part) },
  messageRetired,
)
const message = defineShape({ ...messageFields, role: { kind: roles }, content: many(part) }, messageRetired)

const authentication = defineShape({ schemes: strings, credentials: string }, { retired: ['scheme'] })
const pushConfigFields = { id, url: string, token: string, authentication: one(authentication) }
const pushConfigRetired = { retired: [...shapes10.pushConfig.fields.keys(), 'pushNotificationConfig'] }
const pushConfig = defineShape(pushConfigFields, pushConfigRetired)
const sentPushConfig = defineShape({ ...pushConfigFields, url: requiredString }, pushConfigRetired)

const configuration = defineShape(
  {
    acceptedOutputModes: strings,
    pushNotification: one(sentPushConfig),
    historyLength: count,
    blocking: boolean,
  },
  { retired: [...shapes10.configuration.fields.keys(), 'pushNotificationConfig'] },
)
const send = defineShape(
  { message: oneRequired(sentMessage), configuration: one(configuration), metadata: struct },
  { retired: ['tenant', 'request'] },
)

const names = { retired: ['tenant', 'id', 'taskId', 'parent', 'name', 'metadata'] }
const named = defineShape({ name: requiredString }, names)
const configRetired = { retired: [...shapes10.pushConfig.fields.keys(), 'parent', 'name', 'config', 'configId'] }
const sentTaskConfig = defineShape({ name: string, pushNotificationConfig: oneRequired(sentPushConfig) }, configRetired)
const newConfig = defineShape(
  { parent: requiredString, configId: string, config: oneRequired(sentTaskConfig) },
  {
    retired: [...configRetired.retired, 'pushNotificationConfig'],
  },
)

// prettier-ignore
export const protoRequests: Readonly<Partial<Record<Operation, Shape>>> = Object.freeze({
  SendMessage:                      send,
  SendStreamingMessage:             send,
  GetTask:                          defineShape({ name: requiredString, historyLength: count }, names),
  CancelTask:                       named,
  SubscribeToTask:                  named,
  CreateTaskPushNotificationConfig: newConfig,
  GetTaskPushNotificationConfig:    named,
  ListTaskPushNotificationConfigs:  defineShape({ parent: requiredString, pageSize: count, pageToken: string }, names),
  DeleteTaskPushNotificationConfig: named,
  GetExtendedAgentCard:             defineShape({}, { retired: ['tenant'] }),
})

// On the paths below /v1 the path names the task. Of a new configuration two bodies exist: a2a.proto makes it the
// TaskPushNotificationConfig, and the Python SDK and the JavaScript servers of 0.3 read the whole request message.
// prettier-ignore
export const restBodies03 = Object.freeze({
  send,
  cancel:      defineShape({ name: string }, { retired: names.retired, nullable: true }),
  newConfig:   defineShape({ parent: string, configId: string, config: oneRequired(sentTaskConfig) },
                 { retired: [...configRetired.retired, 'pushNotificationConfig'] }),
  plainConfig: sentTaskConfig,
})

const states: ReadonlySet<string> = new Set(stateWords.proto.from03.keys())
const status = defineShape(
  { state: { kind: states }, message: one(message), timestamp: string },
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
const kindRetired = { retired: ['kind'] }
const task = defineShape(
  {
    id: requiredId,
    contextId: id,
    status: oneRequired(status),
    artifacts: many(artifact),
    history: many(message),
    metadata: struct,
  },
  kindRetired,
)
const statusUpdate = defineShape(
  { taskId: requiredId, contextId: id, status: oneRequired(status), final: boolean, metadata: struct },
  kindRetired,
)
const artifactUpdate = defineShape(
  {
    taskId: requiredId,
    contextId: id,
    artifact: oneRequired(artifact),
    append: boolean,
    lastChunk: boolean,
    metadata: struct,
  },
  kindRetired,
)

const sendAnswer = defineShape({ task: choice(task), message: choice(message) }, { retired: ['msg', 'kind'] })
export const protoEvent: Shape = defineShape(
  {
    task: choice(task),
    message: choice(message),
    statusUpdate: choice(statusUpdate),
    artifactUpdate: choice(artifactUpdate),
  },
  { retired: ['msg', 'kind'] },
)
const taskConfig = defineShape({ name: requiredString, pushNotificationConfig: oneRequired(pushConfig) }, configRetired)

// prettier-ignore
export const protoAnswers: Readonly<Partial<Record<Operation, Shape>>> = Object.freeze({
  SendMessage:                      sendAnswer,
  SendStreamingMessage:             protoEvent,
  GetTask:                          task,
  CancelTask:                       task,
  SubscribeToTask:                  protoEvent,
  CreateTaskPushNotificationConfig: taskConfig,
  GetTaskPushNotificationConfig:    taskConfig,
  ListTaskPushNotificationConfigs:  defineShape({ configs: many(taskConfig), nextPageToken: string }),
  DeleteTaskPushNotificationConfig: defineShape({}, { nullable: true }),
  GetExtendedAgentCard:             defineShape({}),
})

export const protoShapes: Shapes03 = Object.freeze({
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
export const protoPartShapes = Object.freeze({ file, data })
