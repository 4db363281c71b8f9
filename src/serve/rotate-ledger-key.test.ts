// The signing key of a log is rotated by whoever holds the data directory, for its own log or another role's; for a
// role that has none, nothing is begun. The records name who asked for what, and never a private key.

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { collect } from '../../test/fakes/sample-ledger.ts'
import { readLedger, verifyLedger } from '../audit/audit.ts'
import { Fault } from '../base/fault.ts'
import { createControlMethods } from './control-methods.ts'
import { home, open } from './fake-state.ts'
import { keySource } from './key-encryption-key.ts'
import type { State } from './state.ts'

const methodsOf = (state: State): ReturnType<typeof createControlMethods> =>
  createControlMethods(
    state,
    () => 0,
    () => assert.fail('not to be called'),
  )
const request = { overlapMs: 60_000, reason: 'once a year' }

async function eventsOf(dataDir: string, origin: string): Promise<unknown[]> {
  const keyEncryptionKey = await keySource(dataDir, undefined).load()
  const records = await collect(readLedger(join(dataDir, 'ledger', origin.slice(-8)), { keyEncryptionKey }))
  return records.filter(({ envelope }) => envelope.operation.startsWith('ledger.')).map(({ event }) => event)
}

test('a gateway rotates its own key, and says so before and after', async () => {
  const dataDir = home()
  const state = await open(dataDir)
  const { origin, vkey } = state.ledger
  const rotated = await methodsOf(state)['ledger.rotate-key']({ role: 'gateway', ...request })
  assert.equal(rotated.retiring, vkey)
  assert.equal(state.ledger.vkey, rotated.vkey)
  await state.close()
  const events = await eventsOf(dataDir, origin)
  assert.deepEqual(events, [
    { action: 'ledger.rotate-key', role: 'gateway', origin, ...request },
    {
      action: 'ledger.rotate-key.done',
      role: 'gateway',
      origin,
      ...request,
      vkey: rotated.vkey,
      retiring: vkey,
      retiresAtMs: rotated.retiresAtMs,
    },
  ])
  assert.equal((await verifyLedger(join(dataDir, 'ledger'))).ok, true)
})

test('a gateway rotates the key of the log of commands, which it does not write', async () => {
  const dataDir = home()
  const command = await open(dataDir, 'cli')
  const { origin } = command.ledger
  await command.close()
  const state = await open(dataDir)
  const rotated = await methodsOf(state)['ledger.rotate-key']({ role: 'cli', ...request })
  assert.equal(rotated.origin, origin)
  assert.notEqual(state.ledger.vkey, rotated.vkey)
  await state.close()
  assert.ok(readFileSync(join(dataDir, 'ledger', origin.slice(-8), 'key.vkey'), 'utf8').includes(rotated.vkey))
  assert.equal((await verifyLedger(join(dataDir, 'ledger'))).ok, true)
  const again = await open(dataDir, 'cli')
  assert.equal(again.ledger.vkey, rotated.vkey)
  await again.close()
})

test('a role that has no log gets none by rotating its key', async () => {
  const dataDir = home()
  const state = await open(dataDir)
  await assert.rejects(
    methodsOf(state)['ledger.rotate-key']({ role: 'cli', ...request }),
    (error) => error instanceof Fault && error.code === 'CONTROL_FAILED',
  )
  await state.close()
  assert.equal(readdirSync(join(dataDir, 'ledger')).length, 1)
  assert.equal(existsSync(join(dataDir, 'keys/ledger-cli.beginning')), false)
})

test('a second rotation in the overlap is refused, and the refusal leaves no word of success', async () => {
  const dataDir = home()
  const state = await open(dataDir)
  const methods = methodsOf(state)
  await methods['ledger.rotate-key']({ role: 'gateway', ...request })
  await assert.rejects(methods['ledger.rotate-key']({ role: 'gateway', ...request }), Fault)
  const { origin } = state.ledger
  await state.close()
  assert.equal((await eventsOf(dataDir, origin)).length, 3)
})
