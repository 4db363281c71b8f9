// A witness, or anybody on the way to it, answers that the log was longer, or other. A number is no proof: only a
// checkpoint that this log signed stops it. As many claims as witnesses are required do, where too few agree.

import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createSmallLog, openTestWitness } from '../../test/fakes/small-log.ts'
import { copySample, createSample, sampleOrigin, sampleRecord, type Sample } from '../../test/fakes/sample-ledger.ts'
import type { WitnessPort } from './ask-witness.ts'
import { cosignAt, fakeWitness, published, reach, type FakeWitness } from './fake-witness.ts'
import type { Ledger } from './ledger.ts'
import { createWitnessing, type Witnessing, type WitnessingOptions } from './witnessing.ts'

interface World {
  readonly sample: Sample
  readonly ledger: Ledger
  readonly told: string[]
  witnessing(witnesses: readonly WitnessPort[], changes?: Partial<WitnessingOptions>): Witnessing
  agreeing(name: string): FakeWitness
}

async function openWorld(t: TestContext, sample = createSample()): Promise<World> {
  const ledger = await sample.open({ checkpointIntervalMs: 1 })
  t.after(() => ledger.close())
  for (let at = 0; at < 5; at += 1) await ledger.append(sampleRecord(at))
  await published(sample.dir, ledger)
  const told: string[] = []
  return {
    sample,
    ledger,
    told,
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
        onConflict: (witness, message) => told.push(`conflict ${witness}: ${message}`),
        onUnproven: (witness, message) => told.push(`unproven ${witness}: ${message}`),
        ...changes,
      }),
    agreeing(name) {
      const witness = fakeWitness(name)
      witness.answer = cosignAt(name, () => Math.floor(sample.clock.nowMs() / 1_000))
      return witness
    },
  }
}

const sizeAnswer = (size: number): ReturnType<FakeWitness['answer']> => ({
  status: 409,
  contentType: 'text/x.tlog.size',
  body: Buffer.from(`${size}\n`),
})

function claiming(name: string, size = 999_999_999, newest?: string): WitnessPort {
  const witness = fakeWitness(name)
  witness.answer = () => sizeAnswer(size)
  return { ...witness, ...(newest !== undefined && { newest: () => Promise.resolve(Buffer.from(newest)) }) }
}

/** names the size of the checkpoint, and then another root for it */
function splitting(name: string, { ledger }: World): WitnessPort {
  const witness = fakeWitness(name)
  witness.answer = (body) => (body.toString().startsWith('old 0\n') ? sizeAnswer(ledger.size) : { status: 409 })
  return witness
}

test('a claim without proof is a failure where enough witnesses agree', async (t) => {
  const world = await openWorld(t)
  const stranger = createSmallLog(sampleOrigin)
  const noProofs = [
    claiming('w.example/lies'),
    claiming('w.example/lies', 999_999_999, ''),
    claiming('w.example/lies', 999_999_999, 'rubbish'),
    claiming('w.example/lies', 999, stranger.note(999)),
    claiming('w.example/lies', 999, createSmallLog('log.example/other').note(999)),
    splitting('w.example/lies', world),
  ]
  for (const lying of noProofs) {
    const witnessing = world.witnessing([world.agreeing('w.example/good'), lying])
    const [failure, ...rest] = await witnessing.confirm()
    assert.deepEqual([failure?.name, failure?.isUnproven, rest], ['w.example/lies', true, []])
    assert.match(failure?.trouble ?? '', /shows no checkpoint that this log signed/)
    assert.equal(witnessing.overdue(), undefined)
  }
})

test('as many claims as are required stop the start where too few agree, and the way out is said', async (t) => {
  const world = await openWorld(t)
  const refusal = { code: 'LEDGER_CORRUPT', message: /claim a longer or another log/ }
  const [one, two] = [claiming('w.example/1'), claiming('w.example/2')]
  await assert.rejects(world.witnessing([one]).confirm(), (error: Error & { hint?: string }) => {
    assert.match(error.message, /1 witnesses claim .*"w\.example\/1" \(999999999 records\)/)
    assert.match(error.hint ?? '', /take them out of audit\.witness\.witnesses/)
    return true
  })
  await assert.rejects(world.witnessing([one, two], { require: 2 }).confirm(), refusal)
  await assert.rejects(world.witnessing([one, two, world.agreeing('w.example/3')], { require: 2 }).confirm(), refusal)
  // fewer than required: neither side has enough
  const silent = fakeWitness('w.example/3')
  assert.equal((await world.witnessing([one, silent], { require: 2 }).confirm()).length, 2)
  // one witness under two keys has one vote
  const again: WitnessPort = { ...claiming('w.example/1'), cosigner: { ...one.cosigner, material: 'other' } }
  assert.equal((await world.witnessing([one, again], { require: 2 }).confirm()).length, 2)
  assert.equal(
    (await world.witnessing([one, world.agreeing('w.example/2'), world.agreeing('w.example/3')]).confirm()).length,
    1,
  )
})

test('a checkpoint that the log signed is proof, whoever agrees', async (t) => {
  const world = await openWorld(t)
  const witness = await openTestWitness({ name: 'w.example/1', vkeys: [world.ledger.vkey], clock: world.sample.clock })
  t.after(() => witness.close())
  const old = copySample(world.sample)
  for (let at = 0; at < 20; at += 1) await world.ledger.append(sampleRecord(at))
  await published(world.sample.dir, world.ledger)
  await world.witnessing([reach(witness)]).confirm()
  const restored = await openWorld(t, old)
  const everybody = [restored.agreeing('w.example/2'), reach(witness), restored.agreeing('w.example/3')]
  await assert.rejects(restored.witnessing(everybody, { require: 2 }).confirm(), {
    code: 'LEDGER_CORRUPT',
    message: /the log is shorter than witness "w\.example\/1" knows it/,
  })
  // what it shows counts, not the number that it names
  const honest = reach(witness)
  rmSync(join(old.dir, 'witnessed'))
  const exaggerating: WitnessPort = { ...honest, post: () => Promise.resolve({ ...answered, ...sizeAnswer(10 ** 12) }) }
  await assert.rejects(restored.witnessing([exaggerating]).confirm(), {
    message: new RegExp(`, ${world.ledger.size} were witnessed`),
  })
  // our own newest state, shown with a larger number, is none
  const ours: WitnessPort = { ...exaggerating, newest: (origin) => honest.newest?.(origin) ?? assert.fail('it tells') }
  const [failure] = await world.witnessing([ours, world.agreeing('w.example/2')]).confirm()
  assert.equal(failure?.isUnproven, true)
})

const answered = { status: 0, contentType: '', body: Buffer.alloc(0) }

test('while the log runs, claims are told of once, and stop it only as they would have at the start', async (t) => {
  const world = await openWorld(t)
  const { clock } = world.sample
  const witness = fakeWitness('w.example/1')
  const turn = async (answer: FakeWitness['answer']): Promise<void> => {
    witness.answer = answer
    clock.advance(600_000)
    await world.ledger.append(sampleRecord(1))
    await published(world.sample.dir, world.ledger)
    await witnessing.round()
  }
  const witnessing = world.witnessing([witness])
  await witnessing.confirm()
  assert.equal(witnessing.overdue(), undefined)
  await turn(() => sizeAnswer(10 ** 9))
  await turn(() => sizeAnswer(10 ** 9))
  assert.match(witnessing.overdue() ?? '', /claim a longer or another log/)
  assert.equal(world.told.length, 1)
  const cosign = cosignAt('w.example/1', () => Math.floor(clock.nowMs() / 1_000))
  await turn(cosign)
  assert.equal(witnessing.overdue(), undefined, 'nothing was proven')
  await turn(() => sizeAnswer(10 ** 9))
  assert.equal(witnessing.overdue(), undefined, 'it has agreed since the start')
  assert.deepEqual(
    world.told.map((each) => each.split(':')[0]),
    ['unproven w.example/1', 'unproven w.example/1'],
  )
})

test('a contradiction that is proven while the log runs stops it, and nothing takes that back', async (t) => {
  const world = await openWorld(t)
  const witness = await openTestWitness({ name: 'w.example/1', vkeys: [world.ledger.vkey], clock: world.sample.clock })
  t.after(() => witness.close())
  const restored = await openWorld(t, copySample(world.sample))
  await world.ledger.append(sampleRecord(77))
  await published(world.sample.dir, world.ledger)
  await world.witnessing([reach(witness)]).confirm()
  const good = restored.agreeing('w.example/2')
  let isSilent = true
  const real = reach(witness)
  const port: WitnessPort = {
    ...real,
    post: (body) => (isSilent ? Promise.reject(new Error('silent')) : real.post(body)),
  }
  const witnessing = restored.witnessing([good, port], { maxAgeMs: 3_600_000 })
  await witnessing.confirm()
  assert.equal(witnessing.overdue(), undefined)
  isSilent = false
  const round = async (): Promise<void> => {
    restored.sample.clock.advance(1_300_000)
    await witnessing.round()
  }
  await round()
  assert.match(witnessing.overdue() ?? '', /another history|is shorter/)
  isSilent = true
  for (let times = 0; times < 3; times += 1) await round()
  assert.match(witnessing.overdue() ?? '', /another history|is shorter/)
  assert.equal(restored.told.length, 1)
  // and the next start knows it although the witness is silent
  await assert.rejects(restored.witnessing([good, fakeWitness('w.example/1')]).confirm(), {
    code: 'LEDGER_CORRUPT',
    message: /are not those that were witnessed|shorter than it was witnessed/,
  })
})

test('required at the start: no answer is a refusal, and a claim is no answer', async (t) => {
  const world = await openWorld(t)
  const refusal = { code: 'LEDGER_UNWRITABLE', message: /atStart asks for 2 witnesses first/ }
  const options = { require: 2, atStart: 'required' } as const
  const good = world.agreeing('w.example/1')
  await assert.rejects(world.witnessing([good, fakeWitness('w.example/2')], options).confirm(), refusal)
  await assert.rejects(world.witnessing([good, claiming('w.example/2')], options).confirm(), refusal)
  await assert.rejects(world.witnessing([good, good], options).confirm(), { code: 'LEDGER_UNWRITABLE' })
  const both = [good, world.agreeing('w.example/2'), fakeWitness('w.example/3')]
  assert.equal((await world.witnessing(both, options).confirm()).length, 1)
})
