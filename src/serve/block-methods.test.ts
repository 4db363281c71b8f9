import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test, { type TestContext } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import type { AuditTrail } from '../audit/audit.ts'
import { createManualClock, type ManualClock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import { openBlocks, type SqliteBlocks } from '../store/store.ts'
import { createBlockMethods } from './block-methods.ts'

interface World {
  readonly clock: ManualClock
  readonly path: string
  blocks: SqliteBlocks
  readonly methods: ReturnType<typeof createBlockMethods>
  /** action, subject, and how many blocks were in force when it was recorded */
  readonly recorded: string[]
  isLedgerFull: boolean
}

function make(t: TestContext): World {
  const clock = createManualClock()
  const path = join(temporaryFolder(), 'state.db')
  const blocks = openBlocks(path, clock)
  const recorded: string[] = []
  const audit: Pick<AuditTrail, 'administered'> = {
    administered: (action, subject) => {
      if (world.isLedgerFull) return Promise.reject(new Fault('LEDGER_FULL', 'full'))
      recorded.push(`${action} ${subject} ${blocks.list().length}`)
      return Promise.resolve({ origin: 'o', index: 0, leafHash: 'h' })
    },
  }
  // of the trail only this one is used
  const methods = createBlockMethods({ blocks, audit: audit as AuditTrail }, () => clock.nowMs())
  const world: World = { clock, path, blocks, methods, recorded, isLedgerFull: false }
  t.after(() => world.blocks.close())
  return world
}

const ci = { kind: 'caller', id: 'key:ci', reason: 'leaked', forMs: null } as const
const faulty =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof Fault && error.code === code

test('a block is in force before it is recorded, an unblock is recorded before it is', async (t) => {
  const { methods, recorded, blocks } = make(t)
  await methods['block.add'](ci)
  await methods['block.add']({ ...ci, kind: 'agent', id: 'planner' })
  await methods['block.remove'](ci)
  assert.deepEqual(recorded, ['block.caller key:ci 1', 'block.agent agent:planner 2', 'unblock.caller key:ci 2'])
  assert.equal(blocks.has('caller', 'key:ci'), false)
  assert.equal(blocks.has('agent', 'planner'), true)
})

test('with a ledger that cannot be written blocking works and says so, unblocking does not', async (t) => {
  const world = make(t)
  await world.methods['block.add']({ ...ci, id: 'key:before' })
  world.isLedgerFull = true
  await assert.rejects(world.methods['block.add'](ci), faulty('LEDGER_UNWRITABLE'))
  assert.equal(world.blocks.has('caller', 'key:ci'), true)
  await assert.rejects(world.methods['block.remove']({ ...ci, id: 'key:before' }), faulty('LEDGER_FULL'))
  assert.equal(world.blocks.has('caller', 'key:before'), true)
})

test('with a store that cannot be written blocking works until the process ends, and says so', async (t) => {
  const world = make(t)
  const other = new DatabaseSync(world.path)
  other.exec('DROP TABLE block')
  other.close()
  await assert.rejects(world.methods['block.add'](ci), faulty('STORE_UNREACHABLE'))
  assert.equal(world.blocks.has('caller', 'key:ci'), true)
  assert.equal(world.recorded.length, 1)
  await assert.rejects(world.methods['block.remove'](ci), faulty('STORE_UNREACHABLE'))
  assert.equal(world.blocks.has('caller', 'key:ci'), true)
})

test('it is there after a restart, until its time has come', async (t) => {
  const world = make(t)
  await world.methods['block.add'](ci)
  await world.methods['block.add']({ ...ci, id: 'key:brief', forMs: 60_000 })
  world.blocks.close()
  world.blocks = openBlocks(world.path, world.clock)
  assert.deepEqual(
    world.blocks.list().map(({ id, reason, untilMs }) => [id, reason, untilMs]),
    [
      ['key:ci', 'leaked', Infinity],
      ['key:brief', 'leaked', world.clock.nowMs() + 60_000],
    ],
  )
  world.clock.advance(59_999)
  assert.equal(world.blocks.has('caller', 'key:brief'), true)
  world.clock.advance(1)
  assert.equal(world.blocks.has('caller', 'key:brief'), false)
  assert.equal(world.blocks.has('caller', 'key:ci'), true)
  assert.equal(world.blocks.list().length, 1)
})

test('it is undone by its own id and kind alone', async (t) => {
  const { methods, blocks } = make(t)
  await methods['block.add']({ ...ci, id: 'key:laptop' })
  await methods['block.add']({ ...ci, kind: 'agent', id: 'planner' })
  for (const [kind, id] of [
    ['caller', 'user:corp/alice'],
    ['caller', 'key:*'],
    ['caller', 'key:lapto'],
    ['agent', 'key:laptop'],
    ['caller', 'agent:planner'],
    ['caller', 'planner'],
  ] as const)
    await assert.rejects(methods['block.remove']({ kind, id, reason: '' }), faulty('CONTROL_FAILED'))
  assert.equal(blocks.list().length, 2)
})

test('a second block of the same takes the place of the first', async (t) => {
  const { methods, blocks } = make(t)
  await methods['block.add']({ ...ci, forMs: 1_000 })
  await methods['block.add'](ci)
  assert.deepEqual(
    blocks.list().map(({ untilMs }) => untilMs),
    [Infinity],
  )
})

test('whoever listens hears of every change', async (t) => {
  const { methods, blocks } = make(t)
  let heard = 0
  const forget = blocks.onChange(() => (heard += 1))
  const before = blocks.version
  await methods['block.add'](ci)
  await methods['block.remove'](ci)
  forget()
  await methods['block.add'](ci)
  assert.equal(heard, 2)
  assert.notEqual(blocks.version, before)
})
