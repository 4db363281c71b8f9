// From an operation and its parameters (JSON-RPC `params`, or HTTP+JSON path, query and body) to the facts that
// the rest of the walk decides on. Two places that name the same thing must agree, or the request is refused:
// policy would look at one and the agent at the other (specification §11.2, notes of A2A parsers).

import type { Operation } from '../a2a/operations.ts'
import { instantMs } from '../a2a/named-ids.ts'
import { isIdentifier, taskStates } from '../a2a/shape.ts'
import { detach, isJsonObject, type JsonObject, type JsonValue } from '../base/strict-json.ts'
import type { ListFilter, MessageFacts, ValidatedFields } from '../exchange/exchange.ts'
import { noMessage, readMessage, textOf } from './message-facts.ts'
import { isWebUrl } from './url-host.ts'

export type Facts = Pick<
  ValidatedFields,
  | 'taskId'
  | 'contextId'
  | 'configId'
  | 'message'
  | 'metadata'
  | 'inlinePush'
  | 'returnImmediately'
  | 'list'
  | 'historyLength'
>

/** What the path of an HTTP+JSON request names; all empty on JSON-RPC. */
export interface PathIds {
  readonly tenant: string
  readonly taskId: string
  readonly configId: string
}

const defaultPageSize = 50 // bound: page of ListTasks
const largestPageSize = 100 // bound: largest page of ListTasks
const longestPageToken = 2048

type Reader = (params: JsonObject, path: PathIds, agentTenant: string) => Facts | string

// prettier-ignore
const readers: Readonly<Record<Operation, Reader>> = Object.freeze({
  SendMessage:                      readSend,
  SendStreamingMessage:             readSend,
  GetTask:                          readTask,
  ListTasks:                        readList,
  CancelTask:                       readTask,
  SubscribeToTask:                  readTask,
  CreateTaskPushNotificationConfig: readNewPushConfig,
  GetTaskPushNotificationConfig:    readPushConfig,
  ListTaskPushNotificationConfigs:  readPushConfigList,
  DeleteTaskPushNotificationConfig: readPushConfig,
  GetExtendedAgentCard:             () => facts({}),
})

/** `params` has passed its shape. A text answer says what was wrong and where; it quotes nothing. */
export function readParams(
  operation: Operation,
  params: JsonObject,
  path: PathIds,
  agentTenant: string,
): Facts | string {
  for (const tenant of [path.tenant, textOf(params.tenant)]) {
    if (tenant !== '' && tenant !== agentTenant) return 'tenant: not the tenant of this agent'
  }
  return readers[operation](params, path, agentTenant)
}

function facts(known: Partial<Facts>): Facts {
  return {
    taskId: known.taskId ?? '',
    contextId: known.contextId ?? '',
    configId: known.configId ?? '',
    message: known.message ?? noMessage,
    metadata: known.metadata,
    inlinePush: known.inlinePush ?? false,
    returnImmediately: known.returnImmediately ?? false,
    list: known.list,
    historyLength: known.historyLength,
  }
}

function readSend(params: JsonObject, _path: PathIds, agentTenant: string): Facts | string {
  const message = isJsonObject(params.message) ? readMessage(params.message) : 0
  if (typeof message === 'number') return `message.parts[${message}].url: not an absolute, unambiguous URL`
  const configuration = isJsonObject(params.configuration) ? params.configuration : {}
  const push = configuration.taskPushNotificationConfig
  const wrong = isJsonObject(push) ? checkInlinePush(push, message, agentTenant) : undefined
  if (wrong !== undefined) return `configuration.taskPushNotificationConfig.${wrong}`
  return facts({
    taskId: message.taskId,
    contextId: message.contextId,
    configId: isJsonObject(push) ? detach(textOf(push.id)) : '',
    message,
    metadata: metadataOf(params.message),
    inlinePush: isJsonObject(push),
    returnImmediately: configuration.returnImmediately === true,
    historyLength: countOf(configuration.historyLength),
  })
}

function metadataOf(message: JsonValue | undefined): JsonObject | undefined {
  return isJsonObject(message) && isJsonObject(message.metadata) ? message.metadata : undefined
}

/** A webhook inside a send is for this task alone: another id there would hang it on a task nobody checked. */
function checkInlinePush(push: JsonObject, message: MessageFacts, agentTenant: string): string | undefined {
  const tenant = textOf(push.tenant)
  if (tenant !== '' && tenant !== agentTenant) return 'tenant: not the tenant of this agent'
  const taskId = textOf(push.taskId)
  if (taskId !== '' && taskId !== message.taskId) return 'taskId: not the task of the message'
  return isWebUrl(textOf(push.url)) ? undefined : 'url: not an absolute, unambiguous http or https URL'
}

function readTask(params: JsonObject, path: PathIds): Facts | string {
  const taskId = agree(path.taskId, params.id)
  if (taskId === undefined) return 'id: not the task of the path'
  return facts({ taskId, historyLength: countOf(params.historyLength) })
}

function readPushConfig(params: JsonObject, path: PathIds): Facts | string {
  const taskId = agree(path.taskId, params.taskId)
  if (taskId === undefined) return 'taskId: not the task of the path'
  const configId = agree(path.configId, params.id)
  return configId === undefined ? 'id: not the configuration of the path' : facts({ taskId, configId })
}

/** It has no `id`: a member of that name is one that the schema does not know. */
function readPushConfigList(params: JsonObject, path: PathIds): Facts | string {
  const taskId = agree(path.taskId, params.taskId)
  return taskId === undefined ? 'taskId: not the task of the path' : facts({ taskId })
}

function readNewPushConfig(params: JsonObject, path: PathIds): Facts | string {
  const isSafe = isWebUrl(textOf(params.url))
  return isSafe ? readPushConfig(params, path) : 'url: not an absolute, unambiguous http or https URL'
}

/** One name from two places; undefined when both are given and differ. */
function agree(fromPath: string, member: JsonValue | undefined): string | undefined {
  const named = textOf(member)
  if (fromPath === '') return detach(named)
  return named === '' || named === fromPath ? fromPath : undefined
}

function readList(params: JsonObject): Facts | string {
  const contextId = textOf(params.contextId)
  if (contextId !== '' && !isIdentifier(contextId)) return 'contextId: not an identifier'
  const status = textOf(params.status)
  if (status !== '' && !taskStates.has(status)) return 'status: not a task state'
  const pageSize = countOf(params.pageSize) ?? defaultPageSize
  if (pageSize < 1 || pageSize > largestPageSize) return 'pageSize: not within 1 and 100'
  const pageToken = textOf(params.pageToken)
  if (pageToken.length > longestPageToken) return 'pageToken: too long'
  const after = textOf(params.statusTimestampAfter)
  const statusTimestampAfterMs = after === '' ? 0 : instantMs(after)
  if (statusTimestampAfterMs === undefined) return 'statusTimestampAfter: not an RFC 3339 timestamp'
  const list: ListFilter = {
    contextId: detach(contextId),
    status: status === 'TASK_STATE_UNSPECIFIED' ? '' : status,
    pageSize,
    pageToken: detach(pageToken),
    historyLength: countOf(params.historyLength),
    statusTimestampAfterMs,
    includeArtifacts: params.includeArtifacts === true,
  }
  return facts({ contextId: list.contextId, list, historyLength: list.historyLength })
}

function countOf(value: JsonValue | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined
}
