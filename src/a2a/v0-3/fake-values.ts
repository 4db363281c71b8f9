// Arbitrary values of A2A 1.0 for the tests of the translations: everything that its schema defines, with unknown
// members and odd but lawful values strewn in.

import fc from 'fast-check'
import type { JsonObject, JsonValue } from '../../base/strict-json.ts'
import type { Operation } from '../operations.ts'
import { taskStates } from '../shape.ts'

export const text = fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('', 'ü', '😀', 'kind', '__proto__'))
export const id = fc.stringMatching(/^[A-Za-z0-9_.-]{1,12}$/).filter((value) => !value.includes('..') && value !== '.')
const json: fc.Arbitrary<JsonValue> = fc.jsonValue({ maxDepth: 2 }).map((value) => value as JsonValue)
const struct: fc.Arbitrary<JsonObject> = fc.dictionary(fc.string({ maxLength: 6 }), json, { maxKeys: 3 })
const base64 = fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString('base64'))
const timestamp = fc.constantFrom('2026-11-28T10:00:00Z', '2026-11-28T10:00:00.123456789+02:00')

/** Members that no version knows, so that both must keep them. */
const unknown: fc.Arbitrary<JsonObject> = fc.dictionary(fc.stringMatching(/^x-[a-z]{1,5}$/), json, { maxKeys: 1 })

type Model = Record<string, fc.Arbitrary<JsonValue>>
function record(required: Model, optional: Model): fc.Arbitrary<JsonObject> {
  return fc
    .tuple(fc.record({ ...required, ...optional }, { requiredKeys: Object.keys(required) }), unknown)
    .map(([known, extra]) => ({ ...known, ...extra }))
}

/** Parts that 0.3 can express: text and data carry neither media type nor file name there. */
export const part: fc.Arbitrary<JsonObject> = fc.oneof(
  record({ text }, { metadata: struct }),
  record({ data: json }, { metadata: struct }),
  record({ raw: base64 }, { metadata: struct, filename: text, mediaType: text }),
  record({ url: fc.webUrl() }, { metadata: struct, filename: text, mediaType: text }),
)
const parts = fc.array(part, { maxLength: 3 })
const sentParts = fc.array(part, { minLength: 1, maxLength: 3 })
const ids = fc.array(id, { maxLength: 2 })
const extensions = fc.array(fc.webUrl(), { maxLength: 2 })

const inMessage = (isProto: boolean): Model => ({
  contextId: id,
  taskId: id,
  metadata: struct,
  extensions,
  ...(!isProto && { referenceTaskIds: ids }),
})
export const message = (isProto: boolean): fc.Arbitrary<JsonObject> =>
  record({ messageId: id, role: fc.constantFrom('ROLE_USER', 'ROLE_AGENT'), parts }, inMessage(isProto))
const sentMessage = (isProto: boolean): fc.Arbitrary<JsonObject> =>
  record({ messageId: id, role: fc.constant('ROLE_USER'), parts: sentParts }, inMessage(isProto))

const authentication = record({}, { scheme: fc.constantFrom('Bearer', 'Basic'), credentials: text })
const config: Model = { id, token: text, authentication }
const configuration = (isProto: boolean): fc.Arbitrary<JsonObject> =>
  record(
    { returnImmediately: fc.boolean() },
    {
      acceptedOutputModes: fc.array(text, { maxLength: 2 }),
      historyLength: fc.integer({ min: isProto ? 1 : 0, max: 2 ** 31 - 1 }),
      taskPushNotificationConfig: record({ url: fc.webUrl() }, config),
    },
  )

const state = fc.constantFrom(...taskStates)
const status = (isProto: boolean): fc.Arbitrary<JsonObject> =>
  record({ state }, { message: message(isProto), timestamp })
const artifact = record({ artifactId: id, parts }, { name: text, description: text, metadata: struct, extensions })
export const task = (isProto: boolean): fc.Arbitrary<JsonObject> =>
  record(
    { id, status: status(isProto) },
    {
      contextId: id,
      artifacts: fc.array(artifact, { maxLength: 2 }),
      history: fc.array(message(isProto), { maxLength: 2 }),
      metadata: struct,
    },
  )
export const statusUpdate = (isProto: boolean): fc.Arbitrary<JsonObject> =>
  record({ taskId: id, status: status(isProto) }, { contextId: id, metadata: struct })
export const artifactUpdate = record(
  { taskId: id, artifact },
  { contextId: id, append: fc.boolean(), lastChunk: fc.boolean(), metadata: struct },
)

const wrap = (name: string, value: fc.Arbitrary<JsonObject>): fc.Arbitrary<JsonObject> =>
  value.map((inner) => ({ [name]: inner }))
const result = (isProto: boolean): fc.Arbitrary<JsonObject> =>
  fc.oneof(wrap('task', task(isProto)), wrap('message', message(isProto)))
const event = (isProto: boolean): fc.Arbitrary<JsonObject> =>
  fc.oneof(result(isProto), wrap('statusUpdate', statusUpdate(isProto)), wrap('artifactUpdate', artifactUpdate))
const pushConfig = record({ taskId: id, id, url: fc.webUrl() }, { token: text, authentication })

const send = (isProto: boolean): fc.Arbitrary<JsonObject> =>
  record(
    { message: sentMessage(isProto), ...(isProto && { configuration: configuration(true) }) },
    { configuration: configuration(isProto), metadata: struct },
  )
const historyLength = (isProto: boolean): fc.Arbitrary<number> => fc.integer({ min: isProto ? 1 : 0, max: 1000 })

/** Parameters of 1.0 that 0.3 can express in this form. */
export function expressibleRequest(operation: Operation, isProto: boolean): fc.Arbitrary<JsonObject> {
  switch (operation) {
    case 'SendMessage':
    case 'SendStreamingMessage':
      return send(isProto)
    case 'GetTask':
      return record({ id }, { historyLength: historyLength(isProto) })
    case 'CancelTask':
      return record({ id }, isProto ? {} : { metadata: struct })
    case 'SubscribeToTask':
      return record({ id }, {})
    case 'CreateTaskPushNotificationConfig':
      return record({ taskId: id, url: fc.webUrl() }, config)
    case 'GetTaskPushNotificationConfig':
    case 'DeleteTaskPushNotificationConfig':
      return record({ taskId: id, id }, {})
    case 'ListTaskPushNotificationConfigs':
      return record({ taskId: id }, isProto ? { pageSize: fc.integer({ min: 1, max: 100 }), pageToken: id } : {})
    case 'GetExtendedAgentCard':
    case 'ListTasks':
      return record({}, {})
  }
  return record({}, {})
}

/** Answers of 1.0 that 0.3 can express in this form. */
export function expressibleAnswer(operation: Operation, isProto: boolean): fc.Arbitrary<JsonObject> {
  switch (operation) {
    case 'SendMessage':
      return result(isProto)
    case 'SendStreamingMessage':
    case 'SubscribeToTask':
      return event(isProto)
    case 'GetTask':
    case 'CancelTask':
      return task(isProto)
    case 'CreateTaskPushNotificationConfig':
    case 'GetTaskPushNotificationConfig':
      return pushConfig
    case 'ListTaskPushNotificationConfigs':
      return fc.array(pushConfig, { maxLength: 3 }).map((configs) => ({ configs }))
    case 'DeleteTaskPushNotificationConfig':
    case 'GetExtendedAgentCard':
    case 'ListTasks':
      break
  }
  return fc.constant({})
}
