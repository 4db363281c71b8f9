// Somebody changes the ledger's files: single bytes anywhere, whole files, groups, also with checksums and listed
// hashes mended. Each change is found, and the first record that it concerns is named.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadMemoryDisk, type MemoryDisk } from '../../test/fakes/memory-disk.ts'
import { createSample, sampleRecord, sampleSigningKey, type Sample } from '../../test/fakes/sample-ledger.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { goldenFolder } from '../../tools/make-golden-ledger.ts'
import { crc32c } from '../base/crc32c.ts'
import { createCheckpointSigner } from '../tlog/checkpoint.ts'
import { verifyLedger, type LedgerReport } from './verify-ledger.ts'

const log = '5a11e001'
const golden = join(goldenFolder, 'ledger')

function goldenCopy(): { root: string; dir: string } {
  const root = temporaryFolder()
  cpSync(golden, root, { recursive: true })
  return { root, dir: join(root, log) }
}

function filesOf(dir: string): string[] {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
}

const firstIndex = (report: LedgerReport): number | undefined =>
  report.problems.find((problem) => problem.index !== undefined)?.index

/** A log of two small segments and four groups, in memory. */
async function smallLog(): Promise<MemoryDisk> {
  const sample = createSample()
  const ledger = await sample.open({ segmentSize: 4_096 })
  for (const size of [2, 1, 2])
    await Promise.all(Array.from({ length: size }, (_, number) => ledger.append(sampleRecord(number))))
  await ledger.close()
  return loadMemoryDisk(sample.root)
}

test('2,000 single changed bytes over all files are found, every one', async () => {
  const disk = await smallLog()
  const files = [...disk.files]
  const total = files.reduce((sum, [, bytes]) => sum + bytes.length, 0)
  for (let round = 0; round < 2_000; round += 1) {
    const draw = createHash('sha256').update(`flip ${round}`).digest()
    let at = draw.readUInt32LE() % total
    const [name, bytes] =
      files.find(([, { length }]) => (at < length ? true : ((at -= length), false))) ?? assert.fail()
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] ?? 0) ^ (((draw[4] ?? 0) % 255) + 1)
    disk.files.set(name, changed)
    const report = await verifyLedger('', { fs: disk })
    assert.equal(report.ok, false, `byte ${at} of ${name}`)
    disk.files.set(name, bytes)
  }
  assert.deepEqual((await verifyLedger('', { fs: disk })).problems, [])
})

test('every byte of the small files, and of a header, matters', async () => {
  const disk = await smallLog()
  for (const [name, end] of [
    ['checkpoint', 1_000],
    ['key.vkey', 1_000],
    ['segments/00000000000000000000.seg', 300],
  ] as const) {
    const bytes = disk.files.get(`${log}/${name}`) ?? assert.fail()
    for (let at = 0; at < Math.min(end, bytes.length); at += 1) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ (at % 2 === 0 ? 1 : 0x20)
      disk.files.set(`${log}/${name}`, changed)
      assert.equal((await verifyLedger('', { fs: disk })).ok, false, `byte ${at} of ${name}`)
    }
    disk.files.set(`${log}/${name}`, bytes)
  }
})

test('every file matters: removed, emptied, cut, doubled, given another name', async () => {
  for (const name of filesOf(join(golden, log))) {
    for (const change of [
      (path: string) => rmSync(path),
      (path: string) => writeFileSync(path, ''),
      (path: string) => writeFileSync(path, readFileSync(path).subarray(0, -1)),
      (path: string) => writeFileSync(path, readFileSync(path).subarray(1)),
      (path: string) => writeFileSync(path, Buffer.concat([readFileSync(path), readFileSync(path)])),
      (path: string) => writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.from('\n')])),
      (path: string) => renameSync(path, `${path}.old`),
    ]) {
      const { root, dir } = goldenCopy()
      change(join(dir, name))
      const report = await verifyLedger(root)
      // what looks like the beginning of a group behind the last commit is what a writer may leave: said, not held against it
      assert.ok(!report.ok || report.notes.length === 1, `${change.toString()} of ${name}`)
    }
  }
})

test('files that do not belong are named', async () => {
  for (const name of ['extra', 'segments/extra.seg', 'segments/00000000000000000005.seg']) {
    const { root, dir } = goldenCopy()
    writeFileSync(join(dir, name), 'x')
    const report = await verifyLedger(root)
    assert.equal(report.ok, false)
    assert.ok(
      report.problems.some((problem) => problem.file === name),
      name,
    )
  }
  const { root } = goldenCopy()
  mkdirSync(join(root, 'ffffffff/segments'), { recursive: true })
  writeFileSync(join(root, 'ffffffff/segments/00000000000000000000.seg'), 'x')
  writeFileSync(join(root, 'stray'), 'x')
  const report = await verifyLedger(root)
  assert.deepEqual(report.problems.map((problem) => problem.kind).toSorted(), ['missing-file', 'unexpected-file'])
})

test('segments that changed places are found', async () => {
  const names = readdirSync(join(golden, log, 'segments')).toSorted()
  for (let at = 0; at + 1 < names.length; at += 1) {
    const { root, dir } = goldenCopy()
    const [a, b] = [join(dir, 'segments', names[at] ?? ''), join(dir, 'segments', names[at + 1] ?? '')]
    renameSync(a, `${a}.x`)
    renameSync(b, a)
    renameSync(`${a}.x`, b)
    const report = await verifyLedger(root)
    assert.equal(report.ok, false)
    assert.equal(firstIndex(report), Number(names[at]?.slice(0, 20)))
  }
})

test('a removed segment is reported with the records that are gone', async () => {
  const names = readdirSync(join(golden, log, 'segments')).toSorted()
  for (const name of names) {
    const { root, dir } = goldenCopy()
    rmSync(join(dir, 'segments', name))
    assert.equal(firstIndex(await verifyLedger(root)), Number(name.slice(0, 20)), name)
  }
})

// From here on the attacker knows the format, but has no signing key.

interface Frame {
  readonly at: number
  readonly end: number
  readonly type: number
}

function framesOf(bytes: Buffer): Frame[] {
  const frames: Frame[] = []
  for (let at = bytes.readUInt32LE(12); at < bytes.length;) {
    const end = at + 9 + bytes.readUInt32LE(at)
    frames.push({ at, end, type: bytes[at + 8] ?? 0 })
    at = end
  }
  return frames
}

function mend(bytes: Buffer, { at, end }: Frame): void {
  bytes.writeUInt32LE(crc32c(bytes, at + 8, end), at + 4)
}

/** One log with three groups of four records in one segment. */
async function threeGroups(): Promise<{ sample: Sample; path: string; bytes: Buffer; frames: Frame[] }> {
  const sample = createSample()
  const ledger = await sample.open({ segmentSize: 1_000_000 })
  for (const base of [0, 4, 8])
    await Promise.all([0, 1, 2, 3].map((number) => ledger.append(sampleRecord(base + number))))
  await ledger.close()
  const path = join(sample.dir, 'segments/00000000000000000000.seg')
  const bytes = readFileSync(path)
  return { sample, path, bytes, frames: framesOf(bytes) }
}

/** index in the log of the record whose envelope is the n-th */
const envelopes = (frames: readonly Frame[]): Frame[] => frames.filter((frame) => frame.type === 1)

test('a record changed with its checksum mended is named exactly', async () => {
  const { sample, path, bytes, frames } = await threeGroups()
  for (const [index, frame] of envelopes(frames).entries()) {
    const changed = Buffer.from(bytes)
    const at = changed.indexOf('"outcome":"', frame.at) + 11
    changed[at] = 'x'.charCodeAt(0)
    mend(changed, frame)
    writeFileSync(path, changed)
    const report = await verifyLedger(sample.root)
    assert.equal(report.problems[0]?.kind, 'record')
    assert.equal(firstIndex(report), index)
  }
})

test('a body changed with its checksum mended is named exactly', async () => {
  const { sample, path, bytes, frames } = await threeGroups()
  let index = -1
  for (const frame of frames) {
    if (frame.type === 1) index += 1
    if (frame.type !== 2) continue
    const changed = Buffer.from(bytes)
    changed[frame.end - 1] = (changed[frame.end - 1] ?? 0) ^ 1
    mend(changed, frame)
    writeFileSync(path, changed)
    const report = await verifyLedger(sample.root)
    assert.deepEqual(
      report.problems.map((problem) => [problem.kind, problem.index]),
      [['body', index]],
    )
  }
})

test('a record changed together with its listed hash fails the checkpoint of its group, which is named', async () => {
  const { sample, path, bytes, frames } = await threeGroups()
  const all = envelopes(frames)
  for (const [index, frame] of all.entries()) {
    const commit = frames.find((candidate) => candidate.type === 3 && candidate.at > frame.at) ?? assert.fail()
    const firstOfGroup = all.findIndex(
      (candidate) => candidate.at > (frames.findLast((before) => before.type === 3 && before.at < frame.at)?.at ?? 0),
    )
    const changed = Buffer.from(bytes)
    changed[changed.indexOf('"outcome":"', frame.at) + 11] = 'x'.charCodeAt(0)
    mend(changed, frame)
    const leaf = createHash('sha256')
      .update('\0')
      .update(changed.subarray(frame.at + 9, frame.end))
      .digest()
    leaf.copy(changed, commit.at + 9 + 4 + 32 * (index - firstOfGroup))
    mend(changed, commit)
    writeFileSync(path, changed)
    const report = await verifyLedger(sample.root)
    assert.equal(report.problems[0]?.kind, 'group')
    assert.equal(firstIndex(report), firstOfGroup)
  }
})

test('a signature changed with its checksum mended is found, in every group', async () => {
  const { sample, path, bytes, frames } = await threeGroups()
  for (const commit of frames.filter((frame) => frame.type === 3)) {
    for (const back of [3, 20, 60, 90]) {
      const changed = Buffer.from(bytes)
      const at = commit.end - back
      changed[at] = changed[at] === 65 ? 66 : 65
      mend(changed, commit)
      writeFileSync(path, changed)
      const report = await verifyLedger(sample.root)
      assert.ok(
        report.problems.some((problem) => problem.kind === 'checkpoint'),
        `${back} from the end`,
      )
    }
  }
})

test('a removed or repeated group, two in the wrong order, and a removed record are found', async () => {
  const { sample, path, bytes, frames } = await threeGroups()
  const commits = frames.filter((frame) => frame.type === 3)
  const [creation, one, two, three] = commits.map((commit, at) =>
    bytes.subarray(at === 0 ? bytes.readUInt32LE(12) : commits[at - 1]?.end, commit.end),
  )
  const header = bytes.subarray(0, bytes.readUInt32LE(12))
  const [second] = envelopes(frames).slice(2)
  const body = frames.find((frame) => frame.type === 2 && frame.at > (second?.at ?? 0))
  for (const [name, parts] of [
    ['the first group removed', [one, two, three]],
    ['a middle group removed', [creation, one, three]],
    ['the last group removed', [creation, one, two]],
    ['a group repeated', [creation, one, one, two, three]],
    ['two groups swapped', [creation, two, one, three]],
    ['nothing left', []],
  ] as const) {
    writeFileSync(path, Buffer.concat([header, ...parts.map((part) => part ?? assert.fail())]))
    assert.equal((await verifyLedger(sample.root)).ok, false, name)
  }
  writeFileSync(path, Buffer.concat([bytes.subarray(0, second?.at), bytes.subarray(body?.end)]))
  const report = await verifyLedger(sample.root)
  assert.equal(report.ok, false)
  assert.equal(firstIndex(report), envelopes(frames).indexOf(second ?? assert.fail()))
})

test('key lines swapped, replaced, added or removed are found without any key', async () => {
  const lines = readFileSync(join(golden, log, 'subjects.keys'), 'latin1')
    .trimEnd()
    .split('\n')
  const [a = '', b = '', ...rest] = lines
  for (const [name, changed] of [
    ['swapped', [b, a, ...rest]],
    ['the first removed', [b, ...rest]],
    ['the last removed', lines.slice(0, -1)],
    ['one repeated', [a, a, b, ...rest]],
    ['one replaced by another', [b, b, ...rest]],
    ['all removed', []],
  ] as const) {
    const { root, dir } = goldenCopy()
    writeFileSync(join(dir, 'subjects.keys'), changed.map((line) => `${line}\n`).join(''))
    const report = await verifyLedger(root)
    assert.ok(report.problems.every((problem) => problem.kind === 'subject-key') && !report.ok, name)
  }
})

test('another key beside the right one, or in its place, is found', async () => {
  const other = createCheckpointSigner('sallyport.local/5a11e001', sampleSigningKey('other')).vkey
  for (const change of [
    (right: string) => `${right}${other}\n`,
    () => `${other}\n`,
    (right: string) => `${other}\n${right}`,
  ]) {
    const { root, dir } = goldenCopy()
    writeFileSync(join(dir, 'key.vkey'), change(readFileSync(join(dir, 'key.vkey'), 'latin1')))
    assert.equal((await verifyLedger(root)).ok, false)
  }
})

test('a log rewritten with a key of its own is found by whoever kept the right key, or knows which logs there are', async () => {
  const { root, dir } = goldenCopy()
  const vkey = readFileSync(join(dir, 'key.vkey'), 'latin1').trimEnd()
  assert.equal(
    (await verifyLedger(root, { trustedKeys: [vkey], expectedOrigins: ['sallyport.local/5a11e001'] })).ok,
    true,
  )
  const forged = createSample()
  const ledger = await forged.open({ signingKey: sampleSigningKey('other') })
  await ledger.append(sampleRecord(1))
  await ledger.close()
  assert.equal((await verifyLedger(forged.root)).ok, true)
  assert.equal((await verifyLedger(forged.root, { trustedKeys: [vkey] })).ok, false)
  assert.equal((await verifyLedger(root, { expectedOrigins: ['sallyport.local/00000000'] })).ok, false)
})

test('an unfinished group is a note, but not where the checkpoint promised more', async () => {
  const { sample, path, bytes, frames } = await threeGroups()
  const lastGroup = frames.filter((frame) => frame.type === 3).at(-2)?.end ?? 0
  const half = Buffer.concat([bytes, bytes.subarray(lastGroup, lastGroup + 400)])
  writeFileSync(path, half)
  const report = await verifyLedger(sample.root)
  assert.deepEqual(report.problems, [])
  assert.equal(report.notes.length, 1)
  writeFileSync(path, bytes.subarray(0, bytes.length - 10))
  assert.ok((await verifyLedger(sample.root)).problems.some((problem) => problem.kind === 'rollback'))
})
