// Any caller may speak any of the three bindings in either version, whatever the agent speaks: what a generated answer
// says survives the way through, in every pair of forms, or is named where a form has no place for it.

import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { bindingNames, type Face, type Operation } from '../a2a/operations.ts'
import { answerFrom03, answerTo03 } from '../a2a/v0-3/answers.ts'
import { expressibleAnswer, expressibleRequest } from '../a2a/v0-3/fake-values.ts'
import { operationOf03 } from '../a2a/v0-3/names.ts'
import { matchRestPath03 } from '../a2a/v0-3/rest-paths.ts'
import { matchRestPath } from '../a2a/paths.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../base/strict-json.ts'
import { paramsOfBody, pathMembers } from '../faces/canonical-text.ts'
import { faceOf } from '../faces/choose-face.ts'
import {
  encodeGrpc,
  encodeJsonRpc,
  encodeRest,
  type CanonicalCall,
  type EncodedRequest,
} from '../faces/encode-request.ts'
import { encodeOld, formOf, paramsFromOld, paramsFromOldRest } from '../faces/old-version.ts'
import { decodeAnswer, decodeRequest } from '../protobuf/decode.ts'
import { encodeAnswer } from '../protobuf/encode.ts'
import { createFrameReader } from '../protobuf/frames.ts'
import { isRefusal } from '../refusal/refusal.ts'
import { admittedOf, memoryOwnership, snapshotOf } from '../../test/fakes/walk.ts'
import { releaseAnswer, type ReleasedAnswer } from './release.ts'

const faces: readonly Face[] = bindingNames.flatMap((binding) => [faceOf(binding, '1.0'), faceOf(binding, '0.3')])
const named = ({ binding, version }: Face): string => `${binding} ${version}`
const answering = [
  'SendMessage',
  'GetTask',
  'CancelTask',
  'CreateTaskPushNotificationConfig',
  'ListTaskPushNotificationConfigs',
] as const satisfies readonly Operation[]

/** The answer as an agent of this face writes it. */
function written(face: Face, operation: Operation, answer: JsonValue): Buffer {
  let said = answer
  if (face.version === '0.3') {
    const old = answerTo03(operation, answer, formOf(face.binding))
    assert.ok(old.ok, JSON.stringify(old))
    said = old.value
  }
  if (face.binding === 'GRPC') {
    const encoded = encodeAnswer(operation, said, face.version)
    assert.ok(encoded.ok, JSON.stringify(encoded))
    return encoded.bytes
  }
  return Buffer.from(JSON.stringify(face.binding === 'JSONRPC' ? { jsonrpc: '2.0', id: 1, result: said } : said))
}

/** What bytes of this face say, in canonical form. */
function read(face: Face, operation: Operation, bytes: Buffer): JsonValue {
  let said: JsonValue
  if (face.binding === 'GRPC') {
    const decoded = decodeAnswer(operation, bytes, face.version)
    assert.ok(decoded.ok, JSON.stringify(decoded))
    said = JSON.parse(decoded.text) as JsonValue
  } else {
    const value = JSON.parse(bytes.toString()) as JsonObject
    said = face.binding === 'JSONRPC' ? (value['result'] ?? null) : value
  }
  if (face.version === '1.0') return said
  const current = answerFrom03(operation, said, formOf(face.binding))
  assert.ok(current.ok, JSON.stringify(current))
  return current.value
}

function sentTo(caller: Face, released: ReleasedAnswer): Buffer {
  const { text, bytes } = released.released
  if (caller.binding !== 'GRPC') return Buffer.from(text)
  const [message] = createFrameReader(1_000_000).push(bytes ?? Buffer.alloc(0)).messages
  assert.ok(message !== undefined)
  return message
}

const lostOf = ({ headers }: ReleasedAnswer): string => headers?.['sallyport-lost-fields'] ?? ''

/** Absent and default are one in protobuf: `''`, `[]`, `false`, `0` and `{}` at positions of the schema say nothing. */
function withoutDefaults(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(withoutDefaults)
  if (!isJsonObject(value)) return value
  const kept = Object.entries(value).flatMap(([name, inner]): [string, JsonValue][] => {
    if (name === 'metadata' || name === 'data') return isEmpty(inner) ? [] : [[name, inner]]
    const left = withoutDefaults(inner)
    const isText = name === 'text' || name === 'raw' || name === 'url'
    return isEmpty(left) && !isText ? [] : [[name, left]]
  })
  return Object.fromEntries(kept)
}

const isEmpty = (value: JsonValue): boolean =>
  value === '' ||
  value === 'TASK_STATE_UNSPECIFIED' ||
  value === false ||
  value === 0 ||
  value === null ||
  (Array.isArray(value) && value.length === 0) ||
  (isJsonObject(value) && Object.keys(value).length === 0)

/** Times are instants, however they are spelled. */
const comparable = (value: JsonValue): unknown =>
  JSON.parse(JSON.stringify(withoutDefaults(value)), (name, inner: unknown) =>
    name === 'timestamp' && typeof inner === 'string' ? new Date(inner).getTime() : inner,
  )

for (const agent of faces) {
  for (const caller of faces) {
    test(`answers from ${named(agent)} to ${named(caller)} say the same`, () => {
      for (const operation of answering) {
        fc.assert(
          fc.property(expressibleAnswer(operation, true), (generated) => {
            fc.pre(!hasProto(generated))
            const answer = ofOneTask(generated)
            const bytes = written(agent, operation, answer)
            const meant = read(agent, operation, bytes)
            const admitted = admittedOf({
              operation,
              binding: caller.binding,
              agentFace: agent,
              taskId: operation === 'SendMessage' ? '' : oneTask,
              taskOwner: { caller: 'key:alice', origin: 'key:alice' },
              snapshot: snapshotOf(),
              requestId: '1',
            })
            Object.assign(admitted, { version: caller.version, body: { id: 1 } })
            const unread = { status: 200, contentType: 'application/json', body: bytes }
            const released = releaseAnswer(admitted, unread, memoryOwnership())
            assert.ok(!isRefusal(released), isRefusal(released) ? released.detail : '')
            const got = read(caller, operation, sentTo(caller, released))
            if (lostOf(released) === '') assert.deepEqual(comparable(got), comparable(meant))
            // what is lost is named, and nothing is that both forms know
            else assert.ok(caller.binding === 'GRPC' || caller.version === '0.3' || agent.version === '0.3')
          }),
          { numRuns: 25, interruptAfterTimeLimit: 1_000 },
        )
      }
    })
  }
}

/** A key of this name is no key to JavaScript's protobuf codec, which says so: such a value is refused, and not bridged. */
const hasProto = (value: JsonValue): boolean => JSON.stringify(value).includes('"__proto__"')

const oneTask = 'task-1'

/** Whatever an answer names is of the one task: others would be somebody else's. */
function ofOneTask(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(ofOneTask)
  if (!isJsonObject(value)) return value
  const members = Object.entries(value).map(([name, inner]): [string, JsonValue] => {
    if (name === 'metadata' || name === 'data' || name.startsWith('x-')) return [name, inner]
    const isTask = name === 'taskId' || (name === 'id' && Object.hasOwn(value, 'status'))
    return [name, isTask ? oneTask : ofOneTask(inner)]
  })
  return Object.fromEntries(members)
}

const asking = [
  'SendMessage',
  'GetTask',
  'CancelTask',
  'SubscribeToTask',
  'CreateTaskPushNotificationConfig',
  'GetTaskPushNotificationConfig',
  'DeleteTaskPushNotificationConfig',
] as const satisfies readonly Operation[]

function encoded(face: Face, call: CanonicalCall): EncodedRequest | string {
  if (face.version === '0.3') return encodeOld(call, face.binding, '1')
  if (face.binding === 'JSONRPC') return encodeJsonRpc(call, '1')
  return face.binding === 'GRPC' ? encodeGrpc(call) : encodeRest(call)
}

/** What an agent of this face understands of a request, in canonical form. */
function understood(face: Face, operation: Operation, { method, path, body, message }: EncodedRequest): JsonValue {
  if (face.binding === 'GRPC') {
    const decoded = decodeRequest(operation, message ?? Buffer.alloc(0), face.version)
    assert.ok(decoded.ok, JSON.stringify(decoded))
    return face.version === '1.0' ? json(decoded.text) : current(paramsFromOld(operation, decoded.text, 'GRPC'))
  }
  if (face.binding === 'JSONRPC') {
    const envelope = json(body) as JsonObject
    if (face.version === '1.0') return envelope['params'] ?? {}
    assert.equal(operationOf03(envelope['method'] as string), operation)
    return current(paramsFromOld(operation, JSON.stringify(envelope['params']), 'JSONRPC'))
  }
  const [route = '', query = ''] = path.split('?')
  const members: JsonObject = {}
  for (const [name, value] of new URLSearchParams(query))
    members[name] = name === 'historyLength' || name === 'pageSize' ? Number(value) : value
  const matched = face.version === '1.0' ? matchRestPath(method, route) : matchRestPath03(method, route)
  assert.ok(typeof matched !== 'string', `${method} ${path}`)
  assert.equal(matched.operation, operation)
  if (face.version === '0.3') return current(paramsFromOldRest(matched, members, body))
  return json(paramsOfBody(body, { ...members, ...pathMembers(operation, matched) }))
}

function withoutUnknown(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(withoutUnknown)
  if (!isJsonObject(value)) return value
  const known = Object.entries(value).filter(([name]) => !name.startsWith('x-'))
  return Object.fromEntries(
    known.map(([name, inner]) => [name, name === 'metadata' || name === 'data' ? inner : withoutUnknown(inner)]),
  )
}

const json = (text: string): JsonValue => JSON.parse(text) as JsonValue
function current(translated: { readonly text: string } | string): JsonValue {
  if (typeof translated === 'string') assert.fail(translated)
  return json(translated.text)
}

for (const agent of faces) {
  test(`requests to ${named(agent)} say what the caller said`, () => {
    for (const operation of asking) {
      // servers of 0.3 read one of two bodies there, so they get both in one: no caller writes it so
      if (named(agent) === 'HTTP+JSON 0.3' && operation === 'CreateTaskPushNotificationConfig') continue
      fc.assert(
        fc.property(expressibleRequest(operation, true), (params) => {
          fc.pre(!hasProto(params))
          const text = JSON.stringify(params)
          const request = encoded(agent, { operation, params, text, tenant: '' })
          if (typeof request === 'string') assert.fail(request)
          const got = understood(agent, operation, request)
          // a path and a query have no place for what nobody defined, and protobuf has none at all
          const lost = request.lost ?? []
          const kept = lost.length === 0 ? params : withoutUnknown(params)
          const isOldRest = agent.binding === 'HTTP+JSON' && agent.version === '0.3'
          if (isOldRest) assert.deepEqual(comparable(withoutUnknown(got)), comparable(withoutUnknown(params)))
          else assert.deepEqual(comparable(lost.length === 0 ? got : withoutUnknown(got)), comparable(kept))
          if (lost.length > 0) assert.notEqual(agent.binding, 'JSONRPC')
        }),
        { numRuns: 40, interruptAfterTimeLimit: 1_000 },
      )
    }
  })
}
