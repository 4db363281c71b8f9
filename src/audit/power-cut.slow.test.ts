// The power goes at every call to the disk: what was acknowledged is there, the log opens and verifies. A kill cannot
// show a sync that is missing, because the system still writes what the process has written; a power cut does.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { createPowerCuts, type PowerCuts } from '../../test/fakes/power-cuts.ts'
import { collect, sampleRecord, sampleStartMs } from '../../test/fakes/sample-ledger.ts'
import type { ForgetfulDisk } from '../../test/fakes/forgetful-disk.ts'
import { parseCheckpoint } from '../tlog/checkpoint.ts'
import { readLedger } from './read-ledger.ts'
import { writeWitnessed } from './witnessed-file.ts'

const hourMs = 3_600_000

async function readFile(disk: ForgetfulDisk, path: string): Promise<Buffer> {
  return (await disk.readFile(path, 1_000_000)) ?? assert.fail(`${path} is missing`)
}

/** A record every hour, in groups of three; several segments. */
async function filled(cuts: PowerCuts, count: number): Promise<void> {
  const ledger = await cuts.open()
  for (let first = 0; first < count; first += 3) {
    const some = [0, 1, 2].map((at) => sampleRecord(first + at, { timeMs: sampleStartMs + (first + at) * hourMs }))
    await cuts.append(ledger, ...some)
  }
  await ledger.close()
}

test('a first start that the power ends is begun again, or has begun', async () => {
  const cuts = createPowerCuts()
  const ledger = await cuts.open()
  cuts.promise(() => undefined)
  await cuts.append(ledger, sampleRecord(0))
  await ledger.close()
  assert.ok((await cuts.check()) > 30)
})

test('records that were acknowledged outlive a power cut, over segments, tiles and checkpoints', async () => {
  const cuts = createPowerCuts({ segmentSize: 5_000 })
  for (let round = 0; round < 3; round += 1) await filled(cuts, 6)
  assert.ok((await cuts.check()) > 100)
})

test('checkpoints and tiles that are published while records come outlive a power cut together', async () => {
  const cuts = createPowerCuts({ segmentSize: 20_000, checkpointIntervalMs: 0 })
  const ledger = await cuts.open()
  for (let number = 0; number < 12; number += 1) {
    await cuts.append(ledger, sampleRecord(number), sampleRecord(number))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await ledger.close()
  assert.ok((await cuts.check()) > 100)
})

test('a signing key that took over signs on after a power cut, and one that retired does not', async () => {
  const cuts = createPowerCuts()
  const ledger = await cuts.open()
  await cuts.append(ledger, sampleRecord(0))
  const { vkey, retiring, retiresAtMs } = await ledger.rotateKey(hourMs)
  cuts.promise(async (disk) => {
    const lines = (await readFile(disk, join(cuts.sample.dir, 'key.vkey'))).toString().trim().split('\n')
    assert.deepEqual(lines, [retiring, vkey])
    const note = parseCheckpoint(await readFile(disk, join(cuts.sample.dir, 'checkpoint')))
    // both for as long as was said, and no longer
    assert.equal(note?.signatures.length, cuts.sample.clock.nowMs() < retiresAtMs ? 2 : 1)
  })
  await cuts.append(ledger, sampleRecord(1))
  cuts.sample.clock.advance(hourMs)
  await ledger.tick()
  await cuts.append(ledger, sampleRecord(2))
  await ledger.close()
  assert.ok((await cuts.check()) > 50)
})

test('no key of a subject that was erased comes back with the power', async () => {
  const cuts = createPowerCuts({ checkpointIntervalMs: 1_000_000 })
  await filled(cuts, 6)
  const path = join(cuts.sample.dir, 'subjects.keys')
  const before = (await readFile(cuts.disk, path)).toString('latin1').split('\n')
  const ledger = await cuts.open()
  await ledger.eraseSubject('key:ci')
  const after = (await readFile(cuts.disk, path)).toString('latin1').split('\n')
  const gone = before.filter((line) => !after.includes(line))
  assert.equal(gone.length, 1)
  cuts.promise(async (disk) => {
    const lines = (await readFile(disk, path)).toString('latin1').split('\n')
    for (const line of gone) assert.ok(!lines.includes(line), 'a key line came back')
  })
  await cuts.append(ledger, sampleRecord(0), sampleRecord(1))
  await ledger.close()
  assert.ok((await cuts.check()) > 50)
})

test('bodies that went stay away after a power cut, and no other goes', async () => {
  const cuts = createPowerCuts({ segmentSize: 6_000 })
  await filled(cuts, 18)
  cuts.sample.clock.advance(18 * hourMs)
  const ledger = await cuts.open()
  const rules = { bodiesMs: { decision: 10 * hourMs, completion: 5 * hourMs } }
  const { bodies } = await ledger.applyRetention({
    rules,
    heldSubjects: [],
    minimumExported: undefined,
    isDryRun: false,
  })
  assert.ok(bodies > 3)
  cuts.promise(async (disk) => {
    const records = await collect(readLedger(cuts.sample.dir, { fs: disk }))
    assert.equal(records.filter(({ expired }) => expired).length, bodies)
  })
  await cuts.append(ledger, sampleRecord(0))
  await ledger.close()
  assert.ok((await cuts.check()) > 50)
})

test('records that were pruned stay away after a power cut, and no other goes', async () => {
  const cuts = createPowerCuts({ segmentSize: 6_000 })
  await filled(cuts, 18)
  cuts.sample.clock.advance(18 * hourMs)
  const ledger = await cuts.open()
  const rules = { bodiesMs: {}, recordsMs: 8 * hourMs }
  const { minimumIndex } = await ledger.applyRetention({
    rules,
    heldSubjects: [],
    minimumExported: undefined,
    isDryRun: false,
  })
  assert.ok(minimumIndex > 3)
  cuts.promise(async (disk) => {
    const [first] = await collect(readLedger(cuts.sample.dir, { fs: disk }))
    assert.equal(first?.index, minimumIndex)
    assert.equal((await readFile(disk, join(cuts.sample.dir, 'minimum-index'))).toString(), `${minimumIndex}\n`)
  })
  await cuts.append(ledger, sampleRecord(0))
  await ledger.close()
  assert.ok((await cuts.check()) > 50)
})

test('what witnesses cosigned is written whole, or as it was before', async () => {
  const cuts = createPowerCuts()
  const ledger = await cuts.open()
  for (let number = 0; number < 3; number += 1) {
    await cuts.append(ledger, sampleRecord(number))
    const checkpoint = parseCheckpoint(Buffer.from(ledger.checkpoint())) ?? assert.fail()
    await writeWitnessed(cuts.disk, cuts.sample.dir, { checkpoint, cosignatures: [] })
    cuts.promise(async (disk) => {
      const written = parseCheckpoint(await readFile(disk, join(cuts.sample.dir, 'witnessed')))
      assert.ok((written?.size ?? 0) >= checkpoint.size)
    })
  }
  await ledger.close()
  assert.ok((await cuts.check()) > 20)
})
