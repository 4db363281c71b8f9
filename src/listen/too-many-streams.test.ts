// The attack: open streams and leave them open, on one connection or on many. A connection is one place in a listener,
// and must not become thousands.

import assert from 'node:assert/strict'
import test from 'node:test'
import { errorCode, flags, frame, headers, requestFields } from '../../test/fakes/http2-frames.ts'
import { withDoor } from './fake-door.ts'

const refusedStream = 7

test('a connection has so many streams at once, whether it has agreed to that or not', () =>
  withDoor({ onCall: ({ reply }) => reply.begin(200, {}) }, async (door) => {
    const raw = await door.raw()
    raw.send(...Array.from({ length: 550 }, (_, i) => headers(1 + 2 * i, requestFields())))
    assert.equal(
      errorCode(await raw.frame(({ type, stream }) => type === 'rstStream' && stream === 1_099)),
      refusedStream,
    )
    assert.equal(door.calls.length, 500)
    // those that end make room
    for (const { reply } of door.calls.slice(0, 10)) reply.end()
    await raw.frame(({ type, stream, flags: each }) => type === 'data' && stream === 19 && each === flags.endStream)
    raw.send(headers(1_101, requestFields()))
    await raw.frame(({ type, stream }) => type === 'headers' && stream === 1_101)
    assert.equal(door.calls.length, 501)
  }))

test('who goes on although it has agreed to fewer loses its connection', () =>
  withDoor({ onCall: ({ reply }) => reply.begin(200, {}) }, async (door) => {
    const raw = await door.raw()
    raw.send(frame('settings', flags.ack, 0))
    raw.send(...Array.from({ length: 550 }, (_, i) => headers(1 + 2 * i, requestFields())))
    await raw.closed
    assert.ok(door.calls.every(({ reply }) => reply.gone))
    assert.equal(door.unreadable.length, 1)
  }))

test('streams of all connections together are no more than connections may be', () =>
  withDoor({ gateway: { bounds: { connections: 20 } }, onCall: ({ reply }) => reply.begin(200, {}) }, async (door) => {
    const raws = await Promise.all([door.raw(), door.raw(), door.raw()])
    for (const raw of raws) raw.send(...Array.from({ length: 10 }, (_, i) => headers(1 + 2 * i, requestFields())))
    const answered = (): number =>
      raws.flatMap(({ frames }) => frames).filter(({ type }) => type === 'headers' || type === 'rstStream').length
    while (answered() < 30) await new Promise(setImmediate)
    assert.equal(door.calls.length, 20)
    raws[0]?.socket.destroy()
    while (door.listener.connections > 2) await new Promise(setImmediate)
    raws[1]?.send(headers(21, requestFields()))
    await raws[1]?.frame(({ type, stream }) => type === 'headers' && stream === 21)
    assert.equal(door.calls.length, 21)
  }))
