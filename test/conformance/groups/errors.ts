// How errors are said in each binding, and what is no request at all. Which error belongs to which operation stands
// with the operations.

import assert from 'node:assert/strict'
import { grpcClient } from '../clients/grpc.ts'
import { headersOf, type Answer } from '../clients/client.ts'
import { exchange } from '../clients/http.ts'
import { httpJsonRequest, readHttpJson } from '../clients/http-json.ts'
import { jsonRpcRequest, legacyMethods, readJsonRpc } from '../clients/json-rpc.ts'
import { isCurrent, say, unknownId, type ConformanceTest, type Subject } from '../subject.ts'
import { objectOf, type JsonObject } from '../wire/dialect.ts'

const isJsonRpc = ({ binding }: { binding: string }): boolean => binding === 'JSONRPC'
const isHttpJson = ({ binding }: { binding: string }): boolean => binding === 'HTTP+JSON'
const isGrpc = ({ binding }: { binding: string }): boolean => binding === 'GRPC'

export const errorTests: readonly ConformanceTest[] = [
  {
    id: 'errors.json-rpc-info',
    section: '§9.5',
    sentence: 'tells the reason of an error in its data',
    where: (face) => isJsonRpc(face) && isCurrent(face),
    async run(subject) {
      const { failure } = await subject.client.call('GetTask', { id: unknownId() })
      assert.equal(failure?.reason, 'TASK_NOT_FOUND')
      assert.equal(failure?.domain, 'a2a-protocol.org')
    },
  },
  {
    id: 'errors.http-form',
    section: '§11.6',
    sentence: 'wraps an error with code, status, message and details',
    where: (face) => isHttpJson(face) && isCurrent(face),
    async run(subject) {
      const { wire, headers } = await subject.client.call('GetTask', { id: unknownId() })
      assert.deepEqual(Object.keys(wire), ['error'])
      const error = objectOf(wire['error'], 'an error')
      assert.deepEqual(Object.keys(error).toSorted(), ['code', 'details', 'message', 'status'])
      assert.equal(error['code'], 404)
      const [detail] = error['details'] as JsonObject[]
      assert.equal(detail?.['@type'], 'type.googleapis.com/google.rpc.ErrorInfo')
      assert.match(headers['content-type'] ?? '', /^application\/(a2a\+)?json\b/)
    },
  },
  {
    id: 'errors.grpc-info',
    section: '§10.6',
    sentence: 'carries ErrorInfo in the trailers of an error',
    where: (face) => isGrpc(face) && isCurrent(face),
    async run(subject) {
      const { failure } = await subject.client.call('GetTask', { id: unknownId() })
      assert.equal(failure?.status, 'NOT_FOUND')
      assert.equal(failure?.reason, 'TASK_NOT_FOUND')
      assert.equal(failure?.domain, 'a2a-protocol.org')
    },
  },
  {
    id: 'errors.message',
    section: '§3.3.2',
    sentence: 'says in words what is wrong',
    async run(subject) {
      const { failure } = await subject.client.call('GetTask', { id: unknownId() })
      assert.notEqual(failure?.message ?? '', '')
    },
  },
  {
    id: 'errors.unknown-method',
    section: '§9.5',
    sentence: 'knows no other methods',
    where: isJsonRpc,
    async run(subject) {
      const { failure } = await post(subject, { jsonrpc: '2.0', id: 1, method: 'NoSuchMethod', params: {} })
      assert.equal(failure?.code, -32601)
    },
  },
  {
    id: 'errors.parse',
    section: '§9.5',
    sentence: 'says that what is no JSON cannot be parsed',
    where: isJsonRpc,
    async run(subject) {
      const answer = await exchange(jsonRpcRequest(subject.client.address, '{"jsonrpc":"2.0",'))
      assert.equal(readJsonRpc(answer, (result) => result).failure?.code, -32700)
    },
  },
  {
    id: 'errors.not-json-rpc',
    section: '§9.5',
    sentence: 'refuses what is not JSON-RPC 2.0',
    where: isJsonRpc,
    async run(subject) {
      const { failure } = await post(subject, { jsonrpc: '1.0', id: 1, method: methodOf(subject), params: {} })
      assert.ok(failure?.code === -32600 || failure?.code === -32602, `${failure?.code}`)
    },
  },
  ...['text', 42].map((id): ConformanceTest => ({
    id: `errors.id-${typeof id}`,
    section: 'JSON-RPC 2.0 §5',
    sentence: `gives an id back that is a ${typeof id === 'string' ? 'text' : 'number'}, with an error too`,
    where: isJsonRpc,
    async run(subject) {
      const request = { jsonrpc: '2.0', id, method: methodOf(subject), params: { id: unknownId() } }
      const { wire, failure } = await post(subject, request)
      assert.equal(failure?.code, -32001)
      assert.equal(wire['id'], id)
      assert.equal(wire['jsonrpc'], '2.0')
    },
  })),
  {
    id: 'errors.media-type',
    section: '§9.1',
    sentence: 'refuses a body of another media type',
    where: isJsonRpc,
    async run({ client }) {
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'SendMessage', params: say('tck-complete-task') })
      const request = jsonRpcRequest(client.address, body, { headers: { 'content-type': 'text/plain' } })
      assert.equal(readJsonRpc(await exchange(request), (result) => result).failure?.code, -32005)
    },
  },
  {
    id: 'errors.http-media-type',
    section: '§11.1',
    sentence: 'refuses a body of another media type',
    where: isHttpJson,
    async run({ client, version }) {
      const path = version === '0.3' ? '/v1/message:send' : '/message:send'
      const call = { method: 'POST', path, body: say('tck-complete-task') }
      const request = httpJsonRequest(client.address, call, { headers: { 'content-type': 'text/plain' } })
      assert.equal((await exchange(request)).status, 400)
    },
  },
  {
    id: 'errors.http-parse',
    section: '§11.6',
    sentence: 'refuses a body that is no JSON',
    where: isHttpJson,
    async run(subject) {
      const path = subject.version === '0.3' ? '/v1/message:send' : '/message:send'
      const request = httpJsonRequest(subject.client.address, { method: 'POST', path, body: {} })
      const { status } = await exchange({ ...request, body: '{"message":' })
      assert.equal(status, 400)
    },
  },
  {
    id: 'errors.unknown-path',
    section: '§11.3',
    sentence: 'has nothing at other paths',
    where: isHttpJson,
    async run(subject) {
      const path = subject.version === '0.3' ? '/v1/nothing' : '/nothing/here/at/all'
      const { status } = await exchange(httpJsonRequest(subject.client.address, { method: 'GET', path }))
      assert.equal(status, 404)
    },
  },
  {
    id: 'errors.media-type-of-answers',
    section: '§11.1',
    sentence: 'answers in application/a2a+json',
    where: (face) => isHttpJson(face) && isCurrent(face),
    async run(subject) {
      const { headers } = await subject.client.call('SendMessage', say('tck-complete-task'))
      assert.match(headers['content-type'] ?? '', /^application\/a2a\+json\b/)
    },
  },
  {
    id: 'errors.json-accepted',
    section: '§11.1',
    sentence: 'takes application/json too',
    where: (face) => isHttpJson(face) && isCurrent(face),
    async run(subject) {
      const options = { headers: { 'content-type': 'application/json' } }
      const body = say('tck-complete-task')
      const request = httpJsonRequest(subject.client.address, { method: 'POST', path: '/message:send', body }, options)
      const { failure } = readHttpJson(await exchange(request), (result) => result)
      assert.equal(failure, undefined)
    },
  },
  {
    id: 'errors.unknown-field',
    section: '§5.7',
    sentence: 'takes a member that it does not know',
    where: (face) => face.binding !== 'GRPC',
    async run(subject) {
      const params = say('tck-complete-task', { ofTheFuture: { a: [1] } })
      const { failure } = await subject.client.call('SendMessage', params)
      assert.equal(failure, undefined)
    },
  },
  {
    id: 'errors.grpc-unknown-field',
    section: '§5.7',
    sentence: 'takes a field that it does not know',
    where: isGrpc,
    async run(subject) {
      // field 2047, a text of one byte, behind a good request
      const unknown = Buffer.from([0xfa, 0x7f, 0x01, 0x41])
      const { failure } = await callRaw(subject, 'SendMessage', Buffer.concat([goodRequest(subject), unknown]))
      assert.equal(failure, undefined)
    },
  },
  {
    id: 'errors.grpc-unknown-method',
    section: '§10',
    sentence: 'has no other methods',
    where: isGrpc,
    async run(subject) {
      const { failure } = await callRaw(subject, 'NoSuchMethod', Buffer.alloc(0))
      assert.equal(failure?.status, 'UNIMPLEMENTED')
    },
  },
  {
    id: 'errors.grpc-garbage',
    section: '§10',
    sentence: 'refuses bytes that are no message',
    where: isGrpc,
    async run(subject) {
      const { failure } = await callRaw(subject, 'SendMessage', Buffer.from('ffffffffffffffffffffff', 'hex'))
      assert.notEqual(failure, undefined)
    },
  },
]

function methodOf({ version }: Subject): string {
  return version === '0.3' ? (legacyMethods.GetTask ?? '') : 'GetTask'
}

async function post({ client }: Subject, request: JsonObject): Promise<Answer> {
  return readJsonRpc(await exchange(jsonRpcRequest(client.address, JSON.stringify(request))), (result) => result)
}

const serviceOf = ({ version }: Subject): string => (version === '0.3' ? 'a2a.v1.A2AService' : 'lf.a2a.v1.A2AService')

async function callRaw(subject: Subject, method: string, bytes: Buffer): Promise<Answer> {
  const client = grpcClient(subject.client.address)
  try {
    const tenant = subject.client.address.tenant
    const prefix =
      tenant === '' || subject.version === '0.3' ? Buffer.alloc(0) : client.codec.encode('GetTaskRequest', { tenant })
    const headers = headersOf(subject.client.address, undefined)
    return await client.unary(`/${serviceOf(subject)}/${method}`, Buffer.concat([prefix, bytes]), headers)
  } finally {
    client.close()
  }
}

function goodRequest(subject: Subject): Buffer {
  const client = grpcClient(subject.client.address)
  const { parts, ...message } = objectOf(say('tck-complete-task')['message'], 'a message')
  const spelt = subject.version === '0.3' ? { ...message, content: parts ?? [] } : { ...message, parts: parts ?? [] }
  const bytes = client.codec.encode('SendMessageRequest', { message: spelt })
  client.close()
  return bytes
}
