import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ecKey, jwkOf, rsaKey } from '../../test/fakes/identity.ts'
import { createManualClock, type ManualClock } from '../base/clock.ts'
import { createKeySource, type KeySource } from './key-source.ts'

interface Rig {
  readonly clock: ManualClock
  readonly source: KeySource
  loads: number
  answer: () => Promise<Buffer>
}

const minuteMs = 60_000

function rig(): Rig {
  const clock = createManualClock()
  const made: Rig = {
    clock,
    loads: 0,
    answer: async () => Buffer.from(JSON.stringify({ keys: [jwkOf(ecKey)] })),
    source: createKeySource({
      clock,
      freshMs: 10 * minuteMs,
      load: () => {
        made.loads++
        return made.answer()
      },
    }),
  }
  return made
}

const unreachable = async (): Promise<Buffer> => {
  throw new Error('unreachable')
}

test('many who wait at once cause one fetch', async () => {
  const made = rig()
  const sets = await Promise.all(Array.from({ length: 100 }, () => made.source.wait()))
  assert.ok(sets.every((set) => set?.length === 1))
  assert.equal(made.loads, 1)
})

test('asks again only when the set has aged, ahead of its end', async () => {
  const made = rig()
  await made.source.wait()
  made.clock.advance(7 * minuteMs)
  assert.ok(made.source.current())
  assert.equal(made.loads, 1)
  made.clock.advance(2 * minuteMs)
  assert.ok(made.source.current())
  assert.ok(made.source.current())
  assert.equal(made.loads, 2)
})

test('after a long silence nobody is believed before the set was fetched anew', async () => {
  const made = rig()
  await made.source.wait()
  made.clock.advance(30 * minuteMs)
  assert.equal(made.source.current(), undefined)
  assert.ok(await made.source.wait())
  assert.equal(made.loads, 2)
})

test('goes on with the old set for an hour while the issuer cannot be reached, and no longer', async () => {
  const made = rig()
  await made.source.wait()
  made.answer = unreachable
  made.clock.advance(30 * minuteMs)
  assert.ok(await made.source.wait())
  assert.equal(made.source.problem, 'unreachable')
  made.clock.advance(29 * minuteMs)
  assert.ok(made.source.current())
  made.clock.advance(minuteMs)
  assert.equal(made.source.current(), undefined)
  assert.equal(await made.source.wait(), undefined)
})

test('an issuer that cannot be reached is not asked more than once in five seconds', async () => {
  const made = rig()
  made.answer = unreachable
  for (let i = 0; i < 50; i++) assert.equal(await made.source.wait(), undefined)
  assert.equal(made.loads, 1)
  made.clock.advance(5000)
  made.answer = async () => Buffer.from(JSON.stringify({ keys: [jwkOf(ecKey)] }))
  assert.ok(await made.source.wait())
  assert.equal(made.loads, 2)
})

test('a set that cannot be read does not replace one that could', async () => {
  const made = rig()
  const [key] = (await made.source.wait()) ?? []
  assert.ok(key)
  for (const text of ['', '{"keys":7}', 'x'.repeat(1_048_577)]) {
    made.answer = async () => Buffer.from(text)
    made.clock.advance(minuteMs)
    await made.source.refetch()
    assert.ok(made.source.holds(key))
    assert.notEqual(made.source.problem, undefined)
  }
})

test('holds a key no longer once the issuer has withdrawn it', async () => {
  const made = rig()
  const [key] = (await made.source.wait()) ?? []
  assert.ok(key)
  made.answer = async () => Buffer.from(JSON.stringify({ keys: [jwkOf(rsaKey)] }))
  made.clock.advance(minuteMs)
  await made.source.refetch()
  assert.equal(made.source.holds(key), false)
})
