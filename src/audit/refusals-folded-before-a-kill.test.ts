// The attack: flood the gateway until refusals are folded, then have it killed before the window ends, so that the
// flood leaves no count. The next start says what is known of every fold that was opened, and that there was more.

import assert from 'node:assert/strict'
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mock, test, type TestContext } from 'node:test'
import {
  collect,
  copySample,
  createSample,
  sampleKeyEncryptionKey,
  sampleOrigin,
  type Sample,
} from '../../test/fakes/sample-ledger.ts'
import type { JsonObject } from '../base/strict-json.ts'
import { refuse } from '../refusal/refusal.ts'
import { createAuditTrail, type AuditTrail, type CallFacts } from './audit.ts'
import { findCutOff } from './cut-calls.ts'
import type { Ledger } from './ledger.ts'
import { createOpenCalls } from './open-calls.ts'
import { followFolds, parseFolds } from './open-folds.ts'
import { readLedger } from './read-ledger.ts'
import { verifyLedger } from './verify-ledger.ts'

const facts: CallFacts = {
  call: 'call',
  receivedAtMs: 5,
  snapshotDigest: 'd',
  source: '192.0.2.7',
  caller: '',
  origin: '',
  chain: [],
  authentication: '',
  credential: '',
  agent: '',
  operation: '',
  binding: '',
  version: '',
  tenant: '',
  task: '',
  context: '',
  requestBytes: 0,
  requestHash: '',
  trace: '',
}
const pathOf = (sample: Sample): string => join(sample.root, 'open-calls')

interface World {
  readonly sample: Sample
  readonly ledger: Ledger
  readonly trail: AuditTrail
  flood(count: number): Promise<void>
  /** lets five seconds pass, and what is then written be written */
  fiveSeconds(): Promise<void>
}

function trailOf(sample: Sample, ledger: Ledger): AuditTrail {
  const openCalls = createOpenCalls({ path: pathOf(sample), origin: sampleOrigin, logSize: () => ledger.size })
  return createAuditTrail({ ledger, clock: sample.clock, snapshotDigest: () => 'd', unknownPerMinute: 2, openCalls })
}

async function start(t: TestContext, sample: Sample = createSample()): Promise<World> {
  mock.timers.enable({ apis: ['setInterval'] })
  t.after(() => mock.timers.reset())
  const ledger = await sample.open()
  const trail = trailOf(sample, ledger)
  return {
    sample,
    ledger,
    trail,
    async flood(count) {
      for (let at = 0; at < count; at += 1)
        await trail.refusedUnknown({ ...facts, source: `192.0.2.${at % 9}` }, refuse('AUTHN_MISSING', ''))
    },
    async fiveSeconds() {
      const before = textOf(pathOf(sample))
      mock.timers.tick(5_000)
      const endMs = performance.now() + 10_000
      while (textOf(pathOf(sample)) === before) {
        assert.ok(performance.now() < endMs, 'never written')
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
  }
}

const textOf = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '')

/** The disk as a kill at this moment leaves it. */
function kill(sample: Sample): Sample {
  const copy = copySample(sample)
  if (existsSync(pathOf(sample))) cpSync(pathOf(sample), pathOf(copy))
  return copy
}

/** Starts and stops on what is there; says how many folds were found open. */
async function restart(sample: Sample): Promise<number> {
  const ledger = await sample.open()
  const cut = await findCutOff({
    dir: sample.dir,
    origin: sampleOrigin,
    size: ledger.size,
    openCallsPath: pathOf(sample),
    keyEncryptionKey: sampleKeyEncryptionKey,
  })
  const trail = trailOf(sample, ledger)
  await trail.settle(cut.calls, cut.folds)
  await trail.close()
  return cut.folds.length
}

async function foldsOf(sample: Sample): Promise<JsonObject[]> {
  const records = await collect(readLedger(sample.dir, { keyEncryptionKey: sampleKeyEncryptionKey }))
  return records.flatMap(({ event }) => (event !== undefined && 'folded' in event ? [event] : []))
}

test('what was counted before the last writing is said at the next start, and that it is not all', async (t) => {
  const world = await start(t)
  await world.flood(12)
  await world.fiveSeconds()
  await world.flood(5)
  const killed = kill(world.sample)
  assert.equal(await restart(killed), 1)
  const [fold, ...others] = await foldsOf(killed)
  assert.deepEqual(others, [])
  const { folded, codes, sources, otherSources, uncounted, sinceMs } = fold ?? {}
  assert.deepEqual(
    { folded, codes, sources, otherSources, uncounted, sinceMs },
    {
      folded: 10,
      codes: { AUTHN_MISSING: 10 },
      sources: {},
      otherSources: 10,
      uncounted: true,
      sinceMs: world.sample.clock.nowMs(),
    },
  )
  assert.equal(await restart(killed), 0, 'said once')
  assert.equal((await foldsOf(killed)).length, 1)
  rmSync(pathOf(killed))
  assert.deepEqual((await verifyLedger(killed.root)).problems, [])
  await world.trail.close()
})

for (const [name, spoil] of [
  ['never written', (path: string) => rmSync(path, { force: true })],
  ['torn', (path: string) => writeFileSync(path, '{"v":1,"origin"')],
  ['of another log', (path: string) => writeFileSync(path, '{"v":1,"origin":"x","size":1,"calls":{}}\n')],
] as const) {
  test(`with the file ${name}, the opened fold itself is enough`, async (t) => {
    const world = await start(t)
    await world.flood(9)
    const killed = kill(world.sample)
    spoil(pathOf(killed))
    assert.equal(await restart(killed), 1)
    const [fold] = await foldsOf(killed)
    assert.deepEqual([fold?.['folded'], fold?.['uncounted']], [1, true])
    await world.trail.close()
  })
}

test('no source and no caller is written beside the ledger', async (t) => {
  const world = await start(t)
  await world.flood(9)
  for (let at = 0; at < 9; at += 1)
    await world.trail.refused({ ...facts, caller: 'key:alice' }, refuse('LIMIT_RATE', ''))
  await world.fiveSeconds()
  const text = textOf(pathOf(world.sample))
  assert.match(text, /AUTHN_FLOOD.*LIMIT_RATE/)
  assert.doesNotMatch(text, /192\.0\.2|alice/)
  assert.equal(await restart(kill(world.sample)), 2)
  await world.trail.close()
})

test('a clean stop leaves nothing to say', async (t) => {
  const world = await start(t)
  await world.flood(9)
  await world.fiveSeconds()
  await world.trail.close()
  assert.doesNotMatch(textOf(pathOf(world.sample)), /folds/)
  assert.equal(await restart(world.sample), 0)
  const folds = await foldsOf(world.sample)
  assert.deepEqual(
    folds.map(({ folded, uncounted }) => [folded, uncounted]),
    [[7, undefined]],
  )
})

test('a fold that was said after the last writing is not said again, the one after it is', async (t) => {
  const world = await start(t)
  await world.flood(9)
  await world.fiveSeconds()
  world.sample.clock.advance(60_000)
  await world.flood(6)
  const killed = kill(world.sample)
  assert.equal(await restart(killed), 1)
  assert.deepEqual(
    (await foldsOf(killed)).map(({ folded, uncounted }) => [folded, uncounted]),
    [
      [7, undefined],
      [1, true],
    ],
  )
  await world.trail.close()
})

test('while the start cannot write, the counts stay in the file for the next one', async (t) => {
  const world = await start(t)
  await world.flood(12)
  await world.fiveSeconds()
  const killed = kill(world.sample)
  const ledger = await killed.open()
  const options = { dir: killed.dir, origin: sampleOrigin, keyEncryptionKey: sampleKeyEncryptionKey }
  const cut = await findCutOff({ ...options, size: ledger.size, openCallsPath: pathOf(killed) })
  const full: Ledger = {
    ...ledger,
    origin: ledger.origin,
    size: ledger.size,
    append: () => Promise.reject(new Error('ENOSPC')),
    close: () => ledger.close(),
  }
  const trail = trailOf(killed, full)
  await trail.settle(cut.calls, cut.folds)
  await trail.close()
  assert.match(textOf(pathOf(killed)), /"count":10/)
  assert.equal(await restart(killed), 1)
  assert.equal((await foldsOf(killed))[0]?.['folded'], 10)
  await world.trail.close()
})

test('a record of counts closes what it names; one of an earlier version, which names nothing, all before it', () => {
  const follower = followFolds([])
  const open = (): unknown[] => follower.open.map(({ code, openings }) => [code, ...openings])
  follower.note(1, 'AUTHN_FLOOD', { foldingSince: 1 })
  follower.note(2, 'LIMIT_RATE', { foldingSince: 2 })
  follower.note(3, 'AUTHN_FLOOD', { foldingSince: 3 })
  follower.note(4, 'AUTHN_FLOOD', { folded: 9, openings: [1] })
  assert.deepEqual(open(), [
    ['LIMIT_RATE', 2],
    ['AUTHN_FLOOD', 3],
  ])
  follower.note(5, 'AUTHN_FLOOD', { folded: 9 })
  assert.deepEqual(open(), [['LIMIT_RATE', 2]])
  for (const event of [undefined, {}, { foldingSince: 'x' }]) follower.note(6, 'AUTHN_FLOOD', event)
  follower.note(7, 'OTHER', { foldingSince: 7 })
  assert.deepEqual(open(), [['LIMIT_RATE', 2]])
})

test('folds that are not what was written are not believed', () => {
  const fold = { code: 'AUTHN_FLOOD', openings: [1], sinceMs: 1, count: 1, codes: { X: 1 } }
  assert.equal(parseFolds([fold])?.length, 1)
  for (const value of [
    {},
    'x',
    [null],
    [{ ...fold, code: 'X' }],
    [{ ...fold, openings: [-1] }],
    [{ ...fold, openings: 1 }],
    [{ ...fold, count: 1.5 }],
    [{ ...fold, codes: { X: '1' } }],
    [{ ...fold, codes: null }],
    [{ ...fold, sinceMs: undefined }],
    Array.from({ length: 65 }, () => fold),
  ])
    assert.equal(parseFolds(value), undefined, JSON.stringify(value))
})
