// Extensions on a call's way: what the caller asks for, what the configuration allows and what the agent's card declares
// must come together. Most of what follows is a no.

import assert from 'node:assert/strict'
import type { IncomingHttpHeaders } from 'node:http'
import test from 'node:test'
import type { DeclaredExtensions } from '../a2a/extensions.ts'
import type { ConfigInput } from '../config/config.ts'
import type { FakeReply } from '../../test/fakes/walk.ts'
import { say, startFakeWalk, type Ask, type FakeWalk } from './fake-walk.ts'

type Allowed = '*' | string[]

interface Setting {
  /** gateway.extensions */
  readonly gateway?: Allowed
  /** uri → required; undefined when no card was read */
  readonly card?: Readonly<Record<string, boolean>>
  /** A2A-Extensions of the request */
  readonly asked?: string
  /** the same of the agent's answer */
  readonly activated?: string | string[]
  readonly message?: object
  readonly params?: object
  readonly headers?: Record<string, string>
  readonly ask?: Ask
}

interface Outcome {
  readonly reply: FakeReply
  /** of the agent's request; undefined when it saw none */
  readonly seen: IncomingHttpHeaders | undefined
  readonly body: string
  readonly walk: FakeWalk
}

async function send(setting: Setting, method = 'SendMessage'): Promise<Outcome> {
  const config: ConfigInput = {
    ...(setting.gateway !== undefined && { gateway: { publicUrl: 'https://g.example', extensions: setting.gateway } }),
  }
  const walk = await startFakeWalk({ config })
  const declared: DeclaredExtensions | undefined = setting.card && {
    uris: new Set(Object.keys(setting.card)),
    required: Object.entries(setting.card).flatMap(([uri, isRequired]) => (isRequired ? [uri] : [])),
  }
  let seen: IncomingHttpHeaders | undefined
  let received = ''
  walk.agent = (request, response, body) => {
    seen = request.headers
    received = body
    if (setting.activated !== undefined) response.setHeader('A2A-Extensions', setting.activated)
    if (method === 'SendStreamingMessage') {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const message = { messageId: 'm', role: 'ROLE_AGENT', parts: [{ text: 'fine' }] }
      response.end(`data: ${JSON.stringify({ jsonrpc: '2.0', id: 'q-1', result: { message } })}\n\n`)
    } else if (method === 'GetTask')
      say(response, body, { id: 't', contextId: 'c', status: { state: 'TASK_STATE_WORKING' } })
    else say(response, body, { message: { messageId: 'm', role: 'ROLE_AGENT', parts: [{ text: 'fine' }] } })
  }
  Object.assign(walk.parts, { declaredExtensions: () => declared })
  walk.ownership.give('task', 't', 'key:alice')
  try {
    const message = { messageId: 'm', role: 'ROLE_USER', parts: [{ text: 'hi' }], ...setting.message }
    const headers = { ...(setting.asked !== undefined && { 'a2a-extensions': setting.asked }), ...setting.headers }
    const params = method === 'GetTask' ? { id: 't' } : { message, ...setting.params }
    const reply = await walk.rpc(method, params, { headers, ...setting.ask })
    return { reply, seen, body: received, walk }
  } finally {
    await walk.close()
  }
}

const codeOf = ({ reply }: Outcome): number => (reply.json() as { error?: { code: number } }).error?.code ?? 0

test('what is asked for, allowed and declared reaches the agent, and nothing else', async () => {
  for (const [setting, sent] of [
    [
      { gateway: ['urn:a', 'urn:b'], card: { 'urn:a': false, 'urn:c': false }, asked: 'urn:b, urn:c, urn:a,urn:a' },
      'urn:a',
    ],
    [{ gateway: '*', card: { 'urn:a': false, 'urn:b': false }, asked: 'urn:b,urn:x,urn:a' }, 'urn:b, urn:a'],
    [{ gateway: ['urn:a'], card: { 'urn:a': false }, asked: 'urn:A, urn:a/, urn:ab' }, undefined],
    [{ gateway: ['urn:a'], card: {}, asked: 'urn:a' }, undefined],
    [{ gateway: ['urn:a'], card: { 'urn:a': false } }, undefined],
    [{ gateway: [], card: { 'urn:a': false }, asked: 'urn:a' }, undefined],
    [{ card: { 'urn:a': false }, asked: 'urn:a' }, undefined],
    // without a card the list decides, and "*" allows nothing
    [{ gateway: ['urn:a'], asked: 'urn:a,urn:b' }, 'urn:a'],
    [{ gateway: '*', asked: 'urn:a' }, undefined],
  ] as [Setting, string | undefined][]) {
    const { reply, seen } = await send(setting)
    assert.equal(reply.status, 200)
    assert.equal(seen?.['a2a-extensions'], sent, JSON.stringify(setting))
    assert.equal(seen?.['x-a2a-extensions'], undefined)
  }
})

test('what an agent requires and is not asked for, or not allowed, is refused and goes no further', async () => {
  for (const setting of [
    { gateway: ['urn:r'], card: { 'urn:r': true } },
    { gateway: ['urn:r'], card: { 'urn:r': true }, asked: 'urn:other' },
    { gateway: ['urn:r'], card: { 'urn:r': true }, asked: 'urn:R' },
    { gateway: [], card: { 'urn:r': true }, asked: 'urn:r' },
    { card: { 'urn:r': true }, asked: 'urn:r' },
    { gateway: ['urn:r'], card: { 'urn:r': true, 'urn:s': true }, asked: 'urn:r, urn:s' },
    { gateway: '*', card: { 'urn:r': true, 'urn:s': true }, asked: 'urn:r' },
    // the header of 0.3 means nothing in 1.0
    { gateway: ['urn:r'], card: { 'urn:r': true }, headers: { 'x-a2a-extensions': 'urn:r' } },
  ] as Setting[])
    for (const method of ['SendMessage', 'SendStreamingMessage']) {
      const outcome = await send(setting, method)
      assert.equal(codeOf(outcome), -32008, JSON.stringify(setting))
      assert.equal(outcome.reply.status, 200)
      assert.equal(outcome.seen, undefined, 'the agent saw it')
      assert.equal(outcome.walk.records[0]?.code, 'VALIDATE_EXTENSION_REQUIRED')
    }
})

test('on HTTP+JSON it is 400 and FAILED_PRECONDITION', async () => {
  const message = { messageId: 'm', role: 'ROLE_USER', parts: [{ text: 'hi' }] }
  const ask = { path: '/agents/calculator/message:send', body: { message } }
  const { reply, seen } = await send({ card: { 'urn:r': true }, ask })
  const { error } = reply.json() as { error: { status: string; details: { reason: string }[] } }
  assert.deepEqual(
    [reply.status, error.status, error.details[0]?.reason],
    [400, 'FAILED_PRECONDITION', 'EXTENSION_SUPPORT_REQUIRED'],
  )
  assert.equal(seen, undefined)
})

test('what an agent requires goes through when it is asked for and allowed', async () => {
  for (const gateway of ['*', ['urn:r']] as Allowed[]) {
    const { reply, seen } = await send({ gateway, card: { 'urn:r': true }, asked: 'urn:x, urn:r' })
    assert.equal(reply.status, 200)
    assert.equal(seen?.['a2a-extensions'], 'urn:r')
  }
})

test('a task can be read without the extension that its agent requires of messages', async () => {
  const { reply, seen } = await send({ card: { 'urn:r': true } }, 'GetTask')
  assert.equal(reply.status, 200)
  assert.notEqual(seen, undefined)
})

test('who may not use an agent does not learn what it requires', async () => {
  const outcome = await send({ card: { 'urn:r': true }, ask: { as: 'nobody' } })
  assert.equal(outcome.walk.records[0]?.code, 'ROUTE_AGENT_UNKNOWN')
  assert.doesNotMatch(outcome.reply.body, /urn:r/)
})

test('a message that makes use of what is not allowed is refused, and nothing is taken out of it', async () => {
  const uri = 'https://e.example/ext'
  const card = { [uri]: false }
  const part = (metadata: object): object => ({ parts: [{ text: 'hi', metadata }] })
  for (const setting of [
    { message: { extensions: ['urn:a'] } },
    { gateway: ['urn:a'], message: { extensions: ['urn:a', 'urn:b'] } },
    { gateway: ['urn:a'], card: { 'urn:a': false, 'urn:b': false }, message: { extensions: ['urn:b'] } },
    { card, message: { metadata: { [uri]: 1 } } },
    { card, message: { metadata: { [`${uri}/code`]: 'x' } } },
    { card, message: { metadata: { fine: 1, [`${uri}#code`]: 'x' } } },
    { card, params: { metadata: { [`${uri}/v2/x`]: 'x' } } },
    { card, message: part({ [`${uri}:code`]: 'x' }) },
    { card: { 'urn:x:ext': false }, message: { metadata: { 'urn:x:ext.code': 'x' } } },
    // what lies below the URI of another extension is the other's
    { gateway: [uri], card: { ...card, [`${uri}/v2`]: false }, message: { metadata: { [`${uri}/v2/code`]: 'x' } } },
  ] as Setting[]) {
    const outcome = await send(setting)
    assert.equal(codeOf(outcome), -32041, JSON.stringify(setting))
    assert.equal(outcome.reply.status, 403)
    assert.equal(outcome.seen, undefined)
    assert.equal(outcome.walk.records[0]?.code, 'VALIDATE_EXTENSION_NOT_ALLOWED')
  }
})

test('what is allowed, and what is nobody’s extension, reaches the agent as it was written', async () => {
  const uri = 'https://e.example/ext'
  for (const setting of [
    {
      gateway: [uri],
      card: { [uri]: false },
      asked: uri,
      message: { extensions: [uri], metadata: { [`${uri}/code`]: 1 } },
    },
    { gateway: '*', card: { [uri]: false }, message: { extensions: [uri, 'urn:x'], metadata: { [uri]: 1 } } },
    { card: { [uri]: false }, message: { metadata: { 'https://e.example/extra': 1, other: uri } } },
    { card: {}, message: { metadata: { [uri]: 1 } } },
    // no card was read: whose a key is cannot be known
    { message: { metadata: { [uri]: 1 } } },
    {
      gateway: [`${uri}/v2`],
      card: { [uri]: false, [`${uri}/v2`]: false },
      message: { metadata: { [`${uri}/v2/code`]: 1 } },
    },
  ] as Setting[]) {
    const { reply, body } = await send(setting)
    assert.equal(reply.status, 200, JSON.stringify(setting))
    const { params } = JSON.parse(body) as { params: { message: { metadata?: unknown } } }
    const written = setting.message as { metadata: unknown }
    assert.deepEqual(params.message.metadata, written.metadata)
  }
})

test('the caller hears which extensions were taken up, and never of one that it did not get', async () => {
  const base = { gateway: ['urn:a', 'urn:b'], card: { 'urn:a': false, 'urn:b': false } } as const
  for (const [setting, told] of [
    [{ asked: 'urn:a,urn:b', activated: 'urn:b' }, 'urn:b'],
    [{ asked: 'urn:a,urn:b', activated: ['urn:b', 'urn:a'] }, 'urn:a, urn:b'],
    [{ asked: 'urn:a', activated: 'urn:b' }, undefined],
    [{ asked: 'urn:a', activated: 'urn:x, urn:a,,' }, 'urn:a'],
    [{ activated: 'urn:a' }, undefined],
    [{ asked: 'urn:a' }, undefined],
    [{ asked: 'urn:a', activated: '' }, undefined],
    [{ asked: 'urn:a', activated: 'urn:a\t' }, 'urn:a'],
  ] as [Setting, string | undefined][])
    for (const method of ['SendMessage', 'SendStreamingMessage']) {
      const { reply } = await send({ ...base, gateway: [...base.gateway], ...setting }, method)
      assert.equal(reply.status, 200)
      assert.equal(reply.headers['a2a-extensions'], told, `${method} ${JSON.stringify(setting)}`)
    }
})
