// The attack: ask for answers on many streams and leave their windows shut (CVE-2019-9517). Nothing could be sent, and
// everything would have to be kept, small answers too.

import assert from 'node:assert/strict'
import test from 'node:test'
import type { Received } from '../exchange/exchange.ts'
import {
  errorCode,
  frame,
  headers,
  initialWindowSize,
  requestFields,
  settings,
  uint32,
} from '../../test/fakes/http2-frames.ts'
import { withDoor } from './fake-door.ts'

const cancel = 8
const streams = [1, 3, 5]
const shut = settings([initialWindowSize, 0])

for (const bytes of [10, 1_000_000]) {
  for (const trailers of [undefined, { 'grpc-status': '0' }]) {
    test(`answers of ${bytes} bytes ${trailers ? 'and trailers ' : ''}that are not taken in time are reset, and given back`, async () => {
      const onCall = ({ reply }: Received): void => reply.send(200, {}, 'x'.repeat(bytes), trailers)
      const gateway = { bounds: { answerTime: '100ms', unsent: 4_000_000 } }
      await withDoor({ onCall, gateway }, async (door) => {
        const raw = await door.raw()
        raw.send(shut, ...streams.map((stream) => headers(stream, requestFields())))
        for (const each of streams) {
          const reset = await raw.frame(({ type, stream }) => type === 'rstStream' && stream === each)
          assert.equal(errorCode(reset), cancel)
        }
        while (door.calls.some(({ reply }) => !reply.gone)) await new Promise(setImmediate)
        // all memory for answers is free again
        assert.equal(door.calls[0]?.reply.hasRoomFor(4_000_000), true)
        // the connection and its other streams go on
        raw.send(headers(7, requestFields()), frame('windowUpdate', 0, 7, uint32(100)))
        const data = await raw.frame(({ type, stream }) => type === 'data' && stream === 7)
        assert.equal(data?.payload.length, Math.min(bytes, 100))
      })
    })
  }
}

test('beyond the budget there is no room for large answers, and always room for small ones', async () => {
  const onCall = ({ reply }: Received): void => reply.send(200, {}, 'x'.repeat(1_000_000))
  await withDoor({ onCall, gateway: { bounds: { unsent: 2_500_000 } } }, async (door) => {
    const raw = await door.raw()
    raw.send(shut, headers(1, requestFields()), headers(3, requestFields()))
    while (door.calls.length < 2) await new Promise(setImmediate)
    assert.equal(door.calls[0]?.reply.hasRoomFor(1_000_000), false)
    assert.equal(door.calls[0]?.reply.hasRoomFor(16_000), true)
    raw.socket.destroy()
    while (door.listener.connections > 0) await new Promise(setImmediate)
    assert.equal(door.calls[0]?.reply.hasRoomFor(2_500_000), true)
  })
})

test('a stream of events waits for its window, and holds no more than a buffer meanwhile', async () => {
  let written = 0
  const onCall = ({ reply }: Received): void => {
    reply.begin(200, {})
    const chunk = 'x'.repeat(1_000)
    while (reply.write(chunk)) written += 1_000
  }
  await withDoor({ onCall }, async (door) => {
    const raw = await door.raw()
    raw.send(shut, headers(1, requestFields()))
    await raw.frame(({ type, stream }) => type === 'headers' && stream === 1)
    assert.ok(written < 200_000, `${written} bytes`)
    let isDrained = false
    const drained = door.calls[0]?.reply.drained().then(() => (isDrained = true))
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.equal(isDrained, false)
    raw.send(frame('windowUpdate', 0, 1, uint32(1_000_000)), frame('windowUpdate', 0, 0, uint32(1_000_000)))
    await drained
  })
})
