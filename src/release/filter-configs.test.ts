import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { parseStrictJson } from '../base/strict-json.ts'
import { isRefusal } from '../refusal/refusal.ts'
import { admittedOf, memoryOwnership, type FakeAdmitted, type MemoryOwnership } from '../../test/fakes/walk.ts'
import { filterConfigs } from './filter-configs.ts'

const call: FakeAdmitted = { operation: 'ListTaskPushNotificationConfigs', taskId: 't1', binding: 'HTTP+JSON' }

function owners(...foreign: string[]): MemoryOwnership {
  const ownership = memoryOwnership()
  for (const id of foreign) ownership.give('pushConfig', `t1/${id}`, 'key:bob')
  return ownership
}

function filter(
  text: string,
  ownership: MemoryOwnership,
  changed: FakeAdmitted = {},
): ReturnType<typeof filterConfigs> {
  const parsed = parseStrictJson(text, { maxDepth: 64, maxNodes: 100_000 })
  assert.ok(parsed.ok, text)
  return filterConfigs(admittedOf({ ...call, ...changed }), parsed.value, () => text, ownership)
}

test('leaves a list alone that holds nothing of others', () => {
  const text = ' { "configs" : [ {"id":"a"} , {"id":"b","x":1.0} ] } '
  assert.equal(filter(text, owners('c')), undefined)
})

test("cuts what is another's and keeps the rest as it is written", () => {
  const text = '{"configs":[{"id":"a","n":1.0},{"id":"b"},{"id":"c","n":1e1}],"nextPageToken":"x"}'
  assert.equal(filter(text, owners('b')), '{"configs":[{"id":"a","n":1.0},{"id":"c","n":1e1}],"nextPageToken":"x"}')
  assert.equal(filter(text, owners('a', 'b', 'c')), '{"configs":[],"nextPageToken":"x"}')
})

test('brackets, commas and quotes inside strings, odd spaces and escaped keys mislead nobody', () => {
  const kept = '{"\\u0069d" : "k\\u0065pt","url":"]},{\\"id\\":\\"gone\\"\\\\"}'
  const text = `{"metadata":{"configs":[1]},\r\n\t"con\\u0066igs"\n:\t[\r\n {"id":"gone","url":"],["} ,\t${kept}\n, {"id":"gone","a":[[{"id":"kept"}]]} ]}`
  const cut = filter(text, owners('gone'))
  assert.ok(typeof cut === 'string')
  assert.deepEqual(JSON.parse(cut).configs, [JSON.parse(kept)])
  assert.ok(cut.includes(kept))
})

test('the same id twice is the same owner twice', () => {
  assert.equal(filter('{"configs":[{"id":"a"},{"id":"a"},{"id":"b"}]}', owners('a')), '{"configs":[{"id":"b"}]}')
})

test("one that the gateway never saw made is the task owner's alone", () => {
  const text = '{"configs":[{"id":"planted"},{}]}'
  assert.equal(filter(text, owners()), undefined)
  assert.equal(filter(text, owners(), { taskOwner: { caller: 'key:bob', origin: 'key:bob' } }), '{"configs":[]}')
})

test('who made one on a shared task sees just that', () => {
  const ownership = owners('theirs')
  ownership.give('pushConfig', 't1/mine', 'key:alice')
  const shared = { taskOwner: { caller: 'key:bob', origin: 'key:bob' } }
  assert.equal(
    filter('{"configs":[{"id":"theirs"},{"id":"mine"},{"id":"planted"}]}', ownership, shared),
    '{"configs":[{"id":"mine"}]}',
  )
})

test('refuses configurations of another task', () => {
  for (const config of [
    '{"id":"a","taskId":"t2"}',
    '{"id":"a","taskId":"T1"}',
    '{"id":"a","taskId":"t1 "}',
    '1',
    'null',
    '[]',
  ]) {
    assert.ok(isRefusal(filter(`{"configs":[{"id":"x"},${config}]}`, owners())), config)
  }
})

test('a task id that is left out, null or empty is the one that was asked for', () => {
  const text = '{"configs":[{"id":"a"},{"id":"b","taskId":null},{"id":"c","taskId":""},{"id":"d","taskId":"t1"}]}'
  assert.equal(filter(text, owners()), undefined)
})

test('no list is no list', () => {
  for (const text of ['{}', '{"configs":null}', '{"nextPageToken":""}'])
    assert.equal(filter(text, owners('a')), undefined)
})

test("for any list, what is kept is what is not another's, in its order", () => {
  const id = fc.constantFrom('a', 'b', 'c', 'ü', '𝄞', '"', '\\', ']', ',', '{', '\u2028')
  const config = fc.record({ id, more: fc.jsonValue({ maxDepth: 2 }) })
  fc.assert(
    fc.property(
      fc.array(config, { maxLength: 8 }),
      fc.uniqueArray(id),
      fc.constantFrom(undefined, 1, '\t'),
      (configs, foreign, space) => {
        const cut = filter(JSON.stringify({ configs }, undefined, space), owners(...foreign))
        assert.ok(!isRefusal(cut))
        const kept = configs.filter((each) => !foreign.includes(each.id))
        assert.equal(cut === undefined, kept.length === configs.length)
        if (cut !== undefined) assert.deepEqual(JSON.parse(cut).configs, JSON.parse(JSON.stringify(kept)))
      },
    ),
    { numRuns: 200 },
  )
})
