// The attack: make one record that the receiver of an export will not take, by its size or a field that its schema has
// no room for, and nothing after it is ever copied or pruned. The record is set aside, on record, and the rest goes on.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import {
  createSample,
  sampleKeyEncryptionKey,
  sampleOrigin,
  sampleRecord,
  type Sample,
} from '../../test/fakes/sample-ledger.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import type { Ledger } from '../audit/audit.ts'
import type { JsonObject } from '../base/strict-json.ts'
import { startExport, type RecordExport } from './export-records.ts'
import { SendFailure } from './export-target.ts'

interface World {
  readonly running: RecordExport
  readonly ledger: Ledger
  readonly sample: Sample
  /** indices that arrived */
  readonly arrived: number[]
  /** sizes of the attempts */
  readonly attempts: number[]
  readonly acts: { action: string; event: JsonObject; atMs: number }[]
  readonly waits: number[]
  cursor(): number | undefined
}

interface Receiver {
  /** the status that a batch of these indices gets; 0: it is taken */
  readonly judge: (indices: readonly number[], attempt: number) => number
  /** whether an administrative record can be written */
  readonly canRecord?: (attempt: number) => boolean
}

async function start(t: TestContext, count: number, { judge, canRecord = () => true }: Receiver): Promise<World> {
  const dataDir = temporaryFolder()
  const sample = createSample(join(dataDir, 'ledger'))
  const ledger = await sample.open()
  await Promise.all(Array.from({ length: count }, (_, number) => ledger.append(sampleRecord(number))))
  const world: Pick<World, 'arrived' | 'attempts' | 'acts' | 'waits'> = {
    arrived: [],
    attempts: [],
    acts: [],
    waits: [],
  }
  let records = 0
  const running = startExport({
    name: 'siem',
    kind: 'test',
    target: {
      address: 'here',
      send({ records: sent }) {
        const indices = sent.map(({ index }) => index)
        world.attempts.push(indices.length)
        const status = judge(indices, world.attempts.length)
        if (status !== 0) return Promise.reject(new SendFailure(`status ${status}`, undefined, status))
        world.arrived.push(...indices)
        return Promise.resolve({ rejected: 0, why: '' })
      },
      close: () => Promise.resolve(),
    },
    dataDir,
    keyEncryptionKey: sampleKeyEncryptionKey,
    version: '0.1.0',
    clock: sample.clock,
    audit: {
      administered(action, _subject, event) {
        records += 1
        if (!canRecord(records)) return Promise.reject(new Error('full'))
        world.acts.push({ action, event, atMs: sample.clock.monotonicMs() })
        return Promise.resolve({ origin: '', index: 0, leafHash: '' })
      },
    },
    log: { info: () => undefined, warn: () => undefined },
    sizes: () => new Map([[sampleOrigin, ledger.size]]),
    wait: async (ms) => {
      if (ms !== 250) world.waits.push(ms)
      sample.clock.advance(ms)
      await turn()
    },
  })
  t.after(async () => {
    await running.stop()
    await ledger.close()
  })
  const cursor = (): number | undefined =>
    JSON.parse(readFileSync(join(dataDir, 'export', 'siem.json'), 'utf8')).next[sampleOrigin]
  return { ...world, running, ledger, sample, cursor }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const upTo = (size: number): number[] => Array.from({ length: size }, (_, index) => index)
const setAside = ({ acts }: World): JsonObject[] =>
  acts.filter(({ action }) => action === 'export.undeliverable').map(({ event }) => event)

async function until(isReached: () => boolean, what: string): Promise<void> {
  const endMs = performance.now() + 10_000
  while (!isReached()) {
    assert.ok(performance.now() < endMs, `never: ${what}`)
    await turn()
  }
}

for (const status of [400, 413, 422]) {
  test(`a record that gets ${status} is set aside, and everything around it arrives once and in order`, async (t) => {
    const world = await start(t, 300, { judge: (indices) => (indices.includes(77) ? status : 0) })
    const { ledger, running } = world
    await until(() => running.report().lagRecords === 0, 'all sent')
    assert.deepEqual(
      world.arrived,
      upTo(ledger.size).filter((index) => index !== 77),
    )
    assert.deepEqual(setAside(world), [{ name: 'siem', log: sampleOrigin, index: 77, status }])
    const { sent, undeliverable } = running.report()
    assert.deepEqual([sent, undeliverable], [ledger.size - 1, 1])
    await until(() => world.cursor() === ledger.size, 'the cursor')
  })
}

test('one record is tried three times, over a minute, before it is set aside', async (t) => {
  const world = await start(t, 0, { judge: (indices) => (indices.includes(0) ? 400 : 0) })
  await until(() => setAside(world).length === 1, 'set aside')
  assert.ok(world.attempts.filter((size) => size === 1).length >= 3)
  assert.ok(world.waits.reduce((sum, ms) => sum + ms, 0) >= 60_000)
})

test('a refusal in passing sets nothing aside', async (t) => {
  const world = await start(t, 5, { judge: (_, attempt) => (attempt < 5 ? 400 : 0) })
  await until(() => world.running.report().lagRecords === 0, 'all sent')
  assert.deepEqual(setAside(world), [])
  assert.deepEqual(world.arrived, upTo(world.ledger.size))
})

test('a batch that is too large is sent in halves, without a pause', async (t) => {
  const world = await start(t, 200, { judge: (indices) => (indices.length > 20 ? 413 : 0) })
  await until(() => world.running.report().lagRecords === 0, 'all sent')
  assert.deepEqual(world.arrived, upTo(world.ledger.size))
  assert.deepEqual(setAside(world), [])
  assert.deepEqual(world.waits, [])
})

for (const status of [401, 403, 404, 409, 429, 500, 503]) {
  test(`${status} never sets a record aside: it is asked again for as long as it takes`, async (t) => {
    const world = await start(t, 3, { judge: (_, attempt) => (attempt < 40 ? status : 0) })
    await until(() => world.running.report().lagRecords === 0, 'all sent')
    assert.deepEqual(setAside(world), [])
    assert.equal(new Set(world.attempts).size, 1, 'never in halves')
    assert.deepEqual(world.arrived, upTo(world.ledger.size))
  })
}

test('while it cannot be said, the cursor does not pass the record', async (t) => {
  let isFull = true
  const world = await start(t, 3, {
    judge: (indices) => (indices.includes(2) ? 422 : 0),
    canRecord: (attempt) => attempt === 1 || !isFull,
  })
  await until(() => world.waits.length > 30, 'tried for long')
  assert.equal(world.running.sentBelow(sampleOrigin), 2)
  assert.deepEqual(world.arrived, [0, 1])
  isFull = false
  await until(() => world.running.report().lagRecords === 0, 'all sent')
  assert.equal(setAside(world).length, 1)
  assert.deepEqual(
    world.arrived,
    upTo(world.ledger.size).filter((index) => index !== 2),
  )
})
