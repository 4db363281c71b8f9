// Parameters of the operations between 0.3 and 1.0. What an absent `blocking` means differs by form: the specification
// of 0.3 says nothing, its servers in JavaScript and Python wait unless they read `false`, and so does 1.0; in a2a.v1
// an absent boolean is false, and those servers do not wait. Towards 0.3 it is therefore always written.

import { isJsonObject, type JsonObject, type JsonValue } from '../../base/strict-json.ts'
import { plainNumber } from '../../base/exact-json.ts'
import { checkShape, foldName, isAlias, type Shape } from '../check-shape.ts'
import type { Operation } from '../operations.ts'
import { shapes10 } from '../shape.ts'
import type { Form03 } from './names.ts'
import {
  configFrom03,
  configName,
  configTo03,
  readConfigName,
  readTaskName,
  taskConfigFrom03,
  taskConfigTo03,
  taskName,
  withConfigId,
} from './push-configs.ts'
import { jsonRequests } from './shapes-json.ts'
import { protoRequests } from './shapes-proto.ts'
import { messageFrom03, messageTo03, shapes03 } from './tasks.ts'
import {
  carryUnknown,
  copy,
  inexpressible,
  join,
  loseMembers,
  loseUnknown,
  member,
  objectMember,
  put,
  textMember,
  translate,
  type Losses,
  type Translated,
} from './translation.ts'

export type { Translated } from './translation.ts'

/** The shape of JSON-RPC `params`, or of the request message of a2a.v1; undefined for ListTasks, which 0.3 lacks. */
export function requestShape03(operation: Operation, form: Form03): Shape | undefined {
  return form === 'json' ? jsonRequests[operation] : protoRequests[operation]
}

/**
 * The parameters of 1.0 that these of 0.3 mean, with their shape checked. Absent parameters (`undefined` or null)
 * are no parameters.
 */
export function requestFrom03(operation: Operation, params: JsonValue | undefined, form: Form03): Translated {
  const shape = requestShape03(operation, form)
  if (shape === undefined) return { ok: false, path: '', reason: 'inexpressible' }
  const given = params ?? {}
  const problem = checkShape(given, shape)
  if (problem !== undefined) return { ok: false, ...problem }
  return translate((lost) => (isJsonObject(given) ? readers[operation](given, form, lost) : {}))
}

/** The parameters of 0.3 for these of 1.0, which have passed requestShape. */
export function requestTo03(operation: Operation, params: JsonObject, form: Form03): Translated {
  if (requestShape03(operation, form) === undefined) return { ok: false, path: '', reason: 'inexpressible' }
  return translate((lost) => writers[operation](params, form, lost))
}

type Build = (from: JsonObject, form: Form03, lost: Losses) => JsonObject

// prettier-ignore
const readers: Readonly<Record<Operation, Build>> = Object.freeze({
  SendMessage:                      sendFrom03,
  SendStreamingMessage:             sendFrom03,
  GetTask:                          (from, form, lost) => taskOf(from, form, lost, 'id', ['historyLength']),
  ListTasks:                        () => inexpressible(''),
  CancelTask:                       cancelFrom03,
  SubscribeToTask:                  (from, form, lost) => taskOf(from, form, lost, 'id', []),
  CreateTaskPushNotificationConfig: newConfigFrom03,
  GetTaskPushNotificationConfig:    configOf,
  ListTaskPushNotificationConfigs:  listFrom03,
  DeleteTaskPushNotificationConfig: configOf,
  GetExtendedAgentCard:             (from) => ({ ...from }),
})

// prettier-ignore
const writers: Readonly<Record<Operation, Build>> = Object.freeze({
  SendMessage:                      sendTo03,
  SendStreamingMessage:             sendTo03,
  GetTask:                          (from, form, lost) => ofTask(from, form, lost, 'id', ['historyLength']),
  ListTasks:                        () => inexpressible(''),
  CancelTask:                       cancelTo03,
  SubscribeToTask:                  (from, form, lost) => ofTask(from, form, lost, 'id', []),
  CreateTaskPushNotificationConfig: newConfigTo03,
  GetTaskPushNotificationConfig:    ofConfig,
  ListTaskPushNotificationConfigs:  listTo03,
  DeleteTaskPushNotificationConfig: ofConfig,
  GetExtendedAgentCard:             cardTo03,
})

function sendFrom03(from: JsonObject, form: Form03, lost: Losses): JsonObject {
  const to: JsonObject = {}
  const message = objectMember(from, 'message')
  if (message !== undefined) to['message'] = messageFrom03(message, form, 'message', lost)
  const configuration = objectMember(from, 'configuration')
  if (configuration !== undefined) to['configuration'] = configurationFrom03(configuration, form, lost)
  copy(from, to, 'metadata')
  carryUnknown(from, to, { from: shapes03[form].send, to: shapes10.send, path: '' }, lost)
  return to
}

const pushName = Object.freeze({ json: 'pushNotificationConfig', proto: 'pushNotification' } as const)

function configurationFrom03(from: JsonObject, form: Form03, lost: Losses): JsonObject {
  const path = 'configuration'
  const to: JsonObject = {}
  copy(from, to, 'acceptedOutputModes')
  copyHistoryLength(from, to, form)
  const blocking = member(from, 'blocking') ?? (form === 'proto' ? false : undefined)
  if (blocking !== undefined) to['returnImmediately'] = blocking !== true
  const push = objectMember(from, pushName[form])
  if (push !== undefined) to['taskPushNotificationConfig'] = configFrom03(push, form, join(path, pushName[form]), lost)
  carryUnknown(from, to, { from: shapes03[form].configuration, to: shapes10.configuration, path }, lost)
  return to
}

/** In a2a.v1 a number is 0 where it is absent, so 0 is none; in the other form it means what 1.0 means by it. */
function copyHistoryLength(from: JsonObject, to: JsonObject, form: Form03): void {
  if (form === 'proto' && plainNumber(member(from, 'historyLength') ?? null) === 0) return
  copy(from, to, 'historyLength')
}

function sendTo03(from: JsonObject, form: Form03, lost: Losses): JsonObject {
  const to: JsonObject = {}
  const message = objectMember(from, 'message')
  if (message !== undefined) to['message'] = messageTo03(message, form, 'message', lost)
  const configuration = objectMember(from, 'configuration')
  if (configuration !== undefined)
    to['configuration'] = configurationTo03(configuration, form, textMember(message ?? {}, 'taskId'), lost)
  else if (form === 'proto') to['configuration'] = { blocking: true }
  copy(from, to, 'metadata')
  loseMembers(from, '', lost, 'tenant')
  carryUnknown(from, to, { from: shapes10.send, to: shapes03[form].send, path: '' }, lost)
  return to
}

function configurationTo03(from: JsonObject, form: Form03, taskId: string, lost: Losses): JsonObject {
  const path = 'configuration'
  const to: JsonObject = {}
  copy(from, to, 'acceptedOutputModes')
  writeHistoryLength(from, to, form, path, lost)
  to['blocking'] = member(from, 'returnImmediately') !== true
  const push = objectMember(from, 'taskPushNotificationConfig')
  if (push !== undefined) {
    const at = join(path, 'taskPushNotificationConfig')
    loseMembers(push, at, lost, 'tenant')
    // In 0.3 it is the task of the message without saying so.
    if (textMember(push, 'taskId') !== taskId) loseMembers(push, at, lost, 'taskId')
    to[pushName[form]] = configTo03(push, form, at, lost)
  }
  carryUnknown(from, to, { from: shapes10.configuration, to: shapes03[form].configuration, path }, lost)
  return to
}

function writeHistoryLength(from: JsonObject, to: JsonObject, form: Form03, path: string, lost: Losses): void {
  copyHistoryLength(from, to, form)
  if (member(from, 'historyLength') !== undefined && !Object.hasOwn(to, 'historyLength'))
    lost.add(path, 'historyLength')
}

/** A question about a task: `id` (or a path in `name`) and further members. 1.0 has no metadata there. */
function taskOf(from: JsonObject, form: Form03, lost: Losses, idName: string, names: readonly string[]): JsonObject {
  const to: JsonObject = {}
  const nameMember = form === 'json' ? 'id' : Object.hasOwn(from, 'parent') ? 'parent' : 'name'
  const named = textMember(from, nameMember)
  to[idName] = form === 'json' ? named : (readTaskName(named) ?? inexpressible(nameMember))
  for (const name of names)
    if (name === 'historyLength') copyHistoryLength(from, to, form)
    else copy(from, to, name)
  carryRest(from, to, new Set([nameMember, ...names]), lost)
  return to
}

/** Unknown members of a question, and those that 1.0 does not have. */
function carryRest(from: JsonObject, to: JsonObject, done: ReadonlySet<string>, lost: Losses): void {
  for (const name of Object.keys(from)) {
    if (done.has(name)) continue
    if (questionNames.has(name)) loseMembers(from, '', lost, name)
    else if (isAlias(name, foldedQuestionNames)) lost.add('', name)
    else put(to, name, from[name] ?? null)
  }
}

/** What some question of either version has; where it is not one of this question, it is lost and not unknown. */
const questionNames: ReadonlySet<string> = new Set([
  'id',
  'taskId',
  'name',
  'parent',
  'metadata',
  'tenant',
  'historyLength',
  'pageSize',
  'pageToken',
  'pushNotificationConfigId',
])

const foldedQuestionNames: ReadonlySet<string> = new Set([...questionNames].map(foldName))

function cancelFrom03(from: JsonObject, form: Form03, lost: Losses): JsonObject {
  return taskOf(from, form, lost, 'id', ['metadata'])
}

function configOf(from: JsonObject, form: Form03, lost: Losses): JsonObject {
  const to: JsonObject = {}
  if (form === 'json') {
    to['taskId'] = textMember(from, 'id')
    to['id'] = textMember(from, 'pushNotificationConfigId')
  } else {
    const { taskId, configId } = readConfigName(textMember(from, 'name')) ?? inexpressible('name')
    to['taskId'] = taskId
    to['id'] = configId === '' ? inexpressible('name') : configId
  }
  carryRest(from, to, new Set(form === 'json' ? ['id', 'pushNotificationConfigId'] : ['name']), lost)
  return to
}

function listFrom03(from: JsonObject, form: Form03, lost: Losses): JsonObject {
  const to = taskOf(from, form, lost, 'taskId', form === 'json' ? [] : ['pageSize', 'pageToken'])
  // In a2a.v1 these say nothing where they are empty; 1.0 would take a page of no entries at its word.
  if (plainNumber(to['pageSize'] ?? null) === 0) delete to['pageSize']
  if (to['pageToken'] === '') delete to['pageToken']
  return to
}

function newConfigFrom03(from: JsonObject, form: Form03, lost: Losses): JsonObject {
  if (form === 'json') return taskConfigFrom03(from, form, '', lost)
  const taskId = readTaskName(textMember(from, 'parent')) ?? inexpressible('parent')
  const config = objectMember(from, 'config') ?? {}
  loseUnknown(from, new Set(['parent', 'configId', 'config']), '', lost)
  const to = withConfigId(bareConfig(config, taskId, lost), textMember(from, 'configId'), 'configId')
  // it becomes the end of a name, tasks/{id}/pushNotificationConfigs/{id}, which servers take apart in ways of their own
  return textMember(to, 'id').includes('/') ? inexpressible('configId') : { taskId, ...to }
}

/** The TaskPushNotificationConfig of a2a.v1 as it is sent: its name may be absent, and must not say another task. */
export function bareConfig(config: JsonObject, taskId: string, lost: Losses): JsonObject {
  const path = 'config'
  const inner = objectMember(config, 'pushNotificationConfig') ?? {}
  const to = configFrom03(inner, 'proto', join(path, 'pushNotificationConfig'), lost)
  loseUnknown(config, new Set(['name', 'pushNotificationConfig']), path, lost)
  const name = textMember(config, 'name')
  if (name === '') return to
  const named = readConfigName(name)
  if (named === undefined || named.taskId !== taskId) return inexpressible(join(path, 'name'))
  return withConfigId(to, named.configId, join(path, 'name'))
}

function ofTask(from: JsonObject, form: Form03, lost: Losses, idName: string, names: readonly string[]): JsonObject {
  const to: JsonObject = {}
  const id = textMember(from, idName)
  if (form === 'json') to['id'] = id
  else to[idName === 'id' ? 'name' : 'parent'] = taskName(id, idName)
  for (const name of names)
    if (name === 'historyLength') writeHistoryLength(from, to, form, '', lost)
    else copy(from, to, name)
  carryRest(from, to, new Set([idName, ...names]), lost)
  return to
}

function cancelTo03(from: JsonObject, form: Form03, lost: Losses): JsonObject {
  return ofTask(from, form, lost, 'id', form === 'json' ? ['metadata'] : [])
}

function listTo03(from: JsonObject, form: Form03, lost: Losses): JsonObject {
  return ofTask(from, form, lost, 'taskId', form === 'json' ? [] : ['pageSize', 'pageToken'])
}

function ofConfig(from: JsonObject, form: Form03, lost: Losses): JsonObject {
  const to: JsonObject = {}
  const taskId = textMember(from, 'taskId')
  const id = textMember(from, 'id')
  if (form === 'json') {
    to['id'] = taskId
    to['pushNotificationConfigId'] = id
  } else to['name'] = configName(taskId, id, '')
  carryRest(from, to, new Set(['taskId', 'id']), lost)
  return to
}

function newConfigTo03(from: JsonObject, form: Form03, lost: Losses): JsonObject {
  const config = taskConfigTo03(from, form, '', lost)
  if (form === 'json') return config
  return { parent: taskName(textMember(from, 'taskId'), 'taskId'), configId: textMember(from, 'id'), config }
}

function cardTo03(from: JsonObject, _form: Form03, lost: Losses): JsonObject {
  const to: JsonObject = {}
  carryRest(from, to, new Set(), lost)
  return to
}
