// Erasing a subject: what was encrypted for it is gone, all others keep everything, the log verifies; and a kill at any
// step leaves a log that was not touched, or one that the next open finishes.

import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createFaultyDisk } from '../../test/fakes/faulty-disk.ts'
import {
  collect,
  copySample,
  createSample,
  sampleKeyEncryptionKey,
  sampleRecord,
  type Sample,
} from '../../test/fakes/sample-ledger.ts'
import { Fault } from '../base/fault.ts'
import { parseJournal } from './erase-subject.ts'
import type { FileSystem } from './files.ts'
import { readLedger, type LedgerRecord } from './read-ledger.ts'
import { verifyLedger } from './verify-ledger.ts'

const subject = 'key:ci'
const november = 1_794_646_800_000

async function filled(records = 40): Promise<Sample> {
  const sample = createSample()
  const ledger = await sample.open()
  for (let number = 0; number < records; number += 1)
    await ledger.append(sampleRecord(number, { timeMs: november + (number < records / 2 ? 0 : 31 * 86_400_000) }))
  await ledger.close()
  return sample
}

const read = (sample: Sample): Promise<LedgerRecord[]> =>
  collect(readLedger(sample.dir, { keyEncryptionKey: sampleKeyEncryptionKey }))
const callers = (records: readonly LedgerRecord[]): unknown[] => records.map(({ event }) => event?.['caller'])

async function assertSound(sample: Sample): Promise<void> {
  const { problems } = await verifyLedger(sample.root)
  assert.deepEqual(problems, [])
}

test('what was encrypted for a subject is gone, and nobody else loses a word', async () => {
  const sample = await filled()
  const before = await read(sample)
  const ledger = await sample.open()
  const trace = await ledger.findSubject(subject)
  assert.deepEqual(trace.months, ['2026-11', '2026-12'])
  const erasure = await ledger.eraseSubject(subject)
  assert.equal(erasure.lines, trace.lines)
  assert.deepEqual(erasure.pseudonyms, trace.pseudonyms)
  assert.equal((await ledger.findSubject(subject)).lines, 0)
  await ledger.close()
  await assertSound(sample)
  const after = await read(sample)
  for (const [at, record] of before.entries()) {
    const isErased = record.event?.['caller'] === subject
    assert.equal(after[at]?.erased, isErased)
    assert.deepEqual(after[at]?.event, isErased ? undefined : record.event)
    assert.equal(after[at]?.leafHash, record.leafHash)
  }
})

test('the name, the tag and the pseudonym are on the disk no more', async () => {
  const sample = await filled()
  const path = join(sample.dir, 'subjects.keys')
  const lines = readFileSync(path, 'latin1').split('\n')
  const ledger = await sample.open()
  const { pseudonyms } = await ledger.eraseSubject(subject)
  await ledger.close()
  const after = readFileSync(path, 'latin1').split('\n')
  assert.equal(statSync(path).size, lines.join('\n').length)
  const changed = lines.filter((line, at) => after[at] !== line)
  assert.equal(changed.length, 2)
  const tag = changed[0]?.split(' ')[4] ?? 'none'
  for (const secret of [tag, pseudonyms[0] ?? 'none', subject]) assert.ok(!after.join('\n').includes(secret))
  assert.equal(existsSync(join(sample.dir, 'subjects.erasing')), false)
})

test('a subject that comes back is somebody else', async () => {
  const sample = await filled()
  const pseudonym = (await read(sample)).find(({ event }) => event?.['caller'] === subject)?.envelope.actor
  const disk = createFaultyDisk()
  const ledger = await sample.open({ fs: disk })
  // one is on its way when the erasure begins, the other comes while it is at work
  const early = ledger.append(sampleRecord(1, { subject, event: { caller: 'early' }, sensitive: {} }))
  let late: Promise<unknown> | undefined
  disk.plan = (call, path) => {
    if (call === 'rename' && path.endsWith('subjects.erasing'))
      late = ledger.append(sampleRecord(1, { subject, event: { caller: 'late' }, sensitive: {} }))
    return undefined
  }
  await Promise.all([early, ledger.eraseSubject(subject)])
  await late
  await ledger.append(sampleRecord(1, { subject, event: { caller: 'later' }, sensitive: {} }))
  await ledger.close()
  const again = await sample.open()
  await again.append(sampleRecord(1, { subject, event: { caller: 'reopened' }, sensitive: {} }))
  await again.close()
  await assertSound(sample)
  const records = await read(sample)
  assert.deepEqual(callers(records).slice(-3), ['late', 'later', 'reopened'])
  assert.ok(!callers(records).includes('early'))
  const actors = new Set(records.slice(-3).map(({ envelope }) => envelope.actor))
  assert.equal(actors.size, 1)
  assert.ok(!actors.has(pseudonym ?? ''))
})

test('a subject that comes back can be erased again, and one that was never there leaves nothing', async () => {
  const sample = await filled()
  const ledger = await sample.open()
  await ledger.eraseSubject(subject)
  assert.equal((await ledger.eraseSubject(subject)).receipt, undefined)
  const { size } = ledger
  assert.deepEqual(await ledger.eraseSubject('user:corp/nobody'), {
    lines: 0,
    months: [],
    pseudonyms: [],
    receipt: undefined,
  })
  assert.equal(ledger.size, size)
  await ledger.append(sampleRecord(1))
  const both = await Promise.all([ledger.eraseSubject(subject), ledger.eraseSubject(subject)])
  assert.deepEqual(
    both.map(({ lines }) => lines),
    [1, 0],
  )
  await ledger.close()
  await assertSound(sample)
})

/** Dies at its nth change, and does nothing from then on. */
function dyingDisk(lastCall: number): { fs: FileSystem; isDead: () => boolean } {
  const disk = createFaultyDisk()
  let calls = 0
  disk.plan = (call, path) => {
    calls += 1
    if (calls <= lastCall) return undefined
    return call === 'write' && path.endsWith('subjects.keys') && calls === lastCall + 1
      ? { code: 'EIO', writes: 50 }
      : 'EIO'
  }
  const remove = (path: string): Promise<void> => {
    calls += 1
    if (calls > lastCall) throw Object.assign(new Error('EIO'), { code: 'EIO' })
    return disk.remove(path)
  }
  return { fs: { ...disk, remove }, isDead: () => calls > lastCall }
}

test('a kill at any step leaves the subject whole, or is finished by the next open', async () => {
  const origin = await filled()
  const seen = new Set<string>()
  for (let step = 0; ; step += 1) {
    const sample = copySample(origin)
    const plan = dyingDisk(step + (await openingCalls(sample)))
    const working = await sample.open({ fs: plan.fs })
    const result = await working.eraseSubject(subject).then(
      () => 'erased',
      (error: unknown) => (error instanceof Fault ? 'failed' : assert.fail(String(error))),
    )
    const died = plan.isDead()
    const killed = copySample(sample)
    await working.close().catch(() => undefined)
    const report = await verifyLedger(killed.root)
    assert.deepEqual(report.problems, [], `before the next open, step ${step}`)
    const again = await killed.open()
    const { lines } = await again.findSubject(subject)
    await again.append(sampleRecord(1))
    await again.close()
    await assertSound(killed)
    assert.equal(existsSync(join(killed.dir, 'subjects.erasing')), false)
    const records = await read(killed)
    const erased = records.filter((record) => record.erased).length
    assert.ok(lines === 0 ? erased > 0 : erased === 0, `step ${step}`)
    seen.add(`${result} ${lines === 0 ? 'gone' : 'whole'}`)
    if (!died) {
      assert.equal(result, 'erased')
      break
    }
  }
  assert.deepEqual([...seen].toSorted(), ['erased gone', 'failed gone', 'failed whole'])
})

async function openingCalls(sample: Sample): Promise<number> {
  const copy = copySample(sample)
  const disk = createFaultyDisk()
  const ledger = await copy.open({ fs: disk })
  const calls = disk.calls.length
  await ledger.close()
  return calls
}

test('a journal that nobody wrote stops the writer, and is a finding', async () => {
  const sample = await filled(8)
  writeFileSync(join(sample.dir, 'subjects.erasing'), 'e1 3\n')
  await assert.rejects(sample.open(), (error) => error instanceof Fault && error.code === 'LEDGER_CORRUPT')
  const { problems } = await verifyLedger(sample.root)
  assert.deepEqual(
    problems.map(({ file, kind }) => `${kind} ${file}`),
    ['subject-key subjects.erasing'],
  )
  assert.equal(parseJournal(Buffer.from('')), undefined)
})

test('a journal whose record is not in the log destroys nothing', async () => {
  const origin = await filled(8)
  const other = copySample(origin)
  const ledger = await other.open({ fs: dyingAt('write', 'subjects.keys') })
  await assert.rejects(ledger.eraseSubject(subject))
  const journal = readFileSync(join(other.dir, 'subjects.erasing'))
  await ledger.close().catch(() => undefined)
  writeFileSync(join(origin.dir, 'subjects.erasing'), journal)
  const opened = await origin.open()
  assert.ok((await opened.findSubject(subject)).lines > 0)
  await opened.close()
  await assertSound(origin)
})

function dyingAt(call: string, name: string): FileSystem {
  const disk = createFaultyDisk()
  disk.plan = (each, path) => (each === call && path.endsWith(name) ? 'EIO' : undefined)
  return disk
}

test('what could not be overwritten is, before the next erasure', async () => {
  const sample = await filled(8)
  const disk = createFaultyDisk()
  const ledger = await sample.open({ fs: disk })
  disk.plan = (call, path) => (call === 'write' && path.endsWith('subjects.keys') ? 'EIO' : undefined)
  await assert.rejects(ledger.eraseSubject(subject))
  disk.plan = () => undefined
  // still forgotten: its record says so
  await ledger.append(sampleRecord(1, { event: { caller: 'back' }, sensitive: {} }))
  await ledger.eraseSubject('agent:concierge')
  await ledger.close()
  await assertSound(sample)
  const records = await read(sample)
  assert.equal(records.filter((record) => record.erased).length, 4)
  assert.equal(records.filter(({ event }) => event?.['caller'] === 'back').length, 1)
})
