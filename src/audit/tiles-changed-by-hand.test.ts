// Somebody changes what independent readers of the log are given: a hash, an entry, a whole tile, or puts an old
// checkpoint back. Each change is found in the folder of the log, and in a copy of it that has only its tiles.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { copySample, createSample, sampleOrigin, type Sample } from '../../test/fakes/sample-ledger.ts'
import { appendUntil, logOf, tileFilesOf } from '../../test/fakes/tiled-log.ts'
import { verifyLedger, type LedgerReport } from './verify-ledger.ts'

const whole = await logOf(700)

/** What an auditor gets. */
function tilesOnly(sample: Sample): Sample {
  const copy = createSample()
  for (const name of ['checkpoint', 'key.vkey', 'tile'])
    cpSync(join(sample.dir, name), join(copy.dir, name), { recursive: true })
  return copy
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(path, bytes)
}

const located = ({ problems }: LedgerReport): (readonly [string, number | undefined])[] =>
  problems.map(({ file, index }) => [file, index] as const)

/** The change to a whole log and to its tiles alone. */
async function reportsAfter(change: (dir: string) => void): Promise<LedgerReport[]> {
  const copies = [copySample(whole), tilesOnly(whole)]
  const reports: LedgerReport[] = []
  for (const copy of copies) {
    change(copy.dir)
    reports.push(await verifyLedger(copy.root))
  }
  return reports
}

test('a copy that has only the tiles verifies, and says that it is one', async () => {
  const copy = tilesOnly(whole)
  const report = await verifyLedger(copy.root)
  const complete = await verifyLedger(whole.root)
  assert.deepEqual([report.ok, report.size, report.root], [true, 700, complete.root])
  assert.equal(report.notes.length, 1)
  assert.deepEqual(complete.notes, [])
  assert.equal((await verifyLedger(copy.root, { expectedOrigins: [sampleOrigin] })).ok, true)
  assert.equal((await verifyLedger(copy.root, { mustHaveSegments: true })).ok, false)
})

test('a changed hash is found, and the record that it is of', async () => {
  for (const [file, at, index] of [
    ['tile/0/000', 0, 0],
    ['tile/0/000', 255 * 32 + 31, 255],
    ['tile/0/001', 7 * 32, 263],
    ['tile/0/002.p/188', 187 * 32, 699],
    ['tile/1/000.p/2', 0, 0],
    ['tile/1/000.p/2', 63, 256],
  ] as const) {
    const [complete, alone] = await reportsAfter((dir) => flip(join(dir, file), at))
    assert.deepEqual(located(complete ?? assert.fail()), [[file, index]])
    // without the records, a tile is known to be wrong as a whole
    assert.equal(alone?.ok, false, file)
  }
})

test('a changed entry is found, and the record that it is', async () => {
  for (const [file, at, index] of [
    ['tile/entries/000', 30, 0],
    ['tile/entries/001', 30, 256],
    ['tile/entries/002.p/188', -3, 699],
  ] as const) {
    for (const report of await reportsAfter((dir) => {
      const path = join(dir, file)
      flip(path, at < 0 ? readFileSync(path).length + at : at)
    }))
      assert.deepEqual(located(report), [[file, index]])
  }
})

test('a tile that is missing, empty, cut, longer, a folder, a loop, a pipe or another’s is found', async () => {
  for (const file of tileFilesOf(whole)) {
    for (const change of [
      (path: string) => rmSync(path),
      (path: string) => writeFileSync(path, ''),
      (path: string) => writeFileSync(path, readFileSync(path).subarray(0, -1)),
      (path: string) => writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.alloc(32)])),
      (path: string) => renameSync(path, `${path}.old`),
      (path: string) => (rmSync(path), mkdirSync(path)),
      (path: string) => (rmSync(path), symlinkSync(path, path)),
      (path: string) => (rmSync(path), execFileSync('mkfifo', [path])),
      (path: string, dir: string) => writeFileSync(path, readFileSync(join(dir, 'tile/0/001')).subarray(0, 6_016)),
    ]) {
      for (const report of await reportsAfter((dir) => change(join(dir, file), dir)))
        assert.ok(
          report.problems.some((problem) => problem.file === file && problem.index !== undefined),
          `${change.toString()} of ${file}: ${JSON.stringify(report.problems)}`,
        )
    }
  }
})

test('what does not belong below the folder of tiles is named', async () => {
  for (const file of [
    'tile/words',
    'tile/00/000',
    'tile/0/0000',
    'tile/0/words',
    'tile/0/x000/000',
    'tile/0/000.p/256',
    'tile/0/000.p/words',
    'tile/entries/words',
    'tile/64/000',
  ]) {
    for (const report of await reportsAfter((dir) => {
      mkdirSync(join(dir, file, '..'), { recursive: true })
      writeFileSync(join(dir, file), 'x')
    })) {
      const named = report.problems.map((problem) => problem.file)
      assert.ok(
        named.some((name) => file.startsWith(name) && name !== 'tile'),
        `${file}: ${named.join()}`,
      )
    }
  }
})

test('partial tiles of another size are held against the tree as well', async () => {
  const beginning = (dir: string, width: number): Buffer =>
    readFileSync(join(dir, 'tile/0/000')).subarray(0, width * 32)
  for (const [width, change, isFound] of [
    [7, (bytes: Buffer) => bytes, false],
    [7, (bytes: Buffer) => bytes.subarray(32), true],
    [255, (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -1), Buffer.alloc(1)]), true],
  ] as const) {
    for (const report of await reportsAfter((dir) => {
      mkdirSync(join(dir, 'tile/0/000.p'))
      writeFileSync(join(dir, `tile/0/000.p/${width}`), change(beginning(dir, width)))
    }))
      assert.equal(!report.ok, isFound)
  }
})

test('tiles of records that are not there are named', async () => {
  const [complete] = await reportsAfter((dir) => {
    writeFileSync(join(dir, 'tile/0/003'), readFileSync(join(dir, 'tile/0/001')))
  })
  assert.deepEqual(located(complete ?? assert.fail()), [['tile/0/003', 700]])
})

test('an older checkpoint that is put back is found by the tiles, which are of a later one', async () => {
  const sample = createSample()
  const ledger = await sample.open()
  await appendUntil(ledger, 300)
  const older = ledger.checkpoint()
  await appendUntil(ledger, 400)
  await ledger.close()
  writeFileSync(join(sample.dir, 'checkpoint'), older)
  const { problems } = await verifyLedger(sample.root)
  assert.deepEqual(
    problems.map(({ file, kind, index }) => [file, kind, index]),
    [['checkpoint', 'checkpoint', 300]],
  )
})

test('a log that is being written verifies at any moment', async () => {
  const sample = createSample()
  const ledger = await sample.open({ checkpointIntervalMs: 1 })
  const progress = { isOver: false }
  const appending = async (): Promise<void> => {
    for (let size = 20; size <= 2_000; size += 20) await appendUntil(ledger, size)
    progress.isOver = true
  }
  const verifying = async (): Promise<void> => {
    while (!progress.isOver) assert.deepEqual((await verifyLedger(sample.root)).problems, [])
  }
  await Promise.all([appending(), verifying()])
  await ledger.close()
  assert.deepEqual((await verifyLedger(sample.root)).notes, [])
})

test('where segments are damaged, the tiles are held against the signed root', async () => {
  for (const [change, isTileFound] of [
    [() => undefined, false],
    [(dir: string) => flip(join(dir, 'tile/0/001'), 77), true],
    [(dir: string) => flip(join(dir, 'tile/entries/002.p/188'), 77), true],
    [(dir: string) => rmSync(join(dir, 'tile/0/000')), true],
  ] as const) {
    const copy = copySample(whole)
    flip(join(copy.dir, 'segments/00000000000000000000.seg'), 3_000)
    change(copy.dir)
    const { problems } = await verifyLedger(copy.root)
    assert.ok(problems.some(({ file }) => file.startsWith('segments/')))
    assert.equal(
      problems.some(({ file }) => file.startsWith('tile/')),
      isTileFound,
    )
  }
})
