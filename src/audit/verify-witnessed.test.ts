// `audit verify` with witnesses and with a checkpoint that was kept elsewhere: what holds, and what does not.

import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  copySample,
  createSample,
  sampleOrigin,
  sampleRecord,
  sampleSigningKey,
  type Sample,
} from '../../test/fakes/sample-ledger.ts'
import { createCheckpointSigner } from '../tlog/checkpoint.ts'
import { parseCheckpoint } from '../tlog/checkpoint.ts'
import { createSmallLog } from '../../test/fakes/small-log.ts'
import { cosignAt, fakeKey, fakeWitness, published } from './fake-witness.ts'
import { verifyLedger, type LedgerReport } from './verify-ledger.ts'
import { createWitnessing } from './witnessing.ts'

const names = ['w.example/1', 'w.example/2']
const cosigners = names.map(fakeKey)
const signer = createCheckpointSigner(sampleOrigin, sampleSigningKey())

/** Ten records witnessed by both, then three more. */
async function witnessedSample(): Promise<Sample & { readonly witnessedSize: number }> {
  const sample = createSample()
  const ledger = await sample.open({ checkpointIntervalMs: 1 })
  for (let at = 0; at < 10; at += 1) await ledger.append(sampleRecord(at))
  await published(sample.dir, ledger)
  const witnesses = names.map((name) => {
    const witness = fakeWitness(name)
    witness.answer = cosignAt(name, () => Math.floor(sample.clock.nowMs() / 1_000))
    return witness
  })
  const witnessing = createWitnessing({
    dir: sample.dir,
    origin: sampleOrigin,
    witnesses,
    require: 2,
    intervalMs: 1_000,
    maxAgeMs: undefined,
    atStart: 'preferred',
    logSize: () => ledger.size,
    clock: sample.clock,
    random: () => 0,
    onConflict: (witness, message) => assert.fail(`${witness}: ${message}`),
    onUnproven: (witness, message) => assert.fail(`${witness}: ${message}`),
  })
  await witnessing.confirm()
  const witnessedSize = ledger.size
  for (let at = 10; at < 13; at += 1) await ledger.append(sampleRecord(at))
  await ledger.close()
  return { ...sample, witnessedSize }
}

const verify = (sample: Sample, require: number, known = cosigners): Promise<LedgerReport> =>
  verifyLedger(sample.root, { witnesses: { cosigners: known, require, nowSeconds: undefined } })

const kindsOf = ({ problems }: LedgerReport): string[] => problems.map(({ kind, file }) => `${kind} ${file}`)

test('a witnessed log verifies with as many witnesses as it has, and no more', async () => {
  const sample = await witnessedSample()
  const report = await verify(sample, 2)
  assert.deepEqual(report.problems, [])
  const [log] = report.logs
  assert.equal(log?.witnessed?.size, sample.witnessedSize)
  assert.equal(log.witnessed.beyond, log.size - sample.witnessedSize)
  assert.ok(log.witnessed.beyond >= 3)
  assert.equal(log.witnessed.timeSeconds, Math.floor(sample.clock.nowMs() / 1_000))
  assert.deepEqual(kindsOf(await verify(sample, 3)), ['checkpoint witnessed'])
  assert.deepEqual(kindsOf(await verify(sample, 1, [fakeKey('w.example/other')])), ['checkpoint witnessed'])
  assert.deepEqual((await verifyLedger(sample.root)).problems, [], 'and without knowing any')
  rmSync(join(sample.dir, 'witnessed'))
  assert.deepEqual(kindsOf(await verify(sample, 1)), ['missing-file witnessed'])
  assert.deepEqual((await verifyLedger(sample.root)).problems, [])
})

test('a file that is there and wrong is a problem, whoever is known', async () => {
  const sample = await witnessedSample()
  const path = join(sample.dir, 'witnessed')
  const good = readFileSync(path, 'utf8')
  const [, , root = ''] = good.split('\n')
  const otherRoot = `${root.startsWith('A') ? 'B' : 'A'}${root.slice(1)}`
  const wrong: [string, string | Buffer][] = [
    ['empty', ''],
    ['rubbish', 'rubbish'],
    ['too large', Buffer.alloc(131_073, 0x41)],
    ['root changed', good.replace(root, otherRoot)],
    ['size changed', good.replace(`\n${sample.witnessedSize}\n`, `\n${sample.witnessedSize - 1}\n`)],
    ['of another log', createSmallLog().note(3)],
    ['of another key of the same name', createSmallLog(sampleOrigin).note(3)],
    ['another tree, signed by the log', signer.sign(sample.witnessedSize, Buffer.alloc(32))],
    ['more records, signed by the log', signer.sign(1_000, Buffer.alloc(32))],
    ['cut', good.slice(0, -1)],
  ]
  for (const [what, content] of wrong) {
    writeFileSync(path, content)
    const report = await verifyLedger(sample.root)
    assert.equal(report.problems.length, 1, `${what}: ${JSON.stringify(report.problems)}`)
    assert.equal(report.problems[0]?.file, 'witnessed', what)
    assert.equal((await verify(sample, 1)).ok, false, what)
  }
  rmSync(path)
  mkdirSync(path)
  assert.equal((await verifyLedger(sample.root)).ok, false)
})

test('no single changed byte of the file passes', async () => {
  const sample = await witnessedSample()
  const path = join(sample.dir, 'witnessed')
  const good = readFileSync(path)
  for (let at = 0; at < good.length; at += 7) {
    const bytes = Buffer.from(good)
    bytes[at] = (bytes[at] ?? 0) ^ 1
    writeFileSync(path, bytes)
    assert.equal((await verify(sample, 2)).ok, false, `byte ${at}`)
  }
})

test('a cosignature from the future is false', async () => {
  const sample = await witnessedSample()
  const atSeconds = Math.floor(sample.clock.nowMs() / 1_000)
  const witnesses = (nowSeconds: number) => ({ cosigners, require: 2, nowSeconds })
  assert.equal((await verifyLedger(sample.root, { witnesses: witnesses(atSeconds - 300) })).ok, true)
  assert.equal((await verifyLedger(sample.root, { witnesses: witnesses(atSeconds - 301) })).ok, false)
})

test('a checkpoint that was kept elsewhere is in the log, or the log was put back', async () => {
  const sample = createSample()
  const ledger = await sample.open()
  const kept: string[] = [ledger.checkpoint()]
  for (let at = 0; at < 8; at += 1) {
    await ledger.append(sampleRecord(at))
    kept.push(ledger.checkpoint())
  }
  const before = copySample(sample)
  for (let at = 8; at < 12; at += 1) await ledger.append(sampleRecord(at))
  const later = ledger.checkpoint()
  await ledger.close()
  for (const note of [...kept, later]) {
    const report = await verifyLedger(sample.root, { since: Buffer.from(note) })
    assert.deepEqual(report.problems, [])
    assert.equal(report.logs[0]?.since?.size, parseCheckpoint(Buffer.from(note))?.size)
  }
  await (await before.open()).close()
  const report = await verifyLedger(before.root, { since: Buffer.from(later) })
  assert.deepEqual(kindsOf(report), ['rollback '])
  assert.match(report.problems[0]?.message ?? '', /has \d+ records, the log has \d+/)
  for (const note of kept) assert.equal((await verifyLedger(before.root, { since: Buffer.from(note) })).ok, true)
})

test('a kept checkpoint must be of a log that is here, signed by it, and of a state it was in', async () => {
  const sample = await witnessedSample()
  const size = (await verifyLedger(sample.root)).size
  const wrong: [string, string][] = [
    ['', 'checkpoint '],
    ['rubbish', 'checkpoint '],
    [createSmallLog('sallyport.local/00000000').note(2), 'rollback '],
    [createSmallLog(sampleOrigin).note(2), 'checkpoint '],
    [signer.sign(2, Buffer.alloc(32)), 'checkpoint '],
    [signer.sign(0, Buffer.alloc(32)), 'checkpoint '],
    [signer.sign(size + 1, Buffer.alloc(32)), 'rollback '],
  ]
  for (const [note, kind] of wrong)
    assert.deepEqual(kindsOf(await verifyLedger(sample.root, { since: Buffer.from(note) })), [kind], note.slice(0, 60))
})

test('a kept checkpoint with a false cosignature is not believed', async () => {
  const sample = await witnessedSample()
  const note = readFileSync(join(sample.dir, 'witnessed'), 'utf8')
  const lines = note.split('\n')
  const since = (text: string): Promise<LedgerReport> =>
    verifyLedger(sample.root, { since: Buffer.from(text), witnesses: { cosigners, require: 0, nowSeconds: undefined } })
  assert.deepEqual((await since(note)).logs[0]?.since?.witnesses.toSorted(), names)
  const last = lines.at(-2) ?? ''
  const spoilt = `${last.slice(0, -8)}${last.endsWith('AAAAAAA=') ? 'B' : 'A'}${last.slice(-7)}`
  assert.deepEqual(kindsOf(await since(note.replace(last, spoilt))), ['checkpoint '])
})

test('what was witnessed is found again in a copy that has tiles and no segments', async () => {
  const sample = await witnessedSample()
  const copy = createSample()
  mkdirSync(copy.dir, { recursive: true })
  for (const name of ['key.vkey', 'checkpoint', 'witnessed', 'tile'])
    if (existsSync(join(sample.dir, name))) cpSync(join(sample.dir, name), join(copy.dir, name), { recursive: true })
  const report = await verify(copy, 2)
  assert.deepEqual(report.problems, [])
  assert.equal(report.logs[0]?.witnessed?.size, sample.witnessedSize)
  writeFileSync(join(copy.dir, 'witnessed'), signer.sign(sample.witnessedSize, Buffer.alloc(32)))
  assert.equal((await verifyLedger(copy.root)).ok, false)
})
