// The folder of a log as somebody reads it who knows C2SP tlog-tiles and nothing of this code: paths written by hand,
// hashes recomputed from the entries. And what the writer does about crashes and logs from before.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { collect, copySample, createSample, sampleRecord, type Sample } from '../../test/fakes/sample-ledger.ts'
import { appendUntil, logOf, tileFilesOf } from '../../test/fakes/tiled-log.ts'
import { firstGoldenFolder } from '../../tools/make-golden-ledger.ts'
import { parseCheckpoint } from '../tlog/checkpoint.ts'
import {
  consistencyProof,
  inclusionProof,
  leafHash,
  rootOf,
  verifyConsistency,
  verifyInclusion,
} from '../tlog/merkle.ts'
import { openTree } from '../tlog/tree-reader.ts'
import { readLedger } from './read-ledger.ts'
import { openTiles } from './tile-files.ts'
import { verifyLedger } from './verify-ledger.ts'

const sha256 = (...parts: readonly Buffer[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest()

function bundleEntries(sample: Sample, path: string): Buffer[] {
  const bytes = readFileSync(join(sample.dir, path))
  const entries: Buffer[] = []
  for (let at = 0; at < bytes.length;) {
    const end = at + 2 + bytes.readUInt16BE(at)
    entries.push(bytes.subarray(at + 2, end))
    at = end
  }
  return entries
}

for (const [size, expected] of [
  [1, ['tile/0/000.p/1', 'tile/entries/000.p/1']],
  [255, ['tile/0/000.p/255', 'tile/entries/000.p/255']],
  [256, ['tile/0/000', 'tile/1/000.p/1', 'tile/entries/000']],
  [257, ['tile/0/000', 'tile/0/001.p/1', 'tile/1/000.p/1', 'tile/entries/000', 'tile/entries/001.p/1']],
  [
    600,
    ['tile/0/000', 'tile/0/001', 'tile/0/002.p/88', 'tile/1/000.p/2']
      .concat(['tile/entries/000', 'tile/entries/001', 'tile/entries/002.p/88'])
      .toSorted(),
  ],
] as const) {
  test(`a log of ${size} records has exactly the files of its checkpoint, and they hold its tree`, async () => {
    const sample = await logOf(size)
    assert.deepEqual(tileFilesOf(sample), [...expected])
    const bundles = expected.filter((path) => path.startsWith('tile/entries/'))
    const entries = bundles.flatMap((path) => bundleEntries(sample, path))
    const recorded = await collect(readLedger(sample.dir))
    assert.deepEqual(
      entries,
      recorded.map(({ envelopeBytes }) => envelopeBytes),
    )
    const leaves = entries.map((entry) => sha256(Buffer.of(0), entry))
    const level0 = expected
      .filter((path) => path.startsWith('tile/0/'))
      .map((path) => readFileSync(join(sample.dir, path)))
    assert.deepEqual(Buffer.concat(level0), Buffer.concat(leaves))
    if (size >= 256) {
      let row = leaves.slice(0, 256)
      while (row.length > 1)
        row = Array.from({ length: row.length / 2 }, (_, at) =>
          sha256(Buffer.of(1), row[2 * at] ?? assert.fail(), row[2 * at + 1] ?? assert.fail()),
        )
      const path = expected.find((each) => each.startsWith('tile/1/')) ?? assert.fail()
      assert.deepEqual(readFileSync(join(sample.dir, path)).subarray(0, 32), row[0])
    }
    const checkpoint = parseCheckpoint(readFileSync(join(sample.dir, 'checkpoint')))
    assert.equal(checkpoint?.size, size)
    assert.deepEqual(checkpoint.root, rootOf(leaves))
    assert.deepEqual((await verifyLedger(sample.root)).problems, [])
  })
}

test('proofs are made from the folder alone', async () => {
  const sample = await logOf(600)
  const tiles = await openTiles(sample.dir)
  const checkpoint = parseCheckpoint(tiles.checkpoint ?? assert.fail())
  assert.ok(checkpoint !== undefined)
  const { size, root } = checkpoint
  const tree = openTree(size, tiles)
  assert.deepEqual(await tree.root(), root)
  const leaves = (await collect(readLedger(sample.dir))).map(({ envelopeBytes }) => leafHash(envelopeBytes))
  for (const index of [0, 255, 256, 511, 512, 599]) {
    const leaf = leafHash(await tiles.readEntry(index))
    const proof = await tree.inclusionProof(index)
    assert.deepEqual(proof, inclusionProof(leaves, index))
    assert.ok(verifyInclusion({ index, size, leaf, proof, root }))
  }
  for (const size1 of [1, 256, 300, 599]) {
    const proof = await tree.consistencyProof(size1)
    assert.deepEqual(proof, consistencyProof(leaves, size1))
    const root1 = rootOf(leaves.slice(0, size1))
    assert.ok(verifyConsistency({ size1, size2: size, root1, root2: root, proof }))
  }
  await assert.rejects(tiles.readEntry(600))
  await assert.rejects(tiles.readTile(0, 2, 89))
  await assert.rejects(tiles.readTile(3, 0, 1))
})

test('a reader of an older checkpoint finds its tiles in wider ones', async () => {
  const sample = await logOf(300)
  const before = await openTiles(sample.dir)
  const ledger = await sample.open()
  await appendUntil(ledger, 530)
  await ledger.close()
  const { size, root } = parseCheckpoint(before.checkpoint ?? assert.fail()) ?? assert.fail()
  assert.equal(size, 300)
  assert.deepEqual(await openTree(size, before).root(), root)
  assert.equal((await before.readEntry(299)).length > 0, true)
})

test('what a crash leaves beside the tiles is said, or goes, and harms nothing', async () => {
  const sample = await logOf(300)
  writeFileSync(join(sample.dir, 'tile-0.tmp'), 'half a tile')
  // of a checkpoint before, whose partial tiles were not removed any more
  mkdirSync(join(sample.dir, 'tile/0/000.p'))
  writeFileSync(join(sample.dir, 'tile/0/000.p/7'), readFileSync(join(sample.dir, 'tile/0/000')).subarray(0, 7 * 32))
  writeFileSync(
    join(sample.dir, 'tile/0/001.p/3'),
    readFileSync(join(sample.dir, 'tile/0/001.p/44')).subarray(0, 3 * 32),
  )
  const report = await verifyLedger(sample.root)
  assert.deepEqual(report.problems, [])
  assert.deepEqual(
    report.notes.map(({ file }) => file),
    ['tile-0.tmp'],
  )
  const ledger = await sample.open()
  await ledger.append(sampleRecord(1))
  await ledger.close()
  assert.deepEqual((await verifyLedger(sample.root)).notes, [])
  assert.ok(!existsSync(join(sample.dir, 'tile/0/000.p')))
  assert.deepEqual(
    readdirSync(join(sample.dir, 'tile/0/001.p')).map((width) => Number(width) > 44),
    [true],
  )
})

test('tiles that are missing or wrong at the edge, or all of them, are made again', async () => {
  const whole = await logOf(700)
  for (const change of [
    (dir: string) => rmSync(join(dir, 'tile'), { recursive: true }),
    (dir: string) => rmSync(join(dir, 'tile/0'), { recursive: true }),
    (dir: string) => rmSync(join(dir, 'tile/entries'), { recursive: true }),
    (dir: string) => rmSync(join(dir, 'tile/1/000.p/2')),
    (dir: string) => rmSync(join(dir, 'tile/0/001')),
    (dir: string) => writeFileSync(join(dir, 'tile/0/002.p/188'), ''),
    (dir: string) => writeFileSync(join(dir, 'tile/0/002.p/188'), Buffer.alloc(188 * 32)),
    (dir: string) => writeFileSync(join(dir, 'tile/entries/001'), Buffer.alloc(9_000)),
    (dir: string) => writeFileSync(join(dir, 'tile/entries/002.p/188'), Buffer.alloc(2 * 188)),
  ]) {
    const sample = copySample(whole)
    change(sample.dir)
    assert.equal((await verifyLedger(sample.root)).ok, false, change.toString())
    await (await sample.open()).close()
    const report = await verifyLedger(sample.root)
    assert.deepEqual(report.problems, [], change.toString())
    assert.equal(tileFilesOf(sample).length, 7)
  }
})

test('a log from before there were tiles gets them, and says so once', async () => {
  const sample = createSample()
  cpSync(join(firstGoldenFolder, 'ledger'), sample.root, { recursive: true })
  for (let run = 0; run < 3; run += 1) await (await sample.open()).close()
  const records = await collect(readLedger(sample.dir))
  const said = records.filter(({ envelope }) => envelope.operation === 'tiles-begun')
  assert.deepEqual(
    said.map(({ envelope }) => envelope.fields),
    [{ layout: 'tlog-tiles' }],
  )
  const report = await verifyLedger(sample.root)
  assert.deepEqual([report.problems, report.notes], [[], []])
  rmSync(join(sample.dir, 'tile'), { recursive: true })
  assert.deepEqual(
    (await verifyLedger(sample.root)).problems.map(({ file, kind, index }) => [file, kind, index]),
    [['tile', 'missing-file', 0]],
  )
})

test('a new log says in its first record that it has tiles', async () => {
  const [first] = await collect(readLedger((await logOf(1)).dir))
  assert.equal(first?.envelope.operation, 'ledger-created')
  assert.equal(first.envelope.fields['layout'], 'tlog-tiles')
})
