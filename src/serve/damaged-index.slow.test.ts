// Somebody, or a disk, damaged index.db: pages, single bytes, the whole file, or it is the index of a log that was put
// back since. What the ledger says of owners holds after the next start, and that the index was begun anew is said.

import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import test from 'node:test'
import { readLedger } from '../audit/audit.ts'
import { createManualClock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import type { Claim } from '../exchange/exchange.ts'
import { openState, type State } from './state.ts'
import { facts } from './fake-state.ts'
import { admittedOf } from '../../test/fakes/walk.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'

interface Rig {
  readonly dataDir: string
  readonly index: string
  readonly warnings: string[]
  readonly open: () => Promise<State>
}

function rig(): Rig {
  const home = temporaryFolder()
  const dataDir = join(home, 'data')
  const warnings: string[] = []
  return {
    dataDir,
    index: join(dataDir, 'index.db'),
    warnings,
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
  }
}

const tasks = 300
const ownerOf = (number: number): string => (number % 2 === 0 ? 'key:alice' : 'key:bob')
const taskOf = (number: number, taskId: string = `task-${number}`): Claim => ({
  kind: 'task',
  taskId,
  contextId: '',
  agent: 'calculator',
  tenant: '',
  owner: { caller: ownerOf(number), origin: ownerOf(number) },
  groups: [],
  createdAtMs: 1_800_000_000_000 + number,
})

async function fill(state: State): Promise<void> {
  const taken = state.ownership.claim(Array.from({ length: tasks }, (_, number) => taskOf(number)))
  assert.ok(taken.ok)
  await state.audit.allowed(facts, admittedOf(), taken.fresh)
}

async function assertOwners(state: State): Promise<void> {
  for (let number = 0; number < tasks; number += 1)
    assert.equal(state.ownership.task('calculator', '', `task-${number}`)?.owner.caller, ownerOf(number))
  const owner = { caller: 'key:alice', origin: 'key:alice' }
  const page = await state.ownership.list('calculator', '', owner, { limit: tasks })
  assert.equal(page.rows.length, tasks / 2)
  assert.equal(page.total, tasks / 2)
  // and it can be written to
  const taken = state.ownership.claim([taskOf(0, 'fresh')])
  assert.ok(taken.ok)
  await state.ownership.flush()
  taken.undo()
  await state.ownership.flush()
}

const inDatabase = (path: string, sql: string): void => {
  const database = new DatabaseSync(path)
  database.exec(sql)
  database.close()
}

const damages: Record<string, (path: string) => void> = {
  'bytes all over its pages were flipped': (path) => {
    const bytes = readFileSync(path)
    for (let at = 8_192; at < bytes.length; at += 61) bytes[at] = (bytes[at] ?? 0) ^ 0x5a
    writeFileSync(path, bytes)
  },
  'a folder stands in its place': (path) => {
    rmSync(path)
    mkdirSync(join(path, 'deep'), { recursive: true })
  },
  'it says that more was applied than the ledger has': (path) =>
    inDatabase(path, 'UPDATE applied SET records = records + 1'),
  'a row that the replay meets cannot be read': (path) =>
    inDatabase(path, "UPDATE group_set SET groups = '{'; UPDATE applied SET records = 1"),
}

for (const [what, damage] of Object.entries(damages)) {
  test(`the owners are those of the ledger, and a warning is given, when ${what}`, async () => {
    const { open, index, warnings, dataDir } = rig()
    const first = await open()
    await fill(first)
    await first.close()
    assert.deepEqual(warnings, [])
    damage(index)
    const state = await open()
    await assertOwners(state)
    assert.equal(warnings.length, 1)
    const [, name = ''] = state.ledger.origin.split('/')
    await state.close()
    const operations: string[] = []
    for await (const { envelope } of readLedger(join(dataDir, 'ledger', name), {})) operations.push(envelope.operation)
    assert.ok(operations.includes('ownership.rebuilt'))
    // once is enough
    const next = await open()
    await assertOwners(next)
    assert.equal(warnings.length, 1)
    await next.close()
  })
}

test('an index that is sound and only cannot be written is kept', async () => {
  const { open, index, warnings } = rig()
  const first = await open()
  await fill(first)
  await first.close()
  inDatabase(index, 'DELETE FROM task; UPDATE applied SET records = 1')
  inDatabase(index, "CREATE TRIGGER failing BEFORE INSERT ON task BEGIN SELECT RAISE(ABORT, 'disk full'); END")
  await assert.rejects(open(), (error) => error instanceof Fault && error.code === 'STORE_UNREACHABLE')
  inDatabase(index, 'DROP TRIGGER failing')
  const state = await open()
  await assertOwners(state)
  assert.deepEqual(warnings, [])
  await state.close()
})

test('damage of the ledger is not taken for damage of the index', async () => {
  const { open, index, warnings, dataDir } = rig()
  const first = await open()
  await fill(first)
  await first.close()
  rmSync(index)
  const [, name = ''] = first.ledger.origin.split('/')
  const segment = join(dataDir, 'ledger', name, 'segments/00000000000000000000.seg')
  const bytes = readFileSync(segment)
  bytes[4_000] = (bytes[4_000] ?? 0) ^ 1
  writeFileSync(segment, bytes)
  await assert.rejects(open(), (error) => error instanceof Fault && error.code === 'LEDGER_CORRUPT')
  assert.deepEqual(warnings, [])
})
