// Calls that a crash cut off are found at the next start, each once, with whatever the file beside the ledger says or
// does not say; calls that ended are not.

import assert from 'node:assert/strict'
import { truncateSync, writeFileSync, existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  collect,
  copySample,
  createSample,
  sampleKeyEncryptionKey,
  sampleOrigin,
  sampleRecord,
  type Sample,
} from '../../test/fakes/sample-ledger.ts'
import { createAuditTrail, type AuditTrail } from './audit.ts'
import { findCutOff } from './cut-calls.ts'
import type { Ledger, NewRecord } from './ledger.ts'
import { createOpenCalls, formatOpenCalls } from './open-calls.ts'
import { readLedger } from './read-ledger.ts'

const decision = (call: string, changes: Partial<NewRecord> = {}): NewRecord => ({
  ...sampleRecord(0),
  kind: 'decision',
  outcome: 'allowed',
  code: '',
  call,
  subject: 'key:ci',
  event: { caller: 'key:ci', origin: 'user:corp/4f1c', task: `task of ${call}` },
  ...changes,
})
const completion = (call: string): NewRecord => ({ ...decision(call), kind: 'completion', outcome: 'completed' })
const lifecycle = (operation: string): NewRecord => ({
  ...sampleRecord(0),
  kind: 'lifecycle',
  call: '',
  subject: '',
  agent: '',
  operation,
  outcome: 'done',
  code: '',
  sensitive: {},
  event: {},
})

const pathOf = (sample: Sample): string => join(sample.root, 'open-calls')
const find = (sample: Sample, size: number): ReturnType<typeof findCutOff> =>
  findCutOff({
    dir: sample.dir,
    origin: sampleOrigin,
    size,
    openCallsPath: pathOf(sample),
    keyEncryptionKey: sampleKeyEncryptionKey,
  })
const callsOf = async (sample: Sample, size: number): Promise<string[]> =>
  (await find(sample, size)).calls.map(({ call }) => call)
async function append(ledger: Ledger, ...records: NewRecord[]): Promise<void> {
  for (const record of records) await ledger.append(record)
}
const trailOf = (ledger: Ledger, sample: Sample): AuditTrail =>
  createAuditTrail({
    ledger,
    clock: sample.clock,
    snapshotDigest: () => 'd',
    unknownPerMinute: 10,
    openCalls: createOpenCalls({ path: pathOf(sample), origin: sampleOrigin, logSize: () => ledger.size }),
  })

test('without the file everything since the last start is read, and the body says whose call it was', async () => {
  const sample = createSample()
  const ledger = await sample.open()
  await append(ledger, lifecycle('started'), decision('a'), decision('b'), completion('a'), decision('c'))
  const { calls: found } = await find(sample, ledger.size)
  assert.deepEqual(
    found.map(({ call, agent, operation, caller, origin, task }) => [call, agent, operation, caller, origin, task]),
    ['b', 'c'].map((call) => [call, 'calculator', 'SendMessage', 'key:ci', 'user:corp/4f1c', `task of ${call}`]),
  )
  await ledger.close()
})

test('refusals and discovery leave nothing open', async () => {
  const sample = createSample()
  const ledger = await sample.open()
  await append(
    ledger,
    decision('a', { outcome: 'refused', code: 'AUTHZ_DENIED' }),
    decision('b', { operation: 'GetAgentCard' }),
    decision('c', { operation: 'ListAgents' }),
  )
  assert.deepEqual(await callsOf(sample, ledger.size), [])
  await ledger.close()
})

test('a call id or code that reads like a member of the envelope deceives nobody', async () => {
  const sample = createSample()
  const ledger = await sample.open()
  await append(ledger, decision('a'), decision('b', { agent: 'x","kind":"completion","call":"a' }))
  assert.deepEqual(await callsOf(sample, ledger.size), ['a', 'b'])
  await ledger.close()
})

test('an orderly end settles everything before it; a start settles what was open before the start before it', async () => {
  const sample = createSample()
  const ledger = await sample.open()
  await append(ledger, decision('a'), lifecycle('stopped'), decision('b'), lifecycle('started'), decision('c'))
  assert.deepEqual(await callsOf(sample, ledger.size), ['b', 'c'])
  await append(ledger, decision('d'), lifecycle('started'))
  assert.deepEqual(await callsOf(sample, ledger.size), ['c', 'd'])
  await ledger.close()
})

test('after an orderly end nothing is read that came before it', async () => {
  const sample = createSample()
  const ledger = await sample.open()
  await append(ledger, decision('a'), lifecycle('stopped'), decision('b'))
  assert.deepEqual(await callsOf(sample, ledger.size), ['b'])
  await ledger.close()
})

test('a file of another log, of a later state, or in pieces is not believed', async () => {
  const sample = createSample()
  const ledger = await sample.open()
  await append(ledger, decision('a'), decision('b'), completion('b'))
  for (const text of [
    formatOpenCalls({ origin: 'sallyport.local/00000000', size: ledger.size, calls: new Map(), folds: [] }),
    formatOpenCalls({ origin: sampleOrigin, size: ledger.size + 1, calls: new Map(), folds: [] }),
    formatOpenCalls({ origin: sampleOrigin, size: ledger.size, calls: new Map(), folds: [] }).slice(0, 20),
    '',
  ]) {
    writeFileSync(pathOf(sample), text)
    assert.deepEqual(await callsOf(sample, ledger.size), ['a'])
  }
  writeFileSync(
    pathOf(sample),
    formatOpenCalls({ origin: sampleOrigin, size: ledger.size, calls: new Map(), folds: [] }),
  )
  assert.deepEqual(await callsOf(sample, ledger.size), [])
  await ledger.close()
})

test('whatever was written when, exactly those calls are found that began and did not end', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ call: fc.integer({ min: 0, max: 9 }), ends: fc.boolean() }), { maxLength: 40 }),
      fc.nat(40),
      fc.boolean(),
      async (steps, noteAt, hasNote) => {
        const sample = createSample()
        const ledger = await sample.open({ segmentSize: 4_096 })
        const open = new Map<string, number>()
        for (const [at, { call, ends }] of steps.entries()) {
          if (hasNote && at === noteAt)
            writeFileSync(
              pathOf(sample),
              formatOpenCalls({ origin: sampleOrigin, size: ledger.size, calls: open, folds: [] }),
            )
          const id = `call${call}`
          if (ends !== open.has(id)) continue
          const { index } = await ledger.append(ends ? completion(id) : decision(id))
          if (ends) open.delete(id)
          else open.set(id, index)
        }
        assert.deepEqual(
          (await find(sample, ledger.size)).calls.map(({ call, index }) => [call, index]),
          [...open].toSorted((a, b) => a[1] - b[1]),
        )
        await ledger.close()
      },
    ),
    { numRuns: 15 },
  )
})

test('at the next start each gets a completion that says so, and at the one after that none', async () => {
  const sample = createSample()
  const first = await sample.open()
  await append(first, lifecycle('started'), decision('a'), decision('b'), completion('a'), decision('c'))
  const copy = copySample(sample)
  await first.close()

  for (const expected of [['b', 'c'], []]) {
    const ledger = await copy.open()
    const { calls: cut } = await find(copy, ledger.size)
    assert.deepEqual(
      cut.map(({ call }) => call),
      expected,
    )
    const trail = trailOf(ledger, copy)
    await trail.settle(cut)
    await trail.close()
  }
  const records = await collect(readLedger(copy.dir, { keyEncryptionKey: sampleKeyEncryptionKey }))
  const settled = records.filter(({ event }) => event?.['cut'] === true)
  assert.deepEqual(
    settled.map(({ envelope: { kind, call, agent, operation, outcome } }) => [kind, call, agent, operation, outcome]),
    ['b', 'c'].map((call) => ['completion', call, 'calculator', 'SendMessage', 'failed']),
  )
  const [one] = settled
  assert.equal(one?.event?.['detail'], 'the gateway ended before the call did')
  assert.equal(one?.event?.['caller'], 'key:ci')
  assert.equal(one?.envelope.actor, records.find(({ envelope }) => envelope.call === 'a')?.envelope.actor)
})

test('killed in the middle of an append: the torn decision never was, those before it are found', async () => {
  const sample = createSample()
  const ledger = await sample.open()
  await append(ledger, decision('a'), decision('b'))
  const copy = copySample(sample)
  await ledger.close()
  const [name] = readdirSync(join(copy.dir, 'segments')).toSorted().slice(-1)
  const path = join(copy.dir, 'segments', name ?? '')
  truncateSync(path, statSync(path).size - 100)
  const again = await copy.open()
  assert.deepEqual(await callsOf(copy, again.size), ['a'])
  await again.close()
})

test('when the disk is full at the start, the calls stay open for the next one', async () => {
  const sample = createSample()
  const ledger = await sample.open()
  await append(ledger, decision('a'))
  const { calls: cut } = await find(sample, ledger.size)
  const full = {
    ...ledger,
    size: ledger.size,
    append: () => Promise.reject(new Error('ENOSPC')),
    close: () => ledger.close(),
  }
  const trail = trailOf(full, sample)
  await trail.settle(cut)
  assert.equal(trail.unrecorded, 1)
  const size = ledger.size
  await trail.close()
  assert.ok(existsSync(pathOf(sample)))
  assert.deepEqual(await callsOf(sample, size), ['a'])
})
