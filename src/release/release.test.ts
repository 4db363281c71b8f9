import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { Binding, Operation } from '../a2a/operations.ts'
import type { Admitted } from '../exchange/exchange.ts'
import { isRefusal, refuse, type RefusalCode } from '../refusal/refusal.ts'
import { renderJsonRpcError, renderRestError } from '../refusal/render.ts'
import {
  admittedOf,
  memoryOwnership,
  snapshotOf,
  type FakeAdmitted,
  type MemoryOwnership,
} from '../../test/fakes/walk.ts'
import { releaseAnswer, releaseEvent, releaseList, type ReleasedAnswer, type ReleasedEvent } from './release.ts'

const bindings: readonly Binding[] = ['JSONRPC', 'HTTP+JSON']
const status = '"status":{"state":"TASK_STATE_WORKING"}'
const message = '{"message":{"messageId":"m1","role":"ROLE_AGENT","parts":[{"text":"hi"}]}}'
const task = (id: string, more = ''): string => `{"id":${JSON.stringify(id)},${status}${more}}`

const inEnvelope = (admitted: Admitted, result: string): string =>
  admitted.binding === 'JSONRPC' ? `{"jsonrpc":"2.0","id":${admitted.requestId},"result":${result}}` : result

interface Given {
  readonly status?: number
  readonly contentType?: string
  readonly ownership?: MemoryOwnership
}

/** `body` goes out as it is. */
function raw(call: FakeAdmitted, body: string | Buffer, given: Given = {}): ReturnType<typeof releaseAnswer> {
  const answer = {
    status: given.status ?? 200,
    contentType: given.contentType ?? 'application/json',
    body: Buffer.from(body),
  }
  return releaseAnswer(admittedOf(call), answer, given.ownership ?? memoryOwnership())
}

/** `result` is put into the envelope of the binding. */
const result = (call: FakeAdmitted, text: string, given: Given = {}): ReturnType<typeof releaseAnswer> =>
  raw(call, inEnvelope(admittedOf(call), text), given)

function refused(
  code: RefusalCode,
  outcome: ReleasedAnswer | ReleasedEvent | ReturnType<typeof releaseAnswer>,
  what = '',
): void {
  if (!isRefusal(outcome)) assert.fail(`passed: ${what} ${outcome.released.text}`)
  assert.equal(outcome.code, code, `${what} ${outcome.detail}`)
}

function passed<Outcome>(outcome: Outcome): Exclude<Outcome, { kind: 'refusal' }> {
  if (isRefusal(outcome)) assert.fail(`${outcome.code} ${outcome.detail}`)
  // a refusal was ruled out above; TypeScript does not narrow a type parameter by it
  return outcome as Exclude<Outcome, { kind: 'refusal' }>
}

test('passes an answer as the agent wrote it, byte for byte', () => {
  for (const binding of bindings) {
    const body = inEnvelope(
      admittedOf({ binding }),
      ' { "message":{"messageId":"m\\u0031", "parts":[{"data":1.0e2}],"x":null } }',
    )
    const released = passed(raw({ binding }, body))
    assert.equal(released.released.text, body)
    assert.equal(released.status, 200)
    assert.deepEqual(released.claims, [])
  }
})

test('the content type that the agent claims is never passed on', () => {
  const types = { JSONRPC: 'application/json', 'HTTP+JSON': 'application/a2a+json', GRPC: 'application/grpc' }
  for (const binding of bindings)
    assert.equal(passed(result({ binding }, message, { contentType: 'text/html' })).contentType, types[binding])
})

// what two parsers could read differently
const rubbish: Record<string, string | Buffer> = {
  nothing: '',
  html: '<html></html>',
  'two values': `${message}${message}`,
  'a comment': `/**/${message}`,
  'a byte order mark': `\ufeff${message}`,
  'bad UTF-8': Buffer.from('{"message":{"messageId":"\xff","parts":[]}}', 'latin1'),
  'a duplicate key': '{"message":{"messageId":"a","messageId":"b"}}',
  'an escaped duplicate key': '{"message":{"messageId":"a","message\\u0049d":"b"}}',
  'a lone surrogate': '{"message":{"messageId":"m","parts":[{"text":"\\ud800"}]}}',
  'too deep': `{"message":{"messageId":"m","metadata":${'{"a":'.repeat(70)}1${'}'.repeat(70)}}}`,
  'too many values': `{"message":{"messageId":"m","metadata":{"a":[${'0,'.repeat(100_001)}0]}}}`,
  'both members of a union': `{"task":${task('t')},"message":{"messageId":"m"}}`,
  'neither member': '{"x":1}',
  'an alias': `{"task":{"id":"t","context_id":"c",${status}}}`,
  'a part of two kinds': '{"message":{"messageId":"m","parts":[{"text":"a","url":"b"}]}}',
  'an enum as a number': '{"task":{"id":"t","status":{"state":3}}}',
  'a list': `[${message}]`,
  'a string': '"hi"',
  null: 'null',
  'a task without id': `{"task":{${status}}}`,
  'a task id with a control character': `{"task":${task('t\u0001')}}`,
}

for (const binding of bindings) {
  for (const [name, body] of Object.entries(rubbish)) {
    test(`refuses ${name} over ${binding}`, () => {
      const isText = typeof body === 'string'
      if (isText && body !== '') refused('RELEASE_INVALID_ANSWER', result({ binding }, body))
      refused('RELEASE_INVALID_ANSWER', raw({ binding }, body))
    })
  }
}

test('an answer must be to the request, in its own id', () => {
  const envelopes = [
    `{"jsonrpc":"2.0","result":${message}}`,
    `{"jsonrpc":"2.0","id":null,"result":${message}}`,
    `{"jsonrpc":"2.0","id":"q-2","result":${message}}`,
    `{"jsonrpc":"2.0","id":["q-1"],"result":${message}}`,
    `{"jsonrpc":"1.0","id":"q-1","result":${message}}`,
    `{"id":"q-1","result":${message}}`,
    `{"jsonrpc":"2.0","id":"q-1"}`,
    `{"jsonrpc":"2.0","id":"q-1","result":${message},"error":{"code":1,"message":"x"}}`,
    `{"jsonrpc":"2.0","id":"q-1","result":${message},"Result":${message}}`,
    `{"jsonrpc":"2.0","id":"q-1","result":${message},"ID":"q-2"}`,
    message,
    `[{"jsonrpc":"2.0","id":"q-1","result":${message}}]`,
  ]
  for (const envelope of envelopes) refused('RELEASE_INVALID_ANSWER', raw({}, envelope), envelope)
  refused('RELEASE_INVALID_ANSWER', raw({ requestId: '1' }, `{"jsonrpc":"2.0","id":"1","result":${message}}`))
  passed(raw({ requestId: '1' }, `{"jsonrpc":"2.0","id":1.0,"result":${message}}`))
})

test('statuses that concern the gateway and not the caller are an unavailable agent', () => {
  for (const binding of bindings) {
    for (const code of [401, 403, 407, 502, 503, 504])
      refused('FORWARD_UNAVAILABLE', result({ binding }, message, { status: code }), `${code}`)
    for (const code of [100, 101, 300, 301, 302, 304, 307, 308])
      refused('RELEASE_INVALID_ANSWER', result({ binding }, message, { status: code }), `${code}`)
  }
})

test('an error page is never passed on', () => {
  for (const binding of bindings) {
    for (const code of [400, 404, 405, 418, 429, 500, 501]) {
      refused('RELEASE_INVALID_ANSWER', raw({ binding }, '<html>stack</html>', { status: code }))
      refused('RELEASE_INVALID_ANSWER', raw({ binding }, '', { status: code }))
      refused('RELEASE_INVALID_ANSWER', raw({ binding }, '"error"', { status: code }))
    }
  }
  refused('RELEASE_INVALID_ANSWER', raw({ binding: 'HTTP+JSON' }, message, { status: 400 }))
  refused('RELEASE_INVALID_ANSWER', raw({ binding: 'HTTP+JSON' }, '{"error":"text"}', { status: 400 }))
})

test("an error of the agent's own is passed on as it is", () => {
  const rpc = '{"jsonrpc":"2.0","id":"q-1","error":{"code":-32004,"message":"not today","data":[{"x":1}]}}'
  assert.equal(passed(raw({}, rpc, { status: 400 })).released.text, rpc)
  assert.equal(passed(raw({}, rpc, { status: 400 })).status, 200)
  const rest = '{"error":{"code":400,"status":"FAILED_PRECONDITION","message":"not today","details":[]}}'
  const released = passed(raw({ binding: 'HTTP+JSON' }, rest, { status: 400 }))
  assert.equal(released.released.text, rest)
  assert.equal(released.status, 400)
})

test('an agent that could not read the request may answer null as its id, with an error only', () => {
  passed(raw({}, '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x"}}'))
})

test('refuses an error that is none', () => {
  for (const error of [
    'null',
    '"x"',
    '{}',
    '{"code":"1","message":"x"}',
    '{"code":1.5,"message":"x"}',
    '{"code":1}',
    '{"code":1,"message":2}',
    '[]',
  ]) {
    refused('RELEASE_INVALID_ANSWER', raw({}, `{"jsonrpc":"2.0","id":"q-1","error":${error}}`), error)
  }
  refused('RELEASE_INVALID_ANSWER', raw({}, '{"jsonrpc":"2.0","id":"q-2","error":{"code":1,"message":"x"}}'))
})

test("what the agent does not know is said in the gateway's words, as a foreign task is", () => {
  refused(
    'AUTHZ_TASK_NOT_FOUND',
    raw(
      { operation: 'GetTask', taskId: 't' },
      '{"jsonrpc":"2.0","id":"q-1","error":{"code":-32001,"message":"no t here","data":[]}}',
    ),
  )
  refused(
    'AUTHZ_TASK_NOT_FOUND',
    raw({ binding: 'HTTP+JSON', operation: 'GetTask', taskId: 't' }, '{"error":{"code":404,"message":"no t here"}}', {
      status: 404,
    }),
  )
})

test('a deletion may answer nothing, and nothing else may', () => {
  const call: FakeAdmitted = {
    operation: 'DeleteTaskPushNotificationConfig',
    taskId: 't',
    configId: 'c',
    binding: 'HTTP+JSON',
  }
  for (const code of [200, 204]) {
    const released = passed(raw(call, '', { status: code }))
    assert.equal(released.status, 204)
    assert.equal(released.released.text, '')
  }
  passed(result({ ...call, binding: 'JSONRPC' }, 'null'))
  refused('RELEASE_INVALID_ANSWER', raw({ ...call, binding: 'JSONRPC' }, ''))
  refused('RELEASE_INVALID_ANSWER', raw(call, '', { status: 500 }))
  for (const operation of ['SendMessage', 'GetTask', 'CancelTask', 'ListTaskPushNotificationConfigs'] as const) {
    for (const code of [200, 204])
      refused('RELEASE_INVALID_ANSWER', raw({ operation, taskId: 't', binding: 'HTTP+JSON' }, '', { status: code }))
  }
})

test("a new task and context become the caller's", () => {
  for (const binding of bindings) {
    const ownership = memoryOwnership()
    const released = passed(
      result(
        { binding, caller: 'agent:concierge', origin: 'key:alice' },
        `{"task":${task('t1', ',"contextId":"c1"')}}`,
        { ownership },
      ),
    )
    assert.deepEqual(
      released.claims.map((claim) => claim.kind),
      ['task', 'context'],
    )
    assert.deepEqual(ownership.tasks.get('t1')?.owner, { caller: 'agent:concierge', origin: 'key:alice' })
    released.undo()
    assert.equal(ownership.tasks.size + ownership.contexts.size, 0)
  }
})

test("a task that is the caller's already is no news", () => {
  const ownership = memoryOwnership()
  ownership.give('task', 't1', 'key:alice', 'c1')
  ownership.give('context', 'c1', 'key:alice')
  assert.deepEqual(passed(result({}, `{"task":${task('t1', ',"contextId":"c1"')}}`, { ownership })).claims, [])
})

const smuggled: Record<string, string> = {
  'as the task': `{"task":${task('foreign')}}`,
  'as the context': `{"task":${task('t1', ',"contextId":"foreign-context"')}}`,
  'in a message': '{"message":{"messageId":"m","taskId":"foreign"}}',
  "as a message's context": '{"message":{"messageId":"m","contextId":"foreign-context"}}',
  'in the history': `{"task":${task('t1', ',"history":[{"messageId":"m","taskId":"foreign"}]')}}`,
  'in the status':
    '{"task":{"id":"t1","status":{"state":"TASK_STATE_WORKING","message":{"messageId":"m","taskId":"foreign"}}}}',
  'behind escapes': '{"task":{"id":"\\u0066oreign","status":{"state":"TASK_STATE_WORKING"}}}',
}

for (const [where, body] of Object.entries(smuggled)) {
  test(`refuses an answer that names another owner's ${where}, and the owner stays who it was`, () => {
    for (const binding of bindings) {
      const ownership = memoryOwnership()
      ownership.give('task', 'foreign', 'key:bob', 'foreign-context')
      ownership.give('context', 'foreign-context', 'key:bob')
      refused('RELEASE_INVALID_ANSWER', result({ binding }, body, { ownership }))
      assert.equal(ownership.tasks.get('foreign')?.owner.caller, 'key:bob')
      assert.equal(ownership.tasks.size, 1)
      assert.equal(ownership.contexts.size, 1)
    }
  })
}

test('the same caller on behalf of another is another owner', () => {
  const ownership = memoryOwnership()
  ownership.tasks.set('t1', { owner: { caller: 'agent:concierge', origin: 'key:bob' }, groups: [], contextId: '' })
  refused(
    'RELEASE_INVALID_ANSWER',
    result({ caller: 'agent:concierge', origin: 'key:alice' }, `{"task":${task('t1')}}`, { ownership }),
  )
})

test('GetTask and CancelTask must answer about the task that was asked for', () => {
  for (const operation of ['GetTask', 'CancelTask'] as const) {
    const ownership = memoryOwnership()
    ownership.give('task', 't1', 'key:alice')
    ownership.give('task', 't2', 'key:alice')
    passed(result({ operation, taskId: 't1' }, task('t1'), { ownership }))
    refused('RELEASE_INVALID_ANSWER', result({ operation, taskId: 't1' }, task('t2'), { ownership }))
    refused('RELEASE_INVALID_ANSWER', result({ operation, taskId: 't1' }, task('new'), { ownership }))
    assert.equal(ownership.tasks.has('new'), false)
  }
})

test("a context of a shared task stays its owner's when somebody else learns of it first", () => {
  const ownership = memoryOwnership()
  ownership.give('task', 't1', 'key:bob')
  const call: FakeAdmitted = { operation: 'GetTask', taskId: 't1', taskOwner: { caller: 'key:bob', origin: 'key:bob' } }
  passed(result(call, task('t1', ',"contextId":"c9"'), { ownership }))
  assert.equal(ownership.contexts.get('c9')?.owner.caller, 'key:bob')
})

test('a shared task may name its own context, and no other foreign one', () => {
  const ownership = memoryOwnership()
  ownership.give('task', 't1', 'key:bob', 'c1')
  ownership.give('context', 'c1', 'key:bob')
  ownership.give('context', 'c2', 'key:bob')
  const call: FakeAdmitted = { operation: 'GetTask', taskId: 't1', taskOwner: { caller: 'key:bob', origin: 'key:bob' } }
  passed(result(call, task('t1', ',"contextId":"c1"'), { ownership }))
  refused('RELEASE_INVALID_ANSWER', result(call, task('t1', ',"contextId":"c2"'), { ownership }))
})

test('a caller is shown its own name for a context, and an agent that says the id of another is not believed', () => {
  const ownership = memoryOwnership()
  ownership.give('context', 'opaque', 'key:alice', 'plan')
  ownership.give('context', 'of-bob', 'key:bob', 'plan')
  const call: FakeAdmitted = { contextId: 'plan', agentContextId: 'opaque' }
  for (const binding of ['JSONRPC', 'HTTP+JSON'] as const) {
    const answer = `{"task":${task('t1', ',"contextId" : "opaque","metadata":{"contextId":"opaque"}')}}`
    const released = result({ ...call, binding }, answer, { ownership })
    assert.ok(!isRefusal(released))
    const shown = answer.replace('"contextId" : "opaque"', '"contextId" : "plan"')
    assert.ok(released.released.text.includes(shown), released.released.text)
    // ownership is of the ids that the agent knows
    assert.equal(ownership.tasks.get('t1')?.contextId, 'opaque')
    for (const foreign of ['of-bob', 'erased'])
      ownership.give('context', foreign, foreign === 'erased' ? 'erased:' : 'key:bob', 'plan')
    for (const foreign of ['of-bob', 'erased'])
      refused('RELEASE_INVALID_ANSWER', result({ ...call, binding }, answer.replace('opaque', foreign), { ownership }))
    assert.equal(ownership.contexts.get('of-bob')?.owner.caller, 'key:bob')
  }
})

test('two contexts of one name in one answer are refused: a caller could not tell them apart', () => {
  const ownership = memoryOwnership()
  const alice = { agent: 'calculator', tenant: '', owner: { caller: 'key:alice', origin: 'key:alice' } }
  ownership.give('context', ownership.meantContext(alice, 'x').contextId, 'key:alice', 'x')
  const answer = (id: string): string =>
    `{"task":${task('t1', `,"contextId":"x","history":[{"messageId":"m","contextId":"${id}"}]`)}}`
  refused('RELEASE_INVALID_ANSWER', result({}, answer('~x'), { ownership }))
  assert.equal(ownership.contexts.size, 1)
  const released = result({}, answer('y'), { ownership })
  assert.ok(!isRefusal(released))
  assert.match(released.released.text, /"contextId":"~x".*"contextId":"y"/)
  assert.deepEqual(
    [...ownership.contexts.values()].map(({ name }) => name),
    ['x', '~x', 'y'],
  )
})

test('an answer that names thousands of tasks or contexts is refused before one is looked up', () => {
  const history = Array.from({ length: 1_000 }, (_, at) => `{"messageId":"m","taskId":"t${at}","contextId":"c${at}"}`)
  const ownership = memoryOwnership()
  refused(
    'RELEASE_INVALID_ANSWER',
    result({}, `{"task":${task('t1', `,"history":[${history.join(',')}]`)}}`, { ownership }),
  )
  assert.equal(ownership.tasks.size + ownership.contexts.size, 0)
})

test("push configurations: one's own, of this task, by this id", () => {
  const ownership = memoryOwnership()
  ownership.give('pushConfig', 't1/theirs', 'key:bob')
  const create: FakeAdmitted = { operation: 'CreateTaskPushNotificationConfig', taskId: 't1' }
  assert.equal(passed(result(create, '{"id":"mine","taskId":"t1","url":"https://a"}', { ownership })).claims.length, 1)
  assert.equal(ownership.configs.get('t1/mine')?.owner.caller, 'key:alice')
  refused('RELEASE_INVALID_ANSWER', result(create, '{"id":"theirs","taskId":"t1"}', { ownership }))
  refused('RELEASE_INVALID_ANSWER', result(create, '{"id":"x","taskId":"t2"}', { ownership }))
  const get: FakeAdmitted = { operation: 'GetTaskPushNotificationConfig', taskId: 't1', configId: 'mine' }
  passed(result(get, '{"id":"mine","taskId":"t1"}', { ownership }))
  refused('RELEASE_INVALID_ANSWER', result(get, '{"id":"theirs","taskId":"t1"}', { ownership }))
  refused('RELEASE_INVALID_ANSWER', result(get, '{"id":"mine","taskId":"t2"}', { ownership }))
})

test('an extended card speaks of the gateway and of nothing behind it', () => {
  for (const binding of bindings) {
    const upstream = {
      name: 'Calc',
      url: 'http://10.0.0.7/secret',
      supportedInterfaces: [{ url: 'http://10.0.0.7/secret' }],
      signatures: [{ protected: 'x' }],
      capabilities: {},
    }
    const { text } = passed(result({ operation: 'GetExtendedAgentCard', binding }, JSON.stringify(upstream))).released
    assert.doesNotMatch(text, /10\.0\.0\.7|signatures/)
    const value = JSON.parse(text)
    const card = binding === 'JSONRPC' ? value.result : value
    assert.equal(card.supportedInterfaces[0].url, 'https://agents.example.com/agents/calculator')
    refused(
      'RELEASE_INVALID_ANSWER',
      result({ operation: 'GetExtendedAgentCard', binding }, '{"description":"no name"}'),
    )
    refused('RELEASE_INVALID_ANSWER', result({ operation: 'GetExtendedAgentCard', binding }, '[]'))
  }
})

test('a list is put together in the binding of the call', () => {
  const page = { nextToken: 'abc', pageSize: 2, totalSize: 5 }
  const listed = (call: FakeAdmitted, tasks: string[]): string => {
    const answer = releaseList(admittedOf({ operation: 'ListTasks', ...call }), tasks, page)
    assert.ok(!isRefusal(answer))
    return answer.released.text
  }
  const rest = JSON.parse(listed({ binding: 'HTTP+JSON' }, [task('a'), task('b')]))
  assert.deepEqual([rest.tasks.length, rest.nextPageToken, rest.pageSize, rest.totalSize], [2, 'abc', 2, 5])
  const rpc = JSON.parse(listed({ requestId: '7' }, []))
  assert.deepEqual([rpc.id, rpc.result.tasks], [7, []])
})

const streaming: FakeAdmitted = { operation: 'SendStreamingMessage' }
const event = (
  call: FakeAdmitted,
  data: string,
  name = '',
  ownership = memoryOwnership(),
): ReturnType<typeof releaseEvent> => releaseEvent(admittedOf(call), { name, data }, ownership)
const update = (id: string): string => `{"statusUpdate":{"taskId":"${id}",${status}}}`

test('passes events of the shape, and claims what they name', () => {
  for (const binding of bindings) {
    const call = { ...streaming, binding }
    const data = inEnvelope(admittedOf(call), `{"task":${task('t1')}}`)
    const released = passed(event(call, data, 'message'))
    assert.equal(released.released.text, data)
    assert.equal(released.name, '')
    assert.equal(released.claims.length, 1)
  }
})

test('refuses events that are rubbish, foreign or of unknown kind', () => {
  for (const binding of bindings) {
    const call = { ...streaming, binding }
    const wrap = (text: string): string => inEnvelope(admittedOf(call), text)
    for (const [name, body] of Object.entries(rubbish))
      if (typeof body === 'string') refused('RELEASE_INVALID_ANSWER', event(call, wrap(body)), name)
    const ownership = memoryOwnership()
    ownership.give('task', 'foreign', 'key:bob')
    refused('RELEASE_INVALID_ANSWER', event(call, wrap(update('foreign')), '', ownership))
    for (const name of ['ping', 'Message', ' error', 'open'])
      refused('RELEASE_INVALID_ANSWER', event(call, wrap(update('t1')), name), name)
    refused('RELEASE_INVALID_ANSWER', event(call, wrap(update('t1')), 'error'))
  }
})

test('a subscription brings events of its task alone', () => {
  const call: FakeAdmitted = { operation: 'SubscribeToTask', taskId: 't1', binding: 'HTTP+JSON' }
  passed(event(call, update('t1')))
  refused('RELEASE_INVALID_ANSWER', event(call, update('t2')))
  refused('RELEASE_INVALID_ANSWER', event(call, '{"message":{"messageId":"m","taskId":"t2"}}'))
})

test('an error event passes where it is one', () => {
  assert.equal(
    passed(event(streaming, '{"jsonrpc":"2.0","id":"q-1","error":{"code":-32004,"message":"x"}}', 'error')).name,
    'error',
  )
  const rest: FakeAdmitted = { ...streaming, binding: 'HTTP+JSON' }
  for (const name of ['', 'error'])
    assert.equal(passed(event(rest, '{"error":{"code":400,"message":"x"}}', name)).name, 'error')
  refused('RELEASE_INVALID_ANSWER', event(rest, '{"error":"x"}'))
  refused('RELEASE_INVALID_ANSWER', event(rest, '{"oops":1}', 'error'))
  refused(
    'RELEASE_INVALID_ANSWER',
    event(streaming, '{"jsonrpc":"2.0","id":"q-2","error":{"code":-32004,"message":"x"}}'),
  )
})

test('two callers cannot both become the owner of what an agent names to both at once', () => {
  const ownership = memoryOwnership()
  const first = passed(result({}, `{"task":${task('t1')}}`, { ownership }))
  refused('RELEASE_INVALID_ANSWER', result({ caller: 'key:bob' }, `{"task":${task('t1')}}`, { ownership }))
  first.undo()
  passed(result({ caller: 'key:bob' }, `{"task":${task('t1')}}`, { ownership }))
})

test('whatever an agent answers, it is refused or one JSON value of the request, and nothing is thrown', () => {
  const operations: readonly Operation[] = [
    'SendMessage',
    'GetTask',
    'ListTaskPushNotificationConfigs',
    'DeleteTaskPushNotificationConfig',
    'GetExtendedAgentCard',
  ]
  const snapshot = snapshotOf()
  const value = fc.oneof(
    fc.json({ maxDepth: 4 }),
    fc.string(),
    fc.constantFrom(
      message,
      `{"task":${task('t1')}}`,
      task('t1'),
      '{"configs":[{}]}',
      '{"error":{"code":1,"message":"x"}}',
    ),
  )
  fc.assert(
    fc.property(
      value,
      fc.constantFrom(...operations),
      fc.constantFrom(...bindings),
      fc.constantFrom(200, 204, 400, 404, 500),
      fc.boolean(),
      (text, operation, binding, code, wrap) => {
        const call = { operation, binding, taskId: 't1', snapshot }
        const body = wrap ? inEnvelope(admittedOf(call), text) : text
        const outcome = raw(call, body, { status: code })
        if (isRefusal(outcome)) {
          const said = binding === 'JSONRPC' ? renderJsonRpcError(outcome, '"q-1"') : renderRestError(outcome)
          assert.equal(
            said,
            binding === 'JSONRPC'
              ? renderJsonRpcError(refuse(outcome.code, ''), '"q-1"')
              : renderRestError(refuse(outcome.code, '')),
          )
        } else if (outcome.status !== 204) {
          const seen = JSON.parse(outcome.released.text)
          if (binding === 'JSONRPC') assert.ok(seen.id === 'q-1' || seen.id === null)
        }
      },
    ),
    { numRuns: 400 },
  )
})
