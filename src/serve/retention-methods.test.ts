// Erasing, holding and releasing as an operator does it: over every log, recorded without a name, refused where it is
// held, and never by one alone where two must agree.

import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { collect } from '../../test/fakes/sample-ledger.ts'
import { readLedger, verifyLedger, type LedgerRecord } from '../audit/audit.ts'
import { createManualClock, type ManualClock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import type { EraseAnswer, EraseRequest, RetentionMethods } from '../cli/ports.ts'
import { configSchema, type ConfigInput } from '../config/config.ts'
import { facts, home, open } from './fake-state.ts'
import { createRetentionMethods, type RetentionByPeople } from './retention-methods.ts'
import { keySource } from './key-encryption-key.ts'
import type { State } from './state.ts'

const subject = 'user:corp/4f1c'
const twoNeeded: ConfigInput = { audit: { erasure: { approvers: ['key:anna', 'key:bert'] } } }

interface World {
  readonly dataDir: string
  readonly state: State
  readonly methods: RetentionMethods & RetentionByPeople
  readonly clock: ManualClock
  erase(changes?: Partial<EraseRequest>): Promise<EraseAnswer>
  /** as it is told to the one who asked */
  keyOf(name: string): string
}

async function make(t: TestContext, input: ConfigInput = {}): Promise<World> {
  const dataDir = home()
  const other = await open(dataDir, 'cli')
  await other.audit.refused({ ...facts, caller: subject }, refusal)
  await other.close()
  const state = await open(dataDir)
  t.after(() => state.close())
  await state.audit.refused({ ...facts, caller: subject }, refusal)
  await state.audit.refused({ ...facts, caller: 'key:ci' }, refusal)
  const clock = createManualClock()
  const config = configSchema.parse(input)
  const methods = createRetentionMethods(state, { clock, config: () => config, minimumExported: () => undefined })
  const request = { subject, reason: 'asked for', dryRun: false, approver: null, approve: null }
  return {
    dataDir,
    state,
    methods,
    clock,
    erase: (changes = {}) => methods['audit.erase']({ ...request, ...changes }),
    keyOf: (name) => state.keys.create({ name }).key,
  }
}

const refusal = { code: 'AUTHZ_DENIED', detail: '' } as Parameters<State['audit']['refused']>[1]

async function recordsOf({ dataDir }: Pick<World, 'dataDir'>, state: State): Promise<LedgerRecord[]> {
  const keyEncryptionKey = await keySource(dataDir, undefined).load()
  return await collect(readLedger(join(dataDir, 'ledger', state.ledger.origin.slice(-8)), { keyEncryptionKey }))
}

async function actsOf(world: World): Promise<string[]> {
  const records = await recordsOf(world, world.state)
  return records.filter(({ envelope }) => envelope.kind === 'administration').map(({ envelope }) => envelope.operation)
}

const whyNot = (answer: EraseAnswer): string => (answer.kind === 'refused' ? answer.why : assert.fail(answer.kind))

test('a subject is erased in every log, and the ledger verifies', async (t) => {
  const world = await make(t)
  const answer = await world.erase()
  assert.equal(answer.kind, 'erased')
  assert.deepEqual(answer.kind === 'erased' && answer.logs.map(({ keys }) => keys), [1, 1])
  await world.state.ledger.append({ ...lifecycle })
  assert.deepEqual((await verifyLedger(join(world.dataDir, 'ledger'))).problems, [])
  const records = await recordsOf(world, world.state)
  assert.equal(records.filter((record) => record.erased).length, 1)
  assert.equal(records.filter(({ event }) => event?.['caller'] === 'key:ci').length, 1)
})

const lifecycle = {
  kind: 'lifecycle' as const,
  call: '',
  timeMs: 1_800_000_000_000,
  snapshot: '',
  subject: '',
  agent: '',
  operation: 'recording-resumed',
  outcome: 'done' as const,
  code: '',
  sensitive: {},
  event: {},
}

test('what is recorded of an erasure names nobody', async (t) => {
  const world = await make(t)
  await world.erase()
  assert.deepEqual(await actsOf(world), ['audit.erase', 'audit.erase.done'])
  const acts = (await recordsOf(world, world.state)).filter(({ envelope }) => envelope.kind === 'administration')
  assert.ok(!JSON.stringify(acts.map(({ event, committed }) => [event, committed])).includes(subject))
  assert.deepEqual(acts[1]?.event?.['keys'], 2)
  assert.deepEqual(acts[1]?.event?.['reason'], 'asked for')
})

test('a dry run says what would go, and neither changes nor records anything', async (t) => {
  const world = await make(t)
  const answer = await world.erase({ dryRun: true })
  assert.deepEqual(answer.kind === 'dry-run' && answer.logs.map(({ keys, record }) => [keys, record]), [
    [1, null],
    [1, null],
  ])
  assert.deepEqual(await actsOf(world), [])
  const again = await world.erase({ dryRun: true })
  assert.deepEqual(again, answer)
})

test('copies that cannot be reached are named', async (t) => {
  const world = await make(t, {
    audit: { export: [{ name: 'siem', kind: 'jsonl-http', url: 'https://siem.example' }] },
  })
  world.keyOf('ci')
  const answer = await world.erase({ subject: 'key:ci' })
  const copies = answer.kind === 'erased' ? answer.unreachable.join('\n') : ''
  for (const copy of [/backups/, /exporter siem/, /receipts/, /API key \w+ \(ci\)/, /agents keep/])
    assert.match(copies, copy)
})

test('a subject under hold is not erased, and neither is anybody under a hold on everything', async (t) => {
  const world = await make(t)
  await world.methods['audit.hold']({ name: 'case-7', subject, reason: 'a court asked' })
  assert.match(whyNot(await world.erase()), /legal hold case-7/)
  assert.match(whyNot(await world.erase({ dryRun: true })), /legal hold case-7/)
  assert.equal((await world.erase({ subject: 'key:nobody' })).kind, 'erased')
  await world.methods['audit.hold']({ name: 'freeze', subject: null, reason: '' })
  assert.match(whyNot(await world.erase({ subject: 'key:nobody' })), /legal hold freeze, which is on everything/)
  await world.methods['audit.release']({ name: 'freeze', reason: 'over' })
  await world.methods['audit.release']({ name: 'case-7', reason: 'over' })
  assert.equal((await world.erase()).kind, 'erased')
  const acts = await actsOf(world)
  for (const act of ['audit.hold', 'audit.release', 'audit.erase.refused']) assert.ok(acts.includes(act), act)
})

test('holds are kept for their owner alone, and one name is one hold', async (t) => {
  const world = await make(t)
  await world.methods['audit.hold']({ name: 'case-7', subject, reason: 'a court asked' })
  const twice = await world.methods['audit.hold']({ name: 'case-7', subject: 'key:ci', reason: '' })
  assert.equal(twice.kind, 'refused')
  assert.equal((await world.methods['audit.release']({ name: 'case-8', reason: '' })).kind, 'refused')
  assert.equal(statSync(join(world.dataDir, 'holds.json')).mode & 0o777, 0o600)
  assert.deepEqual(
    (await world.methods['audit.holds']({})).map((hold) => [hold.name, hold.subject, hold.reason]),
    [['case-7', subject, 'a court asked']],
  )
})

test('holds that cannot be read keep everything', async (t) => {
  const world = await make(t, { audit: { retention: { bodies: '1s' } } })
  const isUnreadable = (error: unknown): boolean => error instanceof Fault && error.code === 'STORE_UNREACHABLE'
  for (const text of ['', '{}', '{"holds":[{"name":"x"}]}', '[]']) {
    writeFileSync(join(world.dataDir, 'holds.json'), text)
    await assert.rejects(world.erase(), isUnreadable)
    await assert.rejects(world.methods['audit.prune']({ dryRun: false }), isUnreadable)
  }
})

test('a hold on everything stops retention', async (t) => {
  const world = await make(t, { audit: { retention: { bodies: '1s' } } })
  await world.methods['audit.hold']({ name: 'freeze', subject: null, reason: '' })
  assert.deepEqual(await world.methods['audit.prune']({ dryRun: false }), {
    heldBy: 'freeze',
    clockAheadMs: 0,
    logs: [],
  })
})

test('two approvers erase what neither can alone', async (t) => {
  const world = await make(t, twoNeeded)
  const [anna, bert] = [world.keyOf('anna'), world.keyOf('bert')]
  const waiting = await world.erase({ approver: anna })
  assert.equal(waiting.kind, 'pending')
  const id = waiting.kind === 'pending' ? waiting.id : ''
  assert.equal(statSync(join(world.dataDir, 'erasures.json')).mode & 0o777, 0o600)
  assert.equal((await world.erase({ subject: null, approve: id, approver: bert })).kind, 'erased')
  assert.deepEqual(await actsOf(world), ['audit.erase.requested', 'audit.erase', 'audit.erase.done'])
  assert.ok(!readFileSync(join(world.dataDir, 'erasures.json'), 'utf8').includes(subject))
  assert.match(whyNot(await world.erase({ subject: null, approve: id, approver: bert })), /no erasure of this id/)
})

test('one approver is not two, whatever key is used', async (t) => {
  const world = await make(t, twoNeeded)
  const waiting = await world.erase({ approver: world.keyOf('anna') })
  const id = waiting.kind === 'pending' ? waiting.id : assert.fail()
  const again = await world.erase({ subject: null, approve: id, approver: world.keyOf('anna') })
  assert.match(whyNot(again), /another than the first/)
  assert.equal((await world.erase({ dryRun: true })).kind, 'dry-run')
  assert.deepEqual(await actsOf(world), ['audit.erase.requested', 'audit.erase.refused'])
})

test('an administrator who logged in is one of two, and never both', async (t) => {
  const approvers = ['user:corp/anna', 'user:corp/bert', 'key:carl']
  const world = await make(t, { audit: { erasure: { approvers } } })
  const ask = { subject, reason: 'asked for', dryRun: false, approve: null }
  whyNot(await world.methods.eraseAs(ask, 'user:corp/mallory'))
  whyNot(await world.methods.eraseAs(ask, 'admin-bootstrap'))
  whyNot(await world.methods.eraseAs(ask, 'key:dora'))
  const waiting = await world.methods.eraseAs(ask, 'user:corp/anna')
  assert.ok(waiting.kind === 'pending')
  const second = { ...ask, subject: null, approve: waiting.id }
  whyNot(await world.methods.eraseAs(second, 'user:corp/anna'))
  whyNot(await world.methods.eraseAs(second, 'user:corp/mallory'))
  assert.equal((await world.methods.eraseAs(second, 'user:corp/bert')).kind, 'erased')
  const records = await recordsOf(world, world.state)
  const done = records.find(({ envelope }) => envelope.operation === 'audit.erase.done')
  assert.deepEqual(done?.event?.['by'], ['user:corp/anna', 'user:corp/bert'])
})

test('an administrator and the bearer of a key are two', async (t) => {
  const world = await make(t, { audit: { erasure: { approvers: ['user:corp/anna', 'key:carl'] } } })
  const ask = { subject, reason: 'asked for', dryRun: false, approve: null }
  const waiting = await world.methods.eraseAs(ask, 'user:corp/anna')
  assert.ok(waiting.kind === 'pending')
  const approver = world.keyOf('carl')
  assert.equal((await world.erase({ subject: null, approve: waiting.id, approver })).kind, 'erased')
})

test('where one is enough an administrator is named', async (t) => {
  const world = await make(t)
  const ask = { subject, reason: 'asked for', dryRun: false, approve: null }
  assert.equal((await world.methods.eraseAs(ask, 'user:corp/anna')).kind, 'erased')
  const records = await recordsOf(world, world.state)
  const done = records.find(({ envelope }) => envelope.operation === 'audit.erase.done')
  assert.deepEqual(done?.event?.['by'], ['user:corp/anna'])
})

test('nobody else approves: no key, a foreign one, a false one, one of before', async (t) => {
  const world = await make(t, twoNeeded)
  const [anna, mallory, bert] = [world.keyOf('anna'), world.keyOf('mallory'), world.keyOf('bert')]
  world.state.keys.revoke('bert')
  const waiting = await world.erase({ approver: anna })
  const id = waiting.kind === 'pending' ? waiting.id : assert.fail()
  const bad = [null, mallory, bert, `${anna.slice(0, -1)}0`, '', 'anna']
  for (const approver of bad) {
    assert.match(whyNot(await world.erase({ approver })), /API keys of two approvers/)
    assert.match(whyNot(await world.erase({ subject: null, approve: id, approver })), /API keys of two approvers/)
  }
  assert.equal((await actsOf(world)).filter((act) => act === 'audit.erase.refused').length, 2 * bad.length)
})

test('what was asked for by one who may not any more is not carried out, nor what was asked for long ago', async (t) => {
  const world = await make(t, twoNeeded)
  const [anna, bert] = [world.keyOf('anna'), world.keyOf('bert')]
  const first = await world.erase({ approver: anna })
  world.state.keys.revoke('anna')
  const approve = first.kind === 'pending' ? first.id : assert.fail()
  assert.match(whyNot(await world.erase({ subject: null, approve, approver: bert })), /may not any more/)
  const second = await world.erase({ approver: bert })
  const later = second.kind === 'pending' ? second.id : assert.fail()
  world.clock.advance(7 * 86_400_000)
  const anew = world.keyOf('anna')
  assert.match(whyNot(await world.erase({ subject: null, approve: later, approver: anew })), /no erasure of this id/)
})

test('a hold set between request and approval holds', async (t) => {
  const world = await make(t, twoNeeded)
  const waiting = await world.erase({ approver: world.keyOf('anna') })
  const approve = waiting.kind === 'pending' ? waiting.id : assert.fail()
  await world.methods['audit.hold']({ name: 'case-7', subject, reason: '' })
  assert.match(whyNot(await world.erase({ subject: null, approve, approver: world.keyOf('bert') })), /legal hold/)
})

test('requests that wait are few', async (t) => {
  const world = await make(t, twoNeeded)
  const anna = world.keyOf('anna')
  for (let count = 0; count < 100; count += 1)
    assert.equal((await world.erase({ approver: anna, subject: `key:${count}` })).kind, 'pending')
  assert.match(whyNot(await world.erase({ approver: anna })), /too many erasures wait/)
})
