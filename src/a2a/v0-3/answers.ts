// Results and stream events between 0.3 and 1.0. 0.3 answers a send with a bare task or message that says its `kind`,
// 1.0 (and a2a.v1) with the one member that names it.

import { isJsonObject, type JsonObject, type JsonValue } from '../../base/strict-json.ts'
import { checkShape, type Shape } from '../check-shape.ts'
import type { Operation } from '../operations.ts'
import { cardFrom03, cardTo03 } from './cards.ts'
import type { Form03 } from './names.ts'
import { taskConfigFrom03, taskConfigTo03 } from './push-configs.ts'
import { jsonAnswers } from './shapes-json.ts'
import { protoAnswers } from './shapes-proto.ts'
import { eventFrom03, eventTo03, taskFrom03, taskTo03 } from './tasks.ts'
import {
  copy,
  each,
  inexpressible,
  listMember,
  loseMembers,
  loseUnknown,
  translate,
  type Losses,
  type Translated,
} from './translation.ts'

/**
 * The shape of JSON-RPC `result`, of an answer of a2a.v1, or of each event where the operation streams; undefined
 * for ListTasks, which 0.3 lacks.
 */
export function answerShape03(operation: Operation, form: Form03): Shape | undefined {
  return form === 'json' ? jsonAnswers[operation] : protoAnswers[operation]
}

/** What a 0.3 agent answered, as 1.0 has it, with its shape checked. */
export function answerFrom03(operation: Operation, result: JsonValue | undefined, form: Form03): Translated {
  const shape = answerShape03(operation, form)
  if (shape === undefined) return { ok: false, path: '', reason: 'inexpressible' }
  const given = result ?? null
  const problem = checkShape(given, shape)
  return problem === undefined ? translate((lost) => readers[operation](given, form, lost)) : { ok: false, ...problem }
}

/** The same answer for a 0.3 caller; `result` has passed answerShape. */
export function answerTo03(operation: Operation, result: JsonValue, form: Form03): Translated {
  if (answerShape03(operation, form) === undefined) return { ok: false, path: '', reason: 'inexpressible' }
  return translate((lost) => writers[operation](result, form, lost))
}

type Build = (from: JsonValue, form: Form03, lost: Losses) => JsonValue

/** Shapes have seen to it that these are objects. */
const ofObject =
  (build: (from: JsonObject, form: Form03, lost: Losses) => JsonValue): Build =>
  (from, form, lost) =>
    isJsonObject(from) ? build(from, form, lost) : inexpressible('')

const eventOf = ofObject(eventFrom03)
const taskOf = ofObject((from, form, lost) => taskFrom03(from, form, '', lost))
const configOf = ofObject((from, form, lost) => taskConfigFrom03(from, form, '', lost))

// prettier-ignore
const readers: Readonly<Record<Operation, Build>> = Object.freeze({
  SendMessage:                      eventOf,
  SendStreamingMessage:             eventOf,
  GetTask:                          taskOf,
  ListTasks:                        () => inexpressible(''),
  CancelTask:                       taskOf,
  SubscribeToTask:                  eventOf,
  CreateTaskPushNotificationConfig: configOf,
  GetTaskPushNotificationConfig:    configOf,
  ListTaskPushNotificationConfigs:  configsFrom03,
  DeleteTaskPushNotificationConfig: nothing,
  GetExtendedAgentCard:             ofObject((from) => cardFrom03(from)),
})

const eventFor = ofObject(eventTo03)
const taskFor = ofObject((from, form, lost) => taskTo03(from, form, '', lost))
const configFor = ofObject((from, form, lost) => taskConfigTo03(from, form, '', lost))

// prettier-ignore
const writers: Readonly<Record<Operation, Build>> = Object.freeze({
  SendMessage:                      eventFor,
  SendStreamingMessage:             eventFor,
  GetTask:                          taskFor,
  ListTasks:                        () => inexpressible(''),
  CancelTask:                       taskFor,
  SubscribeToTask:                  eventFor,
  CreateTaskPushNotificationConfig: configFor,
  GetTaskPushNotificationConfig:    configFor,
  ListTaskPushNotificationConfigs:  configsTo03,
  DeleteTaskPushNotificationConfig: (_from, form) => (form === 'json' ? null : {}),
  GetExtendedAgentCard:             ofObject((from, form) => cardTo03(from, form)),
})

function configsFrom03(from: JsonValue, form: Form03, lost: Losses): JsonValue {
  if (form === 'json') {
    if (!Array.isArray(from)) return inexpressible('')
    return { configs: each(from, '', (config, path) => taskConfigFrom03(config, form, path, lost)) }
  }
  if (!isJsonObject(from)) return inexpressible('')
  const to: JsonObject = {
    configs: each(listMember(from, 'configs') ?? [], 'configs', (config, path) =>
      taskConfigFrom03(config, form, path, lost),
    ),
  }
  copy(from, to, 'nextPageToken')
  loseUnknown(from, configsMembers, '', lost)
  return to
}

const configsMembers: ReadonlySet<string> = new Set(['configs', 'nextPageToken'])

function configsTo03(from: JsonValue, form: Form03, lost: Losses): JsonValue {
  if (!isJsonObject(from)) return inexpressible('')
  const configs = each(listMember(from, 'configs') ?? [], 'configs', (config, path) =>
    taskConfigTo03(config, form, path, lost),
  )
  loseUnknown(from, configsMembers, '', lost)
  if (form === 'json') {
    // 0.3 knows no pages here: what lies on the next one cannot be asked for.
    loseMembers(from, '', lost, 'nextPageToken')
    return configs
  }
  const to: JsonObject = { configs }
  copy(from, to, 'nextPageToken')
  return to
}

function nothing(from: JsonValue, _form: Form03, lost: Losses): JsonValue {
  if (isJsonObject(from)) loseUnknown(from, new Set(), '', lost)
  return {}
}
