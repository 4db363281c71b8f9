// Agents that send rubbish, a gigabyte or nothing, that stall, die or are dead. The caller gets one clear A2A error
// and no byte of theirs, the ledger gets the outcome, and calls to other agents, and to the same one, go on.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose'
import type { Binding } from '../../src/a2a/operations.ts'
import type { RefusalCode } from '../../src/refusal/refusal.ts'
import { startHostileAgent, type HostileAgent } from '../fakes/hostile-agent.ts'
import { streamTricks } from '../fakes/hostile-streams.ts'
import { rubbish } from '../fakes/rubbish.ts'
import { bindings, say, spell, type Answer } from './client.ts'
import { assertRefused, deadUrl, eventually, startGateway, type Gateway } from './harness.ts'

let hostile: HostileAgent
let plain: HostileAgent
let gateway: Gateway

before(async () => {
  hostile = await startHostileAgent()
  plain = await startHostileAgent()
  const timeouts = { connect: '500ms', firstByte: '1s', blocking: '1500ms' }
  gateway = await startGateway({
    agents: {
      hostile: { url: hostile.url, timeouts },
      plain: {
        url: plain.url,
        credential: { header: 'authorization', value: 'file:plain-secret' },
      },
      dead: { url: await deadUrl(), timeouts },
      fragile: { url: hostile.url, timeouts, breaker: { failures: 3, cooldown: '2s' } },
    },
    files: { 'plain-secret': 'Bearer secret-of-plain\n' },
    bounds: { answer: '1MiB', event: '64KiB', streamSilence: '2s' },
  })
})
after(async () => {
  await gateway.stop()
  await hostile.close()
  await plain.close()
})

const send = (binding: Binding, text: string, agent = 'hostile'): Promise<Answer> =>
  gateway.as('alice', { binding, agent, operation: 'SendMessage', params: say(text) })

async function assertFailed(answer: Answer, code: RefusalCode, binding: Binding): Promise<void> {
  assertRefused(answer, code, binding)
  const { envelope } = await gateway.completionOf(answer)
  assert.equal(envelope.outcome, 'failed')
  assert.equal(envelope.code, code)
}

for (const { name, becomes, only } of rubbish) {
  for (const binding of bindings.filter((one) => only === undefined || only === one)) {
    test(`an agent's ${name} becomes ${becomes} over ${binding}`, async () => {
      await assertFailed(await send(binding, `rubbish ${name}`), becomes, binding)
      await gateway.good('hostile')
    })
  }
}

for (const trick of streamTricks) {
  for (const binding of bindings.filter((one) => trick.only === undefined || trick.only === one)) {
    const what = trick.becomes === undefined ? 'passes' : `ends with ${trick.becomes}`
    test(`a stream with ${trick.name} ${what} over ${binding}`, async () => {
      const params = say(`stream-trick ${trick.name}`)
      const stream = await gateway.stream({
        binding,
        agent: 'hostile',
        operation: 'SendStreamingMessage',
        params,
        key: gateway.keys['alice'] ?? '',
      })
      const events = await stream.rest()
      assert.ok(events[0]?.result['task'], 'the first event is good')
      const last = events.at(-1)
      assert.doesNotMatch(events.map((event) => event.data).join(), /POISON/)
      const { envelope } = await gateway.completionOf(stream.response)
      if (trick.becomes === undefined) {
        assert.ok(last?.result['statusUpdate'], JSON.stringify(last))
        assert.ok(events.filter((event) => event.data.includes('fine')).length >= 1)
        assert.equal(envelope.outcome, 'completed')
      } else {
        assert.equal(last?.error?.['code'], binding === 'JSONRPC' ? -32006 : 500)
        assert.equal(envelope.code, trick.becomes)
        assert.equal(envelope.outcome, 'failed')
      }
    })
  }
}

test('a first event that is rubbish never reaches the caller', async () => {
  for (const binding of bindings) {
    const params = say('rubbish html-200')
    const answer = await gateway.as('alice', { binding, agent: 'hostile', operation: 'SendStreamingMessage', params })
    assertRefused(answer, 'RELEASE_INVALID_ANSWER', binding)
  }
})

test('an event without its blank line never reaches the caller', async () => {
  for (const binding of bindings) {
    const params = say('stream-unfinished')
    const stream = await gateway.stream({
      binding,
      agent: 'hostile',
      operation: 'SendStreamingMessage',
      params,
      key: gateway.keys['alice'] ?? '',
    })
    const events = await stream.rest().catch(() => [])
    assert.doesNotMatch(events.map((event) => event.data).join(), /POISON/)
  }
})

for (const binding of bindings) {
  test(`an agent's own error passes as the agent wrote it over ${binding}`, async () => {
    const answer = await send(binding, 'agent-error')
    assert.equal(answer.error.reason, 'UNSUPPORTED_OPERATION')
    assert.equal(answer.error.message, 'not today')
    assert.equal(answer.status, binding === 'JSONRPC' ? 200 : 400)
  })

  test(`an agent's own error in mid-stream passes over ${binding}`, async () => {
    const call = { binding, agent: 'hostile', operation: 'SendStreamingMessage', params: say('stream-error') } as const
    const stream = await gateway.stream({ ...call, key: gateway.keys['alice'] ?? '' })
    const events = await stream.rest()
    assert.equal(events.at(-1)?.error?.['message'], 'not today')
  })

  test(`a dead agent answers 503 over ${binding} and others go on`, async () => {
    await assertFailed(await send(binding, 'message', 'dead'), 'FORWARD_UNAVAILABLE', binding)
    await gateway.good('plain')
  })

  for (const behaviour of ['reset', 'reset-mid-answer', 'close-mid-answer']) {
    test(`an agent that dies (${behaviour}) answers 503 over ${binding}`, async () => {
      await assertFailed(await send(binding, behaviour), 'FORWARD_UNAVAILABLE', binding)
      await gateway.good('hostile')
    })
  }

  for (const behaviour of ['huge-answer', 'huge-answer-declared']) {
    test(`an answer of 1 GB (${behaviour}) is cut off early over ${binding} and not kept`, async () => {
      const before = residentMiB()
      const answer = await send(binding, behaviour)
      await assertFailed(answer, 'RELEASE_TOO_LARGE', binding)
      const seen = hostile.seen.findLast((call) => call.text === behaviour)
      assert.equal(await seen?.over, 'aborted')
      assert.ok((seen?.sentBytes() ?? 0) < 32 * 2 ** 20, `${seen?.sentBytes()} bytes were taken`)
      assert.ok(residentMiB() - before < 64, `grew by ${residentMiB() - before} MiB`)
      await gateway.good('hostile')
    })
  }

  for (const behaviour of ['stream-huge-event', 'stream-huge-event-of-lines']) {
    test(`an event of 1 GB (${behaviour}) ends the stream over ${binding} and is not kept`, async () => {
      const before = residentMiB()
      const call = { binding, agent: 'hostile', operation: 'SendStreamingMessage', params: say(behaviour) } as const
      const stream = await gateway.stream({ ...call, key: gateway.keys['alice'] ?? '' })
      const events = await stream.rest()
      assert.equal(events.length, 2)
      assert.equal(events[1]?.error?.['code'], binding === 'JSONRPC' ? -32006 : 500)
      assert.equal((await gateway.completionOf(stream.response)).envelope.code, 'RELEASE_TOO_LARGE')
      const seen = hostile.seen.findLast((one) => one.text === behaviour)
      assert.equal(await seen?.over, 'aborted')
      assert.ok(residentMiB() - before < 64)
      await gateway.good('hostile')
    })
  }

  for (const behaviour of ['stream-reset', 'stream-cut']) {
    test(`a stream that its agent breaks off (${behaviour}) ends with an error event over ${binding}`, async () => {
      const call = { binding, agent: 'hostile', operation: 'SendStreamingMessage', params: say(behaviour) } as const
      const stream = await gateway.stream({ ...call, key: gateway.keys['alice'] ?? '' })
      const events = await stream.rest()
      assert.ok(events[0]?.result['task'])
      assert.equal(events.at(-1)?.error?.['code'], binding === 'JSONRPC' ? -32043 : 503)
      const { envelope } = await gateway.completionOf(stream.response)
      assert.deepEqual([envelope.outcome, envelope.code], ['failed', 'FORWARD_UNAVAILABLE'])
    })
  }

  test(`an answer that comes byte by byte is still an answer over ${binding}`, async () => {
    const answer = await send(binding, 'slow')
    assert.equal(answer.status, 200)
  })

  test(`no credential of a caller and no cookie reaches an agent over ${binding}`, async () => {
    const key = gateway.keys['alice'] ?? ''
    for (const credential of [{ authorization: `Bearer ${key}` }, { 'x-api-key': key }]) {
      const call = spell({ binding, agent: 'hostile', operation: 'SendMessage', params: say('message credentials') })
      const headers = {
        ...call.headers,
        ...credential,
        cookie: 'session=secret',
        'proxy-authorization': 'Basic c2VjcmV0',
        'x-forwarded-for': '203.0.113.9',
        forwarded: 'for=203.0.113.9',
        'x-anything': 'secret',
      }
      assert.equal((await gateway.http({ ...call, headers })).status, 200)
    }
    for (const call of hostile.seen) {
      const text = JSON.stringify([call.url, call.headers, call.body])
      assert.ok(!text.includes(key))
      for (const name of [
        'authorization',
        'x-api-key',
        'cookie',
        'proxy-authorization',
        'x-forwarded-for',
        'forwarded',
        'x-anything',
      ]) {
        assert.equal(call.headers[name], undefined, `${name} reached the agent`)
      }
    }
  })

  test(`an agent gets its own credential and an assertion that is for it alone over ${binding}`, async () => {
    await send(binding, `message for-plain-${binding}`, 'plain')
    const seen = await plain.sawCall(`message for-plain-${binding}`)
    assert.equal(seen.headers['authorization'], 'Bearer secret-of-plain')
    const jwks = JSON.parse((await gateway.http({ path: '/.well-known/jwks.json' })).text) as JSONWebKeySet
    const { payload, protectedHeader } = await jwtVerify(
      seen.headers['sallyport-caller-assertion'] ?? '',
      createLocalJWKSet(jwks),
      {
        issuer: gateway.url,
        audience: 'agent:plain',
        subject: 'key:alice',
      },
    )
    assert.equal(protectedHeader.alg, 'ES256')
    assert.equal(payload['op'], 'SendMessage')
    assert.ok((payload.exp ?? 0) - (payload.iat ?? 0) <= 60)
  })
}

// they all take their time, and none of it is another's
describe('an agent that stalls', { concurrency: true }, () => {
  for (const binding of bindings) {
    for (const behaviour of ['never', 'head-then-nothing', 'half-then-nothing', 'drip']) {
      test(`with ${behaviour} is given up over ${binding}, and nobody else waits`, async () => {
        const started = performance.now()
        const stalled = send(binding, `${behaviour} ${binding}`)
        const seen = await hostile.sawCall(`${behaviour} ${binding}`)
        await gateway.good('plain')
        await gateway.good('hostile')
        await assertFailed(await stalled, 'FORWARD_TIMEOUT', binding)
        assert.ok(performance.now() - started < 6_000)
        assert.equal(await seen.over, 'aborted')
      })
    }

    for (const behaviour of ['stream-silent', 'stream-without-events']) {
      test(`in mid-stream with ${behaviour} is given up with an error event over ${binding}`, async () => {
        const call = {
          binding,
          agent: 'hostile',
          operation: 'SendStreamingMessage',
          params: say(`${behaviour} ${binding}`),
        } as const
        const stream = await gateway.stream({ ...call, key: gateway.keys['alice'] ?? '' })
        const events = stream.rest()
        await gateway.good('hostile')
        await gateway.good('plain')
        assert.equal((await events).at(-1)?.error?.['code'], binding === 'JSONRPC' ? -32043 : 504)
        const { envelope } = await gateway.completionOf(stream.response)
        assert.deepEqual([envelope.outcome, envelope.code], ['failed', 'RELEASE_STREAM_STALLED'])
        assert.equal(await hostile.seen.findLast((one) => one.text === `${behaviour} ${binding}`)?.over, 'aborted')
      })
    }
  }
})

test("an answer that nobody asked for is nobody's", async () => {
  for (let i = 0; i < 5; i++) {
    const answer = await send('JSONRPC', 'answer-twice')
    assert.doesNotMatch(answer.text, /POISON/)
    const next = await send('JSONRPC', `message after-${i}`)
    assert.doesNotMatch(next.text, /POISON/)
    assert.match(next.text, new RegExp(`after-${i}`))
  }
})

test('a redirect is never followed', async () => {
  const seen = plain.seen.length
  await assertFailed(await send('HTTP+JSON', 'rubbish redirect'), 'RELEASE_INVALID_ANSWER', 'HTTP+JSON')
  assert.equal(plain.seen.length, seen)
})

test('after failures in a row an agent is not asked any more, and asked again after a while', async () => {
  for (let i = 0; i < 3; i++) assertRefused(await send('JSONRPC', 'reset', 'fragile'), 'FORWARD_UNAVAILABLE', 'JSONRPC')
  const seen = hostile.seen.length
  const refused = await send('JSONRPC', 'message', 'fragile')
  assertRefused(refused, 'FORWARD_UNAVAILABLE', 'JSONRPC')
  assert.equal(hostile.seen.length, seen, 'the circuit is open')
  // the same agent under another name has its own circuit
  await gateway.good('hostile')
  await eventually('the agent is asked again', async () =>
    (await send('JSONRPC', 'message', 'fragile')).status === 200 ? true : undefined,
  )
})

test("a refusal of the agent is said in the gateway's words, so that it cannot be told from a foreign task", async () => {
  for (const binding of bindings) {
    const made = await send(binding, 'task')
    const task = made.result['task'] as { id: string }
    hostile.behave(task.id, 'not-found')
    const gone = await gateway.as('alice', { binding, agent: 'hostile', operation: 'GetTask', params: { id: task.id } })
    assertRefused(gone, 'AUTHZ_TASK_NOT_FOUND', binding)
    const absent = await gateway.as('alice', {
      binding,
      agent: 'hostile',
      operation: 'GetTask',
      params: { id: 't-absent' },
    })
    assert.equal(gone.text, absent.text)
  }
})

function residentMiB(): number {
  const status = readFileSync(`/proc/${gateway.pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024
}
