import assert from 'node:assert/strict'
import { cpSync, globSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { readLedger } from '../audit/audit.ts'
import { Fault } from '../base/fault.ts'
import type { JsonObject } from '../base/strict-json.ts'
import type { Claim } from '../exchange/exchange.ts'
import { refuse } from '../refusal/refusal.ts'
import { admittedOf } from '../../test/fakes/walk.ts'
import { facts, home, open } from './fake-state.ts'
import { keySource } from './key-encryption-key.ts'
import type { State } from './state.ts'

const owned = {
  agent: 'calculator',
  tenant: '',
  owner: { caller: 'key:alice', origin: 'key:alice' },
  groups: ['group:a'],
  createdAtMs: 1_800_000_000_000,
}
const claims: readonly Claim[] = [
  { kind: 'task', taskId: 't1', contextId: 'c1', ...owned },
  { kind: 'context', contextId: 'c1', ...owned },
]

async function recordClaims(state: State): Promise<void> {
  const taken = state.ownership.claim(claims)
  assert.ok(taken.ok)
  await state.audit.allowed(facts, admittedOf(), taken.fresh)
}

const removeIndex = (dataDir: string): void => {
  for (const name of readdirSync(dataDir)) if (name.startsWith('index.db')) rmSync(join(dataDir, name))
}

test('who owns what is found again after a stop', async () => {
  const dataDir = home()
  const first = await open(dataDir)
  await recordClaims(first)
  await first.close()
  const second = await open(dataDir)
  assert.deepEqual(second.ownership.task('calculator', '', 't1')?.owner, owned.owner)
  await second.close()
})

test('an index that was lost is made again from the ledger', async () => {
  const dataDir = home()
  const first = await open(dataDir)
  await recordClaims(first)
  await first.close()
  removeIndex(dataDir)
  const second = await open(dataDir)
  assert.deepEqual(second.ownership.task('calculator', '', 't1')?.groups, ['group:a'])
  assert.deepEqual(second.ownership.context('calculator', '', 'c1')?.owner, owned.owner)
  await second.close()
})

test('what a command recorded beside the gateway is replayed too', async () => {
  const dataDir = home()
  const first = await open(dataDir, 'cli')
  await recordClaims(first)
  await first.close()
  removeIndex(dataDir)
  const second = await open(dataDir, 'gateway')
  assert.ok(second.ownership.task('calculator', '', 't1'))
  await second.close()
})

test('only one process holds the state, and the second leaves the first alone', async () => {
  const dataDir = home()
  const first = await open(dataDir)
  await assert.rejects(open(dataDir), Fault)
  await recordClaims(first)
  await first.close()
})

test('a key-encryption key that is none is a fault, and nothing stays locked', async () => {
  const dataDir = home()
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  writeFileSync(`${dataDir}.kek`, 'short', { mode: 0o600 })
  await assert.rejects(open(dataDir), (fault: Fault) => fault.code === 'KEY_UNREADABLE')
  rmSync(`${dataDir}.kek`)
  const state = await open(dataDir)
  await state.close()
})

test('a store that cannot be opened leaves nothing locked', async () => {
  const dataDir = home()
  await (await open(dataDir)).close()
  for (const name of readdirSync(dataDir)) if (name.startsWith('state.db')) rmSync(join(dataDir, name))
  mkdirSync(join(dataDir, 'state.db'))
  await assert.rejects(open(dataDir))
  rmSync(join(dataDir, 'state.db'), { recursive: true })
  const state = await open(dataDir)
  await state.close()
})

test('what a flood left uncounted when the gateway was killed is said at the next start', async () => {
  const dataDir = home()
  const first = await open(dataDir)
  const unknown = { ...facts, caller: '', origin: '', source: '192.0.2.7' }
  for (let count = 0; count < 310; count += 1) await first.audit.refusedUnknown(unknown, refuse('AUTHN_MISSING', ''))
  const killed = home()
  cpSync(join(dataDir, '..'), join(killed, '..'), { recursive: true })
  for (const lock of globSync(join(killed, '**', '*lock'))) rmSync(lock, { recursive: true })
  await first.close()
  const second = await open(killed)
  await second.close()
  const dir = join(killed, 'ledger', second.ledger.origin.split('/')[1] ?? '')
  const keyEncryptionKey = await keySource(killed, undefined).load()
  const said: JsonObject[] = []
  for await (const { event } of readLedger(dir, { keyEncryptionKey }))
    if (event !== undefined && 'folded' in event) said.push(event)
  assert.deepEqual(
    said.map(({ folded, uncounted }) => [folded, uncounted]),
    [[1, true]],
  )
})

test('secrets lie outside the data directory, for nobody else to read', async () => {
  const dataDir = home()
  await (await open(dataDir)).close()
  const beside = readdirSync(join(dataDir, '..'))
  assert.ok(beside.includes('data.kek') && beside.includes('data.pepper'))
  assert.ok(!readdirSync(dataDir).some((name) => name.endsWith('.kek') || name.endsWith('.pepper')))
})
