import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import test, { mock } from 'node:test'
import type { Refusal } from '../refusal/refusal.ts'
import { expectRefusal } from '../../test/fakes/expect.ts'
import { hasBody, readBody } from './read-body.ts'

const bounds = { body: 10, bodyTime: 1_000 }
const chunked = new Map([['transfer-encoding', 'chunked']])
const declared = (bytes: number): Map<string, string> => new Map([['content-length', String(bytes)]])

/** a readable side is all that readBody touches */
const request = (): PassThrough => new PassThrough()
const read = (stream: PassThrough, headers: ReadonlyMap<string, string>): Promise<Buffer | Refusal> =>
  readBody(stream, { hasBody: hasBody(headers), headers, bounds })

test('a request without a body is read at once', async () => {
  assert.deepEqual(await read(request(), new Map()), Buffer.alloc(0))
})

test('reads a body in as many pieces as it comes', async () => {
  const stream = request()
  const body = read(stream, declared(6))
  stream.write('ab')
  stream.write('cd')
  stream.end('ef')
  assert.deepEqual(await body, Buffer.from('abcdef'))
})

test('a body in a piece for each byte comes out as it was', async () => {
  const stream = request()
  const body = readBody(stream, { hasBody: true, headers: chunked, bounds: { body: 100_000, bodyTime: 10_000 } })
  const sent = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 251))
  for (const byte of sent) stream.write(Buffer.from([byte]))
  stream.end()
  assert.deepEqual(await body, sent)
})

test('a body of exactly the bound passes', async () => {
  const stream = request()
  const body = read(stream, chunked)
  stream.end('0123456789')
  assert.deepEqual(await body, Buffer.from('0123456789'))
})

test('refuses a declared length beyond the bound without reading a byte', async () => {
  const stream = request()
  expectRefusal(await read(stream, declared(11)), 'LISTEN_BODY_TOO_LARGE')
  assert.equal(stream.listenerCount('data'), 0)
})

test('refuses chunks beyond the bound as soon as they are there, and reads no further', async () => {
  const stream = request()
  const body = read(stream, chunked)
  stream.write('01234567890')
  expectRefusal(await body, 'LISTEN_BODY_TOO_LARGE')
  assert.equal(stream.isPaused(), true)
  assert.equal(stream.listenerCount('data'), 0)
})

test('refuses a body that takes too long, also when bytes drip', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const stream = request()
    const body = read(stream, declared(5))
    stream.write('a')
    mock.timers.tick(600)
    stream.write('b')
    mock.timers.tick(600)
    expectRefusal(await body, 'LISTEN_BODY_TIMEOUT')
  } finally {
    mock.timers.reset()
  }
})

test('refuses a body whose sender goes away', async () => {
  const stream = request()
  const body = read(stream, declared(5))
  stream.write('ab')
  stream.destroy()
  expectRefusal(await body, 'LISTEN_HEAD_MALFORMED')
})

test('refuses at once when the sender had gone before anybody asked for the body', async () => {
  const stream = request()
  stream.destroy()
  await new Promise((resolve) => stream.once('close', resolve))
  expectRefusal(await read(stream, declared(5)), 'LISTEN_HEAD_MALFORMED')
})

test('an error on the socket is a refusal, never a crash', async () => {
  const stream = request()
  const body = read(stream, chunked)
  stream.destroy(new Error('reset'))
  expectRefusal(await body, 'LISTEN_HEAD_MALFORMED')
})
