import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createManualClock } from '../base/clock.ts'
import type { AgentConfig, Snapshot } from '../config/config.ts'
import { settled, snapshotOf } from '../../test/fakes/walk.ts'
import { createDeclaredExtensions } from './declared-extensions.ts'

const card = (...required: string[]): Buffer =>
  Buffer.from(
    JSON.stringify({ name: 'x', capabilities: { extensions: required.map((uri) => ({ uri, required: true })) } }),
  )

interface World {
  readonly snapshot: Snapshot
  readonly agent: AgentConfig
  readonly asked: string[]
  readonly clock: ReturnType<typeof createManualClock>
  answer: () => Promise<Buffer>
  required(this: void, agent?: AgentConfig): readonly string[] | undefined
  warm(this: void, snapshot: Snapshot): void
}

function world(): World {
  const snapshot = snapshotOf()
  const agent = snapshot.config.agents[0] ?? assert.fail()
  const clock = createManualClock()
  const asked: string[] = []
  const book = createDeclaredExtensions({
    clock,
    fetchCard: (of) => {
      asked.push(of.url)
      return it.answer()
    },
  })
  const it: World = {
    snapshot,
    agent,
    asked,
    clock,
    answer: () => Promise.resolve(card('urn:r')),
    required: (of = agent) => book.of(of, snapshot)?.required,
    warm: (of) => book.warm(of),
  }
  return it
}

test('the first to ask is not kept waiting, and the next one knows', async () => {
  const { required, asked } = world()
  assert.equal(required(), undefined)
  assert.equal(required(), undefined)
  await settled()
  assert.deepEqual(required(), ['urn:r'])
  assert.equal(asked.length, 1)
})

test('cards are read before anybody asks', async () => {
  const { required, warm, snapshot, asked } = world()
  warm(snapshot)
  await settled()
  assert.deepEqual(required(), ['urn:r'])
  warm(snapshot)
  assert.equal(asked.length, 1)
})

test('a card is read again after a minute, and until then what it said holds', async () => {
  const it = world()
  it.required()
  await settled()
  it.answer = () => Promise.resolve(card())
  it.clock.advance(59_000)
  assert.deepEqual(it.required(), ['urn:r'])
  it.clock.advance(2_000)
  assert.deepEqual(it.required(), ['urn:r'])
  await settled()
  assert.deepEqual(it.required(), [])
  assert.equal(it.asked.length, 2)
})

test('an agent that hides its card, or spoils it, is not rid of what it required', async () => {
  const it = world()
  it.required()
  await settled()
  for (const answer of [
    (): Promise<Buffer> => Promise.reject(new Error('gone')),
    (): Promise<Buffer> => Promise.resolve(Buffer.from('{"name":"x","name":"y"}')),
    (): Promise<Buffer> => Promise.resolve(Buffer.from('[]')),
    (): Promise<Buffer> => Promise.resolve(Buffer.from([0xff])),
    (): Promise<Buffer> => Promise.resolve(Buffer.from('')),
  ]) {
    it.answer = answer
    it.clock.advance(61_000)
    it.required()
    await settled()
    assert.deepEqual(it.required(), ['urn:r'])
  }
})

test('an agent that cannot be reached is not asked by every call', async () => {
  const it = world()
  it.answer = () => Promise.reject(new Error('gone'))
  for (let call = 0; call < 100; call += 1) {
    assert.equal(it.required(), undefined)
    await settled()
  }
  assert.equal(it.asked.length, 1)
  it.clock.advance(10_001)
  it.required()
  assert.equal(it.asked.length, 2)
})

test('a card that never comes holds nobody, and is asked for once', async () => {
  const it = world()
  it.answer = () => new Promise(() => undefined)
  it.required()
  it.clock.advance(600_000)
  assert.equal(it.required(), undefined)
  await settled()
  assert.equal(it.asked.length, 1)
})

test('what another address said counts for nothing', async () => {
  const it = world()
  it.required()
  await settled()
  const moved = { ...it.agent, url: 'http://127.0.0.1:10/' }
  it.answer = () => Promise.resolve(card('urn:s'))
  assert.equal(it.required(moved), undefined)
  await settled()
  assert.deepEqual(it.required(moved), ['urn:s'])
  it.warm(snapshotOf({ agents: [] }))
  assert.equal(it.required(moved), undefined)
})
