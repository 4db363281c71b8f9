import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import test from 'node:test'
import { NodeReply } from './node-reply.ts'
import type { Unsent } from './receive.ts'

interface Exchange {
  readonly reply: NodeReply
  readonly response: ServerResponse
  readonly client: Socket
  /** all that came, once the connection is closed */
  readonly received: Promise<string>
}

/** One request on a connection of its own; the client reads only when it is told to, if `holds`. */
async function withExchange(
  work: (exchange: Exchange) => Promise<void>,
  options: { request?: string; holds?: boolean; isDraining?: boolean; unsent?: Unsent; answerMs?: number } = {},
): Promise<void> {
  const { request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', holds = false, isDraining = false } = options
  const { unsent = { bytes: 0, maxBytes: 2 ** 28 }, answerMs = 60_000 } = options
  const server = createServer()
  const arrived = new Promise<[IncomingMessage, ServerResponse]>((resolve) =>
    server.once('request', (...both) => resolve(both)),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  let text = ''
  const received = new Promise<string>((resolve) => client.once('close', () => resolve(text)))
  client.on('error', () => undefined)
  client.setEncoding('latin1').on('data', (chunk: string) => (text += chunk))
  if (holds) client.pause()
  client.write(request)
  const [incoming, response] = await arrived
  try {
    await work({
      reply: new NodeReply(incoming, response, {
        always: { 'x-always': 'yes' },
        isLast: () => isDraining,
        unsent,
        answerMs,
      }),
      response,
      client,
      received,
    })
  } finally {
    client.destroy()
    server.closeAllConnections()
    server.close()
  }
}

test('sends one answer with its length, and ignores a second', () =>
  withExchange(async ({ reply, client, received }) => {
    reply.send(201, { 'x-one': '1' }, 'äh')
    reply.send(500, {}, 'no')
    reply.begin(500, {})
    reply.write('no')
    client.end()
    const text = await received
    assert.match(text, /^HTTP\/1\.1 201 [\s\S]*x-always: yes[\s\S]*content-length: 3/)
    assert.equal(text.match(/HTTP\/1\.1/g)?.length, 1)
    assert.equal(reply.bytesSent, 3)
  }))

test('a status without a body has none', () =>
  withExchange(async ({ reply, client, received }) => {
    reply.send(204, {}, 'never')
    client.end()
    assert.doesNotMatch(await received, /never|content-length/i)
    assert.equal(reply.bytesSent, 0)
  }))

test('a HEAD is told the length and sent nothing', () =>
  withExchange(
    async ({ reply, client, received }) => {
      reply.send(200, {}, 'never')
      client.end()
      assert.match(await received, /content-length: 5\r\n[\s\S]*\r\n\r\n$/)
    },
    { request: 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n' },
  ))

test('the head of a stream leaves before its first byte', () =>
  withExchange(async ({ reply, client }) => {
    const head = new Promise<string>((resolve) => client.once('data', (chunk) => resolve(String(chunk))))
    reply.begin(200, { 'content-type': 'text/event-stream' })
    assert.match(await head, /^HTTP\/1\.1 200/)
    assert.equal(reply.begun, true)
  }))

test('tells once that the client went away, and at once to those who ask later', () =>
  withExchange(async ({ reply, client }) => {
    let told = 0
    const gone = new Promise<void>((resolve) =>
      reply.onGone(() => {
        told += 1
        resolve()
      }),
    )
    client.destroy()
    await gone
    assert.equal(reply.gone, true)
    reply.onGone(() => (told += 1))
    assert.equal(told, 2)
    assert.equal(reply.write('x'), true)
    await reply.drained()
  }))

test('an answer that arrived whole is not a client that left', () =>
  withExchange(async ({ reply, response, client }) => {
    reply.onGone(() => assert.fail('nobody left'))
    const closed = new Promise((resolve) => response.once('close', resolve))
    reply.send(200, {}, 'fine')
    client.end()
    await closed
    assert.equal(reply.gone, false)
  }))

test('a slow client makes one wait, however often it is asked, and no listeners pile up', () =>
  withExchange(
    async ({ reply, response, client }) => {
      reply.begin(200, {})
      const chunk = Buffer.alloc(1 << 20)
      for (let round = 0; round < 3; round += 1) {
        while (reply.write(chunk));
        const waits = [reply.drained(), reply.drained(), reply.drained()]
        assert.ok(response.listenerCount('drain') <= 2)
        client.resume()
        await Promise.all(waits)
        client.pause()
      }
      while (reply.write(chunk));
      const waiting = reply.drained()
      client.destroy()
      await waiting
      await new Promise<void>((resolve) => reply.onGone(resolve))
    },
    { holds: true },
  ))

test('while draining the connection is closed after the answer', () =>
  withExchange(
    async ({ reply, received }) => {
      reply.send(200, {}, 'last')
      assert.match(await received, /connection: close/i)
    },
    { isDraining: true },
  ))

test('breaking off leaves the answer without its end', () =>
  withExchange(async ({ reply, received }) => {
    reply.begin(200, {})
    reply.write('half')
    reply.destroy()
    assert.doesNotMatch(await received, /0\r\n\r\n$/)
  }))
