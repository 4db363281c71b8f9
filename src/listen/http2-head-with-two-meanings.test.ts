// The attack: a head of HTTP/2 that this gateway and an agent, or a proxy that turns it into HTTP/1, would read
// differently (RFC 9113 §8.2, §8.3, §10.3). None of it becomes a call, and each leaves a record: those that the codec
// resets by itself by the gap in the numbers of streams.

import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { headers, requestFields, type Field } from '../../test/fakes/http2-frames.ts'
import { checkHttp2Head, sizeOfHttp2Head } from './check-head.ts'
import { withDoor } from './fake-door.ts'

const good = requestFields()
const without = (name: string): Field[] => good.filter(([each]) => each !== name)
/** pseudo-header fields have to stand first */
const replaced = (name: string, value: string, ...more: Field[]): Field[] =>
  good.map(([each, old]): Field => [each, each === name ? value : old]).concat(more)
const beside = (...more: Field[]): Field[] => requestFields(...more)
const check = (fields: readonly Field[]): ReturnType<typeof checkHttp2Head> => checkHttp2Head(fields.flat())

// prettier-ignore
const tricks: Readonly<Record<string, readonly Field[]>> = {
  'an unknown pseudo-header field': [...good, [':x', 'y']],
  'a pseudo-header field of an answer': [...good, [':status', '200']],
  'the pseudo-header field of another protocol': replaced(':method', 'CONNECT', [':protocol', 'websocket']),
  'a pseudo-header field behind a field': [['a', 'b'], ...good],
  'two methods': [[':method', 'GET'], ...good],
  'two paths': [...good, [':path', '/agents/y']],
  'two authorities': [...good, [':authority', 'a']],
  'no method': without(':method'),
  'no scheme': without(':scheme'),
  'no path': without(':path'),
  'no authority and no host': without(':authority'),
  'an empty authority': replaced(':authority', ''),
  'an empty authority beside a host': replaced(':authority', '', ['host', 'a']),
  'a host that differs': beside(['host', 'b']),
  'a host that differs by its port': beside(['host', 'a:80']),
  'two hosts': [...without(':authority'), ['host', 'a'], ['host', 'a']],
  'userinfo in the authority': replaced(':authority', 'user@a'),
  'a path in the authority': replaced(':authority', 'a/b'),
  'a list of authorities': replaced(':authority', 'a, b'),
  'CONNECT': [[':method', 'CONNECT'], [':authority', 'a']],
  'a method in small letters': replaced(':method', 'post'),
  'an unknown method': replaced(':method', 'SMUGGLE'),
  'a method with a request line in it': replaced(':method', 'GET / HTTP/1.1'),
  'another scheme': replaced(':scheme', 'ftp'),
  'an empty path': replaced(':path', ''),
  'an asterisk for a path': replaced(':path', '*'),
  'a whole address for a path': replaced(':path', 'http://a/agents/x'),
  'a path without a slash': replaced(':path', 'agents/x'),
  'a path with a space': replaced(':path', '/agents/x HTTP/1.1'),
  'a path with a line': replaced(':path', '/agents/x\r\nX: y'),
  'a path with a fragment': replaced(':path', '/agents/x#y'),
  'a path with a backslash': replaced(':path', '/agents\\x'),
  'a path that is no ASCII': replaced(':path', '/agents/\xe9'),
  'a capital in a name': beside(['A2A-Version', '1.0']),
  'connection': beside(['connection', 'close']),
  'keep-alive': beside(['keep-alive', 'timeout=5']),
  'proxy-connection': beside(['proxy-connection', 'close']),
  'transfer-encoding': beside(['transfer-encoding', 'chunked']),
  'upgrade': beside(['upgrade', 'h2c']),
  'te other than trailers': beside(['te', 'gzip']),
  'te of trailers and more': beside(['te', 'trailers, deflate']),
  'two lengths': beside(['content-length', '0'], ['content-length', '0']),
  'a length with a sign': beside(['content-length', '+0']),
  'a list of lengths': beside(['content-length', '0, 0']),
  'two credentials': beside(['authorization', 'Bearer a'], ['authorization', 'Bearer b']),
  'two keys': beside(['x-api-key', 'a'], ['x-api-key', 'b']),
  'two versions': beside(['a2a-version', '1.0'], ['a2a-version', '0.3']),
  'two content types': beside(['content-type', 'application/json'], ['content-type', 'application/grpc']),
  'two agents': beside(['sallyport-agent', 'a'], ['sallyport-agent', 'b']),
  'two deadlines': beside(['grpc-timeout', '1S'], ['grpc-timeout', '1H']),
  'a compressed body': beside(['content-encoding', 'gzip']),
  'an expectation that nobody can meet': beside(['expect', 'the-impossible']),
}

/** What the codec drops before anybody sees it. */
const dropped: Readonly<Record<string, readonly Field[]>> = {
  'a space in a name': beside(['a b', 'c']),
  'a line in a name': beside(['a\r\nb', 'c']),
  'a colon in a name': beside(['a:b', 'c']),
  'an empty name': beside(['', 'a']),
}

for (const [name, fields] of Object.entries({ ...tricks, ...dropped })) {
  test(`refuses ${name}`, () => assert.equal(typeof check(fields), 'string'))
}

test('none of them becomes a call, each leaves a record, and those in between are served', () =>
  withDoor({}, async (door) => {
    for (const [name, fields] of Object.entries(tricks)) {
      const raw = await door.raw()
      const [records, calls] = [door.unreadable.length, door.calls.length]
      raw.send(headers(1, fields), headers(3, good))
      await raw.frame(({ type, stream }) => type === 'headers' && stream === 3)
      assert.equal(door.calls.length, calls + 1, name)
      assert.equal(door.unreadable.length, records + 1, name)
      raw.socket.destroy()
    }
  }))

test('and where nothing follows it, the end of the connection tells of it', () =>
  withDoor({}, async (door) => {
    const raw = await door.raw()
    raw.send(headers(1, tricks['connection'] ?? []))
    await raw.frame(({ type }) => type === 'rstStream')
    assert.equal(door.unreadable.length, 0)
    raw.socket.end()
    while (door.listener.connections > 0) await new Promise(setImmediate)
    assert.equal(door.unreadable.length, 1)
  }))

test('a field that the codec will not take is not there, and its request goes on without it', () =>
  withDoor({}, async (door) => {
    const raw = await door.raw()
    const values = ['a\r\nx-api-key: b', 'a\0', '\x01', 'a ', 'a\x7f']
    for (const [i, value] of values.entries())
      raw.send(headers(1 + 2 * i, beside(['authorization', `Bearer ${value}`], ['x-other', 'c'])))
    const more = Object.values(dropped)
    for (const [i, fields] of more.entries()) raw.send(headers(101 + 2 * i, [...fields, ['x-other', 'c']]))
    await raw.frame(({ type, stream }) => type === 'headers' && stream === 99 + 2 * more.length)
    assert.equal(door.calls.length, values.length + more.length)
    for (const { headers } of door.calls) {
      assert.ok(!/[\0-\x08\n-\x1f\x7f]/.test([...headers.values()].join('')))
      assert.equal(headers.get('x-api-key'), undefined)
      assert.deepEqual([...headers.keys()].sort(), ['host', 'x-other'])
      assert.equal(headers.get('x-other'), 'c')
    }
  }))

test('a host that says the same as the authority may stand beside it, or in its place', () => {
  for (const fields of [good, beside(['host', 'A']), [...without(':authority'), ['host', 'a'] as const]]) {
    const head = check(fields)
    assert.ok(typeof head !== 'string')
    assert.equal(head.host, 'a')
    assert.equal(head.headers.get('host')?.toLowerCase(), 'a')
    assert.equal(head.protocol, 'HTTP/2')
  }
})

test('te: trailers is what gRPC sends', () => assert.ok(typeof check(beside(['te', 'trailers'])) !== 'string'))

test('a head beyond its bound is told so, with a record, also by the number of its fields', () =>
  withDoor({ gateway: { bounds: { head: '2KiB' } } }, async (door) => {
    const raw = await door.raw()
    const large = beside(['x', 'y'.repeat(2_000)])
    const many = beside(...Array.from({ length: 60 }, (_, i): Field => [`x${i}`, 'y']))
    raw.send(headers(1, large), headers(3, many), headers(5, good))
    await raw.frame(({ type, stream }) => type === 'headers' && stream === 5)
    assert.deepEqual(
      door.unreadable.map(({ refusal }) => refusal.code),
      ['LISTEN_HEAD_TOO_LARGE', 'LISTEN_HEAD_TOO_LARGE'],
    )
    assert.equal(raw.frames.filter(({ type }) => type === 'headers').length, 3)
    assert.equal(door.calls.length, 1)
    const raws = await door.raw()
    raws.send(headers(1, beside(...Array.from({ length: 200 }, (_, i): Field => [`x${i}`, 'y']))), headers(3, good))
    await raws.frame(({ type, stream }) => type === 'headers' && stream === 3)
    assert.equal(door.unreadable.length, 3)
  }))

test('never throws, and what it accepts is what was sent', () => {
  const field = fc.tuple(fc.oneof(fc.string(), fc.constantFrom(...good.map(([name]) => name), 'host')), fc.string())
  fc.assert(
    fc.property(fc.array(field, { maxLength: 8 }), (fields) => {
      const head = check(fields)
      assert.equal(typeof sizeOfHttp2Head(fields.flat()), 'number')
      if (typeof head === 'string') return
      assert.ok(fields.some(([name, value]) => name === ':path' && value.startsWith(head.path)))
      for (const name of head.headers.keys()) assert.doesNotMatch(name, /[A-Z:\s]/)
    }),
    { numRuns: 500 },
  )
})
