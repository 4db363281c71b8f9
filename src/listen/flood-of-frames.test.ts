// The attack: frames that cost their sender next to nothing and ask the other side for work or memory (CVE-2019-9511 to
// 9518, CVE-2024-27983). Each ends its own connection, leaves one record, and nobody else is worse off.

import assert from 'node:assert/strict'
import test from 'node:test'
import {
  encodeFields,
  flags,
  frame,
  headers,
  requestFields,
  rstStream,
  settings,
  uint32,
} from '../../test/fakes/http2-frames.ts'
import { ask, withDoor } from './fake-door.ts'

const many = (count: number, piece: (i: number) => Buffer): Buffer[] =>
  Array.from({ length: count }, (_, i) => piece(i))
const open = headers(1, requestFields(), false)

/** `unread`: the client does not take what is said to it */
const floods: Readonly<Record<string, { readonly pieces: readonly Buffer[]; readonly unread?: boolean }>> = {
  'continuations of a head': {
    pieces: [frame('headers', 0, 1, encodeFields(requestFields())), ...many(1_000, () => frame('continuation', 0, 1))],
  },
  'continuations that bring fields': {
    pieces: [
      frame('headers', 0, 1, encodeFields(requestFields())),
      ...many(1_000, (i) => frame('continuation', 0, 1, encodeFields([[`x-${i}`, 'y'.repeat(1_000)]]))),
    ],
  },
  settings: { pieces: many(20_000, () => settings()), unread: true },
  'settings that change each time': { pieces: many(20_000, (i) => settings([4, i + 1])), unread: true },
  'too many settings in one frame': { pieces: [settings(...many(100, () => uint32(0)).map(() => [4, 1] as const))] },
  pings: { pieces: many(20_000, () => frame('ping', 0, 0, '12345678')), unread: true },
  'resets of streams that nobody takes note of': {
    pieces: many(20_000, (i) => headers(1 + 2 * i, requestFields(['connection', 'close']))),
    unread: true,
  },
  'empty pieces of a body': { pieces: [open, ...many(1_000, () => frame('data', 0, 1))] },
  'fields without names': { pieces: many(1_000, (i) => headers(1 + 2 * i, [...requestFields(), ['', '']])) },
  'heads that break the rules': { pieces: many(1_000, (i) => headers(1 + 2 * i, requestFields(['X-A', 'b']))) },
  'windows that grow by nothing': { pieces: [open, ...many(1_000, () => frame('windowUpdate', 0, 1, uint32(0)))] },
  'a window that overflows': { pieces: [open, ...many(3, () => frame('windowUpdate', 0, 0, uint32(0x7fffffff)))] },
  'resets of streams that never were': { pieces: many(1_000, (i) => rstStream(1 + 2 * i)) },
  'a frame beyond the size that was agreed on': { pieces: [open, frame('data', 0, 1, Buffer.alloc(20_000))] },
  'promises of a client': { pieces: [frame('pushPromise', flags.endHeaders, 1, uint32(2))] },
  'a stream with a number of ours': { pieces: [headers(2, requestFields())] },
  'a body on no stream': { pieces: [frame('data', 0, 0, 'x')] },
  'compression that is none': { pieces: [frame('headers', flags.endHeaders, 1, Buffer.alloc(100, 0xff))] },
  'a table of compression beyond its bound': {
    pieces: [frame('headers', flags.endHeaders, 1, Buffer.from([0x3f, 0xe1, 0xff, 0x7f]))],
  },
}

for (const [name, { pieces, unread }] of Object.entries(floods)) {
  test(`a flood ends its connection: ${name}`, () =>
    withDoor({ onCall: ({ path, reply }) => path === '/good' && reply.send(200, {}, 'fine') }, async (door) => {
      const raw = await door.raw()
      if (unread === true) raw.socket.pause()
      raw.send(...pieces)
      const good = ask(door.client(), { ':path': '/good' })
      assert.equal((await good).body, 'fine')
      while (door.listener.connections > 1) await new Promise((resolve) => setTimeout(resolve, 5))
      assert.ok(door.calls.filter(({ path }) => path !== '/good').length <= 1)
      assert.ok(door.unreadable.length >= 1 && door.unreadable.length <= 3, `${door.unreadable.length} records`)
    }))
}

test('pings and settings that are read cost nobody else their service', () =>
  withDoor({}, async (door) => {
    const raw = await door.raw()
    raw.send(...many(20_000, (i) => (i % 2 === 0 ? frame('ping', 0, 0, '12345678') : settings())))
    const client = door.client()
    for (let i = 0; i < 20; i++) assert.equal((await ask(client, { ':path': '/' })).headers[':status'], 200)
  }))

test('a stream with a number that was passed over is never acted on', () =>
  withDoor({}, async (door) => {
    const raw = await door.raw()
    raw.send(headers(5, requestFields()), headers(3, requestFields()), headers(7, requestFields()))
    await raw.frame(({ type, stream }) => type === 'headers' && stream === 7)
    assert.equal(door.calls.length, 2)
  }))
