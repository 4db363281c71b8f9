// The index of owners is made again from a ledger in which bodies are gone. What it still has of erased callers stays
// taken; what nobody can know again is counted, warned of and recorded, never passed over in silence.

import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { collect } from '../../test/fakes/sample-ledger.ts'
import { admittedOf } from '../../test/fakes/walk.ts'
import { readLedger } from '../audit/audit.ts'
import { createManualClock } from '../base/clock.ts'
import { configSchema } from '../config/config.ts'
import type { Claim } from '../exchange/exchange.ts'
import { eraseEverywhere } from './erase-everywhere.ts'
import { facts, home } from './fake-state.ts'
import { keySource } from './key-encryption-key.ts'
import { openState, type State } from './state.ts'

const contextOf = (name: string): Claim => ({
  kind: 'context',
  contextId: `context of ${name}`,
  agent: 'calculator',
  tenant: '',
  owner: { caller: `key:${name}`, origin: `key:${name}` },
  groups: [],
  createdAtMs: 1_800_000_000_000,
})
const stolenBy = (name: string): Claim => ({ ...contextOf(name), contextId: 'context of alice' }) as Claim

interface Rig {
  readonly dataDir: string
  readonly index: string
  readonly warnings: string[]
  readonly open: () => Promise<State>
  /** event of the last record of a rebuild */
  readonly rebuilt: (origin: string) => Promise<unknown>
}

/** Alice is erased, bob and carol are not. */
async function rig(): Promise<Rig> {
  const dataDir = home()
  const warnings: string[] = []
  const made: Rig = {
    dataDir,
    warnings,
    index: join(dataDir, 'index.db'),
    open: () =>
      openState({
        dataDir,
        loaded: undefined,
        role: 'gateway',
        clock: createManualClock(),
        snapshotDigest: () => 'd',
        onFatal: (fault) => assert.fail(fault),
        warn: (message) => warnings.push(message),
      }),
    rebuilt: async (origin) => {
      const keyEncryptionKey = await keySource(dataDir, undefined).load()
      const log = join(dataDir, 'ledger', origin.split('/').at(-1) ?? '')
      const records = await collect(readLedger(log, { keyEncryptionKey }))
      return records.findLast(({ envelope }) => envelope.operation === 'ownership.rebuilt')?.event
    },
  }
  const state = await made.open()
  for (const name of ['alice', 'bob', 'carol']) {
    const taken = state.ownership.claim([contextOf(name)])
    assert.ok(taken.ok)
    const caller = `key:${name}`
    await state.audit.allowed({ ...facts, call: name, caller, origin: caller }, admittedOf(), taken.fresh)
  }
  const refusal = { code: 'AUTHZ_DENIED', detail: '' } as Parameters<State['audit']['refused']>[1]
  await state.audit.refused({ ...facts, caller: 'key:alice', origin: 'key:alice' }, refusal)
  await eraseEverywhere(state, 'key:alice', { config: configSchema.parse({}), isDryRun: false })
  assert.equal(state.ownership.claim([stolenBy('bob')]).ok, false)
  await state.close()
  return made
}

function assertOthers(state: State): void {
  for (const name of ['bob', 'carol'])
    assert.equal(state.ownership.context('calculator', '', `context of ${name}`)?.owner.caller, `key:${name}`)
}

test('an erasure and the starts after it give no warning, and keep the ids of the erased from all', async () => {
  const { open, warnings, index } = await rig()
  for (let start = 0; start < 2; start += 1) {
    const state = await open()
    assertOthers(state)
    for (const name of ['alice', 'bob']) assert.equal(state.ownership.claim([stolenBy(name)]).ok, false)
    await state.close()
  }
  assert.deepEqual(warnings, [])
  assert.equal(readFileSync(index, 'latin1').includes('key:alice'), false)
})

test('an index that is begun anew though it can be read keeps what is nobody’s', async () => {
  const { open, warnings, index, rebuilt } = await rig()
  const database = new DatabaseSync(index)
  database.exec('UPDATE applied SET records = records + 1')
  database.close()
  const state = await open()
  assertOthers(state)
  for (const name of ['alice', 'bob']) assert.equal(state.ownership.claim([stolenBy(name)]).ok, false)
  assert.equal(warnings.length, 1)
  await state.close()
  assert.equal(((await rebuilt(state.ledger.origin)) as { unreadable: number }).unreadable, 1)
  assert.equal(readFileSync(index, 'latin1').includes('key:alice'), false)
})

test('an index that is lost is made again without what nobody can read, and says of how many records', async () => {
  const { open, warnings, index, rebuilt } = await rig()
  for (const suffix of ['', '-wal', '-shm']) rmSync(index + suffix, { force: true })
  const state = await open()
  assertOthers(state)
  assert.match(warnings.join(), /the bodies of 1 record that may have claimed ids are gone.*free to whoever names it/)
  await state.close()
  const event = await rebuilt(state.ledger.origin)
  assert.deepEqual(event, {
    action: 'ownership.rebuilt',
    why: 'it was missing or older than the ledger',
    unreadable: 1,
  })
  // once is enough
  await (await open()).close()
  assert.equal(warnings.length, 1)
})
