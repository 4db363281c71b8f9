// Searching: what is found is what the ledger says, over all logs, whatever became of the index since.

import assert from 'node:assert/strict'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { frameHeadBytes, frameType, sealFrame } from '../audit/frame.ts'
import { createSearchedLedger, fill, search, secondName } from '../../test/fakes/searched-ledger.ts'
import { sampleRecord, sampleStartMs } from '../../test/fakes/sample-ledger.ts'
import { systemClock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import type { SearchQuery } from '../cli/ports.ts'
import { reindexLedger } from './audit-search.ts'
import { facts, home, open } from './fake-state.ts'
import type { State } from './state.ts'

const numbersWhere = (
  count: number,
  fits: (record: ReturnType<typeof sampleRecord>, number: number) => boolean,
): number[] =>
  Array.from({ length: count }, (_, number) => number).filter((number) => fits(sampleRecord(number), number))

test('finds by caller, agent, task, outcome, code, kind, call and time', async () => {
  const ledger = createSearchedLedger()
  await fill(ledger.open(), 0, 60)
  const at = (number: number): number => sampleStartMs + number * 1_234
  const cases = [
    [{ caller: 'key:ci' }, numbersWhere(60, ({ subject }) => subject === 'key:ci')],
    [{ agent: 'concierge' }, numbersWhere(60, ({ agent }) => agent === 'concierge')],
    [{ task: 'secret-task-7' }, [7]],
    [{ outcome: 'refused' }, numbersWhere(60, ({ outcome }) => outcome === 'refused')],
    [{ code: 'AUTHZ_*' }, numbersWhere(60, ({ code }) => code !== '')],
    [{ kind: 'completion' }, numbersWhere(60, ({ kind }) => kind === 'completion')],
    [{ call: sampleRecord(9).call }, [9]],
    [{ sinceMs: at(10), untilMs: at(12), operation: 'Send*' }, [10, 11]],
    [
      { caller: 'key:ci', kind: 'decision', agent: 'concierge' },
      numbersWhere(60, (each) => each.subject === 'key:ci' && each.kind === 'decision'),
    ],
  ] as const
  for (const [query, expected] of cases) {
    const { numbers, said } = await search(ledger.dataDir, query)
    assert.deepEqual([numbers, said], [expected, []], JSON.stringify(query))
  }
  const { found } = await search(ledger.dataDir, { task: 'secret-task-7' })
  assert.equal(found[0]?.record.event?.['number'], 7)
})

test('finds nothing where nothing fits', async () => {
  const ledger = createSearchedLedger()
  await fill(ledger.open(), 0, 20)
  const nothing = [
    { agent: 'nobody' },
    { task: 'secret-task-999' },
    { task: 'secret-task' },
    { context: 'secret-task-7' },
    { call: 'call' },
    { code: 'AUTHZ' },
    { origin: 'user:corp/4f1c' },
    { caller: 'key:ci', task: 'secret-task-0' },
    { sinceMs: sampleStartMs + 1e9 },
  ]
  for (const query of nothing)
    assert.deepEqual((await search(ledger.dataDir, query)).numbers, [], JSON.stringify(query))
  const unknown = await search(ledger.dataDir, { caller: 'user:corp/unknown' })
  assert.deepEqual(unknown.numbers, [])
  assert.match(unknown.said.join(), /no log knows the caller/)
})

test('finds the tasks and contexts that a call made somebody’s, and calls by the origin in their body', async () => {
  const ledger = createSearchedLedger()
  const log = await ledger.open()
  const claims = [{ kind: 'task', taskId: 'new-task', contextId: 'new-context' }]
  await log.append(sampleRecord(1, { event: { caller: 'agent:planner', origin: 'user:corp/4f1c', claims } }))
  await log.append(
    sampleRecord(2, { event: { caller: 'agent:planner', origin: 'user:corp/other', context: 'new-context' } }),
  )
  await log.close()
  assert.deepEqual((await search(ledger.dataDir, { task: 'new-task' })).numbers, [1])
  assert.deepEqual((await search(ledger.dataDir, { context: 'new-context' })).numbers, [1, 2])
  assert.deepEqual((await search(ledger.dataDir, { context: 'new-context', task: 'new-task' })).numbers, [1])
  assert.deepEqual((await search(ledger.dataDir, { origin: 'user:corp/4f1c' })).numbers, [1])
  assert.deepEqual((await search(ledger.dataDir, { task: 'new-context' })).numbers, [])
})

test('gives the latest that fit in order of time over all logs, or newest first', async () => {
  const ledger = createSearchedLedger()
  await fill(ledger.open(), 0, 10)
  await fill(ledger.open(secondName), 5, 15)
  const all = await search(ledger.dataDir, { operation: 'SendMessage' })
  assert.deepEqual(all.numbers, [0, 1, 2, 3, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 11, 12, 13, 14])
  const last = await search(ledger.dataDir, { caller: 'key:ci' }, { limit: 3 })
  assert.deepEqual([last.numbers, last.said.length], [[9, 9, 13], 1])
  const reverse = await search(ledger.dataDir, { operation: 'SendMessage' }, { limit: 4, reverse: true })
  assert.deepEqual(reverse.numbers, [14, 13, 12, 11])
  const exact = await search(ledger.dataDir, { caller: 'key:ci' }, { limit: 5 })
  assert.deepEqual(
    [exact.numbers, exact.said],
    [[1, 5, 5, 9, 9, 13].slice(1), ['there are more; these are the latest 5 (see --limit)']],
  )
})

test('a search by caller finds what the caller did, not what was done to its key', async () => {
  const dataDir = home()
  const state = await open(dataDir)
  await state.audit.administered('key.create', 'key:ci', { name: 'ci' })
  const refusal = { code: 'AUTHZ_DENIED', detail: '' } as Parameters<State['audit']['refused']>[1]
  await state.audit.refused({ ...facts, caller: 'key:ci' }, refusal)
  await state.audit.refused({ ...facts, caller: '' }, refusal)
  await state.audit.administered('key.revoke', 'key:ci', { name: 'ci' })
  await state.close()
  const kindsOf = async (query: SearchQuery): Promise<string[]> =>
    (await search(dataDir, query, { limit: 1 })).found.map(({ record }) => record.envelope.operation)
  assert.deepEqual(await kindsOf({ caller: 'key:ci' }), ['SendMessage'])
  assert.deepEqual(await kindsOf({ caller: 'key:ci', operation: 'key.*' }), [])
  assert.deepEqual(await kindsOf({ operation: 'key.create' }), ['key.create'])
  assert.deepEqual(await kindsOf({ caller: 'anonymous' }), ['SendMessage'])
})

test('each search indexes what came since, also while the log is being written', async () => {
  const ledger = createSearchedLedger()
  const log = await ledger.open(undefined, { segmentSize: 6_000 })
  for (let number = 0; number < 30; number += 1) {
    await log.append(sampleRecord(number))
    if (number % 7 !== 0) continue
    const { numbers, said } = await search(ledger.dataDir, { operation: 'SendMessage' })
    assert.deepEqual([numbers, said], [Array.from({ length: number + 1 }, (_, each) => each), []])
  }
  await log.close()
  assert.equal((await search(ledger.dataDir, { operation: 'SendMessage' })).numbers.length, 30)
})

test('two searches at once index a log once, and both find everything', async () => {
  const ledger = createSearchedLedger()
  await fill(ledger.open(), 0, 300)
  const both = await Promise.all([1, 2, 3].map(() => search(ledger.dataDir, { operation: 'SendMessage' })))
  for (const { numbers, said } of both) assert.deepEqual([numbers.length, said], [300, []])
  const { records } = await reindex(ledger.dataDir)
  assert.equal(records, (await search(ledger.dataDir, {})).found.length)
})

const reindex = (dataDir: string): ReturnType<typeof reindexLedger> =>
  reindexLedger({
    dataDir,
    loaded: undefined,
    clock: systemClock,
    warn: (message) => assert.fail(message),
    damage: (message) => assert.fail(message),
    onProgress: () => undefined,
  })

test('a log that was put back from a backup is indexed anew', async () => {
  const ledger = createSearchedLedger()
  await fill(ledger.open(), 0, 10)
  const backup = `${ledger.dataDir}.backup`
  cpSync(ledger.sample.dir, backup, { recursive: true })
  await fill(ledger.open(), 10, 30)
  assert.equal((await search(ledger.dataDir, { operation: 'SendMessage' })).numbers.length, 30)
  rmSync(ledger.sample.dir, { recursive: true })
  cpSync(backup, ledger.sample.dir, { recursive: true })
  assert.equal((await search(ledger.dataDir, { operation: 'SendMessage' })).numbers.length, 10)
  // other records at the same places
  await fill(ledger.open(), 100, 120)
  const { numbers, said } = await search(ledger.dataDir, { operation: 'SendMessage' })
  assert.deepEqual([numbers.length, numbers.at(-1), said], [30, 119, []])
})

test('a log that was set aside is found no more, and found again when it is back', async () => {
  const ledger = createSearchedLedger()
  await fill(ledger.open(), 0, 10)
  await fill(ledger.open(secondName), 50, 60)
  assert.equal((await search(ledger.dataDir, { operation: 'SendMessage' })).numbers.length, 20)
  renameSync(join(ledger.sample.root, secondName), `${ledger.dataDir}.aside`)
  assert.deepEqual((await search(ledger.dataDir, { task: 'secret-task-55' })).numbers, [])
  assert.equal((await search(ledger.dataDir, { operation: 'SendMessage' })).numbers.length, 10)
  renameSync(`${ledger.dataDir}.aside`, join(ledger.sample.root, secondName))
  assert.deepEqual((await search(ledger.dataDir, { task: 'secret-task-55' })).numbers, [55])
})

test('records that expired with their segment are found no more', async () => {
  const ledger = createSearchedLedger()
  const log = await ledger.open(undefined, { segmentSize: 6_000 })
  for (let number = 0; number < 30; number += 1) await log.append(sampleRecord(number))
  await log.close()
  const segments = join(ledger.sample.dir, 'segments')
  const before = await search(ledger.dataDir, {})
  const [first = '', second = ''] = readdirSync(segments).toSorted()
  rmSync(join(segments, first))
  const { found, said } = await search(ledger.dataDir, {})
  const oldest = Number.parseInt(second, 10)
  assert.deepEqual(
    found.map(({ record }) => record.index),
    before.found.map(({ record }) => record.index).filter((index) => index >= oldest),
  )
  assert.deepEqual(said, [])
  assert.equal((await reindex(ledger.dataDir)).records, found.length)
})

/** What retention makes of a segment: bodies give way to empty frames, everything else stays. */
function expireBodies(path: string): void {
  const bytes = readFileSync(path)
  const parts = [bytes.subarray(0, bytes.readUInt32LE(12))]
  for (let at = parts[0]?.length ?? 0, end = at; at < bytes.length; at = end) {
    end = at + frameHeadBytes + bytes.readUInt32LE(at)
    const empty = Buffer.alloc(frameHeadBytes)
    if (bytes[at + 8] === frameType.body) sealFrame(empty, 0, frameType.expiredBody, 0)
    parts.push(bytes[at + 8] === frameType.body ? empty : bytes.subarray(at, end))
  }
  writeFileSync(path, Buffer.concat(parts))
}

test('records whose bodies expired are found where they lie now', async () => {
  const ledger = createSearchedLedger()
  const log = await ledger.open(undefined, { segmentSize: 6_000 })
  for (let number = 0; number < 30; number += 1) await log.append(sampleRecord(number))
  await log.close()
  const segments = join(ledger.sample.dir, 'segments')
  const before = await search(ledger.dataDir, {})
  for (const name of readdirSync(segments).toSorted().slice(0, 2)) expireBodies(join(segments, name))
  const { found, said } = await search(ledger.dataDir, {})
  const leaves = (all: typeof found): string[] => all.map(({ record }) => record.leafHash)
  assert.deepEqual([leaves(found), said], [leaves(before.found), []])
  assert.ok(found.some(({ record }) => record.expired))
  // what was indexed while the body was there is still found by it
  assert.deepEqual((await search(ledger.dataDir, { task: 'secret-task-2', caller: 'agent:concierge' })).numbers, [2])
})

test('an index that was deleted, spoilt or left half by a kill is made again', async () => {
  const ledger = createSearchedLedger()
  await fill(ledger.open(), 0, 30)
  const path = join(ledger.dataDir, 'audit.db')
  const everything = await search(ledger.dataDir, {})
  const spoil: readonly (() => void)[] = [
    () => rmSync(path),
    () => writeFileSync(path, Buffer.alloc(8_192, 0xff)),
    () => writeFileSync(path, ''),
    () => {
      rmSync(path)
      mkdirSync(path)
    },
  ]
  for (const act of spoil) {
    act()
    const again = await search(ledger.dataDir, {})
    assert.deepEqual(again.numbers, everything.numbers)
  }
  assert.equal(statSync(path).mode & 0o777, 0o600)
})

test('without the key-encryption key finds by what envelopes say, and says what the rest needs', async () => {
  const ledger = createSearchedLedger()
  await fill(ledger.open(), 0, 20)
  const key = `${ledger.dataDir}.kek`
  renameSync(key, `${key}.away`)
  for (const query of [{ agent: 'concierge' }, { outcome: 'refused' }, { code: 'AUTHZ_DENIED' }, { sinceMs: 0 }]) {
    const { found } = await search(ledger.dataDir, query)
    assert.ok(found.length > 0)
    assert.ok(found.every(({ record }) => record.event === undefined))
  }
  for (const query of [{ caller: 'key:ci' }, { task: 'secret-task-7' }, { context: 'c' }, { origin: 'key:ci' }]) {
    const isNeeded = (error: unknown): boolean => error instanceof Fault && error.code === 'KEY_UNREADABLE'
    await assert.rejects(search(ledger.dataDir, query), isNeeded)
  }
  assert.ok(!existsSync(key))
  renameSync(`${key}.away`, key)
  assert.deepEqual((await search(ledger.dataDir, { task: 'secret-task-7' })).numbers, [7])
})

test('under a key that is not the ledger’s it searches as without one, and says so', async () => {
  const ledger = createSearchedLedger()
  await fill(ledger.open(), 0, 20)
  await search(ledger.dataDir, {})
  writeFileSync(`${ledger.dataDir}.kek`, Buffer.alloc(32, 7).toString('base64url'))
  const { found, said } = await search(ledger.dataDir, { agent: 'concierge' })
  assert.deepEqual([found.length, said.length], [10, 1])
  await assert.rejects(search(ledger.dataDir, { caller: 'key:ci' }))
})

test('a data directory without a ledger has no records', async () => {
  const ledger = createSearchedLedger()
  mkdirSync(ledger.dataDir)
  for (const query of [{}, { agent: 'concierge' }]) assert.deepEqual((await search(ledger.dataDir, query)).found, [])
})

test('of a damaged log it finds what stands before the damage, and says where it ends', async () => {
  const ledger = createSearchedLedger()
  const log = await ledger.open(undefined, { segmentSize: 6_000 })
  for (let number = 0; number < 30; number += 1) await log.append(sampleRecord(number))
  await log.close()
  const segments = join(ledger.sample.dir, 'segments')
  writeFileSync(join(segments, readdirSync(segments).toSorted()[2] ?? ''), 'gone', { flag: 'r+' })
  const { numbers, said } = await search(ledger.dataDir, { operation: 'SendMessage' })
  assert.ok(numbers.length > 0 && numbers.length < 30)
  assert.match(said.join(), /audit verify/)
})
