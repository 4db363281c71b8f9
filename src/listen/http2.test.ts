import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2, constants } from 'node:http2'
import { connect, createServer, type AddressInfo } from 'node:net'
import { buffer as text } from 'node:stream/consumers'
import test from 'node:test'
import { connect as connectTls } from 'node:tls'
import type { Received } from '../exchange/exchange.ts'
import { foundAuthority } from '../../test/fakes/certificates.ts'
import { connectRaw, headers, preface, requestFields, settings } from '../../test/fakes/http2-frames.ts'
import { ask, tellLength, withDoor } from './fake-door.ts'

const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await new Promise(setImmediate)
}

test('hands on a request as HTTP/1 would', () =>
  withDoor({}, async (door) => {
    const told = await ask(
      door.client(),
      { ':method': 'POST', ':path': '/agents/x?y=1', ':authority': 'A:1', 'a2a-version': '1.0' },
      'abc',
    )
    assert.equal(told.headers[':status'], 200)
    assert.equal(told.headers['x-content-type-options'], 'nosniff')
    assert.equal(told.headers['content-length'], '5')
    assert.equal(told.body, 'got 3')
    const [call] = door.calls
    assert.deepEqual(
      [call?.protocol, call?.method, call?.path, call?.query, call?.host, call?.source],
      ['HTTP/2', 'POST', '/agents/x', 'y=1', 'a:1', '127.0.0.1'],
    )
    assert.equal(call?.headers.get('a2a-version'), '1.0')
    assert.equal(call?.headers.get(':path'), undefined)
    assert.equal(door.unreadable.length, 0)
  }))

test('HTTP/1 is served on the same port, and told from HTTP/2 however its first bytes arrive', () =>
  withDoor({}, async (door) => {
    const answers = ['POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc'].map(
      async (text) => {
        const socket = connect(door.port, '127.0.0.1').setNoDelay(true)
        let answer = ''
        socket.setEncoding('latin1').on('data', (chunk: string) => (answer += chunk))
        for (const byte of text) {
          socket.write(byte)
          await new Promise(setImmediate)
        }
        await once(socket, 'close')
        return answer
      },
    )
    for (const answer of await Promise.all(answers)) assert.match(answer, /^HTTP\/1\.1 200 [\s\S]*got 3$/)
    assert.equal((await ask(door.client(), { ':path': '/a' })).body, 'got 0')
    assert.deepEqual(door.calls.map(({ protocol }) => protocol).sort(), ['HTTP/1.1', 'HTTP/2'])
  }))

test('many streams of one connection are answered each for itself, whatever their order', async () => {
  const waiting: Received[] = []
  await withDoor({ onCall: (received) => void waiting.push(received) }, async (door) => {
    const client = door.client()
    const answers = Array.from({ length: 100 }, (_, i) => ask(client, { ':path': `/${i}` }))
    await until(() => waiting.length === 100)
    for (const { path, reply } of waiting.reverse()) reply.send(200, {}, path)
    assert.deepEqual(
      (await Promise.all(answers)).map(({ body }) => body),
      Array.from({ length: 100 }, (_, i) => `/${i}`),
    )
  })
})

test('trailers are trailers, and a stream without them just ends', async () => {
  const onCall = ({ path, reply }: Received): void => {
    if (path === '/send') return reply.send(200, { 'content-type': 'application/grpc' }, 'm', { 'grpc-status': '0' })
    if (path === '/empty') return reply.send(200, {}, '', { 'grpc-status': '0' })
    reply.begin(200, { 'content-type': 'text/event-stream' })
    reply.write(Buffer.from('one'))
    reply.write('two')
    reply.end(path === '/trailers' ? { 'grpc-status': '5', 'grpc-message': 'no' } : undefined)
  }
  await withDoor({ onCall }, async (door) => {
    const client = door.client()
    const sent = await ask(client, { ':path': '/send' })
    assert.deepEqual([sent.body, sent.trailers?.['grpc-status'], sent.code], ['m', '0', 0])
    const empty = await ask(client, { ':path': '/empty' })
    assert.deepEqual([empty.body, empty.trailers?.['grpc-status'], empty.code], ['', '0', 0])
    const streamed = await ask(client, { ':path': '/trailers' })
    assert.deepEqual([streamed.body, streamed.trailers?.['grpc-status'], streamed.code], ['onetwo', '5', 0])
    const plain = await ask(client, { ':path': '/stream' })
    assert.deepEqual([plain.body, plain.trailers, plain.code], ['onetwo', undefined, 0])
  })
})

test('an empty answer without trailers is one head that ends the stream', () =>
  withDoor({ onCall: ({ reply }) => reply.send(200, { 'grpc-status': '7' }, '') }, async (door) => {
    const client = door.client()
    const stream = client.request({ ':path': '/' })
    const [headers, flags] = (await once(stream, 'response')) as [Record<string, unknown>, number]
    assert.equal(headers['grpc-status'], '7')
    assert.equal(headers['content-length'], undefined)
    assert.ok((flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0)
  }))

test('HEAD, 204 and 304 have no body', () =>
  withDoor({ onCall: ({ path, reply }) => reply.send(Number(path.slice(1)), {}, 'never') }, async (door) => {
    const client = door.client()
    const head = await ask(client, { ':method': 'HEAD', ':path': '/200' })
    assert.deepEqual([head.headers['content-length'], head.body, head.code], ['5', '', 0])
    for (const status of ['204', '304']) {
      const told = await ask(client, { ':path': `/${status}` })
      assert.deepEqual([told.headers['content-length'], told.body, told.code], [undefined, '', 0])
    }
  }))

test('what is broken off ends its stream and no other', async () => {
  const onCall = (received: Received): void => {
    if (received.path !== '/break') return tellLength(received)
    received.reply.begin(200, {})
    received.reply.write('half')
    received.reply.destroy()
  }
  await withDoor({ onCall }, async (door) => {
    const client = door.client()
    const [broken, whole] = await Promise.all([ask(client, { ':path': '/break' }), ask(client, { ':path': '/a' })])
    assert.equal(broken.code, constants.NGHTTP2_INTERNAL_ERROR)
    assert.equal(whole.body, 'got 0')
    assert.equal((await ask(client, { ':path': '/a' })).body, 'got 0')
  })
})

test('a client that resets its stream, or goes, is gone', async () => {
  const gone: string[] = []
  const open: Received[] = []
  const onCall = (received: Received): void => {
    open.push(received)
    received.reply.begin(200, {})
    received.reply.onGone(() => gone.push(received.path))
  }
  await withDoor({ onCall }, async (door) => {
    const client = door.client()
    const first = client.request({ ':path': '/first' })
    client.request({ ':path': '/second' }).on('error', () => undefined)
    await until(() => open.length === 2)
    first.close(constants.NGHTTP2_CANCEL)
    await until(() => gone.length > 0)
    assert.deepEqual(gone, ['/first'])
    assert.equal(open[1]?.reply.gone, false)
    client.destroy()
    await until(() => gone.length > 1)
    assert.deepEqual(gone, ['/first', '/second'])
    assert.equal(open[0]?.reply.write('x'), true)
    await until(() => door.listener.connections === 0)
  })
})

test('an answer that arrived whole is not a client that left', async () => {
  let told = 0
  const onCall = ({ reply }: Received): void => {
    reply.onGone(() => (told += 1))
    reply.send(200, {}, 'x'.repeat(100_000), { a: 'b' })
  }
  await withDoor({ onCall }, async (door) => {
    const client = door.client()
    assert.equal((await ask(client, { ':path': '/' }, 'body')).body.length, 100_000)
    client.destroy()
    await until(() => door.listener.connections === 0)
    assert.equal(told, 0)
  })
})

test('a slow client makes one wait', async () => {
  let finish: () => void = () => undefined
  const finished = new Promise<void>((resolve) => (finish = resolve))
  let waits = 0
  const onCall = async ({ reply }: Received): Promise<void> => {
    reply.begin(200, {})
    const chunk = Buffer.alloc(100_000)
    for (let i = 0; i < 10; i++) {
      if (reply.write(chunk)) continue
      waits += 1
      await Promise.all([reply.drained(), reply.drained()])
    }
    reply.end()
    finish()
  }
  await withDoor({ onCall: (received) => void onCall(received) }, async (door) => {
    const stream = door.client().request({ ':path': '/' })
    await once(stream, 'response')
    await until(() => waits > 0)
    let bytes = 0
    stream.on('data', (chunk: Buffer) => (bytes += chunk.length))
    await finished
    await once(stream, 'close')
    assert.equal(bytes, 1_000_000)
    assert.ok(waits > 1)
  })
})

test('a body beyond its bound is refused, its stream ends and the connection stays', () =>
  withDoor({ gateway: { bounds: { body: 100 } } }, async (door) => {
    const client = door.client()
    const declared = await ask(client, { ':method': 'POST', ':path': '/', 'content-length': '200' }, 'x'.repeat(200))
    assert.equal(declared.headers['x-code'], 'LISTEN_BODY_TOO_LARGE')
    const told = await ask(client, { ':method': 'POST', ':path': '/' }, 'x'.repeat(100_000))
    assert.equal(told.headers['x-code'], 'LISTEN_BODY_TOO_LARGE')
    assert.equal(told.code, constants.NGHTTP2_NO_ERROR)
    assert.equal((await ask(client, { ':method': 'POST', ':path': '/' }, 'abc')).body, 'got 3')
  }))

test('answers in full who goes on sending a body that nobody reads', () =>
  withDoor({ onCall: ({ reply }) => reply.send(401, {}, 'who?', { a: 'b' }) }, async (door) => {
    const client = door.client()
    const send = async (): Promise<void> => {
      const stream = client.request({ ':method': 'POST', ':path': '/' })
      stream.on('error', () => undefined).resume()
      stream.write('begun')
      const trailers = once(stream, 'trailers')
      const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
      assert.equal(headers[':status'], 401)
      assert.equal(((await trailers) as [Record<string, unknown>])[0]['a'], 'b')
      await once(stream, 'close')
      assert.equal(stream.rstCode, constants.NGHTTP2_NO_ERROR)
    }
    await Promise.all([send(), send(), send(), send(), send()])
    assert.equal(door.unreadable.length, 0)
  }))

test('asks for an expected body', () =>
  withDoor({}, async (door) => {
    const stream = door.client().request({ ':method': 'POST', ':path': '/', expect: '100-continue' })
    await once(stream, 'continue')
    stream.end('abc')
    let text = ''
    for await (const chunk of stream.setEncoding('utf8')) text += String(chunk)
    assert.equal(text, 'got 3')
  }))

test('answers a declared origin, its preflight, and no other', () =>
  withDoor({ gateway: { cors: { origins: ['https://app.example.com'] } } }, async (door) => {
    const client = door.client()
    const allowed = await ask(client, { ':path': '/', origin: 'https://app.example.com' })
    assert.equal(allowed.headers['access-control-allow-origin'], 'https://app.example.com')
    const preflight = await ask(client, { ':method': 'OPTIONS', ':path': '/', origin: 'https://app.example.com' })
    assert.equal(preflight.headers[':status'], 204)
    const foreign = await ask(client, { ':path': '/', origin: 'https://evil.example.com' })
    assert.equal(foreign.headers['access-control-allow-origin'], undefined)
    assert.equal(door.calls.length, 2)
  }))

test('draining says so, lets open streams end and takes no new ones', async () => {
  const open: Received[] = []
  await withDoor({ onCall: (received) => void open.push(received) }, async (door) => {
    const client = door.client()
    const idle = door.client()
    await ask(idle, { ':method': 'PUT', ':path': '*' })
    const answer = ask(client, { ':path': '/' })
    await until(() => open.length === 1)
    const goaway = once(client, 'goaway')
    const drained = door.listener.drain(10_000)
    const [code] = (await goaway) as [number]
    assert.equal(code, constants.NGHTTP2_NO_ERROR)
    await until(() => idle.destroyed && door.listener.connections === 1)
    open[0]?.reply.send(200, {}, 'fine')
    assert.equal((await answer).body, 'fine')
    await drained
  })
})

test('what does not end within the grace is cut', async () => {
  const open: Received[] = []
  await withDoor({ onCall: (received) => void open.push(received) }, async (door) => {
    const answer = ask(door.client(), { ':path': '/' })
    await until(() => open.length === 1)
    await door.listener.drain(20)
    assert.notEqual((await answer).headers[':status'], 200)
    assert.equal(open[0]?.reply.gone, true)
  })
})

const authority = foundAuthority()
const issued = authority.issue({ name: 'localhost', names: [{ dns: 'localhost' }] })
const tls = { certificate: Buffer.from(issued.pem), key: Buffer.from(issued.keyPem) }

test('under TLS the protocol is chosen by ALPN', () =>
  withDoor({ tls }, async (door) => {
    const told = await ask(door.client(), { ':path': '/' })
    assert.equal(told.body, 'got 0')
    assert.equal(told.headers['strict-transport-security'], 'max-age=31536000')
    for (const ALPNProtocols of [['http/1.1'], undefined]) {
      const socket = connectTls({ port: door.port, rejectUnauthorized: false, ...(ALPNProtocols && { ALPNProtocols }) })
      socket.end('GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      assert.match((await text(socket)).toString(), /^HTTP\/1\.1 200 /)
    }
    assert.deepEqual(
      door.calls.map(({ protocol }) => protocol),
      ['HTTP/2', 'HTTP/1.1', 'HTTP/1.1'],
    )
  }))

test('and by nothing else: a preface where HTTP/1 was agreed on is a bad request', () =>
  withDoor({ tls }, async (door) => {
    for (const ALPNProtocols of [['http/1.1'], undefined]) {
      const socket = connectTls({ port: door.port, rejectUnauthorized: false, ...(ALPNProtocols && { ALPNProtocols }) })
      socket.write(Buffer.concat([preface, settings(), headers(1, requestFields())]))
      assert.match((await text(socket)).toString(), /^HTTP\/1\.1 400 /)
    }
    // nor is a socket in cleartext that was handed over anything but HTTP/1
    const outer = createServer((socket) => door.listener.handle(socket))
    await new Promise<void>((resolve) => outer.listen(0, '127.0.0.1', resolve))
    const raw = await connectRaw((outer.address() as AddressInfo).port)
    await raw.closed
    assert.match(raw.text, /^HTTP\/1\.1 400 /)
    outer.close()
    assert.equal(door.calls.length, 0)
  }))

test('where it is switched off nobody gets it, in cleartext or under TLS', async () => {
  const gateway = { http2: false }
  await withDoor({ gateway }, async (door) => {
    const raw = await door.raw()
    raw.send(headers(1, requestFields()))
    await raw.closed
    assert.match(raw.text, /^HTTP\/1\.1 400 /)
    assert.equal(door.calls.length, 0)
  })
  await withDoor({ gateway, tls }, async (door) => {
    const socket = connectTls({ port: door.port, rejectUnauthorized: false, ALPNProtocols: ['h2', 'http/1.1'] })
    await once(socket, 'secureConnect')
    assert.equal(socket.alpnProtocol, 'http/1.1')
    socket.destroy()
    const refused = connectTls({ port: door.port, rejectUnauthorized: false, ALPNProtocols: ['h2'] })
    await assert.rejects(once(refused, 'secureConnect'))
  })
})

test('every stream has the certificate of its connection, and the last one too when that counts no more', async () => {
  const client = authority.issue({ name: 'client' })
  const clients = { clientCa: Buffer.from(authority.pem), bundles: new Map() }
  await withDoor({ tls: { ...tls, clients, clientCertificates: 'required' } }, async (door) => {
    const session = connectHttp2(`https://127.0.0.1:${door.port}`, {
      rejectUnauthorized: false,
      cert: client.pem,
      key: client.keyPem,
    })
    await Promise.all([ask(session, { ':path': '/' }), ask(session, { ':path': '/' })])
    assert.deepEqual(
      door.calls.map(({ peer }) => peer?.thumbprint),
      [client.thumbprint, client.thumbprint],
    )
    const goaway = once(session, 'goaway')
    door.listener.rotate({ ...tls, clients: { ...clients, clientCa: Buffer.from(foundAuthority('other').pem) } })
    assert.equal((await ask(session, { ':path': '/' })).body, 'got 0')
    assert.notEqual(door.calls[2]?.peer?.problem(), undefined)
    await goaway
  })
})
