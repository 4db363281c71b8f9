// A real ledger and its witnesses: real ones on loopback where what they check matters, made-up ones where they err.

import assert from 'node:assert/strict'
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createSmallLog, openTestWitness, type TestWitness } from '../../test/fakes/small-log.ts'
import { copySample, createSample, sampleOrigin, sampleRecord, type Sample } from '../../test/fakes/sample-ledger.ts'
import { parseCheckpoint } from '../tlog/checkpoint.ts'
import type { WitnessPort } from './ask-witness.ts'
import { cosignAt, fakeWitness, published, reach } from './fake-witness.ts'
import type { Ledger } from './ledger.ts'
import { verifyLedger } from './verify-ledger.ts'
import { createWitnessing, type Witnessing, type WitnessingOptions } from './witnessing.ts'

interface World {
  readonly sample: Sample
  readonly ledger: Ledger
  readonly conflicts: string[]
  append(count: number): Promise<void>
  witnessing(ports: readonly WitnessPort[], changes?: Partial<WitnessingOptions>): Witnessing
}

async function openWorld(t: TestContext, sample = createSample()): Promise<World> {
  const ledger = await sample.open({ checkpointIntervalMs: 1 })
  t.after(() => ledger.close())
  const conflicts: string[] = []
  return {
    sample,
    ledger,
    conflicts,
    async append(count) {
      await Promise.all(Array.from({ length: count }, (_, at) => ledger.append(sampleRecord(at))))
      await published(sample.dir, ledger)
    },
    witnessing: (witnesses, changes = {}) =>
      createWitnessing({
        dir: sample.dir,
        origin: sampleOrigin,
        witnesses,
        require: 1,
        intervalMs: 10_000,
        maxAgeMs: undefined,
        atStart: 'preferred',
        logSize: () => ledger.size,
        clock: sample.clock,
        random: () => 0.5,
        onConflict: (witness, message) => conflicts.push(`${witness}: ${message}`),
        onUnproven: (witness, message) => conflicts.push(`unproven ${witness}: ${message}`),
        ...changes,
      }),
  }
}

async function realWitness(t: TestContext, { sample, ledger }: World, name: string): Promise<TestWitness> {
  const witness = await openTestWitness({ name, vkeys: [ledger.vkey], clock: sample.clock })
  t.after(() => witness.close())
  return witness
}

const witnessedIn = ({ sample }: World): ReturnType<typeof parseCheckpoint> => {
  const path = join(sample.dir, 'witnessed')
  return existsSync(path) ? parseCheckpoint(readFileSync(path), { maxBytes: 131_072 }) : undefined
}

const sizeOf = ({ status }: Witnessing): number | undefined => status.newest?.size

test('what witnesses cosigned verifies, and moves on with the log', async (t) => {
  const world = await openWorld(t)
  const ports = [
    reach(await realWitness(t, world, 'w.example/1'), 0),
    reach(await realWitness(t, world, 'w.example/2'), 1),
  ]
  const witnessing = world.witnessing(ports, { require: 2 })
  assert.deepEqual(await witnessing.confirm(), [])
  for (const count of [0, 3, 300, 1]) {
    await world.append(count)
    await witnessing.round()
    assert.equal(witnessedIn(world)?.size, world.ledger.size)
    assert.equal(sizeOf(witnessing), world.ledger.size)
  }
  await world.append(2)
  const cosigners = ports.map(({ cosigner }) => cosigner)
  const report = await verifyLedger(world.sample.root, { witnesses: { cosigners, require: 2, nowSeconds: undefined } })
  assert.deepEqual(report.problems, [])
  const { size, beyond, witnesses } = report.logs[0]?.witnessed ?? assert.fail('not witnessed')
  assert.deepEqual([size + beyond, witnesses.toSorted()], [world.ledger.size, ['w.example/1', 'w.example/2']])
  assert.ok(beyond >= 2)
})

test('waits for as many as are required, and takes those that come later', async (t) => {
  const world = await openWorld(t)
  await world.append(1)
  const late = fakeWitness('w.example/late')
  const now = (): number => Math.floor(world.sample.clock.nowMs() / 1_000)
  const first = fakeWitness('w.example/first')
  first.answer = cosignAt('w.example/first', now)
  const witnessing = world.witnessing([first, late], { require: 2 })
  await witnessing.confirm()
  assert.equal(witnessedIn(world), undefined)
  assert.equal(sizeOf(witnessing), undefined)
  late.answer = cosignAt('w.example/late', now)
  world.sample.clock.advance(20_000)
  await witnessing.round()
  assert.equal(witnessedIn(world)?.size, world.ledger.size)
  assert.equal(first.asked.length, 1, 'who has cosigned it is not asked again')
})

test('one that hangs delays nobody', async (t) => {
  const world = await openWorld(t)
  const hanging = fakeWitness('w.example/hangs')
  hanging.answer = () => undefined
  const witness = await realWitness(t, world, 'w.example/1')
  const witnessing = world.witnessing([hanging, reach(witness)])
  // never resolves: one of those that it asked does not answer
  void witnessing.confirm()
  while (hanging.asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 2))
  for (const count of [1, 1, 1]) {
    await world.append(count)
    void witnessing.round()
    while (witnessedIn(world)?.size !== world.ledger.size) await new Promise((resolve) => setTimeout(resolve, 2))
  }
  assert.equal(hanging.asked.length, 1, 'and is not asked again before it answered')
})

test('counts nothing that a witness answers unless it is a cosignature by its key', async (t) => {
  const world = await openWorld(t)
  await world.append(3)
  const now = (): number => Math.floor(world.sample.clock.nowMs() / 1_000)
  const other = createSmallLog()
  for (const answer of [
    () => ({ body: Buffer.from('OK') }),
    () => ({ body: Buffer.alloc(0) }),
    () => ({ body: Buffer.alloc(10_000_000, 0x41) }),
    () => ({ body: Buffer.from(other.note(5)) }),
    () => ({ status: 302 }),
    () => ({ status: 404 }),
    () => ({ status: 500 }),
    () => ({ status: 422 }),
    () => ({ status: 409 }),
    () => ({ status: 409, contentType: 'text/x.tlog.size', body: Buffer.from('one\n') }),
    () => ({ status: 409, contentType: 'text/x.tlog.size', body: Buffer.from('0\n') }),
    () => ({ status: 409, body: Buffer.from('99\n') }),
    cosignAt('w.example/other', now),
    cosignAt('w.example/errs', () => now() + 301),
    (body: Buffer) => {
      const text = body.toString().replace(/^old 0\n\n/, '')
      return cosignAt('w.example/errs', now)(Buffer.from(`old 0\n\n${text.replace(/\n(\d+)\n/, '\n1$1\n')}`))
    },
  ]) {
    const witness = fakeWitness('w.example/errs')
    witness.answer = answer
    const missing = await world.witnessing([witness]).confirm()
    assert.deepEqual(
      missing.map(({ name, failures }) => [name, failures]),
      [['w.example/errs', 1]],
      answer.toString(),
    )
    assert.equal(witnessedIn(world), undefined)
  }
})

test('two keys of one witness are one witness', async (t) => {
  const world = await openWorld(t)
  const witness = await realWitness(t, world, 'w.example/1')
  await world.witnessing([reach(witness, 0), reach(witness, 1)], { require: 2 }).confirm()
  assert.equal(witnessedIn(world), undefined)
})

test('asks one that fails less and less often, and at once again when it answers', async (t) => {
  const world = await openWorld(t)
  const witness = fakeWitness('w.example/1')
  const witnessing = world.witnessing([witness])
  await witnessing.confirm()
  let asked = 0
  for (let minute = 0; minute < 60; minute += 1) {
    world.sample.clock.advance(60_000)
    await witnessing.round()
  }
  asked = witness.asked.length
  assert.ok(asked > 10 && asked < 25, `${asked} times in an hour`)
  witness.answer = cosignAt('w.example/1', () => Math.floor(world.sample.clock.nowMs() / 1_000))
  world.sample.clock.advance(300_000)
  await witnessing.round()
  assert.equal(witnessing.status.witnesses[0]?.trouble, '')
  await world.append(1)
  await witnessing.round()
  assert.equal(sizeOf(witnessing), world.ledger.size)
})

test('is overdue while no witness answers for too long, and recovers by itself', async (t) => {
  const world = await openWorld(t)
  const { clock } = world.sample
  const witness = fakeWitness('w.example/1')
  const witnessing = world.witnessing([witness], { maxAgeMs: 60_000 })
  await witnessing.confirm()
  assert.match(witnessing.overdue() ?? '', /was witnessed yet/)
  witness.answer = cosignAt('w.example/1', () => Math.floor(clock.nowMs() / 1_000))
  clock.advance(20_000)
  await witnessing.round()
  assert.equal(witnessing.overdue(), undefined)
  // a log that does not grow is cosigned again
  for (let times = 0; times < 20; times += 1) {
    clock.advance(20_000)
    await witnessing.round()
    assert.equal(witnessing.overdue(), undefined)
  }
  witness.answer = () => ({ status: 503 })
  clock.advance(61_000)
  await witnessing.round()
  assert.match(witnessing.overdue() ?? '', /61 s old|6\d s old/)
  witness.answer = cosignAt('w.example/1', () => Math.floor(clock.nowMs() / 1_000))
  clock.advance(20_000)
  await witnessing.round()
  assert.equal(witnessing.overdue(), undefined)
})

test('knows from the file how old it is when it starts again and nobody answers', async (t) => {
  const world = await openWorld(t)
  const witness = fakeWitness('w.example/1')
  witness.answer = cosignAt('w.example/1', () => Math.floor(world.sample.clock.nowMs() / 1_000))
  await world.witnessing([witness]).confirm()
  witness.answer = () => ({ status: 503 })
  world.sample.clock.advance(59_000)
  const again = world.witnessing([witness], { maxAgeMs: 60_000 })
  assert.equal((await again.confirm()).length, 1)
  assert.equal(again.overdue(), undefined)
  world.sample.clock.advance(2_000)
  assert.notEqual(again.overdue(), undefined)
})

test('a spoilt file is nothing, and is replaced', async (t) => {
  const world = await openWorld(t)
  const witness = await realWitness(t, world, 'w.example/1')
  const path = join(world.sample.dir, 'witnessed')
  for (const bytes of ['rubbish', '', createSmallLog(sampleOrigin).note(999)]) {
    writeFileSync(path, bytes)
    const witnessing = world.witnessing([reach(witness)])
    await witnessing.confirm()
    assert.equal(witnessedIn(world)?.size, world.ledger.size)
  }
})

test('a disk that does not take the file is tried again', async (t) => {
  const world = await openWorld(t)
  const witness = await realWitness(t, world, 'w.example/1')
  const witnessing = world.witnessing([reach(witness)])
  const blocked = join(world.sample.dir, 'witnessed.tmp')
  cpSync(join(world.sample.dir, 'segments'), blocked, { recursive: true })
  await witnessing.confirm()
  assert.equal(sizeOf(witnessing), undefined)
  rmSync(blocked, { recursive: true })
  await witnessing.round()
  assert.equal(sizeOf(witnessing), world.ledger.size)
})

test('refuses to start when a witness knows more records than there are', async (t) => {
  const world = await openWorld(t)
  const witness = await realWitness(t, world, 'w.example/1')
  await world.append(5)
  const old = copySample(world.sample)
  await world.append(5)
  await world.witnessing([reach(witness)]).confirm()
  const restored = await openWorld(t, old)
  await assert.rejects(restored.witnessing([reach(witness)]).confirm(), {
    code: 'LEDGER_CORRUPT',
    message: `the log is shorter than witness "w.example/1" knows it: ${restored.ledger.size} records, ${world.ledger.size} were witnessed`,
  })
  // as long again, by another history
  while (restored.ledger.size < world.ledger.size) await restored.append(1)
  await assert.rejects(restored.witnessing([reach(witness)]).confirm(), {
    code: 'LEDGER_CORRUPT',
    message: /another history|are not those/,
  })
  await restored.append(7)
  await assert.rejects(restored.witnessing([reach(witness)]).confirm(), {
    code: 'LEDGER_CORRUPT',
    message: /another history|are not those/,
  })
})

test('refuses to start when the file `witnessed` is all that was not put back, with no witness there', async (t) => {
  const world = await openWorld(t)
  const witness = await realWitness(t, world, 'w.example/1')
  await world.append(5)
  const old = copySample(world.sample)
  await world.append(5)
  await world.witnessing([reach(witness)]).confirm()
  cpSync(join(world.sample.dir, 'witnessed'), join(old.dir, 'witnessed'))
  const restored = await openWorld(t, old)
  const silent = fakeWitness('w.example/1')
  await assert.rejects(restored.witnessing([silent]).confirm(), { code: 'LEDGER_CORRUPT', message: /shorter/ })
  await restored.append(50)
  await assert.rejects(restored.witnessing([silent]).confirm(), { code: 'LEDGER_CORRUPT', message: /are not those/ })
})

test('a second copy that runs at the same time is told of, once, and its checkpoints are not witnessed', async (t) => {
  const world = await openWorld(t)
  const witness = await realWitness(t, world, 'w.example/1')
  const copy = await openWorld(t, copySample(world.sample))
  const [one, other] = [world.witnessing([reach(witness)]), copy.witnessing([reach(witness)])]
  await one.confirm()
  await other.confirm()
  await world.append(3)
  await one.round()
  await copy.append(9)
  for (let times = 0; times < 3; times += 1) {
    await other.round()
    copy.sample.clock.advance(600_000)
  }
  assert.equal(copy.conflicts.length, 1)
  assert.match(copy.conflicts[0] ?? '', /another history/)
  assert.notEqual(other.status.newest?.size, copy.ledger.size)
})
