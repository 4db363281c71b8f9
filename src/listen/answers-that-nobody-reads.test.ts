// The attack: ask for many large answers and read none of them. Each would stay in memory for as long as the
// connection stays open, and nothing would ever close it.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import test from 'node:test'
import { NodeReply } from './node-reply.ts'
import type { Unsent } from './receive.ts'

const large = 'x'.repeat(8 * 1024 * 1024)

async function openReply(
  unsent: Unsent,
  answerMs: number,
): Promise<{ reply: NodeReply; response: ServerResponse; client: Socket; readonly close: () => void }> {
  const server = createServer()
  const arrived = once(server, 'request')
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined)
  client.pause()
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  const [request, response] = await arrived
  const reply = new NodeReply(request, response, { always: {}, isLast: () => false, unsent, answerMs })
  const close = (): void => {
    client.destroy()
    server.closeAllConnections()
    server.close()
  }
  return { reply, response, client, close }
}

test('a large answer that is not taken in time ends its connection and gives the memory back', async () => {
  const unsent: Unsent = { bytes: 0, maxBytes: 2 ** 28 }
  const { reply, response, close } = await openReply(unsent, 30)
  const closed = once(response, 'close')
  reply.send(200, {}, large)
  assert.equal(unsent.bytes, large.length)
  await closed
  assert.equal(unsent.bytes, 0)
  close()
})

test('beyond the budget there is no room for large answers, and always room for small ones', async () => {
  const unsent: Unsent = { bytes: 0, maxBytes: large.length + 1000 }
  const { reply, response, close } = await openReply(unsent, 60_000)
  assert.equal(reply.hasRoomFor(large.length), true)
  reply.send(200, {}, large)
  assert.equal(reply.hasRoomFor(large.length), false)
  assert.equal(reply.hasRoomFor(16_000), true)
  const closed = once(response, 'close')
  close()
  await closed
  assert.equal(unsent.bytes, 0)
})
