import assert from 'node:assert/strict'
import test, { mock } from 'node:test'
import fc from 'fast-check'
import { createManualClock, type ManualClock } from '../base/clock.ts'
import type { JsonObject } from '../base/strict-json.ts'
import type { Receipt } from '../exchange/exchange.ts'
import { createFolder, type Folder } from './fold-refusals.ts'

interface World {
  readonly clock: ManualClock
  readonly folder: Folder
  readonly written: JsonObject[]
  /** while false nothing can be written */
  works: boolean
  /** when set, appends wait for it */
  gate: Promise<void> | undefined
}

function make(perMinute: number): World {
  const world: World = {
    clock: createManualClock(),
    written: [],
    works: true,
    gate: undefined,
    folder: undefined as unknown as Folder,
  }
  const append = async (record: { event: JsonObject }): Promise<Receipt> => {
    await world.gate
    if (!world.works) throw new Error('disk full')
    world.written.push(record.event)
    return { origin: 'o', index: world.written.length - 1, leafHash: 'h' }
  }
  return Object.assign(world, { folder: createFolder({ clock: world.clock, perMinute, code: 'AUTHN_FLOOD', append }) })
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const folds = (world: World): JsonObject[] => world.written.filter((event) => 'folded' in event)

test('within the budget every refusal is recorded by itself', () => {
  const { folder, written } = make(3)
  for (let count = 0; count < 3; count += 1) assert.equal(folder.take('a', 'X'), undefined)
  assert.deepEqual(written, [])
})

test('beyond the budget the first thing is a durable record that folding begins', async () => {
  const world = make(1)
  assert.equal(world.folder.take('a', 'X'), undefined)
  let open: () => void = () => undefined
  world.gate = new Promise((resolve) => (open = resolve))
  const receipt = world.folder.take('a', 'X')
  assert.ok(receipt)
  let isTold = false
  void receipt.then(() => (isTold = true))
  await turn()
  assert.equal(isTold, false)
  open()
  assert.equal((await receipt).index, 0)
  assert.deepEqual(world.written, [{ foldingSince: world.clock.nowMs() }])
  assert.equal((await world.folder.take('b', 'Y'))?.index, 0)
})

test('the counts come with the end of the window, by code and source, and add up', async () => {
  const world = make(0)
  for (const [source, code] of [
    ['a', 'X'],
    ['a', 'X'],
    ['a', 'Y'],
    ['b', 'X'],
  ] as const)
    await world.folder.take(source, code)
  world.clock.advance(60_000)
  await world.folder.take('a', 'X')
  await turn()
  assert.deepEqual(folds(world), [
    {
      folded: 4,
      sinceMs: 1_800_000_000_000,
      codes: { X: 3, Y: 1 },
      sources: { a: 3, b: 1 },
      otherSources: 0,
      openings: [0],
    },
  ])
})

test('a new window has a new budget', async () => {
  const { clock, folder } = make(1)
  assert.equal(folder.take('a', 'X'), undefined)
  assert.ok(folder.take('a', 'X'))
  clock.advance(60_000)
  assert.equal(folder.take('a', 'X'), undefined)
  assert.ok(folder.take('a', 'X'))
})

test('a flood that stops is still said, by a timer', async () => {
  mock.timers.enable({ apis: ['setInterval'] })
  try {
    const world = make(0)
    await world.folder.take('a', 'X')
    mock.timers.tick(60_000)
    await turn()
    assert.equal(folds(world).length, 1)
  } finally {
    mock.timers.reset()
  }
})

test('closing says what is open, and nothing where nothing is', async () => {
  const world = make(0)
  await world.folder.take('a', 'X')
  await world.folder.close()
  assert.equal(folds(world)[0]?.['folded'], 1)
  await world.folder.close()
  assert.equal(world.written.length, 2)
})

test('thousands of sources are not thousands of counts', async () => {
  const world = make(0)
  for (let at = 0; at < 5_000; at += 1) void world.folder.take(`source ${at}`, 'X')
  await world.folder.close()
  const [fold] = folds(world)
  assert.equal(Object.keys(fold?.['sources'] ?? {}).length, 100)
  assert.equal(fold?.['otherSources'], 4_900)
  assert.equal(fold?.['folded'], 5_000)
})

test('a source may be called like a member of an object', async () => {
  const world = make(0)
  for (const source of ['__proto__', 'constructor', '__proto__']) await world.folder.take(source, 'X')
  await world.folder.close()
  const sources = folds(world)[0]?.['sources'] as object
  assert.deepEqual(Object.entries(sources), [
    ['__proto__', 2],
    ['constructor', 1],
  ])
})

test('where folding cannot be recorded, nobody is told that it was', async () => {
  const world = make(0)
  world.works = false
  for (let count = 0; count < 3; count += 1) await assert.rejects(world.folder.take('a', 'X') ?? Promise.resolve())
  world.works = true
  await world.folder.take('a', 'X')
  await world.folder.close()
  // those that were told of a failure are the trail's to count
  assert.equal(folds(world)[0]?.['folded'], 1)
})

test('calls that wait for the same failing record are all told', async () => {
  const world = make(0)
  world.works = false
  const results = await Promise.allSettled([
    world.folder.take('a', 'X'),
    world.folder.take('b', 'X'),
    world.folder.take('c', 'X'),
  ])
  assert.deepEqual(
    results.map((result) => result.status),
    ['rejected', 'rejected', 'rejected'],
  )
})

test("counts that cannot be written at the window's end are written with the next", async () => {
  const world = make(0)
  await world.folder.take('a', 'X')
  world.works = false
  await world.folder.close()
  assert.equal(folds(world).length, 0)
  world.works = true
  world.clock.advance(10_000)
  await world.folder.take('b', 'Y')
  await world.folder.close()
  assert.deepEqual(folds(world), [
    {
      folded: 2,
      sinceMs: 1_800_000_000_000,
      codes: { X: 1, Y: 1 },
      sources: { a: 1, b: 1 },
      otherSources: 0,
      openings: [0, 1],
    },
  ])
})

test('whatever happens to the disk, each call is in one count or was told of a failure', async () => {
  const step = fc.oneof(
    fc.constant('take'),
    fc.constant('fail'),
    fc.constant('mend'),
    fc.constant('window'),
    fc.constant('turn'),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.nat(3), async (steps, perMinute) => {
      const world = make(perMinute)
      const told: Promise<string>[] = []
      let singles = 0
      for (const what of steps) {
        if (what === 'fail') world.works = false
        else if (what === 'mend') world.works = true
        else if (what === 'window') world.clock.advance(60_000)
        else if (what === 'turn') await turn()
        else {
          const receipt = world.folder.take('a', 'X')
          if (receipt === undefined) singles += 1
          else
            told.push(
              receipt.then(
                () => 'folded',
                () => 'failed',
              ),
            )
        }
      }
      const results = await Promise.all(told)
      await turn()
      world.works = true
      await world.folder.close()
      const counted = folds(world).reduce((sum, event) => sum + Number(event['folded']), 0)
      assert.equal(counted, results.filter((each) => each === 'folded').length)
      assert.equal(singles + results.length, steps.filter((each) => each === 'take').length)
    }),
    { numRuns: 100 },
  )
})
