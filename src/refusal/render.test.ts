import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { Binding, ProtocolVersion } from '../a2a/operations.ts'
import { catalogue, refuse, type RefusalCode } from './refusal.ts'
import { refusalFace, renderJsonRpcError, renderRefusal, renderRestError } from './render.ts'

const codes = Object.keys(catalogue) as RefusalCode[]
const code = fc.constantFrom(...codes)

test('says a refusal as JSON-RPC, with the id as it stood in the request', () => {
  for (const id of ['"q-1"', '7', '"\\u0041"', '1.50', '9007199254740993']) {
    const body = renderJsonRpcError(refuse('AUTHZ_DENIED', ''), id)
    assert.ok(body.startsWith(`{"jsonrpc":"2.0","id":${id},`), body)
    assert.deepEqual(JSON.parse(body).error, {
      code: -32041,
      message: 'Permission denied',
      data: [
        {
          '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
          reason: 'PERMISSION_DENIED',
          domain: 'a2a-protocol.org',
        },
      ],
    })
  }
})

test('the id is null where none could be read', () => {
  assert.equal(JSON.parse(renderJsonRpcError(refuse('VALIDATE_JSON', ''), '')).id, null)
})

test('says a refusal as HTTP+JSON', () => {
  assert.deepEqual(JSON.parse(renderRestError(refuse('AUTHZ_TASK_NOT_FOUND', ''))), {
    error: {
      code: 404,
      status: 'NOT_FOUND',
      message: 'Task not found',
      details: [
        { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'TASK_NOT_FOUND', domain: 'a2a-protocol.org' },
      ],
    },
  })
})

test('every refusal has the status of its binding, and is never cached', () => {
  for (const each of codes) {
    const refusal = refuse(each, '', { headers: { 'retry-after': '3' } })
    const rpc = renderRefusal(refusal, 'JSONRPC', '1')
    const rest = renderRefusal(refusal, 'HTTP+JSON', '')
    assert.equal(rpc.status, catalogue[each].jsonRpcHttp)
    assert.equal(rest.status, catalogue[each].http)
    assert.equal(JSON.parse(rest.body).error.code, rest.status)
    for (const { headers } of [rpc, rest]) {
      assert.deepEqual(headers, { 'content-type': 'application/json', 'cache-control': 'no-store', 'retry-after': '3' })
    }
  }
})

test("errors that are the gateway's own have their real status in both bindings", () => {
  const own = codes.filter((each) => catalogue[each].jsonRpc <= -32040 && catalogue[each].jsonRpc >= -32044)
  assert.ok(own.length > 8)
  for (const each of own) {
    assert.equal(catalogue[each].http, catalogue[each].jsonRpcHttp)
    assert.ok(catalogue[each].http >= 400)
  }
})

test('no two refusals of authentication can be told apart', () => {
  for (const binding of ['JSONRPC', 'HTTP+JSON'] as const) {
    assert.deepEqual(
      renderRefusal(refuse('AUTHN_MISSING', 'a'), binding, '1'),
      renderRefusal(refuse('AUTHN_INVALID', 'b'), binding, '1'),
    )
  }
})

test('what is private stays out of status, headers and body', () => {
  const secret = fc.string({ minLength: 8 }).map((text) => `PRIVATE${text}`)
  fc.assert(
    fc.property(code, secret, fc.constantFrom('JSONRPC' as const, 'HTTP+JSON' as const), (each, detail, binding) => {
      assert.deepEqual(renderRefusal(refuse(each, detail), binding, '1'), renderRefusal(refuse(each, ''), binding, '1'))
      assert.doesNotMatch(JSON.stringify(renderRefusal(refuse(each, detail), binding, '1')), /PRIVATE/)
    }),
    { numRuns: 300 },
  )
})

test('whatever a hint holds, the body is one JSON value with that hint in its message', () => {
  fc.assert(
    fc.property(code, fc.string(), (each, hint) => {
      const refusal = refuse(each, '', { hint })
      assert.ok(JSON.parse(renderRestError(refusal)).error.message.endsWith(`: ${hint}`))
      assert.ok(JSON.parse(renderJsonRpcError(refusal, '1')).error.message.endsWith(`: ${hint}`))
    }),
    { numRuns: 300 },
  )
})

test('no public sentence names a stage, a path or the inside of the gateway', () => {
  for (const each of codes) assert.doesNotMatch(catalogue[each].publicMessage, /[/\\_]|\.ts|ledger|sqlite|undici|node/i)
})

test('a caller of 0.3 is told the codes that it knows, in each of its bindings', () => {
  const extension = refuse('VALIDATE_EXTENSION_REQUIRED', '')
  const said = (binding: Binding, version: ProtocolVersion): { code?: number; error?: { code: number } } =>
    JSON.parse(renderRefusal(extension, refusalFace({ binding, version }), '1').body) as object
  assert.equal(said('JSONRPC', '1.0').error?.code, -32008)
  assert.equal(said('JSONRPC', '0.3').error?.code, -32004)
  assert.equal(said('HTTP+JSON', '0.3').code, -32004)
})
