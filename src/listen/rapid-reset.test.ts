// The attack: open a stream and reset it at once, again and again (CVE-2023-44487). Two small frames for the client,
// a whole call for us, and no limit of open streams is ever reached.

import assert from 'node:assert/strict'
import test from 'node:test'
import type { Received } from '../exchange/exchange.ts'
import { errorCode, headers, requestFields, rstStream, type Field } from '../../test/fakes/http2-frames.ts'
import { ask, withDoor } from './fake-door.ts'

const enhanceYourCalm = 11

const pair = (stream: number, fields: readonly Field[], code: number): Buffer =>
  Buffer.concat([headers(stream, fields), rstStream(stream, code)])
const others: Field[] = [[':method', 'HEAD'], ...requestFields().slice(1)]

/** Agents take their time: what was answered before its reset came is an answered call like any other. */
const answerTheGood = ({ path, reply }: Received): void => {
  if (path === '/good') reply.send(200, {}, '')
}

const shapes = {
  cancelled: { fields: requestFields(), code: 8 },
  'reset without an error': { fields: requestFields(), code: 0 },
  'of a method whose answer has no body': { fields: others, code: 8 },
} as const

for (const [name, { fields, code }] of Object.entries(shapes)) {
  test(`streams that are opened and reset at once end their connection: ${name}`, () =>
    withDoor({ onCall: answerTheGood }, async (door) => {
      const raw = await door.raw()
      for (let i = 0; i < 1_200; i++) raw.send(pair(1 + 2 * i, fields, code))
      const goaway = await raw.frame(({ type }) => type === 'goaway')
      assert.equal(errorCode(goaway), enhanceYourCalm)
      await raw.closed
      assert.equal(door.unreadable.length, 1)
      assert.match(door.unreadable[0]?.refusal.detail ?? '', /reset/)
      assert.ok(door.calls.length < 550, `${door.calls.length} calls`)
      // nobody else is worse off
      assert.equal((await ask(door.client(), { ':path': '/good' })).headers[':status'], 200)
    }))
}

test('also where it waits until the stream has come up', () =>
  withDoor({ onCall: () => undefined }, async (door) => {
    const raw = await door.raw()
    let stream = 1
    while (!raw.socket.closed && stream < 3_000) {
      const before = door.calls.length
      raw.send(headers(stream, requestFields()))
      while (door.calls.length === before && !raw.socket.closed) await new Promise(setImmediate)
      raw.send(rstStream(stream))
      stream += 2
    }
    assert.equal(errorCode(await raw.frame(({ type }) => type === 'goaway')), enhanceYourCalm)
    assert.ok(door.calls.length <= 550, `${door.calls.length} calls`)
    assert.ok(door.calls.every(({ reply }) => reply.gone))
  }))

test('and more of them in one breath than the connection is read in', () =>
  withDoor({ onCall: answerTheGood }, async (door) => {
    const raw = await door.raw()
    raw.send(...Array.from({ length: 4_000 }, (_, i) => pair(1 + 2 * i, requestFields(), 8)))
    await raw.closed
    assert.ok(door.calls.length < 550, `${door.calls.length} calls`)
    assert.ok(door.unreadable.length >= 1 && door.unreadable.length <= 2)
  }))

test('a client may cancel what has begun to be answered, as often as it has streams', () =>
  withDoor({ onCall: ({ reply }) => reply.begin(200, {}) }, async (door) => {
    const raw = await door.raw()
    for (let round = 0; round < 3; round++) {
      const streams = Array.from({ length: 200 }, (_, i) => 1 + 2 * (200 * round + i))
      for (const stream of streams) raw.send(headers(stream, requestFields()))
      await raw.frame(({ type, stream }) => type === 'headers' && stream === streams.at(-1))
      for (const stream of streams) raw.send(rstStream(stream))
      while (door.calls.some(({ reply }) => !reply.gone)) await new Promise(setImmediate)
    }
    assert.equal(raw.socket.closed, false)
    assert.equal(door.calls.length, 600)
    assert.equal(door.unreadable.length, 0)
  }))
