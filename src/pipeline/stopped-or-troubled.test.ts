import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { messageParams, say, startFakeWalk, type FakeWalk } from './fake-walk.ts'

async function start(t: TestContext): Promise<FakeWalk> {
  const walk = await startFakeWalk()
  t.after(() => walk.close())
  return walk
}

const send = (walk: FakeWalk, method = 'SendMessage'): ReturnType<FakeWalk['rpc']> => walk.rpc(method, messageParams)

test('a call that waits for its agent when the gateway stops is told so, and the agent is let go', async (t) => {
  const walk = await start(t)
  const left = new Promise<void>((resolve) => {
    walk.agent = (_request, response) => {
      response.once('close', resolve)
      walk.parts.heartbeat.cutAll()
    }
  })
  const reply = await send(walk)
  await left
  assert.equal(reply.status, 503)
  assert.deepEqual(
    walk.records.map(({ kind, code }) => [kind, code]),
    [
      ['allowed', ''],
      ['completed', 'LISTEN_STOPPING'],
    ],
  )
  assert.deepEqual(walk.troubles, [], 'no fault of the agent')
})

test('a stream that is open when the gateway stops ends with the same code', async (t) => {
  const walk = await start(t)
  walk.agent = (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.flushHeaders()
    const timer = setInterval(() => {
      if (walk.parts.heartbeat.size === 0) return
      clearInterval(timer)
      walk.parts.heartbeat.cutAll()
    }, 5)
  }
  const reply = await send(walk, 'SendStreamingMessage')
  assert.match(reply.body, /-32043/)
  assert.equal(walk.records.at(-1)?.code, 'LISTEN_STOPPING')
  assert.deepEqual(walk.troubles, [])
})

test('a call that has its answer is not held to by the stop', async (t) => {
  const walk = await start(t)
  assert.equal((await send(walk)).status, 200)
  walk.parts.heartbeat.cutAll()
  assert.equal(walk.records.at(-1)?.code, '')
})

test('what an agent does wrong is passed on to its operator, with the status of its answer', async (t) => {
  const walk = await start(t)
  const details: string[] = []
  const { onAgentTrouble } = walk.parts
  Object.assign(walk.parts, {
    onAgentTrouble: (...args: Parameters<typeof onAgentTrouble>) => {
      details.push(args[1].detail)
      onAgentTrouble(...args)
    },
  })
  walk.agent = (_request, response) => response.writeHead(404).end('<pre>Cannot POST /</pre>')
  await send(walk)
  walk.agent = (_request, response) => response.writeHead(503).end()
  await send(walk)
  assert.deepEqual(walk.troubles, ['calculator RELEASE_INVALID_ANSWER', 'calculator FORWARD_UNAVAILABLE'])
  assert.match(details[0] ?? '', /status 404/)
})

test('an error that the agent has a right to give is no trouble', async (t) => {
  const walk = await start(t)
  walk.agent = (_request, response, body) => say(response, body, { message: { messageId: 'm' } })
  await send(walk)
  const invalid = walk.troubles.length
  walk.agent = (_request, response, body) => {
    const { id } = JSON.parse(body) as { id: unknown }
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32602, message: 'no' } }))
  }
  await send(walk)
  assert.equal(walk.troubles.length, invalid)
  await walk.rpc('GetTask', { id: 'of-nobody' })
  assert.equal(walk.troubles.length, invalid)
})
