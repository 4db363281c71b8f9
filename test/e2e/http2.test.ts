// HTTP/2 in the real process, on the port of HTTP/1: by prior knowledge in cleartext, by ALPN under TLS. The same
// calls, streams, refusals and records as by HTTP/1.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Binding } from '../../src/a2a/operations.ts'
import { connectRaw, headers, requestFields } from '../fakes/http2-frames.ts'
import { startHostileAgent, type HostileAgent } from '../fakes/hostile-agent.ts'
import { bindings, say, spell, type OperationCall } from './client.ts'
import { eventually, startGateway, type Gateway } from './harness.ts'

const fixtures = join(import.meta.dirname, '../fixtures/tls')

let agent: HostileAgent
let cleartext: Gateway
let secure: Gateway
const sessions: Record<string, ClientHttp2Session> = {}

before(async () => {
  agent = await startHostileAgent()
  const tls = { certificate: `file:${fixtures}/server.crt`, key: `file:${fixtures}/server.key` }
  ;[cleartext, secure] = await Promise.all([
    startGateway({ agents: { calculator: agent.url }, callers: ['alice', 'nobody'] }),
    startGateway({ agents: { calculator: agent.url }, callers: ['alice', 'nobody'], gateway: { tls } }),
  ])
  sessions['in cleartext'] = connect(`http://127.0.0.1:${cleartext.port}`)
  sessions['under TLS'] = connect(`https://localhost:${secure.port}`, { ca: readFileSync(join(fixtures, 'ca.crt')) })
})
after(async () => {
  for (const session of Object.values(sessions)) session.close()
  await Promise.all([cleartext.stop(), secure.stop()])
  await agent.close()
})

interface Told {
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

function tell(session: ClientHttp2Session | undefined, call: OperationCall): Promise<Told> {
  const { method = 'GET', path, headers = {}, body } = spell(call)
  return new Promise((resolve, reject) => {
    const stream = session?.request({ ':method': method, ':path': path, ...headers })
    let answer: IncomingHttpHeaders = {}
    let text = ''
    stream?.setEncoding('utf8')
    stream?.on('response', (each) => (answer = each)).on('data', (chunk: string) => (text += chunk))
    stream?.on('error', reject).on('end', () => resolve({ headers: answer, text }))
    stream?.end(typeof body === 'string' ? body : undefined)
  })
}

const keyOf = (where: string, name: string): string => (where === 'under TLS' ? secure : cleartext).keys[name] ?? ''
const call = (where: string, binding: Binding, more: Partial<OperationCall> = {}): Promise<Told> =>
  tell(sessions[where], {
    binding,
    agent: 'calculator',
    operation: 'SendMessage',
    params: say('message over-two'),
    key: keyOf(where, 'alice'),
    ...more,
  })

for (const where of ['in cleartext', 'under TLS']) {
  for (const binding of bindings) {
    test(`${binding} ${where}: a call is answered and recorded`, async () => {
      const { headers, text } = await call(where, binding)
      assert.equal(headers[':status'], 200)
      assert.match(text, /over-two/)
      const gateway = where === 'under TLS' ? secure : cleartext
      const { envelope } = await gateway.recordOf({ headers })
      assert.equal(envelope.kind, 'decision')
    })

    test(`${binding} ${where}: a stream arrives whole and in order`, async () => {
      const operation = 'SendStreamingMessage'
      const { headers, text } = await call(where, binding, { operation, params: say('stream 5') })
      assert.equal(headers['content-type'], 'text/event-stream')
      assert.match(text, /^data: \{/)
      assert.ok(text.split('\n\n').length > 2, text)
    })

    test(`${binding} ${where}: who may do nothing is refused, and who is nobody`, async () => {
      const denied = await call(where, binding, { key: keyOf(where, 'nobody') })
      assert.equal(denied.headers[':status'], 404)
      const unknown = await call(where, binding, { key: 'sp_test_nobody' })
      assert.equal(unknown.headers[':status'], 401)
      for (const { headers } of [denied, unknown]) assert.ok(headers['sallyport-record'])
    })
  }
}

test('many calls at once on one connection, each with an answer of its own', async () => {
  const seen = agent.seen.length
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) =>
      call('in cleartext', 'JSONRPC', { id: `id-${i}`, params: say(`message m${i}`) }),
    ),
  )
  for (const [i, { text }] of answers.entries()) {
    const { id, result } = JSON.parse(text) as { id: string; result: unknown }
    assert.equal(id, `id-${i}`)
    assert.match(JSON.stringify(result), new RegExp(`"m${i}"`))
  }
  assert.equal(agent.seen.length, seen + 50)
})

test('a head that breaks the rules of HTTP/2 never reaches an agent, and is in the ledger', async () => {
  const seen = agent.seen.length
  const before = (await cleartext.records()).length
  const raw = await connectRaw(cleartext.port)
  raw.send(headers(1, requestFields(['connection', 'close'])), headers(3, requestFields(['host', 'internal.example'])))
  await raw.frame(({ type, stream }) => type === 'headers' && stream === 3)
  raw.socket.destroy()
  await eventually('two records', async () => ((await cleartext.records()).length >= before + 2 ? true : undefined))
  assert.equal(agent.seen.length, seen)
})
