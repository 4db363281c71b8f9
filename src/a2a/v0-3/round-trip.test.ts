// What 0.3 can express comes back from it as it went: in both forms, for every operation, unknown members included.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { JsonObject, JsonValue } from '../../base/strict-json.ts'
import { isPathId, type RestPath } from '../paths.ts'
import { checkShape } from '../check-shape.ts'
import { operationNames } from '../operations.ts'
import { answerShape, requestShape } from '../shape.ts'
import { answerFrom03, answerShape03, answerTo03 } from './answers.ts'
import { expressibleAnswer, expressibleRequest } from './fake-values.ts'
import type { Form03 } from './names.ts'
import { requestFrom03, requestShape03, requestTo03, type Translated } from './requests.ts'
import { matchRestPath03 } from './rest-paths.ts'
import { requestFromRest03, requestToRest03 } from './rest.ts'

const forms: readonly Form03[] = ['json', 'proto']
const translated = operationNames.filter((name) => name !== 'ListTasks' && name !== 'GetExtendedAgentCard')
const runs = { numRuns: 150 }

function valueOf(result: Translated): JsonValue {
  assert.ok(result.ok, JSON.stringify(result))
  return result.value
}

/** As both versions read it: an empty text, list or object says as much as none; prototypes play no part. */
function settled(value: JsonValue): JsonValue {
  return JSON.parse(JSON.stringify(value)) as JsonValue
}

/** Empty texts and lists that a translation may leave out or fill in. */
function trimmed(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(trimmed)
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(([name, each]) => !isEmpty(name, each))
  return Object.fromEntries(kept.map(([name, each]) => [name, freeNames.has(name) ? each : trimmed(each)]))
}
const emptyNames = new Set(['filename', 'mediaType', 'contextId', 'taskId', 'id'])
/** Empty metadata of a part is what is left when the mark of wrapped data is taken away. */
const isEmpty = (name: string, value: JsonValue): boolean =>
  emptyNames.has(name) ? value === '' : name === 'metadata' && JSON.stringify(value) === '{}'
const freeNames = new Set(['metadata', 'data'])

/** The key that marks wrapped data is the translation's own; a caller's is named as lost. */
const isFreeOfMark = (value: JsonValue): boolean => !JSON.stringify(value).includes('data_part_compat')

for (const form of forms)
  for (const operation of translated) {
    test(`${form}: parameters of ${operation} come back from 0.3 as they went`, () => {
      fc.assert(
        fc.property(expressibleRequest(operation, form === 'proto').filter(isFreeOfMark), (params) => {
          const there = requestTo03(operation, params, form)
          const shape = requestShape03(operation, form)
          assert.ok(shape)
          assert.equal(checkShape(valueOf(there), shape), undefined)
          assert.deepEqual(there.ok && there.lost, [])
          const back = requestFrom03(operation, valueOf(there), form)
          assert.deepEqual(back.ok && back.lost, [])
          assert.equal(checkShape(valueOf(back), requestShape(operation)), undefined)
          assert.deepEqual(trimmed(settled(valueOf(back))), trimmed(settled(params)))
        }),
        runs,
      )
    })

    test(`${form}: answers of ${operation} come back from 0.3 as they went`, () => {
      fc.assert(
        fc.property(expressibleAnswer(operation, form === 'proto').filter(isFreeOfMark), (answer) => {
          const there = answerTo03(operation, answer, form)
          const shape = answerShape03(operation, form)
          assert.ok(shape)
          assert.equal(checkShape(valueOf(there), shape), undefined, JSON.stringify(there))
          assert.deepEqual(there.ok && there.lost, [])
          const back = answerFrom03(operation, valueOf(there), form)
          assert.deepEqual(back.ok && back.lost, [])
          assert.equal(checkShape(valueOf(back), answerShape(operation, 'JSONRPC')), undefined)
          assert.deepEqual(trimmed(settled(valueOf(back))), trimmed(settled(answer)))
        }),
        runs,
      )
    })

    test(`${form}: what 0.3 said of ${operation} comes back from 1.0 as it went`, () => {
      fc.assert(
        fc.property(expressibleRequest(operation, form === 'proto').filter(isFreeOfMark), (params) => {
          const legacy = valueOf(requestTo03(operation, params, form))
          const ten = requestFrom03(operation, legacy, form)
          const again = requestTo03(operation, valueOf(ten) as JsonObject, form)
          assert.deepEqual(settled(valueOf(again)), settled(legacy))
        }),
        runs,
      )
    })
  }

test('a REST request of 0.3 means the same parameters after its path, query and body are taken apart', () => {
  const named = fc.constantFrom(...translated)
  fc.assert(
    fc.property(
      named.chain((operation) =>
        fc.tuple(fc.constant(operation), expressibleRequest(operation, true).filter(isFreeOfMark)),
      ),
      ([operation, params]) => {
        const there = requestToRest03(operation, params)
        assert.ok(there.ok, JSON.stringify(there))
        const [path = '', query = ''] = there.path.split('?', 2)
        const match = matchRestPath03(there.method, path)
        assert.ok(typeof match === 'object')
        assert.equal(match.operation, operation)
        for (const body of readings(operation, there.body)) {
          const back = requestFromRest03(match, membersOf(query), body)
          const known = Object.fromEntries(Object.entries(params).filter(([name]) => !name.startsWith('x-')))
          const isBody = operation.startsWith('Send') || operation.startsWith('Create')
          assert.deepEqual(trimmed(settled(valueOf(back))), trimmed(settled(isBody ? params : known)))
        }
      },
    ),
    { numRuns: 400 },
  )
})

/** A new webhook is sent so that agents of both minds find what they read; no caller may say it twice. */
function readings(operation: string, body: JsonValue | undefined): (JsonValue | undefined)[] {
  if (operation !== 'CreateTaskPushNotificationConfig') return [body]
  const { parent, configId, config, ...plain } = body as JsonObject
  const whole = Object.entries({ parent, configId, config }).filter(([, value]) => value !== undefined)
  return [Object.fromEntries(whole) as JsonObject, plain]
}

function membersOf(query: string): JsonObject {
  const pairs = [...new URLSearchParams(query)]
  return Object.fromEntries(pairs.map(([name, value]) => [name, name === 'pageToken' ? value : Number(value)]))
}

test('a path that was built is matched as what it was built from', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...translated),
      fc.string({ maxLength: 12 }),
      fc.string({ maxLength: 12 }),
      (operation, taskId, configId) => {
        fc.pre(isPathId(taskId) && isPathId(configId))
        const there = requestToRest03(operation, { taskId, id: configId, url: 'https://example.com/hook' })
        if (!there.ok) return
        const match = matchRestPath03(there.method, there.path) as RestPath
        assert.equal(match.operation, operation)
      },
    ),
    { numRuns: 500 },
  )
})

test('ListTasks is inexpressible in 0.3, whatever it asks for', () => {
  for (const form of forms) {
    assert.deepEqual(requestTo03('ListTasks', {}, form), { ok: false, path: '', reason: 'inexpressible' })
    assert.deepEqual(requestFrom03('ListTasks', {}, form), { ok: false, path: '', reason: 'inexpressible' })
    assert.deepEqual(answerTo03('ListTasks', { tasks: [] }, form), { ok: false, path: '', reason: 'inexpressible' })
    assert.deepEqual(answerFrom03('ListTasks', [], form), { ok: false, path: '', reason: 'inexpressible' })
  }
})
