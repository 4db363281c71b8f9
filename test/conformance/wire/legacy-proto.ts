// A2A 0.3 as its a2a.proto has it: what gRPC carries, and HTTP+JSON as ProtoJSON. Tasks and configurations go by
// resource names, a message has `content`, files and data are nested.

import { fromPushConfig, toPushConfig } from './legacy-json.ts'
import {
  listOf,
  maybe,
  Misspelt,
  objectOf,
  present,
  type Dialect,
  type JsonObject,
  type JsonValue,
  type Operation,
} from './dialect.ts'

export const legacyProto: Dialect = { encode, decode, decodeEvent }

const textOf = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '')
const taskName = (id: JsonValue | undefined): string => `tasks/${textOf(id)}`
const configName = (params: JsonObject): string =>
  `${taskName(params['taskId'])}/pushNotificationConfigs/${textOf(params['id'])}`

function encode(operation: Operation, params: JsonObject): JsonObject {
  switch (operation) {
    case 'SendMessage':
    case 'SendStreamingMessage':
      return present({
        ...params,
        message: maybe(params['message'], toMessage),
        configuration: maybe(params['configuration'], toConfiguration),
      })
    case 'GetTask':
      return present({ name: taskName(params['id']), historyLength: params['historyLength'] })
    case 'CancelTask':
    case 'SubscribeToTask':
      return { name: taskName(params['id']) }
    case 'CreateTaskPushNotificationConfig': {
      const { taskId, ...config } = params
      const named = { name: configName(params), pushNotificationConfig: toPushConfig(config) }
      return { parent: taskName(taskId), configId: textOf(params['id']), config: named }
    }
    case 'GetTaskPushNotificationConfig':
    case 'DeleteTaskPushNotificationConfig':
      return { name: configName(params) }
    case 'ListTaskPushNotificationConfigs':
      return { parent: taskName(params['taskId']) }
    default:
      return params
  }
}

function toMessage(value: JsonValue): JsonObject {
  const { parts, referenceTaskIds: _, ...message } = objectOf(value, 'a message')
  return { ...message, content: listOf(parts, 'parts').map(toPart) }
}

function toPart(value: JsonValue): JsonObject {
  const { text, raw, url, data, mediaType, filename, ...rest } = objectOf(value, 'a part')
  if (text !== undefined) return { ...rest, text }
  if (data !== undefined) return { ...rest, data: { data } }
  return {
    ...rest,
    file: present({ fileWithBytes: raw, fileWithUri: url, mimeType: mediaType, name: filename }),
  }
}

function toConfiguration(value: JsonValue): JsonObject {
  const { returnImmediately, taskPushNotificationConfig, ...rest } = objectOf(value, 'a configuration')
  return present({
    ...rest,
    blocking: returnImmediately !== true,
    pushNotification: maybe(taskPushNotificationConfig, (config) => toPushConfig(objectOf(config, 'a config'))),
  })
}

function decode(operation: Operation, result: JsonValue): JsonValue {
  switch (operation) {
    case 'SendMessage':
      return fromEither(objectOf(result, 'a result'))
    case 'GetTask':
    case 'CancelTask':
      return fromTask(result)
    case 'CreateTaskPushNotificationConfig':
    case 'GetTaskPushNotificationConfig':
      return fromTaskPushConfig(result)
    case 'ListTaskPushNotificationConfigs': {
      const { configs } = objectOf(result, 'a result')
      return { configs: listOf(configs, 'configs').map(fromTaskPushConfig) }
    }
    default:
      return result
  }
}

function decodeEvent(value: JsonValue): JsonObject {
  const event = objectOf(value, 'an event')
  const { statusUpdate, artifactUpdate } = event
  if (statusUpdate !== undefined) {
    const { final: _, ...update } = objectOf(statusUpdate, 'a status update')
    return { statusUpdate: present({ ...update, status: maybe(update['status'], fromStatus) }) }
  }
  if (artifactUpdate !== undefined) {
    const update = objectOf(artifactUpdate, 'an artifact update')
    return { artifactUpdate: present({ ...update, artifact: maybe(update['artifact'], fromArtifact) }) }
  }
  return fromEither(event)
}

function fromEither({ task, message }: JsonObject): JsonObject {
  if (task !== undefined) return { task: fromTask(task) }
  if (message !== undefined) return { message: fromMessage(message) }
  throw new Misspelt('neither a task nor a message')
}

function fromTask(value: JsonValue): JsonObject {
  const task = objectOf(value, 'a task')
  return present({
    ...task,
    status: maybe(task['status'], fromStatus),
    history: maybe(task['history'], (history) => listOf(history, 'history').map(fromMessage)),
    artifacts: maybe(task['artifacts'], (artifacts) => listOf(artifacts, 'artifacts').map(fromArtifact)),
  })
}

function fromStatus(value: JsonValue): JsonObject {
  const status = objectOf(value, 'a status')
  const state = status['state'] === 'TASK_STATE_CANCELLED' ? 'TASK_STATE_CANCELED' : status['state']
  return present({ ...status, state, message: maybe(status['message'], fromMessage) })
}

function fromMessage(value: JsonValue): JsonObject {
  const { content, ...message } = objectOf(value, 'a message')
  return { ...message, parts: listOf(content, 'content').map(fromPart) }
}

function fromArtifact(value: JsonValue): JsonObject {
  const artifact = objectOf(value, 'an artifact')
  return { ...artifact, parts: listOf(artifact['parts'], 'parts').map(fromPart) }
}

function fromPart(value: JsonValue): JsonObject {
  const { file, data, ...part } = objectOf(value, 'a part')
  if (data !== undefined) return present({ ...part, data: objectOf(data, 'data')['data'] })
  if (file === undefined) return part
  const { fileWithBytes, fileWithUri, mimeType, name } = objectOf(file, 'a file')
  return present({ ...part, raw: fileWithBytes, url: fileWithUri, mediaType: mimeType, filename: name })
}

function fromTaskPushConfig(value: JsonValue): JsonObject {
  const { name, pushNotificationConfig } = objectOf(value, 'a push configuration')
  const taskId = /^tasks\/([^/]+)\/pushNotificationConfigs\//.exec(textOf(name))?.[1]
  if (taskId === undefined) throw new Misspelt(`a configuration is called ${JSON.stringify(name)}`)
  return { taskId, ...fromPushConfig(objectOf(pushNotificationConfig, 'a config')) }
}
