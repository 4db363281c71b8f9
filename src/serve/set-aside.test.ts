// The way out of a log that cannot be gone on with: nothing is deleted, the new log says what it succeeds, owners of
// tasks stay who they were, and a kill in between loses none of it. A log that opens is not set aside.

import assert from 'node:assert/strict'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { collect } from '../../test/fakes/sample-ledger.ts'
import { admittedOf } from '../../test/fakes/walk.ts'
import { claimedOrigin, readLedger, verifyLedger, writeSuccession } from '../audit/audit.ts'
import { createManualClock } from '../base/clock.ts'
import { Fault, type FaultCode } from '../base/fault.ts'
import type { JsonObject } from '../base/strict-json.ts'
import type { BeginAnewReport } from '../cli/ports.ts'
import type { Claim } from '../exchange/exchange.ts'
import { facts, home, open } from './fake-state.ts'
import { beginAnew } from './set-aside.ts'
import { keySource } from './key-encryption-key.ts'

const refusedWith =
  (code: FaultCode) =>
  (error: unknown): boolean =>
    error instanceof Fault && error.code === code

const alice = { caller: 'key:alice', origin: 'key:alice' }
const mallory = { caller: 'key:mallory', origin: 'key:mallory' }
const claimOf = (taskId: string, owner: typeof alice): Claim => ({
  kind: 'task',
  agent: 'calculator',
  tenant: '',
  taskId,
  contextId: '',
  owner,
  groups: [],
  createdAtMs: 1_800_000_000_000,
})

interface World {
  readonly dataDir: string
  readonly origin: string
  readonly dir: string
}

/** A gateway that has recorded alice's task, and was stopped. */
async function make(): Promise<World> {
  const dataDir = home()
  const state = await open(dataDir)
  const { origin } = state.ledger
  const taken = state.ownership.claim([claimOf('t1', alice)])
  assert.ok(taken.ok)
  await state.audit.allowed(facts, admittedOf(), taken.fresh)
  await state.close()
  return { dataDir, origin, dir: join(dataDir, 'ledger', origin.slice(-8)) }
}

const run = (dataDir: string, changes: { althoughItOpens?: boolean; role?: 'gateway' | 'cli' } = {}) =>
  beginAnew({
    dataDir,
    loaded: undefined,
    role: 'gateway',
    reason: 'the disk failed',
    althoughItOpens: false,
    ...changes,
    clock: createManualClock(),
  })

async function saidOf({ dataDir }: World, origin: string): Promise<JsonObject | undefined> {
  const keyEncryptionKey = await keySource(dataDir, undefined).load()
  const records = await collect(readLedger(join(dataDir, 'ledger', origin.slice(-8)), { keyEncryptionKey }))
  return records.find(({ envelope }) => envelope.operation === 'ledger.begun-anew')?.event
}

const damages: Readonly<Record<string, (world: World) => void>> = {
  'its checkpoint is missing': ({ dir }) => rmSync(join(dir, 'checkpoint')),
  'its records are fewer than were signed': ({ dir }) => {
    const [name = ''] = readdirSync(join(dir, 'segments'))
    truncateSync(join(dir, 'segments', name), 700)
  },
  'its segments are gone': ({ dir }) => rmSync(join(dir, 'segments'), { recursive: true }),
  'all of it is gone': ({ dir }) => rmSync(dir, { recursive: true }),
  'its list of keys is missing': ({ dir }) => rmSync(join(dir, 'key.vkey')),
  'its signing key is lost': ({ dataDir, origin }) => rmSync(join(dataDir, 'keys', `ledger-${origin.slice(-8)}.pem`)),
}

async function checkBegun(world: World, report: BeginAnewReport): Promise<void> {
  const { dataDir, origin } = world
  assert.ok(report.kind === 'begun')
  assert.notEqual(report.origin, origin)
  assert.equal(report.abandoned.origin, origin)
  assert.equal(await claimedOrigin(dataDir, 'gateway'), report.origin)
  const verified = await verifyLedger(join(dataDir, 'ledger'))
  assert.deepEqual(verified.problems, [])
  assert.deepEqual(
    verified.logs.map((log) => log.origin),
    [report.origin],
  )
  assert.ok(
    verified.notes.some(({ message }) => message.startsWith(`this log succeeds ${origin}, which was set aside`)),
  )
  const keyEncryptionKey = await keySource(dataDir, undefined).load()
  const records = await collect(readLedger(join(dataDir, 'ledger', report.origin.slice(-8)), { keyEncryptionKey }))
  assert.equal(records[1]?.envelope.operation, 'log-succeeds')
  const said = records.filter(({ envelope }) => envelope.operation === 'ledger.begun-anew')
  assert.equal(said[0]?.event?.['origin'], origin)
  assert.equal(said[0]?.event?.['reason'], 'the disk failed')
  assert.equal(existsSync(join(dataDir, 'keys/ledger-gateway.succeeds')), false)
  const state = await open(dataDir)
  assert.equal(state.ledger.origin, report.origin)
  await state.close()
}

for (const [what, damage] of Object.entries(damages)) {
  test(`begins anew when ${what}, and says so`, async () => {
    const world = await make()
    damage(world)
    await assert.rejects(open(world.dataDir), Fault)
    const before = existsSync(world.dir) ? readdirSync(world.dir).filter((name) => name !== 'segments') : undefined
    const report = await run(world.dataDir)
    await checkBegun(world, report)
    assert.ok(report.kind === 'begun')
    assert.equal(existsSync(world.dir), false)
    if (before === undefined) return assert.equal(report.abandoned.movedTo, '')
    const after = readdirSync(join(world.dataDir, report.abandoned.movedTo))
    for (const name of before) assert.ok(after.includes(name), name)
  })
}

test('what the old log had signed last stands in the new one, in clear', async () => {
  const world = await make()
  const [, size, root] = readFileSync(join(world.dir, 'checkpoint'), 'utf8').split('\n')
  damages['its signing key is lost']?.(world)
  const report = await run(world.dataDir)
  assert.ok(report.kind === 'begun')
  assert.deepEqual([String(report.abandoned.size), report.abandoned.root], [size, root])
  const records = await collect(readLedger(join(world.dataDir, 'ledger', report.origin.slice(-8))))
  assert.deepEqual(records[1]?.envelope.fields, { succeeds: `${world.origin} ${size} ${root}` })
})

test('a checkpoint that the old log never signed is not repeated', async () => {
  const world = await make()
  const path = join(world.dir, 'checkpoint')
  writeFileSync(path, readFileSync(path, 'utf8').replace(/\n\d+\n/, '\n999999\n'))
  const report = await run(world.dataDir)
  assert.ok(report.kind === 'begun')
  assert.equal(report.abandoned.size, undefined)
})

test('a log that opens is left alone, unless that is said', async () => {
  const world = await make()
  assert.deepEqual(await run(world.dataDir), { kind: 'sound', origin: world.origin })
  assert.equal(existsSync(join(world.dataDir, 'set-aside')), false)
  await checkBegun(world, await run(world.dataDir, { althoughItOpens: true }))
})

test('refuses while a process holds the data directory', async () => {
  const { dataDir } = await make()
  const state = await open(dataDir)
  await assert.rejects(run(dataDir), refusedWith('LEDGER_LOCKED'))
  await state.close()
})

test('refuses for a role that has no log, and begins none', async () => {
  const { dataDir } = await make()
  await assert.rejects(run(dataDir, { role: 'cli' }), refusedWith('CONTROL_FAILED'))
  assert.equal(readdirSync(join(dataDir, 'ledger')).length, 1)
})

test('owners recorded by the old log keep what is theirs, also when their index is lost', async () => {
  const world = await make()
  damages['its checkpoint is missing']?.(world)
  await run(world.dataDir)
  for (const name of [undefined, 'index.db', 'index.db-wal', 'index.db-shm']) {
    if (name !== undefined) rmSync(join(world.dataDir, name), { force: true })
    const state = await open(world.dataDir)
    assert.deepEqual(state.ownership.task('calculator', '', 't1')?.owner, alice)
    assert.equal(state.ownership.claim([claimOf('t1', mallory)]).ok, false)
    await state.close()
  }
})

test('an index that knows more than the old log has left keeps it', async () => {
  const world = await make()
  damages['its records are fewer than were signed']?.(world)
  await run(world.dataDir)
  const state = await open(world.dataDir)
  assert.deepEqual(state.ownership.task('calculator', '', 't1')?.owner, alice)
  await state.close()
})

const abandonedOf = (world: World, movedTo: string) => ({
  origin: world.origin,
  fault: 'the checkpoint file is missing',
  reason: 'the disk failed',
  movedTo,
})

test('killed before the old log was moved, the next try begins anew', async () => {
  const world = await make()
  damages['its checkpoint is missing']?.(world)
  await writeSuccession(world.dataDir, 'gateway', abandonedOf(world, 'set-aside/never'))
  await assert.rejects(open(world.dataDir), refusedWith('LEDGER_CORRUPT'))
  await checkBegun(world, await run(world.dataDir))
})

test('killed when the old log was moved, the next try knows what it knew', async () => {
  const world = await make()
  const known = { ...abandonedOf(world, 'set-aside/moved'), size: 4, root: 'A'.repeat(44) }
  await writeSuccession(world.dataDir, 'gateway', known)
  cpSync(world.dir, join(world.dataDir, 'set-aside/moved'), { recursive: true })
  rmSync(world.dir, { recursive: true })
  await assert.rejects(open(world.dataDir), refusedWith('LEDGER_CORRUPT'))
  const report = await run(world.dataDir)
  await checkBegun(world, report)
  assert.ok(report.kind === 'begun')
  assert.deepEqual([report.abandoned.size, report.abandoned.movedTo], [4, 'set-aside/moved'])
})

test('killed before the new log was begun, the next start begins it and says so', async () => {
  const world = await make()
  await writeSuccession(world.dataDir, 'gateway', abandonedOf(world, 'set-aside/moved'))
  renameSync(world.dir, join(world.dataDir, 'moved'))
  rmSync(join(world.dataDir, 'keys/ledger-gateway.origin'))
  const state = await open(world.dataDir)
  const { origin } = state.ledger
  await state.close()
  await checkBegun(world, { kind: 'begun', origin, abandoned: abandonedOf(world, '') })
})

test('a try that was cut short, finished by another: both reasons are recorded, and said', async () => {
  for (const isMoved of [false, true]) {
    const world = await make()
    damages['its checkpoint is missing']?.(world)
    const known = { ...abandonedOf(world, 'set-aside/moved'), reason: 'the first try' }
    await writeSuccession(world.dataDir, 'gateway', known)
    if (isMoved) {
      mkdirSync(join(world.dataDir, 'set-aside'))
      renameSync(world.dir, join(world.dataDir, 'set-aside/moved'))
    }
    const report = await run(world.dataDir)
    await checkBegun(world, report)
    assert.ok(report.kind === 'begun')
    assert.equal(report.abandoned.earlierReason, 'the first try')
    assert.equal((await saidOf(world, report.origin))?.['earlierReason'], 'the first try')
  }
})

test('killed when the old log was forgotten, the next try goes on, and records both reasons', async () => {
  const world = await make()
  const known = { ...abandonedOf(world, 'set-aside/moved'), reason: 'the first try', size: 4, root: 'A'.repeat(44) }
  await writeSuccession(world.dataDir, 'gateway', known)
  mkdirSync(join(world.dataDir, 'set-aside'))
  renameSync(world.dir, join(world.dataDir, 'set-aside/moved'))
  rmSync(join(world.dataDir, 'keys/ledger-gateway.origin'))
  const report = await run(world.dataDir)
  await checkBegun(world, report)
  assert.ok(report.kind === 'begun')
  const { earlierReason, size, movedTo } = report.abandoned
  assert.deepEqual([earlierReason, size, movedTo], ['the first try', 4, 'set-aside/moved'])
})

test('what a killed try knew of a log that went on is never said of it later', async () => {
  const world = await make()
  const known = { ...abandonedOf(world, 'set-aside/never'), size: 1, root: 'A'.repeat(44) }
  await writeSuccession(world.dataDir, 'gateway', known)
  await (await open(world.dataDir)).close()
  assert.equal(existsSync(join(world.dataDir, 'keys/ledger-gateway.succeeds')), false)
  rmSync(world.dir, { recursive: true })
  const report = await run(world.dataDir)
  await checkBegun(world, report)
  assert.ok(report.kind === 'begun')
  const { size, movedTo, earlierReason } = report.abandoned
  assert.deepEqual([size, movedTo, earlierReason], [undefined, '', undefined])
})

test('a try that finds the log sound forgets what the one before it had begun to say', async () => {
  const world = await make()
  await writeSuccession(world.dataDir, 'gateway', abandonedOf(world, 'set-aside/never'))
  assert.equal((await run(world.dataDir)).kind, 'sound')
  assert.equal(existsSync(join(world.dataDir, 'keys/ledger-gateway.succeeds')), false)
})

test('a log that was put back after all succeeds nothing', async () => {
  const world = await make()
  await writeSuccession(world.dataDir, 'gateway', abandonedOf(world, 'set-aside/never'))
  const state = await open(world.dataDir)
  assert.equal(state.ledger.origin, world.origin)
  await state.close()
  assert.deepEqual((await verifyLedger(join(world.dataDir, 'ledger'))).notes, [])
})
