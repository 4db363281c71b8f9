// What crosses the control socket of an erasure, a hold or a prune is checked like every other request: bounded,
// complete, and of no other shape.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createConnection } from 'node:net'
import { test } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import type { ControlMethods } from '../cli/ports.ts'
import { startControlServer } from './control-server.ts'

const asked: unknown[] = []
const note = (params: unknown): Promise<never> => {
  asked.push(params)
  return Promise.resolve({} as never)
}
// of the methods only these are called
const methods = {
  'audit.erase': note,
  'audit.hold': note,
  'audit.release': note,
  'audit.prune': note,
} as Partial<ControlMethods>

async function answer(path: string, request: object): Promise<string> {
  const socket = createConnection(path)
  socket.write(`${JSON.stringify({ id: 1, ...request })}\n`)
  const [data] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return data.toString()
}

const erasure = { subject: 'key:ci', reason: 'asked', dryRun: false, approver: null, approve: null }
const bad: readonly [string, object][] = [
  ['audit.erase', {}],
  ['audit.erase', { ...erasure, subject: '' }],
  ['audit.erase', { ...erasure, subject: 'x'.repeat(2_049) }],
  ['audit.erase', { ...erasure, dryRun: 'no' }],
  ['audit.erase', { ...erasure, approver: 'x'.repeat(1_025) }],
  ['audit.erase', { ...erasure, force: true }],
  ['audit.hold', { name: 'case', reason: '' }],
  ['audit.hold', { name: '', subject: null, reason: '' }],
  ['audit.release', { name: 'case' }],
  ['audit.prune', { dryRun: 1 }],
]

test('only what is whole and bounded reaches whoever erases', async (t) => {
  const server = await startControlServer(temporaryFolder('sp-'), methods as ControlMethods, (error) =>
    assert.fail(String(error)),
  )
  t.after(() => server.close())
  for (const [method, params] of bad)
    assert.match(await answer(server.path, { method, params }), /are not valid/, JSON.stringify(params).slice(0, 60))
  assert.deepEqual(asked, [])
  await answer(server.path, { method: 'audit.erase', params: erasure })
  assert.deepEqual(asked, [erasure])
})
