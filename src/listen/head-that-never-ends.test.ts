// The attack: begin, and never finish. A connection without a word, half a preface, settings that never come or are
// never agreed to, a head without its end: each would hold a connection for ever.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import test from 'node:test'
import {
  encodeFields,
  errorCode,
  frame,
  headers,
  preface,
  requestFields,
  settings,
} from '../../test/fakes/http2-frames.ts'
import { ask, withDoor, type Door } from './fake-door.ts'

const gateway = { bounds: { headTime: '200ms', idleTime: '400ms' } }
const acknowledged = frame('settings', 1, 0)

/** Sends pieces with pauses between them; how long the connection lasted and what came. */
async function hold(door: Door, ...pieces: readonly Buffer[]): Promise<{ readonly ms: number; readonly text: string }> {
  const began = performance.now()
  const socket = connect(door.port, '127.0.0.1').on('error', () => undefined)
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk))
  const closed = once(socket, 'close')
  for (const piece of pieces) {
    socket.write(piece)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await closed
  return { ms: performance.now() - began, text }
}

const beginnings: Readonly<Record<string, readonly Buffer[]>> = {
  'nothing at all': [],
  'the first byte of a preface, or of a POST': [preface.subarray(0, 1)],
  'half a preface': [preface.subarray(0, 12)],
  'a preface without its last byte': [preface.subarray(0, 23)],
  'half a preface, byte by byte': [...preface.subarray(0, 8)].map((byte) => Buffer.from([byte])),
  'half a request': [Buffer.from('POST / HT')],
}

for (const [name, pieces] of Object.entries(beginnings)) {
  test(`in cleartext ${name} ends as a slow request of HTTP/1 does`, () =>
    withDoor({ gateway }, async (door) => {
      const { ms, text } = await hold(door, ...pieces)
      assert.match(text, /^HTTP\/1\.1 400 [\s\S]*x-code: LISTEN_BODY_TIMEOUT/)
      assert.ok(ms < 1_000, `${ms} ms`)
      assert.equal(door.unreadable.length, 1)
      assert.equal(door.calls.length, 0)
    }))
}

test('half a preface and the end of the connection is a bad request of HTTP/1', () =>
  withDoor({ gateway }, async (door) => {
    const socket = connect(door.port, '127.0.0.1')
    socket.end(preface.subarray(0, 12))
    let text = ''
    for await (const chunk of socket.setEncoding('latin1')) text += String(chunk)
    assert.match(text, /^HTTP\/1\.1 400 [\s\S]*x-code: LISTEN_HEAD_MALFORMED/)
    const silent = connect(door.port, '127.0.0.1').resume()
    silent.end()
    await once(silent, 'close')
    assert.equal(door.unreadable.length, 1)
  }))

const greetings: Readonly<Record<string, readonly Buffer[]>> = {
  'no settings after the preface': [preface],
  'settings of ours that are never agreed to': [Buffer.concat([preface, settings()])],
  'pings where settings belong': [Buffer.concat([preface, frame('ping', 0, 0, '12345678')])],
}

for (const [name, pieces] of Object.entries(greetings)) {
  test(`a connection of HTTP/2 ends in time: ${name}`, () =>
    withDoor({ gateway }, async (door) => {
      const { ms } = await hold(door, ...pieces)
      assert.ok(ms < 3_000, `${ms} ms`)
      assert.equal(door.unreadable.length, 1)
      assert.equal(door.calls.length, 0)
    }))
}

test('a head that never ends takes its connection with it, though not the streams that were there', () =>
  withDoor({ gateway, onCall: () => undefined }, async (door) => {
    const raw = await door.raw()
    raw.send(acknowledged, headers(1, requestFields()), frame('headers', 0, 3, encodeFields(requestFields())))
    assert.equal(errorCode(await raw.frame(({ type }) => type === 'goaway')), 0)
    assert.equal(door.unreadable.length, 1)
    assert.equal(door.calls[0]?.reply.gone, false)
    door.calls[0]?.reply.send(200, {}, 'fine')
    await raw.closed
    assert.match(raw.text, /fine/)
  }))

test('a connection without streams ends after its idle time, whatever else it says', () =>
  withDoor({ gateway }, async (door) => {
    const raw = await door.raw()
    raw.send(acknowledged, headers(1, requestFields()))
    await raw.frame(({ type, stream }) => type === 'headers' && stream === 1)
    const pings = setInterval(() => raw.send(frame('ping', 0, 0, '12345678')), 50)
    assert.equal(errorCode(await raw.frame(({ type }) => type === 'goaway')), 0)
    // it does not close its side: then we do
    await raw.closed
    clearInterval(pings)
    assert.equal(door.unreadable.length, 0)
  }))

test('a connection with an open stream does not', () =>
  withDoor({ gateway, onCall: ({ reply }) => reply.begin(200, {}) }, async (door) => {
    const raw = await door.raw()
    raw.send(acknowledged, headers(1, requestFields()))
    await new Promise((resolve) => setTimeout(resolve, 1_200))
    assert.equal(raw.socket.closed, false)
    assert.equal(door.calls[0]?.reply.gone, false)
  }))

test('a body that never comes is refused, and its stream ended', () =>
  withDoor({ gateway: { bounds: { bodyTime: '100ms' } } }, async (door) => {
    const raw = await door.raw()
    raw.send(acknowledged, headers(1, requestFields(), false), headers(3, requestFields(), false))
    raw.send(frame('data', 0, 3, 'begun'))
    for (const each of [1, 3]) await raw.frame(({ type, stream }) => type === 'rstStream' && stream === each)
    assert.equal(raw.text.match(/LISTEN_BODY_TIMEOUT/g)?.length, 2)
    assert.equal((await ask(door.client(), { ':path': '/' })).headers[':status'], 200)
  }))
