import assert from 'node:assert/strict'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import test from 'node:test'
import { systemClock } from '../base/clock.ts'
import type { Received } from '../exchange/exchange.ts'
import { isRefusal } from '../refusal/refusal.ts'
import { snapshotOf } from '../../test/fakes/walk.ts'
import { createListener, type Unreadable } from './listen.ts'

interface Door {
  readonly calls: Received[]
  readonly unreadable: Unreadable[]
  /** writes bytes on one connection and gives back all that came until it closed */
  send(...pieces: string[]): Promise<string>
  close(): Promise<void>
}

const get = 'GET /agents HTTP/1.1\r\nHost: a\r\n'

async function open(input: Parameters<typeof snapshotOf>[0] = {}): Promise<Door> {
  const snapshot = snapshotOf(input)
  const calls: Received[] = []
  const unreadable: Unreadable[] = []
  const listener = createListener({
    clock: systemClock,
    snapshot: () => snapshot,
    onCall: (received) => {
      calls.push(received)
      void received.readBody().then((body) => {
        if (isRefusal(body)) received.reply.send(400, { 'x-code': body.code }, '')
        else received.reply.send(200, {}, `got ${body.length}`)
      })
    },
    onUnreadable: (each) => {
      unreadable.push(each)
      each.reply.send(400, { 'x-code': each.refusal.code }, 'no')
    },
  })
  const port = await listener.listen('127.0.0.1', 0)
  return {
    calls,
    unreadable,
    async send(...pieces) {
      const socket = connect(port, '127.0.0.1')
      let answer = ''
      socket.setEncoding('latin1').on('data', (text: string) => (answer += text))
      socket.on('error', () => undefined)
      const closed = new Promise((resolve) => socket.once('close', resolve))
      for (const piece of pieces) {
        const before = answer.length
        socket.write(piece, 'latin1')
        if (piece !== pieces.at(-1))
          await new Promise<void>((resolve) => {
            const look = (): void => (answer.length > before ? resolve() : void socket.once('data', look))
            look()
          })
      }
      socket.end()
      await closed
      return answer
    },
    close: () => listener.drain(0),
  }
}

async function withDoor(input: Parameters<typeof snapshotOf>[0], work: (door: Door) => Promise<void>): Promise<void> {
  const door = await open(input)
  try {
    await work(door)
  } finally {
    await door.close()
  }
}

test('hands on a request that has one meaning', () =>
  withDoor({}, async (door) => {
    const answer = await door.send('POST /agents/x?y=1 HTTP/1.1\r\nHost: A:1\r\nContent-Length: 3\r\n\r\nabc')
    assert.match(answer, /^HTTP\/1\.1 200 [\s\S]*got 3$/)
    const [call] = door.calls
    assert.deepEqual(
      [call?.method, call?.path, call?.query, call?.host, call?.source],
      ['POST', '/agents/x', 'y=1', 'a:1', '127.0.0.1'],
    )
    assert.equal(door.unreadable.length, 0)
  }))

const tricks: Record<string, string> = {
  'no host': 'GET / HTTP/1.1\r\n\r\n',
  'two hosts': `${get}Host: b\r\n\r\n`,
  'two lengths': `${get}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`,
  'length with chunks': `${get}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'another coding than chunked': `${get}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  'a bad chunk size': `${get}Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n`,
  'a bare line feed': 'GET /agents HTTP/1.1\nHost: a\n\n',
  'a folded field': `${get}X: a\r\n b\r\n\r\n`,
  'space before the colon': `${get}Content-Length : 3\r\n\r\nabc`,
  'an absolute target': 'GET http://a/agents HTTP/1.1\r\nHost: a\r\n\r\n',
  'an authority as target': 'GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n',
  'HTTP/0.9': 'GET /agents\r\n\r\n',
  'an unknown version': 'GET /agents HTTP/3.7\r\nHost: a\r\n\r\n',
  'an expectation that nobody can meet': `${get}Expect: the-impossible\r\n\r\n`,
  'two credentials, the second behind thousands of fields': `${get}Authorization: Bearer a\r\n${'a:\r\n'.repeat(2_100)}Authorization: Bearer b\r\n\r\n`,
  'a TLS hello': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
}

for (const [name, bytes] of Object.entries(tricks)) {
  test(`refuses and reports ${name}`, () =>
    withDoor({}, async (door) => {
      const answer = await door.send(bytes)
      assert.match(answer, /^HTTP\/1\.1 400 /)
      assert.doesNotMatch(answer, /HTTP\/1\.1 200/)
      assert.ok(door.unreadable.length === 1 || door.calls.length === 1)
      assert.equal(door.unreadable[0]?.refusal.code ?? 'LISTEN_HEAD_MALFORMED', 'LISTEN_HEAD_MALFORMED')
    }))
}

test('reports a bad request also where good ones came before it on the connection', () =>
  withDoor({}, async (door) => {
    const answer = await door.send(`${get}\r\n`, 'GET /agents HTTP/1.1\nHost: a\n\n')
    assert.match(answer, /^HTTP\/1\.1 200 /)
    assert.match(answer, /HTTP\/1\.1 400 /)
    assert.equal(door.calls.length, 1)
    assert.equal(door.unreadable.length, 1)
  }))

test('a bad request behind one that waits is not taken for its answer', () =>
  withDoor({}, async (door) => {
    const answer = await door.send('POST /agents HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nxNOT HTTP\r\n\r\n')
    assert.doesNotMatch(answer, /^HTTP\/1\.1 400 /)
    assert.equal(door.unreadable.length, 1)
  }))

test('refuses a head beyond its bound', () =>
  withDoor({ gateway: { bounds: { head: '1KiB' } } }, async (door) => {
    await door.send(`${get}X: ${'x'.repeat(2_000)}\r\n\r\n`)
    assert.equal(door.unreadable[0]?.refusal.code, 'LISTEN_HEAD_TOO_LARGE')
    assert.equal(door.calls.length, 0)
  }))

test('refuses a declared body beyond its bound and closes the connection', () =>
  withDoor({ gateway: { bounds: { body: 100 } } }, async (door) => {
    const answer = await door.send('POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\nabc')
    assert.match(answer, /x-code: LISTEN_BODY_TOO_LARGE/)
    assert.match(answer, /connection: close/i)
  }))

test('does not ask for a body with 100 Continue that it will not take', () =>
  withDoor({ gateway: { bounds: { body: 100 } } }, async (door) => {
    const answer = await door.send('POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 101\r\n\r\n')
    assert.doesNotMatch(answer, /100 Continue/)
    assert.match(answer, /x-code: LISTEN_BODY_TOO_LARGE/)
  }))

test('an empty body is a body', () =>
  withDoor({}, async (door) => {
    assert.match(await door.send('POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n'), /got 0$/)
    assert.match(
      await door.send('POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
      /got 0$/,
    )
  }))

test('asks for an expected body', () =>
  withDoor({}, async (door) => {
    const answer = await door.send(
      'POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n',
      'abc',
    )
    assert.match(answer, /100 Continue[\s\S]*got 3$/)
  }))

test('says nothing to other origins unless they are declared', () =>
  withDoor({}, async (door) => {
    const answer = await door.send(`${get}Origin: https://app.example.com\r\n\r\n`)
    assert.doesNotMatch(answer, /access-control/i)
  }))

test('answers a declared origin, and no other', () =>
  withDoor({ gateway: { cors: { origins: ['https://app.example.com'] } } }, async (door) => {
    assert.match(
      await door.send(`${get}Origin: https://app.example.com\r\n\r\n`),
      /access-control-allow-origin: https:\/\/app\.example\.com/,
    )
    for (const origin of [
      'https://app.example.com.evil.org',
      'http://app.example.com',
      'null',
      'https://APP.example.com/',
    ]) {
      assert.doesNotMatch(await door.send(`${get}Origin: ${origin}\r\n\r\n`), /access-control/i)
    }
  }))

test('takes a connected socket from somebody else, and drains it too', async () => {
  const snapshot = snapshotOf()
  const open: Received[] = []
  const listener = createListener({
    clock: systemClock,
    snapshot: () => snapshot,
    onCall: (call) => void open.push(call),
    onUnreadable: () => undefined,
  })
  const outer = createServer((socket: Socket) => listener.handle(socket))
  await new Promise<void>((resolve) => outer.listen(0, '127.0.0.1', resolve))
  await listener.listen('127.0.0.1', 0)
  const client = connect((outer.address() as AddressInfo).port, '127.0.0.1')
  client.write(`${get}\r\n`)
  while (open.length === 0) await new Promise(setImmediate)
  assert.equal(listener.connections, 1)
  let isDrained = false
  const drained = listener.drain(10_000).then(() => (isDrained = true))
  await new Promise(setImmediate)
  assert.equal(isDrained, false)
  open[0]?.reply.send(200, {}, 'fine')
  const answer = await new Promise<string>((resolve) => {
    let text = ''
    client
      .setEncoding('latin1')
      .on('data', (chunk: string) => (text += chunk))
      .on('end', () => resolve(text))
  })
  assert.match(answer, /^HTTP\/1\.1 200 [\s\S]*connection: close[\s\S]*fine$/i)
  client.end()
  await drained
  outer.close()
})

test('takes up other bounds while it runs', async () => {
  const snapshot = snapshotOf()
  const listener = createListener({
    clock: systemClock,
    snapshot: () => snapshot,
    onCall: (call) => call.reply.send(200, {}, 'fine'),
    onUnreadable: (each) => each.reply.send(each.refusal.code === 'LISTEN_BODY_TIMEOUT' ? 408 : 400, {}, 'no'),
  })
  const port = await listener.listen('127.0.0.1', 0)
  const answerTo = (text: string): Promise<string> =>
    new Promise((resolve) => {
      let answer = ''
      const socket = connect(port, '127.0.0.1', () => socket.write(text))
      socket.setEncoding('latin1').on('data', (chunk: string) => (answer += chunk))
      socket.on('error', () => undefined).on('close', () => resolve(answer))
    })
  const { bounds } = snapshot.config.gateway
  listener.reconfigure({ ...bounds, connections: 0 })
  assert.equal(await answerTo(`${get}\r\n`), '')
  // connections that would stay open for a minute and more by the bounds of the start
  listener.reconfigure({ ...bounds, headTime: 50, idleTime: 50 })
  assert.match(await answerTo(`${get}\r\n`), /^HTTP\/1\.1 200 /)
  assert.match(await answerTo(get), /^HTTP\/1\.1 408 /)
  await listener.drain(0)
})
