// A proxy that answers fast and wrongly must not win the bench: the checks of the load generator, and one order given
// to the generator itself in front of a server that lies.

import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { openConnection, type Answer } from './connection.ts'
import type { LoadAnswer, LoadOrder, Target } from './orders.ts'
import { callTemplate, findProblem, readTaskId } from './requests.ts'

const target: Target = { name: 'liar', port: 1, path: '/', key: 'none' }
const sent = { kind: 'send-task', number: '0000000007', taskId: '' } as const
const rightBody =
  '{"jsonrpc":"2.0","id":"c-0000000007","result":{"task":{"id":"t","artifacts":[{"artifactId":"a-m-0000000007"}]}}}'

test('takes a right answer', () => {
  assert.equal(findProblem({ status: 200, body: rightBody }, sent, true), undefined)
  assert.equal(readTaskId(rightBody), 't')
})

test('refuses an answer with another status', () => {
  assert.notEqual(findProblem({ status: 429, body: rightBody }, sent, false), undefined)
})

test('refuses the answer to another call', () => {
  assert.notEqual(findProblem({ status: 200, body: rightBody }, { ...sent, number: '0000000008' }, false), undefined)
})

test('refuses an error that echoes the id of the call', () => {
  const body = '{"jsonrpc":"2.0","id":"c-0000000007","error":{"code":-32042,"message":"m-0000000007"}}'
  assert.notEqual(findProblem({ status: 200, body }, sent, true), undefined)
})

test('refuses another task than the one that was read', () => {
  const body = '{"jsonrpc":"2.0","id":"c-0000000007","result":{"id":"other"}}'
  assert.notEqual(findProblem({ status: 200, body }, { ...sent, kind: 'read', taskId: 'mine' }, false), undefined)
})

test('numbers a call in both of its ids without changing its length', () => {
  const template = callTemplate(target, 'send-task')
  const { length } = template.bytes
  assert.equal(template.number(42), '0000000042')
  const text = template.bytes.toString()
  assert.ok(text.includes('"c-0000000042"') && text.includes('"m-0000000042"'))
  assert.equal(text.length, length)
  assert.ok(length > 1_100 && length < 1_800)
})

test('reads an answer with a length that arrives in pieces', async () => {
  const answers = await answersOf(['HTTP/1.1 200 OK\r\nContent-Le', 'ngth: 5\r\n\r\nhe', 'llo'])
  assert.deepEqual(answers, [{ status: 200, body: 'hello' }])
})

test('reads an answer in chunks that are cut anywhere', async () => {
  const answers = await answersOf([
    'HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nh',
    'e\r\n3\r\nllo\r\n0\r',
    '\n\r\n',
  ])
  assert.deepEqual(answers, [{ status: 404, body: 'hello' }])
})

test('counts an event whose first word is cut in two', async () => {
  let events = 0
  const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n'
  await talk([head, ': ping\n\nda', 'ta: {}\n\n'], (port, done) =>
    openConnection(port, {
      ready: () => undefined,
      answer: () => assert.fail('no answer was due'),
      event: () => {
        events++
        done()
      },
      lost: () => undefined,
    }),
  )
  assert.equal(events, 1)
})

test('takes an error in the place of an event for the loss of the stream', async () => {
  const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n'
  let losses = 0
  await talk([head, 'data: {"jsonrpc":"2.0","id":"c-1","error":{"code":-32006}}\n\n'], (port, done) =>
    openConnection(port, {
      ready: () => undefined,
      answer: () => assert.fail('no answer was due'),
      event: () => assert.fail('no event was due'),
      lost: () => {
        losses++
        done()
      },
    }),
  )
  assert.equal(losses, 1)
})

test('the load generator fails an order at the first wrong answer', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'))
  })
  const port = await listen(server)
  const load = fork(join(import.meta.dirname, 'load.ts'))
  try {
    const order: LoadOrder = {
      kind: 'closed',
      target: { ...target, port },
      work: 'send-message',
      connections: 2,
      warmMs: 5000,
      ms: 5000,
      pid: process.pid,
    }
    load.send(order)
    const answer = await new Promise<LoadAnswer>((resolve) =>
      load.once('message', (message: LoadAnswer) => resolve(message)),
    )
    assert.equal(answer.kind, 'wrong')
  } finally {
    load.kill()
    server.close()
  }
})

async function answersOf(pieces: readonly string[]): Promise<Answer[]> {
  const answers: Answer[] = []
  await talk(pieces, (port, done) =>
    openConnection(port, {
      ready: () => undefined,
      answer: (answer) => {
        answers.push(answer)
        done()
      },
      event: () => assert.fail('no event was due'),
      lost: () => undefined,
    }),
  )
  return answers
}

/** Serves the pieces one turn of the event loop after another, and waits until `open` says that it has seen enough. */
async function talk(
  pieces: readonly string[],
  open: (port: number, done: () => void) => { close(): void },
): Promise<void> {
  const sockets: Socket[] = []
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    const say = (index: number): void => {
      const piece = pieces[index]
      if (piece !== undefined) socket.write(piece, () => setImmediate(say, index + 1))
    }
    say(0)
  })
  const port = await listen(server)
  const connection = await new Promise<{ close(): void }>((resolve) => {
    const opened = open(port, () => setImmediate(() => resolve(opened)))
  })
  connection.close()
  for (const socket of sockets) socket.destroy()
  server.close()
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}
