// Whoever kept a signing key that was retired, or has one of the two of an overlap, signs with it once more: the
// published checkpoint, the checkpoint of a group, one with the order turned around. Every one is found by
// `audit verify` and refused by the writer, because the records say who signs where.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createRotatingSample, type RotatingSample } from '../../test/fakes/rotating-ledger.ts'
import { sampleRecord } from '../../test/fakes/sample-ledger.ts'
import { Fault } from '../base/fault.ts'
import { parseCheckpoint, signCheckpoint, type CheckpointSigner } from '../tlog/checkpoint.ts'
import { createEdge } from '../tlog/merkle.ts'
import { createGroupBuilder } from './group.ts'
import { encodeOwnRecord } from './encode-record.ts'
import { createGroupScanner, readSegmentHeader } from './segment.ts'
import { nodeFiles } from './files.ts'
import { verifyLedger, type ProblemKind } from './verify-ledger.ts'

interface World {
  readonly sample: RotatingSample
  readonly old: CheckpointSigner
  readonly young: CheckpointSigner
}

async function makeOverlap(): Promise<World> {
  const sample = createRotatingSample()
  const ledger = await sample.open()
  await ledger.append(sampleRecord(0))
  await ledger.rotateKey(1_000)
  const [old, young] = await sample.signers()
  await ledger.append(sampleRecord(1))
  await ledger.close()
  return { sample, old: old ?? assert.fail(), young: young ?? assert.fail() }
}

async function makeRetired(): Promise<World> {
  const world = await makeOverlap()
  world.sample.clock.advance(1_000)
  const ledger = await world.sample.open()
  await ledger.append(sampleRecord(2))
  await ledger.close()
  return world
}

/** The checkpoint as it is, under other signatures. */
function resign({ sample }: World, signers: readonly CheckpointSigner[]): void {
  const path = join(sample.dir, 'checkpoint')
  const { size, root } = parseCheckpoint(readFileSync(path)) ?? assert.fail()
  writeFileSync(path, signCheckpoint(signers, size, root))
}

/** A further group at the end of the log, as a thief of these keys would write it. */
async function appendGroup({ sample }: World, signers: readonly CheckpointSigner[]): Promise<void> {
  const name = readdirSync(join(sample.dir, 'segments')).toSorted().at(-1) ?? assert.fail()
  const path = join(sample.dir, 'segments', name)
  const file = await nodeFiles.open(path, 'read')
  const header = (await readSegmentHeader(file)) ?? assert.fail()
  const edge = createEdge()
  edge.become(header.edge)
  const scanner = createGroupScanner(file, header.bytes)
  for (;;) {
    const item = scanner.take()
    if (item === undefined) await scanner.fill()
    else if (item.kind === 'stop') break
    else for (let at = 0; at < item.hashes.length; at += 32) edge.append(item.hashes, at)
  }
  await file.close()
  const group = createGroupBuilder(edge, { sign: (size, root) => signCheckpoint(signers, size, root) })
  group.begin()
  const time = '2026-11-14T09:00:00.000Z'
  const { text } = encodeOwnRecord({ kind: 'lifecycle', operation: 'forged', time, fields: {} })
  group.add(`${text.head}${group.nextIndex}${text.tail}`, undefined)
  writeFileSync(path, Buffer.concat([readFileSync(path), group.end().bytes]))
}

async function isFound({ sample }: World, kind: ProblemKind): Promise<void> {
  const { problems } = await verifyLedger(sample.root)
  assert.deepEqual(problems.map((problem) => problem.kind).slice(0, 1), [kind])
  assert.ok(problems[0]?.index !== undefined)
  await assert.rejects(sample.open(), (error) => error instanceof Fault && error.code === 'LEDGER_CORRUPT')
}

const overlapForgeries: readonly [string, (world: World) => CheckpointSigner[]][] = [
  ['the old key alone', ({ old }) => [old]],
  ['the new key alone', ({ young }) => [young]],
  ['both in the other order', ({ old, young }) => [old, young]],
  ['the new key twice', ({ young }) => [young, young]],
  ['one of them once more', ({ old, young }) => [young, old, old]],
]

for (const [what, choose] of overlapForgeries) {
  test(`in the overlap, a checkpoint by ${what} is found`, async () => {
    const world = await makeOverlap()
    resign(world, choose(world))
    await isFound(world, 'checkpoint')
  })

  test(`in the overlap, a group by ${what} is found`, async () => {
    const world = await makeOverlap()
    await appendGroup(world, choose(world))
    await isFound(world, 'checkpoint')
  })
}

const laterForgeries: readonly [string, (world: World) => CheckpointSigner[]][] = [
  ['the retired key', ({ old }) => [old]],
  ['the new key and the retired one', ({ old, young }) => [young, old]],
]

for (const [what, choose] of laterForgeries) {
  test(`after the overlap, a checkpoint by ${what} is found`, async () => {
    const world = await makeRetired()
    resign(world, choose(world))
    await isFound(world, 'checkpoint')
  })

  test(`after the overlap, a group by ${what} is found`, async () => {
    const world = await makeRetired()
    await appendGroup(world, choose(world))
    await isFound(world, 'checkpoint')
  })
}

test('what these forgeries are made with makes true checkpoints and groups of the right keys', async () => {
  const world = await makeRetired()
  await appendGroup(world, [world.young])
  resign(world, [world.young])
  assert.deepEqual(
    (await verifyLedger(world.sample.root)).problems.filter(({ kind }) => kind !== 'tile'),
    [],
  )
})

test('a history rewritten from before the rotation by the retired key is missed by whoever kept the new one', async () => {
  const world = await makeRetired()
  const forged = createRotatingSample()
  const ledger = await forged.open()
  await ledger.append(sampleRecord(0))
  await ledger.close()
  assert.equal((await verifyLedger(forged.root)).ok, true)
  const { problems } = await verifyLedger(forged.root, { trustedKeys: [world.old.vkey, world.young.vkey] })
  assert.deepEqual(
    problems.map(({ kind }) => kind),
    ['key'],
  )
})
