// Messages, tasks, artifacts and stream events between 0.3 and 1.0, one function per position and direction. Values
// have passed the shape of the side they come from. 0.3 demands members that 1.0 may leave out (`contextId`, `role`,
// `parts`); they are filled with what says least.

import type { JsonObject, JsonValue } from '../../base/strict-json.ts'
import { isAlias, type Shape } from '../check-shape.ts'
import { shapes10, streamEventShape } from '../shape.ts'
import { endingStates, eventKinds, roleWords, stateWords, type Form03 } from './names.ts'
import { partFrom03, partTo03 } from './parts.ts'
import { jsonShapes, type Shapes03 } from './shapes-json.ts'
import { protoEvent, protoShapes } from './shapes-proto.ts'
import {
  carryUnknown,
  copy,
  copyIds,
  each,
  inexpressible,
  join,
  listMember,
  loseMembers,
  member,
  objectMember,
  put,
  textMember,
  type Losses,
} from './translation.ts'

export const shapes03: Readonly<Record<Form03, Shapes03>> = Object.freeze({ json: jsonShapes, proto: protoShapes })

/** Where a message of each form keeps its parts. */
const partsName = Object.freeze({ json: 'parts', proto: 'content' } as const)

type Translate = (from: JsonObject, form: Form03, path: string, lost: Losses) => JsonObject

export const messageFrom03: Translate = (from, form, path, lost) => {
  const to: JsonObject = {}
  copy(from, to, 'messageId')
  copyIds(from, to, 'contextId', 'taskId')
  const role = roleWords[form].from03.get(textMember(from, 'role'))
  if (role !== undefined) to['role'] = role
  const parts = listMember(from, partsName[form])
  if (parts !== undefined)
    to['parts'] = each(parts, join(path, partsName[form]), (part, at) => partFrom03(part, form, at, lost))
  copy(from, to, 'metadata', 'extensions', 'referenceTaskIds')
  carryUnknown(from, to, { from: shapes03[form].message, to: shapes10.message, path }, lost)
  return to
}

export const messageTo03: Translate = (from, form, path, lost) => {
  const to: JsonObject = form === 'json' ? { kind: 'message' } : {}
  copy(from, to, 'messageId')
  copyIds(from, to, 'contextId', 'taskId')
  const role = roleWords[form].to03.get(textMember(from, 'role'))
  if (role !== undefined) to['role'] = role
  else if (form === 'json') {
    // 0.3 knows only the two, and an answer of unknown origin is the agent's.
    to['role'] = 'agent'
    lost.add(path, 'role')
  }
  const parts = listMember(from, 'parts')
  if (parts !== undefined || form === 'json')
    to[partsName[form]] = each(parts ?? [], join(path, 'parts'), (part, at) => partTo03(part, form, at, lost))
  copy(from, to, 'metadata', 'extensions')
  if (form === 'json') copy(from, to, 'referenceTaskIds')
  else loseMembers(from, path, lost, 'referenceTaskIds')
  carryUnknown(from, to, { from: shapes10.message, to: shapes03[form].message, path }, lost)
  return to
}

const statusFrom03: Translate = (from, form, path, lost) => {
  const to: JsonObject = {}
  const state = stateWords[form].from03.get(textMember(from, 'state'))
  if (state !== undefined) to['state'] = state
  const message = objectMember(from, 'message')
  if (message !== undefined) to['message'] = messageFrom03(message, form, join(path, 'message'), lost)
  copy(from, to, 'timestamp')
  carryUnknown(from, to, { from: shapes03[form].status, to: shapes10.status, path }, lost)
  return to
}

const statusTo03: Translate = (from, form, path, lost) => {
  const to: JsonObject = {}
  const state = stateWords[form].to03.get(textMember(from, 'state'))
  if (state !== undefined) to['state'] = state
  else if (form === 'json') to['state'] = 'unknown'
  const message = objectMember(from, 'message')
  if (message !== undefined) to['message'] = messageTo03(message, form, join(path, 'message'), lost)
  copy(from, to, 'timestamp')
  carryUnknown(from, to, { from: shapes10.status, to: shapes03[form].status, path }, lost)
  return to
}

const artifactFrom03: Translate = (from, form, path, lost) => {
  const to: JsonObject = {}
  copy(from, to, 'artifactId', 'name', 'description')
  const parts = listMember(from, 'parts')
  if (parts !== undefined)
    to['parts'] = each(parts, join(path, 'parts'), (part, at) => partFrom03(part, form, at, lost))
  copy(from, to, 'metadata', 'extensions')
  carryUnknown(from, to, { from: shapes03[form].artifact, to: shapes10.artifact, path }, lost)
  return to
}

const artifactTo03: Translate = (from, form, path, lost) => {
  const to: JsonObject = {}
  copy(from, to, 'artifactId', 'name', 'description')
  const parts = listMember(from, 'parts')
  if (parts !== undefined || form === 'json')
    to['parts'] = each(parts ?? [], join(path, 'parts'), (part, at) => partTo03(part, form, at, lost))
  copy(from, to, 'metadata', 'extensions')
  carryUnknown(from, to, { from: shapes10.artifact, to: shapes03[form].artifact, path }, lost)
  return to
}

interface InTask {
  readonly status: Translate
  readonly artifact: Translate
  readonly message: Translate
}
const inFrom03: InTask = { status: statusFrom03, artifact: artifactFrom03, message: messageFrom03 }
const inTo03: InTask = { status: statusTo03, artifact: artifactTo03, message: messageTo03 }

export const taskFrom03: Translate = (from, form, path, lost) => {
  const to: JsonObject = {}
  copy(from, to, 'id')
  copyIds(from, to, 'contextId')
  fillTask(from, to, inFrom03, form, path, lost)
  carryUnknown(from, to, { from: shapes03[form].task, to: shapes10.task, path }, lost)
  return to
}

export const taskTo03: Translate = (from, form, path, lost) => {
  const to: JsonObject = form === 'json' ? { kind: 'task' } : {}
  copy(from, to, 'id')
  copyContext(from, to, form)
  fillTask(from, to, inTo03, form, path, lost)
  carryUnknown(from, to, { from: shapes10.task, to: shapes03[form].task, path }, lost)
  return to
}

function fillTask(from: JsonObject, to: JsonObject, by: InTask, form: Form03, path: string, lost: Losses): void {
  copyStatus(from, to, by.status, form, path, lost)
  const artifacts = listMember(from, 'artifacts')
  if (artifacts !== undefined)
    to['artifacts'] = each(artifacts, join(path, 'artifacts'), (value, at) => by.artifact(value, form, at, lost))
  const history = listMember(from, 'history')
  if (history !== undefined)
    to['history'] = each(history, join(path, 'history'), (value, at) => by.message(value, form, at, lost))
  copy(from, to, 'metadata')
}

function copyStatus(from: JsonObject, to: JsonObject, by: Translate, form: Form03, path: string, lost: Losses): void {
  const status = objectMember(from, 'status')
  if (status !== undefined) to['status'] = by(status, form, join(path, 'status'), lost)
}

/** 0.3 in JSON-RPC demands a context on tasks and updates. */
function copyContext(from: JsonObject, to: JsonObject, form: Form03): void {
  copyIds(from, to, 'contextId')
  if (form === 'json') to['contextId'] ??= ''
}

const statusUpdateFrom03: Translate = (from, form, path, lost) => {
  const to: JsonObject = {}
  copy(from, to, 'taskId')
  copyIds(from, to, 'contextId')
  copyStatus(from, to, statusFrom03, form, path, lost)
  copy(from, to, 'metadata')
  // 1.0 ends streams by closing them: `final` says nothing more where the state says it.
  if ((member(from, 'final') === true) !== isEnding(to)) lost.add(path, 'final')
  carryUnknown(from, to, { from: shapes03[form].statusUpdate, to: shapes10.statusUpdate, path }, lost)
  return to
}

const statusUpdateTo03: Translate = (from, form, path, lost) => {
  const to: JsonObject = form === 'json' ? { kind: 'status-update' } : {}
  copy(from, to, 'taskId')
  copyContext(from, to, form)
  copyStatus(from, to, statusTo03, form, path, lost)
  to['final'] = isEnding(from)
  copy(from, to, 'metadata')
  carryUnknown(from, to, { from: shapes10.statusUpdate, to: shapes03[form].statusUpdate, path }, lost)
  return to
}

function isEnding(update10: JsonObject): boolean {
  const status = objectMember(update10, 'status')
  return status !== undefined && endingStates.has(textMember(status, 'state'))
}

const artifactUpdateFrom03: Translate = (from, form, path, lost) => {
  const to: JsonObject = {}
  copy(from, to, 'taskId')
  copyIds(from, to, 'contextId')
  const artifact = objectMember(from, 'artifact')
  if (artifact !== undefined) to['artifact'] = artifactFrom03(artifact, form, join(path, 'artifact'), lost)
  copy(from, to, 'append', 'lastChunk', 'metadata')
  carryUnknown(from, to, { from: shapes03[form].artifactUpdate, to: shapes10.artifactUpdate, path }, lost)
  return to
}

const artifactUpdateTo03: Translate = (from, form, path, lost) => {
  const to: JsonObject = form === 'json' ? { kind: 'artifact-update' } : {}
  copy(from, to, 'taskId')
  copyContext(from, to, form)
  const artifact = objectMember(from, 'artifact')
  if (artifact !== undefined) to['artifact'] = artifactTo03(artifact, form, join(path, 'artifact'), lost)
  copy(from, to, 'append', 'lastChunk', 'metadata')
  carryUnknown(from, to, { from: shapes10.artifactUpdate, to: shapes03[form].artifactUpdate, path }, lost)
  return to
}

const eventsFrom03: Readonly<Record<string, Translate>> = Object.freeze({
  task: taskFrom03,
  message: messageFrom03,
  statusUpdate: statusUpdateFrom03,
  artifactUpdate: artifactUpdateFrom03,
})
const eventsTo03: Readonly<Record<string, Translate>> = Object.freeze({
  task: taskTo03,
  message: messageTo03,
  statusUpdate: statusUpdateTo03,
  artifactUpdate: artifactUpdateTo03,
})

/** The result of a send, or one event of a stream: `{task}`, `{message}`, `{statusUpdate}` or `{artifactUpdate}`. */
export function eventFrom03(value: JsonObject, form: Form03, lost: Losses): JsonValue {
  if (form === 'json') {
    const name = eventKinds.from03.get(textMember(value, 'kind')) ?? inexpressible('kind')
    return { [name]: eventsFrom03[name]?.(value, form, '', lost) ?? null }
  }
  return wrapped(value, streamEventShape, (name, inner) => eventsFrom03[name]?.(inner, form, name, lost), lost)
}

export function eventTo03(value: JsonObject, form: Form03, lost: Losses): JsonValue {
  if (form === 'proto')
    return wrapped(value, protoEvent, (name, inner) => eventsTo03[name]?.(inner, form, name, lost), lost)
  let event: JsonObject | undefined
  for (const name of Object.keys(value)) {
    const inner = objectMember(value, name)
    const translated = inner === undefined ? undefined : eventsTo03Of(name)?.(inner, form, name, lost)
    if (translated === undefined) lost.add('', name)
    else event = translated
  }
  return event ?? inexpressible('')
}

function eventsTo03Of(name: string): Translate | undefined {
  return Object.hasOwn(eventsTo03, name) ? eventsTo03[name] : undefined
}

/** a2a.v1 and 1.0 wrap events alike, so unknown members beside the event stay. */
function wrapped(
  value: JsonObject,
  toShape: Shape,
  inside: (name: string, inner: JsonObject) => JsonObject | undefined,
  lost: Losses,
): JsonValue {
  const to: JsonObject = {}
  for (const name of Object.keys(value)) {
    const inner = Object.hasOwn(eventsTo03, name) ? objectMember(value, name) : undefined
    const translated = inner === undefined ? undefined : inside(name, inner)
    if (translated !== undefined) to[name] = translated
    else if (isAlias(name, toShape.folded)) lost.add('', name)
    else put(to, name, value[name] ?? null)
  }
  return to
}
