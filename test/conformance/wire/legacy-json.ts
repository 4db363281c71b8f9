// A2A 0.3 as JSON-RPC has it (0.3.0 §6, §7): `kind` tells what something is, states and roles are lower-case words,
// files are nested, and the last event of a stream says `final`.

import {
  listOf,
  maybe,
  Misspelt,
  objectOf,
  present,
  textIn,
  type Dialect,
  type JsonObject,
  type JsonValue,
  type Operation,
} from './dialect.ts'

export const legacyJson: Dialect = { encode, decode, decodeEvent }

function encode(operation: Operation, params: JsonObject): JsonObject {
  switch (operation) {
    case 'SendMessage':
    case 'SendStreamingMessage':
      return {
        ...params,
        ...('message' in params && { message: toMessage(params['message'] ?? null) }),
        ...('configuration' in params && { configuration: toConfiguration(params['configuration'] ?? null) }),
      }
    case 'CreateTaskPushNotificationConfig': {
      const { taskId, ...config } = params
      return present({ taskId, pushNotificationConfig: toPushConfig(config) })
    }
    case 'GetTaskPushNotificationConfig':
    case 'DeleteTaskPushNotificationConfig':
      return present({ id: params['taskId'], pushNotificationConfigId: params['id'] })
    case 'ListTaskPushNotificationConfigs':
      return present({ id: params['taskId'] })
    default:
      return params
  }
}

function toMessage(value: JsonValue): JsonValue {
  const message = objectOf(value, 'a message')
  return present({
    ...message,
    kind: 'message',
    role: message['role'] === 'ROLE_USER' ? 'user' : 'agent',
    parts: listOf(message['parts'], 'parts').map(toPart),
  })
}

function toPart(value: JsonValue): JsonObject {
  const { text, raw, url, data, mediaType, filename, metadata, ...unknown } = objectOf(value, 'a part')
  if (text !== undefined) return present({ ...unknown, kind: 'text', text, metadata })
  if (data !== undefined) return present({ ...unknown, kind: 'data', data, metadata })
  const file = present({ bytes: raw, uri: url, mimeType: mediaType, name: filename })
  return present({ ...unknown, kind: 'file', file, metadata })
}

function toConfiguration(value: JsonValue): JsonObject {
  const { returnImmediately, taskPushNotificationConfig, ...rest } = objectOf(value, 'a configuration')
  return present({
    ...rest,
    blocking: returnImmediately !== true,
    pushNotificationConfig: maybe(taskPushNotificationConfig, (config) => toPushConfig(objectOf(config, 'a config'))),
  })
}

export function toPushConfig({ authentication, ...config }: JsonObject): JsonObject {
  const schemes = maybe(authentication, (each) => {
    const { scheme, credentials } = objectOf(each, 'authentication')
    return present({ schemes: [scheme ?? ''], credentials })
  })
  return present({ ...config, authentication: schemes })
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
    case 'ListTaskPushNotificationConfigs':
      return { configs: listOf(result, 'configs').map(fromTaskPushConfig) }
    default:
      return result
  }
}

function decodeEvent(value: JsonValue): JsonObject {
  const event = objectOf(value, 'an event')
  if (event['kind'] === 'status-update') {
    if (typeof event['final'] !== 'boolean') throw new Misspelt('a status update does not say whether it is final')
    const { kind: _, final: __, ...rest } = event
    return { statusUpdate: present({ ...rest, status: maybe(event['status'], fromStatus) }) }
  }
  if (event['kind'] === 'artifact-update') {
    const { kind: _, ...rest } = event
    return { artifactUpdate: present({ ...rest, artifact: maybe(event['artifact'], fromArtifact) }) }
  }
  return fromEither(event)
}

function fromEither(result: JsonObject): JsonObject {
  if (result['kind'] === 'task') return { task: fromTask(result) }
  if (result['kind'] === 'message') return { message: fromMessage(result) }
  throw new Misspelt(`neither a task nor a message: kind ${JSON.stringify(result['kind'])}`)
}

function fromTask(value: JsonValue): JsonObject {
  const { kind, ...task } = objectOf(value, 'a task')
  if (kind !== 'task') throw new Misspelt(`a task is of kind ${JSON.stringify(kind)}`)
  return present({
    ...task,
    status: maybe(task['status'], fromStatus),
    history: maybe(task['history'], (history) => listOf(history, 'history').map(fromMessage)),
    artifacts: maybe(task['artifacts'], (artifacts) => listOf(artifacts, 'artifacts').map(fromArtifact)),
  })
}

function fromStatus(value: JsonValue): JsonObject {
  const status = objectOf(value, 'a status')
  const state = textIn(status, 'state')
  if (!/^[a-z-]+$/.test(state)) throw new Misspelt(`a state is ${state}`)
  return present({
    ...status,
    state: `TASK_STATE_${state.toUpperCase().replace('-', '_')}`,
    message: maybe(status['message'], fromMessage),
  })
}

function fromMessage(value: JsonValue): JsonObject {
  const { kind, role, ...message } = objectOf(value, 'a message')
  if (kind !== 'message') throw new Misspelt(`a message is of kind ${JSON.stringify(kind)}`)
  if (role !== 'user' && role !== 'agent') throw new Misspelt(`a role is ${JSON.stringify(role)}`)
  const parts = listOf(message['parts'], 'parts').map(fromPart)
  return present({ ...message, role: role === 'user' ? 'ROLE_USER' : 'ROLE_AGENT', parts })
}

function fromArtifact(value: JsonValue): JsonObject {
  const artifact = objectOf(value, 'an artifact')
  return { ...artifact, parts: listOf(artifact['parts'], 'parts').map(fromPart) }
}

function fromPart(value: JsonValue): JsonObject {
  const { kind, file, ...part } = objectOf(value, 'a part')
  if (kind === 'text' || kind === 'data') return part
  if (kind !== 'file') throw new Misspelt(`a part is of kind ${JSON.stringify(kind)}`)
  const { bytes, uri, mimeType, name, ...rest } = objectOf(file, 'a file')
  return present({ ...part, ...rest, raw: bytes, url: uri, mediaType: mimeType, filename: name })
}

function fromTaskPushConfig(value: JsonValue): JsonObject {
  const { taskId, pushNotificationConfig } = objectOf(value, 'a push configuration')
  return present({ taskId, ...fromPushConfig(objectOf(pushNotificationConfig, 'a config')) })
}

export function fromPushConfig({ authentication, ...config }: JsonObject): JsonObject {
  const plain = maybe(authentication, (each) => {
    const { schemes, credentials } = objectOf(each, 'authentication')
    return present({ scheme: listOf(schemes, 'schemes')[0], credentials })
  })
  return present({ ...config, authentication: plain })
}
