// Answers that no caller may ever see: not HTTP, not JSON, not A2A, or readable in two ways. Each row says what the
// gateway must make of it. `only` keeps a row to the binding in which it means something.

import { gzipSync } from 'node:zlib'
import type { Binding } from '../../src/a2a/operations.ts'
import type { RefusalCode } from '../../src/refusal/refusal.ts'
import type { Behaviour, Exchange } from './exchange.ts'

export interface Rubbish {
  readonly name: string
  readonly becomes: RefusalCode
  readonly only?: Binding
  readonly send: Behaviour
}

const json = (exchange: Exchange, body: string | Buffer): void => exchange.send(200, 'application/json', body)
const result = (exchange: Exchange, text: string): void => json(exchange, exchange.envelope(text))
const message = '{"message":{"messageId":"m1","role":"ROLE_AGENT","parts":[{"text":"POISON"}]}}'
const withPart = (part: string): string => `{"message":{"messageId":"m1","role":"ROLE_AGENT","parts":[${part}]}}`
const status = '"status":{"state":"TASK_STATE_COMPLETED"}'

const invalid = (name: string, send: Behaviour, only?: Binding): Rubbish => ({
  name,
  becomes: 'RELEASE_INVALID_ANSWER',
  send,
  ...(only && { only }),
})

// prettier-ignore
export const rubbish: readonly Rubbish[] = [
  // not A2A at all
  invalid('html-200', (x) => x.send(200, 'text/html', '<html>POISON</html>')),
  invalid('html-500', (x) => x.send(500, 'text/html', '<html>POISON at /srv/agent.js:1</html>')),
  invalid('html-404', (x) => x.send(404, 'text/html', '<html>POISON</html>')),
  invalid('empty-200', (x) => x.send(200, 'application/json', '')),
  invalid('no-content', (x) => { x.response.writeHead(204); x.end() }),
  invalid('redirect', (x) => x.send(302, 'text/plain', 'POISON', { location: 'http://127.0.0.1:9/POISON' })),
  invalid('stream-to-a-unary-call', (x) => { x.beginStream(); x.event(JSON.parse(message)); x.end() }),
  { name: 'status-401', becomes: 'FORWARD_UNAVAILABLE', send: (x) => x.send(401, 'text/plain', 'POISON', { 'www-authenticate': 'Basic' }) },
  { name: 'status-403', becomes: 'FORWARD_UNAVAILABLE', send: (x) => x.send(403, 'text/plain', 'POISON') },
  { name: 'status-503', becomes: 'FORWARD_UNAVAILABLE', send: (x) => x.send(503, 'text/html', 'POISON') },
  // not JSON, or JSON with two meanings
  invalid('truncated-json', (x) => json(x, x.envelope(message).slice(0, -3))),
  invalid('two-values', (x) => json(x, x.envelope(message) + x.envelope(message))),
  invalid('trailing-comma', (x) => json(x, x.envelope(message).replace('}]', '},]'))),
  invalid('comment', (x) => json(x, `/* POISON */${x.envelope(message)}`)),
  invalid('byte-order-mark', (x) => json(x, `\ufeff${x.envelope(message)}`)),
  invalid('bad-utf-8', (x) => json(x, Buffer.from(x.envelope(message).replace('POISON', 'POISON\u00ff'), 'latin1'))),
  invalid('utf-16', (x) => json(x, Buffer.from(x.envelope(message), 'utf16le'))),
  invalid('lone-surrogate', (x) => result(x, withPart('{"text":"POISON\\ud800"}'))),
  invalid('nan', (x) => result(x, withPart('{"data":{"x":NaN}}'))),
  invalid('duplicate-keys', (x) => result(x, withPart('{"text":"safe","text":"POISON"}'))),
  invalid('duplicate-keys-escaped', (x) => result(x, withPart('{"text":"safe","te\\u0078t":"POISON"}'))),
  invalid('duplicate-keys-in-data', (x) => result(x, withPart('{"data":{"a":1,"a":2}}'))),
  invalid('depth-bomb', (x) => result(x, withPart(`{"data":${'['.repeat(20_000)}${']'.repeat(20_000)}}`))),
  invalid('node-bomb', (x) => result(x, withPart(`{"data":[${'0,'.repeat(200_000)}0]}`))),
  invalid('compressed-unasked', (x) => x.send(200, 'application/json', gzipSync(x.envelope(message)), { 'content-encoding': 'gzip' })),
  // JSON, but not an answer to this request
  invalid('two-results', (x) => json(x, `{"jsonrpc":"2.0","id":${x.requestId},"result":${message},"result":${message}}`), 'JSONRPC'),
  invalid('two-results-by-case', (x) => json(x, `{"jsonrpc":"2.0","id":${x.requestId},"result":${message},"Result":${message}}`), 'JSONRPC'),
  invalid('result-and-error', (x) => json(x, `{"jsonrpc":"2.0","id":${x.requestId},"result":${message},"error":{"code":-1,"message":"POISON"}}`), 'JSONRPC'),
  invalid('neither-result-nor-error', (x) => json(x, `{"jsonrpc":"2.0","id":${x.requestId}}`), 'JSONRPC'),
  invalid('wrong-id', (x) => json(x, `{"jsonrpc":"2.0","id":"another","result":${message}}`), 'JSONRPC'),
  invalid('id-as-text', (x) => json(x, `{"jsonrpc":"2.0","id":"${x.requestId}","result":${message}}`), 'JSONRPC'),
  invalid('null-id-with-result', (x) => json(x, `{"jsonrpc":"2.0","id":null,"result":${message}}`), 'JSONRPC'),
  invalid('missing-id', (x) => json(x, `{"jsonrpc":"2.0","result":${message}}`), 'JSONRPC'),
  invalid('json-rpc-1.0', (x) => json(x, `{"jsonrpc":"1.0","id":${x.requestId},"result":${message}}`), 'JSONRPC'),
  invalid('batch-answer', (x) => json(x, `[${x.envelope(message)}]`), 'JSONRPC'),
  invalid('error-without-code', (x) => json(x, `{"jsonrpc":"2.0","id":${x.requestId},"error":{"message":"POISON"}}`), 'JSONRPC'),
  invalid('error-as-text', (x) => x.send(400, 'application/json', '{"error":"POISON"}'), 'HTTP+JSON'),
  // an answer, but not of the A2A shape
  invalid('task-and-message', (x) => result(x, `{"task":{"id":"t-rubbish",${status}},${message.slice(1)}`)),
  invalid('neither-task-nor-message', (x) => result(x, '{"poison":"POISON"}')),
  invalid('result-as-text', (x) => result(x, '"POISON"')),
  invalid('result-as-list', (x) => result(x, `[${message}]`)),
  invalid('snake-case-alias', (x) => result(x, `{"task":{"id":"t-rubbish","context_id":"POISON",${status}}}`)),
  invalid('alias-by-case', (x) => result(x, `{"task":{"id":"t-rubbish","contextID":"POISON",${status}}}`)),
  invalid('part-with-two-members', (x) => result(x, withPart('{"text":"safe","url":"http://127.0.0.1/POISON"}'))),
  invalid('part-without-a-member', (x) => result(x, withPart('{"kind":"text"}'))),
  invalid('integer-enum', (x) => result(x, '{"task":{"id":"t-rubbish","status":{"state":3}}}')),
  invalid('unknown-enum', (x) => result(x, '{"task":{"id":"t-rubbish","status":{"state":"POISON"}}}')),
  invalid('task-without-an-id', (x) => result(x, `{"task":{${status}}}`)),
  invalid('task-id-with-control-character', (x) => result(x, `{"task":{"id":"t\\u0000x",${status}}}`)),
  invalid('bare-0.3-task', (x) => result(x, '{"kind":"task","id":"t-rubbish","status":{"state":"completed"}}')),
  // not one HTTP answer
  invalid('two-content-lengths', (x) => { const b = x.envelope(message); x.rawAnswer(`content-length: ${b.length}\r\ncontent-length: 3\r\n`, b) }),
  invalid('length-with-chunked', (x) => x.rawAnswer('content-length: 5\r\ntransfer-encoding: chunked\r\n', '0\r\n\r\n')),
  invalid('bad-chunk-size', (x) => x.rawAnswer('transfer-encoding: chunked\r\n', 'POISON\r\n{}\r\n0\r\n\r\n')),
  invalid('negative-content-length', (x) => x.rawAnswer('content-length: -1\r\n', x.envelope(message))),
  invalid('field-with-nul', (x) => { const b = x.envelope(message); x.rawAnswer(`x: a\0b\r\ncontent-length: ${b.length}\r\n`, b) }),
  invalid('space-before-colon', (x) => { const b = x.envelope(message); x.rawAnswer(`content-length : ${b.length}\r\n`, b) }),
  invalid('huge-head', (x) => { const b = x.envelope(message); x.rawAnswer(`x: ${'a'.repeat(200_000)}\r\ncontent-length: ${b.length}\r\n`, b) }),
  invalid('http-0.9', (x) => { x.raw(x.envelope(message)); x.socket.end() }),
  { name: 'upgrade', becomes: 'FORWARD_UNAVAILABLE', send: (x) => { x.raw('HTTP/1.1 101 Switching Protocols\r\nupgrade: POISON\r\nconnection: upgrade\r\n\r\n') } },
]
