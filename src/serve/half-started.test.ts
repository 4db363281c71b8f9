import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Server } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { Fault } from '../base/fault.ts'
import { loadConfig } from '../config/config.ts'
import { startGateway } from './gateway.ts'

async function occupy(): Promise<{ server: Server; port: number }> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, port: (server.address() as AddressInfo).port }
}

const close = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()))

test('a gateway whose admin listener cannot start is not left half open', async (t) => {
  const taken = await occupy()
  t.after(() => close(taken.server))
  const free = await occupy()
  await close(free.server)
  const home = temporaryFolder()
  const file = join(home, 'sallyport.yaml')
  const listeners = `gateway: { listen: "127.0.0.1:${free.port}" }\nadmin: { listen: "127.0.0.1:${taken.port}" }\n`
  writeFileSync(file, `${listeners}dataDir: ./data\n`)
  const loaded = await loadConfig(file)
  assert.ok(loaded.ok)
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
  const start = (): Promise<unknown> =>
    startGateway({ loaded, dataDir: loaded.dataDir, log, onFatal: (fault) => assert.fail(fault.message) })
  // twice: the first attempt has let go of the data directory too
  for (let attempt = 0; attempt < 2; attempt++) {
    await assert.rejects(start(), (error) => error instanceof Fault && error.code === 'LISTEN_FAILED')
    const socket = connect(free.port, '127.0.0.1')
    const outcome = await new Promise((resolve) => {
      socket.once('connect', () => resolve('connected'))
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code))
    })
    socket.destroy()
    assert.equal(outcome, 'ECONNREFUSED')
    assert.equal(existsSync(join(home, 'data/control.sock')), false)
  }
})
