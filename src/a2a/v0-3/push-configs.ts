// Webhooks between 0.3 and 1.0. 1.0 has one flat TaskPushNotificationConfig; 0.3 nests the configuration beside the
// task's id, and a2a.v1 names both by a path in text. 0.3 lists authentication schemes, 1.0 has one: the first.

import type { JsonObject } from '../../base/strict-json.ts'
import { isIdentifier } from '../check-shape.ts'
import { shapes10 } from '../shape.ts'
import type { Form03 } from './names.ts'
import { shapes03 } from './tasks.ts'
import {
  carryUnknown,
  copy,
  copyIds,
  inexpressible,
  join,
  listMember,
  loseMembers,
  loseUnknown,
  objectMember,
  textMember,
  type Losses,
} from './translation.ts'

/** The configuration without its task: 1.0 has `taskId` beside these. */
export function configFrom03(from: JsonObject, form: Form03, path: string, lost: Losses): JsonObject {
  const to: JsonObject = {}
  copyIds(from, to, 'id')
  copy(from, to, 'url', 'token')
  const authentication = objectMember(from, 'authentication')
  if (authentication !== undefined)
    to['authentication'] = authenticationFrom03(authentication, form, join(path, 'authentication'), lost)
  carryUnknown(from, to, { from: shapes03[form].pushConfig, to: shapes10.pushConfig, path }, lost)
  return to
}

function authenticationFrom03(from: JsonObject, form: Form03, path: string, lost: Losses): JsonObject {
  const to: JsonObject = {}
  const schemes = listMember(from, 'schemes') ?? []
  const first = schemes[0]
  if (typeof first === 'string' && first !== '') to['scheme'] = first
  if (schemes.length > 1) lost.add(path, 'schemes')
  copy(from, to, 'credentials')
  carryUnknown(from, to, { from: shapes03[form].authentication, to: shapes10.authentication, path }, lost)
  return to
}

/** `taskId` and `tenant` are the caller's to place or to name as lost. */
export function configTo03(from: JsonObject, form: Form03, path: string, lost: Losses): JsonObject {
  const to: JsonObject = {}
  copyIds(from, to, 'id')
  copy(from, to, 'url', 'token')
  to['url'] ??= ''
  const authentication = objectMember(from, 'authentication')
  if (authentication !== undefined)
    to['authentication'] = authenticationTo03(authentication, form, join(path, 'authentication'), lost)
  carryUnknown(from, to, { from: shapes10.pushConfig, to: shapes03[form].pushConfig, path }, lost)
  return to
}

function authenticationTo03(from: JsonObject, form: Form03, path: string, lost: Losses): JsonObject {
  const to: JsonObject = {}
  const scheme = textMember(from, 'scheme')
  if (scheme !== '') to['schemes'] = [scheme]
  else if (form === 'json') to['schemes'] = []
  copy(from, to, 'credentials')
  carryUnknown(from, to, { from: shapes10.authentication, to: shapes03[form].authentication, path }, lost)
  return to
}

/** A configuration with its task, as it is answered, and sent in the form of JSON-RPC. */
export function taskConfigFrom03(from: JsonObject, form: Form03, path: string, lost: Losses): JsonObject {
  const inner = objectMember(from, 'pushNotificationConfig') ?? {}
  const config = configFrom03(inner, form, join(path, 'pushNotificationConfig'), lost)
  loseUnknown(from, taskConfigMembers[form], path, lost)
  if (form === 'json') return { taskId: textMember(from, 'taskId'), ...config }
  const name = join(path, 'name')
  const { taskId, configId } = readConfigName(textMember(from, 'name')) ?? inexpressible(name)
  return { taskId, ...withConfigId(config, configId, name) }
}

const taskConfigMembers = Object.freeze({
  json: new Set(['taskId', 'pushNotificationConfig']),
  proto: new Set(['name', 'pushNotificationConfig']),
})

/** One id from a path in text and one beside it must be the same, or neither counts. */
export function withConfigId(config: JsonObject, configId: string, path: string): JsonObject {
  const own = textMember(config, 'id')
  if (configId === '') return config
  return own === '' || own === configId ? { ...config, id: configId } : inexpressible(path)
}

export function taskConfigTo03(from: JsonObject, form: Form03, path: string, lost: Losses): JsonObject {
  loseMembers(from, path, lost, 'tenant')
  const pushNotificationConfig = configTo03(from, form, path, lost)
  const taskId = textMember(from, 'taskId')
  if (form === 'json') return { taskId, pushNotificationConfig }
  return { name: configName(taskId, textMember(from, 'id'), path), pushNotificationConfig }
}

/** The id in `tasks/{id}`; undefined for any other text. */
export function readTaskName(name: string): string | undefined {
  const [root, taskId, ...more] = name.split('/', 3)
  return root === 'tasks' && taskId !== undefined && more.length === 0 && isIdentifier(taskId) ? taskId : undefined
}

/** The ids in `tasks/{id}/pushNotificationConfigs/{id}`; the last may be empty, as it is where none is chosen yet. */
export function readConfigName(name: string): { readonly taskId: string; readonly configId: string } | undefined {
  const [root, taskId, configs, configId, ...more] = name.split('/', 5)
  if (root !== 'tasks' || configs !== 'pushNotificationConfigs' || more.length > 0) return undefined
  if (taskId === undefined || !isIdentifier(taskId) || configId === undefined) return undefined
  return configId === '' || isIdentifier(configId) ? { taskId, configId } : undefined
}

export function taskName(taskId: string, path: string): string {
  return isNameable(taskId) ? `tasks/${taskId}` : inexpressible(path)
}

export function configName(taskId: string, configId: string, path: string): string {
  if (configId !== '' && !isNameable(configId)) inexpressible(join(path, 'id'))
  return `${taskName(taskId, join(path, 'taskId'))}/pushNotificationConfigs/${configId}`
}

const isNameable = (id: string): boolean => isIdentifier(id) && !id.includes('/')
