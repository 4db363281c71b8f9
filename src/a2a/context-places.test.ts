import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StringPlaces } from '../base/replace-strings.ts'
import { contextPlacesOfAnswer, contextPlacesOfRequest, placeContext, renameContexts } from './context-places.ts'
import { decodeAnswer } from '../protobuf/decode.ts'
import { encodeAnswer } from '../protobuf/encode.ts'
import { rewriteAnswer } from '../protobuf/rewrite-wire.ts'
import { operationNames, type Operation } from './operations.ts'
import { namedIds } from './named-ids.ts'
import { answerShape, requestShape, streamEventShape, type Shape } from './shape.ts'

/** `task.history[].contextId`, wherever a shape has such a field. */
function fieldsOf(shape: Shape, below = ''): string[] {
  return [...shape.fields].flatMap(([name, field]) => {
    const path = `${below}${name}${field.repeated === true ? '[]' : ''}`
    if (field.shape !== undefined) return fieldsOf(field.shape, `${path}.`)
    return /context/i.test(name) ? [path] : []
  })
}

function pathsOf(places: StringPlaces, path = ''): string[] {
  if (places === true) return [path]
  if (Array.isArray(places)) return pathsOf(places[0], `${path}[]`)
  return Object.entries(places).flatMap(([key, inner]) => pathsOf(inner, path === '' ? key : `${path}.${key}`))
}

const sorted = (paths: readonly string[]): string[] => paths.toSorted()

test('the table has every context id that the shapes have, and no other', () => {
  for (const operation of operationNames) {
    assert.deepEqual(sorted(pathsOf(contextPlacesOfRequest(operation))), sorted(fieldsOf(requestShape(operation))))
    // what a stream may say is settled in any answer to a message
    const shape = operation === 'SendMessage' ? streamEventShape : answerShape(operation, 'HTTP+JSON')
    assert.deepEqual(sorted(pathsOf(contextPlacesOfAnswer(operation))), sorted(fieldsOf(shape)), operation)
  }
})

const message = (contextId: string): object => ({ messageId: 'm', contextId, metadata: { contextId: 'said' } })
const task = { id: 't', contextId: 'c1', status: { message: message('c2') }, history: [message('c3'), message('')] }
const answers: readonly [Operation, object][] = [
  ['SendMessage', { task }],
  ['SendMessage', { message: message('c1') }],
  ['SendStreamingMessage', { statusUpdate: { taskId: 't', contextId: 'c1', status: { message: message('c2') } } }],
  ['SubscribeToTask', { artifactUpdate: { taskId: 't', contextId: 'c1', artifact: { contextId: 'said' } } }],
  ['GetTask', task],
  ['ListTasks', { tasks: [task, task] }],
]

test('every context that is settled is renamed, in either envelope, and what people say is not', () => {
  for (const [operation, answer] of answers) {
    for (const path of [[], ['result']]) {
      const text = JSON.stringify(path.length === 0 ? answer : { jsonrpc: '2.0', id: 'c1', result: answer })
      const renamed = renameContexts(text, operation, path, (id) => `name of ${id}`)
      const parsed = JSON.parse(renamed) as { result: object }
      const { contexts } = namedIds(operation, (path.length === 0 ? parsed : parsed.result) as never)
      assert.deepEqual(
        contexts,
        namedIds(operation, answer as never).contexts.map((id) => `name of ${id}`),
      )
      assert.equal(renamed.includes('"name of "'), false)
      assert.equal(renamed.split('"contextId":"said"').length, text.split('"contextId":"said"').length)
      if (path.length > 0) assert.ok(renamed.includes('"id":"c1"'))
    }
  }
})

test('a request gets another context in the message, and nowhere else', () => {
  const params = '{ "metadata":{"contextId":"n"}, "message":{"taskId":"n","contextId" : "n","parts":[{"text":"n"}]} }'
  const placed = params.replace('"contextId" : "n"', '"contextId" : "c"')
  assert.equal(placeContext(params, 'SendMessage', [], 'c'), placed)
  assert.equal(
    placeContext(`{"id":1,"params":${params}}`, 'SendStreamingMessage', ['params'], 'c'),
    `{"id":1,"params":${placed}}`,
  )
  assert.equal(placeContext(params, 'GetTask', [], 'c'), params)
})

test('on the wire of gRPC the same ids are renamed', () => {
  const rename = (id: string): string => `name of ${id}`
  const read = (operation: Operation, bytes: Buffer): unknown => {
    const decoded = decodeAnswer(operation, bytes)
    assert.ok(decoded.ok)
    return JSON.parse(decoded.text)
  }
  for (const [operation, answer] of answers) {
    const encoded = encodeAnswer(operation, JSON.parse(JSON.stringify(answer)) as never)
    assert.ok(encoded.ok, JSON.stringify(encoded))
    const text = JSON.stringify(read(operation, encoded.bytes))
    const renamed = JSON.parse(renameContexts(text, operation, [], rename)) as unknown
    assert.deepEqual(read(operation, rewriteAnswer(operation, encoded.bytes, rename)), renamed)
    assert.notDeepEqual(JSON.parse(text), renamed)
  }
})

test('answers of 0.3 say a task, a message or an event in place of what holds it', () => {
  const of03 = [
    { kind: 'task', ...task },
    { kind: 'message', messageId: 'm', contextId: 'c1', parts: [{ kind: 'data', data: { contextId: 'said' } }] },
    { kind: 'status-update', taskId: 't', contextId: 'c1', status: { message: message('c2') }, final: true },
    { kind: 'artifact-update', taskId: 't', contextId: 'c1', artifact: { contextId: 'said' } },
    { task },
  ]
  for (const result of of03) {
    const text = JSON.stringify({ id: 1, result })
    const renamed = renameContexts(text, 'SendStreamingMessage', ['result'], (id) => `<${id}>`, '0.3')
    assert.equal(renamed, text.replaceAll(/"contextId":"(c\d)"/g, '"contextId":"<$1>"'))
  }
})
