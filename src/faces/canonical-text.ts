// The parameters of a call as one JSON text in the form of A2A 1.0, cut out of what arrived so that every number in it
// stands as the caller wrote it. On HTTP+JSON the path and the query are a part of them.

import { insertMember, memberRange, type JsonObject } from '../base/strict-json.ts'
import type { Operation } from '../a2a/operations.ts'

/** `params` of a JSON-RPC request that was checked; an empty object where there are none. */
export function paramsOfEnvelope(text: string): string {
  const range = memberRange(text, ['params'])
  return range === undefined || text.startsWith('null', range.start) ? '{}' : text.slice(range.start, range.end)
}

interface PathIds {
  readonly taskId: string
  readonly configId: string
}

/** What a path names, under the names that the request message has for it (a2a.proto, google.api.http). */
export function pathMembers(operation: Operation, { taskId, configId }: PathIds): JsonObject {
  switch (operation) {
    case 'GetTask':
    case 'CancelTask':
    case 'SubscribeToTask':
      return { id: taskId }
    case 'CreateTaskPushNotificationConfig':
    case 'ListTaskPushNotificationConfigs':
      return { taskId }
    case 'GetTaskPushNotificationConfig':
    case 'DeleteTaskPushNotificationConfig':
      return { taskId, id: configId }
    default:
      return {}
  }
}

/** A body with what its path names put into it. `body` is an object, or '' for none. */
export function paramsOfBody(body: string, members: JsonObject): string {
  if (body === '') return JSON.stringify(members)
  let text = body
  for (const [name, value] of Object.entries(members)) {
    if (memberRange(text, [name]) === undefined) text = insertMember(text, [], name, JSON.stringify(value)) ?? text
  }
  return text
}
