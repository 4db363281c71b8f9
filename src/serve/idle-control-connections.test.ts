// Whoever may open the control socket opens all its connections and says nothing, so that a leaked key cannot be
// revoked.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { callControl } from '../cli/control-client.ts'
import type { ControlMethods } from '../cli/ports.ts'
import { startControlServer } from './control-server.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'

const connections = 16

interface Started {
  readonly dataDir: string
  readonly path: string
  readonly answer: () => void
}

/** `key.list` is answered when `answer` is called, and `ping` at once. */
async function start(t: TestContext): Promise<Started> {
  let answer: () => void = () => undefined
  const listed = new Promise<[]>((resolve) => (answer = () => resolve([])))
  const methods: Partial<ControlMethods> = {
    ping: () => Promise.resolve({ pid: 7 }),
    'key.list': () => listed,
    'key.revoke': () => Promise.resolve([]),
  }
  const dataDir = temporaryFolder('sp-')
  // the others are not called
  const server = await startControlServer(dataDir, methods as ControlMethods, assert.ifError)
  t.after(() => server.close())
  return { dataDir, path: server.path, answer }
}

async function connect(path: string, text = ''): Promise<Socket> {
  const socket = createConnection(path)
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  if (text !== '') socket.write(text)
  return socket
}

const revoke = (dataDir: string): ReturnType<typeof callControl> =>
  callControl(dataDir, { method: 'key.revoke', params: { name: 'ci' } })

test('a key is revoked at once, however many say nothing', async (t) => {
  const { dataDir, path } = await start(t)
  const idle: Socket[] = []
  for (let count = 0; count < 3 * connections; count += 1)
    idle.push(await connect(path, count % 2 === 0 ? '' : '{"id":'))
  assert.deepEqual(await revoke(dataDir), { result: [] })
  for (const socket of idle) socket.destroy()
})

test('a request that is being answered is not pushed aside by those who say nothing', async (t) => {
  const { path, answer } = await start(t)
  const busy = await connect(path, '{"id":1,"method":"key.list","params":{}}\n')
  const idle: Socket[] = []
  for (let count = 0; count < 2 * connections; count += 1) idle.push(await connect(path))
  answer()
  const [data] = (await once(busy, 'data')) as [Buffer]
  assert.match(data.toString(), /"result":\[\]/)
  for (const socket of [busy, ...idle]) socket.destroy()
})

test('who sends no line within two seconds is closed, also after an answer and in the middle of a line', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { path } = await start(t)
  const silent = await connect(path)
  const half = await connect(path, '{"id":1,')
  const answered = await connect(path, '{"id":1,"method":"ping","params":{}}\n')
  await once(answered, 'data')
  const ends = [silent, half, answered].map((socket) => once(socket.resume(), 'close'))
  t.mock.timers.tick(1_999)
  const late = await connect(path, '{"id":1,"method":"ping","params":{}}\n')
  await once(late, 'data')
  assert.equal(silent.closed, false)
  t.mock.timers.tick(1)
  await Promise.all(ends)
  assert.equal(late.closed, false)
  late.destroy()
})
