// Where A2A 1.0 has the id of a context: what is spliced where caller and agent know it by different names, and what
// ownership is settled on. One table for both, so that no id can be settled in one place and shown in another; a test
// compares it with the shapes, which list every field.

import { isJsonObject, type JsonValue } from '../base/strict-json.ts'
import { isList, placesBelow, replaceStrings, type StringPlaces } from '../base/replace-strings.ts'
import type { Operation, ProtocolVersion } from './operations.ts'

const message: StringPlaces = { contextId: true }
const status: StringPlaces = { message }
const task: StringPlaces = { contextId: true, status, history: [message] }
const event: StringPlaces = {
  task,
  message,
  statusUpdate: { contextId: true, status },
  artifactUpdate: { contextId: true },
}
const nowhere: StringPlaces = Object.freeze({})
const send: StringPlaces = { message }
// answered from the index of owners, never by the agent
const list: StringPlaces = { contextId: true }
const page: StringPlaces = { tasks: [task] }

// prettier-ignore
const requests: Readonly<Record<Operation, StringPlaces>> = Object.freeze({
  SendMessage:                      send,
  SendStreamingMessage:             send,
  GetTask:                          nowhere,
  ListTasks:                        list,
  CancelTask:                       nowhere,
  SubscribeToTask:                  nowhere,
  CreateTaskPushNotificationConfig: nowhere,
  GetTaskPushNotificationConfig:    nowhere,
  ListTaskPushNotificationConfigs:  nowhere,
  DeleteTaskPushNotificationConfig: nowhere,
  GetExtendedAgentCard:             nowhere,
})

// prettier-ignore
const answers: Readonly<Record<Operation, StringPlaces>> = Object.freeze({
  // an update there is no member of the schema, and yet some agent may say one
  SendMessage:                      event,
  SendStreamingMessage:             event,
  GetTask:                          task,
  ListTasks:                        page,
  CancelTask:                       task,
  SubscribeToTask:                  event,
  CreateTaskPushNotificationConfig: nowhere,
  GetTaskPushNotificationConfig:    nowhere,
  ListTaskPushNotificationConfigs:  nowhere,
  DeleteTaskPushNotificationConfig: nowhere,
  GetExtendedAgentCard:             nowhere,
})

// 0.3 says a task, message or event in place of a member that holds it (JSON-RPC), or like 1.0 (HTTP+JSON)
const formerAnswer: StringPlaces = { ...task, ...event }

/** Within JSON-RPC `params`, or the body of HTTP+JSON. */
export function contextPlacesOfRequest(operation: Operation): StringPlaces {
  return requests[operation]
}

/** Within JSON-RPC `result`, the body of HTTP+JSON, or one event where the operation streams. */
export function contextPlacesOfAnswer(operation: Operation): StringPlaces {
  return answers[operation]
}

/** Every id of a context in a parsed value, in order, as often as it is there. */
export function visitContexts(value: JsonValue | undefined, places: StringPlaces, visit: (id: string) => void): void {
  if (places === true) {
    if (typeof value === 'string' && value !== '') visit(value)
  } else if (isList(places)) {
    if (Array.isArray(value)) for (const element of value) visitContexts(element, places[0], visit)
  } else if (isJsonObject(value)) {
    for (const [key, inner] of Object.entries(places)) {
      if (Object.hasOwn(value, key)) visitContexts(value[key], inner, visit)
    }
  }
}

/**
 * The text of an answer, or of an event, with every context called as `nameOf` says. `path` leads to the value of the
 * operation: `['result']` in an envelope of JSON-RPC.
 */
export function renameContexts(
  text: string,
  operation: Operation,
  path: readonly string[],
  nameOf: (contextId: string) => string,
  version: ProtocolVersion = '1.0',
): string {
  const places = answers[operation]
  const isFormer = version === '0.3' && places !== nowhere
  return renameAt(text, placesBelow(path, isFormer ? formerAnswer : places), nameOf)
}

/** The text of a request, with its context called so. `path`: `['params']` in an envelope of JSON-RPC. */
export function placeContext(text: string, operation: Operation, path: readonly string[], contextId: string): string {
  return renameAt(text, placesBelow(path, requests[operation]), () => contextId)
}

/** An empty id is none, and stays. */
function renameAt(text: string, places: StringPlaces, nameOf: (contextId: string) => string): string {
  return replaceStrings(text, places, (id) => (id === '' ? id : nameOf(id)))
}
