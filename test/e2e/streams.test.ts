// Streams flow (invariant 9): event by event without buffering, pings in silence, back-pressure both ways, a client's
// abort and nothing else aborts the agent, and every bound of a stream's life ends it with an error event.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import type { Binding } from '../../src/a2a/operations.ts'
import { isJsonObject } from '../../src/base/strict-json.ts'
import { startHostileAgent, type HostileAgent } from '../fakes/hostile-agent.ts'
import { bindings, say, spell, type EventStream, type SseEvent } from './client.ts'
import { assertRefused, eventually, startGateway, type Gateway } from './harness.ts'

let agent: HostileAgent
let gateway: Gateway
let bounded: Gateway

before(async () => {
  agent = await startHostileAgent()
  gateway = await startGateway({
    agents: { a: agent.url },
    callers: ['alice', 'bob', 'brief'],
    policy: {
      roles: [{ name: 'user', rules: [{ agents: ['*'], operations: ['*'] }] }],
      bindings: [{ role: 'user', callers: ['key:alice', 'key:bob', 'key:brief'] }],
    },
    limits: [
      { per: ['caller'], requests: '1000000/m', concurrentStreams: 1_000 },
      { per: ['caller'], callers: ['key:bob'], concurrentStreams: 2 },
    ],
    bounds: { ping: '1s' },
  })
  bounded = await startGateway({
    agents: { a: agent.url },
    callers: ['alice'],
    bounds: {
      streamLife: '2s',
      streamEvents: 50,
      streamBytes: '1MiB',
      bodyTime: '2s',
      idleTime: '2s',
      drain: '1500ms',
    },
  })
})
after(async () => {
  await gateway.stop()
  await bounded.stop()
  await agent.close()
})

const open = (text: string, binding: Binding = 'JSONRPC', caller = 'alice', on = gateway): Promise<EventStream> =>
  on.stream({ binding, agent: 'a', operation: 'SendStreamingMessage', params: say(text), key: on.keys[caller] ?? '' })

for (const binding of bindings) {
  test(`each event arrives before the agent sends the next over ${binding}`, async () => {
    const stream = await open(`stream-held flow-${binding}`, binding)
    assert.equal(stream.status, 200)
    assert.match(String(stream.response.headers['content-type']), /^text\/event-stream/)
    assert.equal(stream.response.headers['x-accel-buffering'], 'no')
    assert.equal(stream.response.headers['cache-control'], 'no-store')
    assert.equal(stream.response.headers['content-encoding'], undefined)
    const kinds: string[] = []
    for (let i = 0; i < 4; i++) {
      const event = await stream.next()
      kinds.push(Object.keys(event?.result ?? {})[0] ?? '')
      agent.release(`flow-${binding}`)
    }
    assert.equal(await stream.next(), undefined)
    assert.deepEqual(kinds, ['task', 'artifactUpdate', 'artifactUpdate', 'statusUpdate'])
    const { envelope, event } = await gateway.completionOf(stream.response)
    assert.equal(envelope.outcome, 'completed')
    assert.equal(event?.['events'], 4)
  })

  test(`a task is its caller's before the caller learns of it over ${binding}`, async () => {
    const stream = await open(`stream-held own-${binding}`, binding)
    const first = await stream.next()
    const id = taskIdOf(first)
    const claims = (await gateway.records()).filter((record) =>
      JSON.stringify(record.event?.['claims'] ?? '').includes(id),
    )
    assert.equal(claims.length, 1)
    assertRefused(
      await gateway.as('bob', { binding, agent: 'a', operation: 'GetTask', params: { id } }),
      'AUTHZ_TASK_NOT_FOUND',
      binding,
    )
    stream.close()
  })

  test(`comments come into silence over ${binding}`, async () => {
    const stream = await open(`stream-held ping-${binding}`, binding)
    await stream.next()
    const next = stream.next()
    await eventually('a ping', () => (stream.comments >= 1 ? true : undefined), 4_000)
    agent.release(`ping-${binding}`)
    assert.ok((await next)?.result['artifactUpdate'])
    stream.close()
  })

  test(`a client that leaves ends the agent's side and nobody else's over ${binding}`, async () => {
    const other = await open(`stream-held other-${binding}`, binding)
    await other.next()
    const text = `stream-held gone-${binding}`
    const stream = await open(text, binding)
    await stream.next()
    stream.close()
    const seen = await agent.sawCall(text)
    assert.equal(await seen.over, 'aborted')
    const { envelope } = await gateway.completionOf(stream.response)
    assert.equal(envelope.outcome, 'aborted')
    agent.release(`other-${binding}`)
    assert.ok((await other.next())?.result['artifactUpdate'])
    other.close()
  })

  test(`a client that leaves before a unary answer ends the agent's side over ${binding}`, async () => {
    const text = `held leave-${binding}`
    const leaving = new AbortController()
    const call = { binding, agent: 'a', operation: 'SendMessage', params: say(text), signal: leaving.signal } as const
    const answer = gateway.as('alice', call)
    const seen = await agent.sawCall(text)
    leaving.abort()
    await assert.rejects(answer)
    assert.equal(await seen.over, 'aborted')
    await gateway.good('a')
  })

  test(`a stream ends at its life, its events and its bytes over ${binding}`, async () => {
    const texts = ['stream-silent', 'stream 60', 'stream-endless'].map((text) => `${text} ${binding}`)
    await Promise.all(
      texts.map(async (text) => {
        const stream = await open(text, binding, 'alice', bounded)
        const events = await stream.rest()
        assert.equal(events.at(-1)?.error?.['code'], binding === 'JSONRPC' ? -32042 : 429, text)
        assert.equal((await bounded.completionOf(stream.response)).envelope.code, 'RELEASE_STREAM_BOUND', text)
        // a short stream may have left the agent before its bound was met
        if (!text.startsWith('stream 60')) assert.equal(await (await agent.sawCall(text)).over, 'aborted', text)
        assert.ok(events.length <= 51)
      }),
    )
  })
}

test('a caller that never reads is let go of once its stream is over', async () => {
  const call = {
    binding: 'JSONRPC',
    agent: 'a',
    operation: 'SendStreamingMessage',
    params: say('stream-endless unread'),
  } as const
  const { path, headers, body } = spell({ ...call, key: bounded.keys['alice'] ?? '' })
  const fields = Object.entries({ host: 'localhost', 'content-length': String((body as string).length), ...headers })
  const raw = bounded.raw()
  raw.socket.pause()
  raw.send(
    `POST ${path} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body as string}`,
  )
  const seen = await agent.sawCall('stream-endless unread')
  assert.equal(await seen.over, 'aborted')
  const openConnections = async (): Promise<number> => {
    const metrics = await (await fetch(`${bounded.adminUrl}/metrics`)).text()
    return Number(/^sallyport_open_connections (\d+)$/m.exec(metrics)?.[1])
  }
  await eventually('its connection is closed', async () => ((await openConnections()) === 0 ? true : undefined), 12_000)
  raw.close()
})

test('a slow reader pauses the agent, fills no memory, and gets everything later', async () => {
  const before = residentMiB()
  const stream = await open('stream-endless')
  await stream.next()
  stream.response.pause()
  const seen = await agent.sawCall('stream-endless')
  const flooding = agent.seen.findLast((call) => call.text === 'stream-endless') ?? seen
  let last = -1
  let quietRounds = 0
  await eventually(
    'the agent is paused',
    async () => {
      const now = flooding.sentBytes()
      quietRounds = now === last && flooding.isPaused() ? quietRounds + 1 : 0
      last = now
      await gateway.good('a')
      return quietRounds > 10 ? true : undefined
    },
    10_000,
  )
  assert.ok(last < 64 * 2 ** 20, `${last} bytes were taken`)
  assert.ok(residentMiB() - before < 64, `grew by ${residentMiB() - before} MiB`)
  for (let i = 0; i < 3_000; i++) assert.ok((await stream.next())?.result['artifactUpdate'])
  await eventually('the agent flows again', () => (flooding.sentBytes() > last ? true : undefined))
  stream.close()
  assert.equal(await flooding.over, 'aborted')
})

test('a revoked key ends its open stream, and its calls, within two seconds', async () => {
  const stream = await open('stream-held revoked', 'JSONRPC', 'brief')
  await stream.next()
  const revoked = await gateway.command('key', 'revoke', 'brief')
  assert.equal(revoked.code, 0, revoked.stderr)
  const started = performance.now()
  const call = { binding: 'JSONRPC', agent: 'a', operation: 'SendMessage', params: say('message') } as const
  assertRefused(await gateway.as('brief', call), 'AUTHN_INVALID', 'JSONRPC')
  const events = await stream.rest()
  assert.ok(performance.now() - started < 2_000)
  assert.equal(events.at(-1)?.error?.['code'], -32040)
  assert.equal((await gateway.completionOf(stream.response)).envelope.code, 'AUTHN_INVALID')
  assert.equal(await (await agent.sawCall('stream-held revoked')).over, 'aborted')
})

test('streams are counted per caller, and a place is given back when a stream ends', async () => {
  const first = await open('stream-held count-1', 'JSONRPC', 'bob')
  const second = await open('stream-held count-2', 'HTTP+JSON', 'bob')
  const call = { binding: 'JSONRPC', agent: 'a', operation: 'SendStreamingMessage', params: say('stream') } as const
  const third = await gateway.as('bob', call)
  assertRefused(third, 'LIMIT_STREAMS', 'JSONRPC')
  assert.ok(third.headers['retry-after'])
  // others have places of their own
  assert.equal((await (await open('stream')).rest()).length, 5)
  first.close()
  await eventually('a place', async () => ((await gateway.as('bob', call)).status === 200 ? true : undefined))
  second.close()
})

test('a subscription begins with the task, and leaving it does not end the stream that made it', async () => {
  const made = await gateway.as('alice', {
    binding: 'JSONRPC',
    agent: 'a',
    operation: 'SendMessage',
    params: say('task-working'),
  })
  const { id } = made.result['task'] as { id: string }
  for (const binding of bindings) {
    const call = {
      binding,
      agent: 'a',
      operation: 'SubscribeToTask',
      params: { id },
      key: gateway.keys['alice'] ?? '',
    } as const
    const events = await (await gateway.stream(call)).rest()
    assert.equal(taskIdOf(events[0]), id)
  }
})

test('on SIGTERM open calls may end, streams are cut after the drain, nobody new gets in, exit code 0', async () => {
  const draining = await startGateway({ agents: { a: agent.url }, callers: ['alice'], bounds: { drain: '1500ms' } })
  const stream = await open('stream-held drained', 'JSONRPC', 'alice', draining)
  await stream.next()
  const held = draining.as('alice', {
    binding: 'JSONRPC',
    agent: 'a',
    operation: 'SendMessage',
    params: say('held drain'),
  })
  await agent.sawCall('held drain')
  draining.kill('SIGTERM')
  await eventually('new connections are refused', async () => {
    const raw = draining.raw()
    return await new Promise<true | undefined>((resolve) => {
      raw.socket.once('connect', () => resolve(undefined)).once('error', () => resolve(true))
    }).finally(() => raw.close())
  })
  agent.release('drain')
  const answer = await held
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['connection'], 'close')
  await stream.rest().catch(() => [])
  await draining.stop()
})

function taskIdOf(event: SseEvent | undefined): string {
  const task = event?.result['task']
  const id = isJsonObject(task) ? task['id'] : undefined
  assert.ok(typeof id === 'string', 'the event holds a task')
  return id
}

function residentMiB(): number {
  const status = readFileSync(`/proc/${gateway.pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024
}
