import assert from 'node:assert/strict'
import test from 'node:test'
import type { AuditTrail, Ledger } from '../audit/audit.ts'
import { administerKeys, createKeyUseBook, type KeyAdministration } from '../authenticate/authenticate.ts'
import { createManualClock, type ManualClock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import { memoryKeyStore } from '../../test/fakes/identity.ts'
import { createControlMethods } from './control-methods.ts'
import type { State } from './state.ts'

interface World {
  readonly clock: ManualClock
  readonly keys: KeyAdministration
  readonly recorded: string[]
  readonly methods: ReturnType<typeof createControlMethods>
  /** records that may still be written */
  left: number
}

function make(): World {
  const clock = createManualClock()
  const keys = administerKeys({ store: memoryKeyStore(), clock, environment: 'live', pepper: Buffer.alloc(32, 1) })
  const recorded: string[] = []
  const audit: Pick<AuditTrail, 'administered'> = {
    administered: (action, subject) => {
      if (world.left <= 0) return Promise.reject(new Fault('LEDGER_FULL', 'full'))
      world.left -= 1
      recorded.push(`${action} ${subject} ${keys.list().filter((key) => key.revokedAtMs === undefined).length}`)
      return Promise.resolve({ origin: 'o', index: 0, leafHash: 'h' })
    },
  }
  const reload = (): Promise<{ digest: string; changed: boolean; problems: [] }> =>
    Promise.resolve({ digest: 'd', changed: false, problems: [] })
  const ledger: Pick<Ledger, 'origin' | 'rotateKey'> = {
    origin: 'o',
    rotateKey: (overlapMs) => {
      recorded.push('rotated')
      return Promise.resolve({ vkey: 'new', retiring: 'old', retiresAtMs: clock.nowMs() + overlapMs })
    },
  }
  const withLog: State['withLog'] = (_, work) => work(ledger as Ledger) // as below
  // of the trail only this one is used
  const keyUse = createKeyUseBook({ clock, store: { load: () => new Map(), save: () => undefined } })
  const parts = { keys, keyUse, audit: audit as AuditTrail, withLog }
  const methods = createControlMethods(parts, () => clock.nowMs(), reload)
  const world: World = { clock, keys, recorded, methods, left: Infinity }
  return world
}

test('a key is recorded before there is one', async () => {
  const { methods, recorded } = make()
  const created = await methods['key.create']({ name: 'ci', expiresInMs: null })
  assert.match(created.key, /^sp_live_/)
  assert.deepEqual(recorded, ['key.create key:ci 0', 'key.create.done key:ci 1'])
})

test('where that cannot be recorded there is no key', async () => {
  const world = make()
  world.left = 0
  await assert.rejects(world.methods['key.create']({ name: 'ci', expiresInMs: null }))
  assert.deepEqual(world.keys.list(), [])
})

test('a key that cannot be recorded a second time is not given out', async () => {
  const world = make()
  world.left = 1
  await assert.rejects(world.methods['key.create']({ name: 'ci', expiresInMs: null }))
})

test('no record and no summary holds the key', async () => {
  const { methods, recorded } = make()
  const { key, summary } = await methods['key.create']({ name: 'ci', expiresInMs: 1_000 })
  const secret = key.slice(-49)
  assert.doesNotMatch(JSON.stringify([summary, recorded, await methods['key.list']({})]), new RegExp(secret))
  assert.equal(summary.expiresAtMs, 1_800_000_001_000)
  assert.equal(summary.revokedAtMs, null)
})

test('a key is revoked before that is recorded, and also where it cannot be', async () => {
  const world = make()
  await world.methods['key.create']({ name: 'ci', expiresInMs: null })
  world.left = 0
  await assert.rejects(
    world.methods['key.revoke']({ name: 'ci' }),
    (error: Fault) => error.code === 'LEDGER_UNWRITABLE',
  )
  assert.notEqual((await world.methods['key.list']({}))[0]?.revokedAtMs, null)
})

test('every key that a name revokes is recorded', async () => {
  const { methods, recorded } = make()
  await methods['key.create']({ name: 'ci', expiresInMs: null })
  await methods['key.create']({ name: 'ci', expiresInMs: null })
  assert.equal((await methods['key.revoke']({ name: 'ci' })).length, 2)
  assert.equal(recorded.filter((entry) => entry === 'key.revoke key:ci 0').length, 2)
})

test('a rotation tells how long the old secret lives on', async () => {
  const { methods, clock } = make()
  await methods['key.create']({ name: 'ci', expiresInMs: null })
  const { summary } = await methods['key.rotate']({ name: 'ci', overlapMs: 5_000 })
  assert.equal(summary.previousUntilMs, clock.nowMs() + 5_000)
})

test('the signing key of the ledger is rotated between two records', async () => {
  const { methods, recorded, clock } = make()
  const rotated = await methods['ledger.rotate-key']({ role: 'gateway', overlapMs: 5, reason: 'yearly' })
  assert.deepEqual(rotated, { origin: 'o', vkey: 'new', retiring: 'old', retiresAtMs: clock.nowMs() + 5 })
  assert.deepEqual(recorded, ['ledger.rotate-key  0', 'rotated', 'ledger.rotate-key.done  0'])
})

test('a rotation that cannot be recorded does not happen', async () => {
  const world = make()
  world.left = 0
  await assert.rejects(world.methods['ledger.rotate-key']({ role: 'gateway', overlapMs: 5, reason: '' }))
  assert.deepEqual(world.recorded, [])
})
