import assert from 'node:assert/strict'
import test from 'node:test'
import { createManualClock, type ManualClock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import type { JsonObject } from '../base/strict-json.ts'
import { refuse } from '../refusal/refusal.ts'
import { admittedOf } from '../../test/fakes/walk.ts'
import type { OpenCalls } from './open-calls.ts'
import {
  createAuditTrail,
  type AuditTrail,
  type CallFacts,
  type Completion,
  type Ledger,
  type NewRecord,
} from './audit.ts'

interface World {
  readonly clock: ManualClock
  readonly trail: AuditTrail
  readonly written: NewRecord[]
  works: boolean
  /** how many more records may be written before the disk fails */
  left: number
  /** receipts that the ledger was asked to sign */
  signed: number
}

/** Remembers what is open, as the real one does, and nothing on a disk. */
function openCallsInMemory(): OpenCalls & { readonly open: Map<string, number> } {
  const open = new Map<string, number>()
  return {
    open,
    began: (call, index) => void open.set(call, index),
    ended: (call) => void open.delete(call),
    watchFolds: () => undefined,
    get size() {
      return open.size
    },
    close: () => Promise.resolve(),
  }
}

function make(unknownPerMinute = 10, openCalls?: OpenCalls): World {
  const written: NewRecord[] = []
  const clock = createManualClock()
  const ledger = {
    append: async (record: NewRecord) => {
      await Promise.resolve()
      if (!world.works || world.left <= 0) throw new Fault('LEDGER_FULL', 'full')
      world.left -= 1
      written.push(record)
      return { origin: 'o', index: written.length - 1, leafHash: 'h' }
    },
    signReceipt: ({ index }: { index: number }) => {
      world.signed += 1
      return Promise.resolve(`signature of ${index}`)
    },
    close: () => Promise.resolve(),
  }
  // the trail only appends, signs and closes
  const trail = createAuditTrail({
    ledger: ledger as unknown as Ledger,
    clock,
    snapshotDigest: () => 'digest',
    unknownPerMinute,
    ...(openCalls && { openCalls }),
  })
  const world: World = { clock, trail, written, works: true, left: Infinity, signed: 0 }
  return world
}

const facts = (changed: Partial<CallFacts> = {}): CallFacts => ({
  call: 'call1',
  receivedAtMs: 5,
  snapshotDigest: 'digest',
  source: '192.0.2.7',
  caller: 'key:alice',
  origin: 'key:alice',
  chain: [],
  authentication: 'api-key',
  credential: 'k1',
  agent: 'calculator',
  operation: 'SendMessage',
  binding: 'JSONRPC',
  version: '1.0',
  tenant: '',
  task: '',
  context: '',
  requestBytes: 0,
  requestHash: '',
  trace: '',
  ...changed,
})
const unknown = facts({ caller: '', origin: '' })
const completion: Completion = {
  outcome: 'completed',
  status: 200,
  code: '',
  detail: '',
  events: 0,
  answerBytes: 1,
  answerHash: '',
  durationMs: 1,
  timings: {},
  claims: [],
}
const gapsOf = (world: World): JsonObject[] =>
  world.written.flatMap(({ event }) => ('gap' in event ? [event['gap'] as JsonObject] : []))

test('an allowed call leaves its rules and exactly what policy saw', async () => {
  const { trail, written } = make()
  await trail.allowed(facts(), admittedOf(), [])
  assert.equal(written[0]?.kind, 'decision')
  assert.equal(written[0]?.outcome, 'allowed')
  assert.deepEqual(written[0]?.event['rules'], ['user#0'])
  assert.deepEqual(written[0]?.event['input'], {})
})

test('claims ride with the decision, the completion or by themselves', async () => {
  const { trail, written } = make()
  const claim = {
    kind: 'context',
    agent: 'a',
    tenant: '',
    contextId: 'c',
    owner: { caller: 'x', origin: 'y' },
    groups: [],
    createdAtMs: 1,
  } as const
  await trail.allowed(facts(), admittedOf(), [claim])
  await trail.completed(facts(), { ...completion, claims: [claim] })
  await trail.claimed(facts(), [claim])
  assert.deepEqual(
    written.map((record) => record.event['claims']),
    [[claim], [claim], [claim]],
  )
  assert.equal(written[2]?.kind, 'ownership')
})

test("a refusal keeps its private detail, and the caller's values are committed to", async () => {
  const { trail, written } = make()
  await trail.refused(facts({ task: 't1' }), refuse('AUTHZ_TASK_NOT_FOUND', 'foreign'))
  assert.equal(written[0]?.code, 'AUTHZ_TASK_NOT_FOUND')
  assert.equal(written[0]?.event['detail'], 'foreign')
  assert.equal(written[0]?.sensitive['task'], 't1')
})

test('what cannot be recorded is told, counted, and said when records can be written again', async () => {
  const world = make()
  world.works = false
  await assert.rejects(world.trail.refused(facts(), refuse('AUTHZ_DENIED', '')))
  world.clock.advance(1_000)
  await assert.rejects(world.trail.refused(facts(), refuse('AUTHZ_DENIED', '')))
  await assert.rejects(world.trail.refusedUnknown(unknown, refuse('AUTHN_MISSING', '')))
  await assert.rejects(world.trail.completed(facts({ call: 'lost1' }), completion))
  assert.equal(world.trail.unrecorded, 4)
  world.works = true
  await world.trail.refused(facts(), refuse('AUTHZ_DENIED', ''))
  assert.equal(world.trail.unrecorded, 0)
  assert.deepEqual(gapsOf(world), [
    {
      count: 4,
      sinceMs: 1_800_000_000_000,
      codes: { AUTHZ_DENIED: 2, AUTHN_MISSING: 1, '': 1 },
      completionsLost: ['lost1'],
    },
  ])
})

test('a gap that cannot be recorded loses none of its counts', async () => {
  const world = make()
  world.works = false
  await assert.rejects(world.trail.refused(facts(), refuse('AUTHZ_DENIED', '')))
  await assert.rejects(world.trail.completed(facts({ call: 'lost1' }), completion))
  // room for one record: the call's own, not the gap's
  world.works = true
  world.left = 1
  await world.trail.refused(facts(), refuse('LIMIT_RATE', ''))
  assert.equal(world.trail.unrecorded, 2)
  await assert.rejects(world.trail.refused(facts(), refuse('LIMIT_RATE', '')))
  world.left = Infinity
  await world.trail.refused(facts(), refuse('AUTHZ_DENIED', ''))
  assert.deepEqual(gapsOf(world), [
    {
      count: 3,
      sinceMs: 1_800_000_000_000,
      codes: { AUTHZ_DENIED: 1, '': 1, LIMIT_RATE: 1 },
      completionsLost: ['lost1'],
    },
  ])
})

test('of many calls at once that find the disk mended, one says the gap', async () => {
  const world = make()
  world.works = false
  await assert.rejects(world.trail.refused(facts(), refuse('AUTHZ_DENIED', '')))
  world.works = true
  await Promise.all(Array.from({ length: 20 }, () => world.trail.refused(facts(), refuse('LIMIT_RATE', ''))))
  assert.equal(gapsOf(world).length, 1)
})

test('a call that loses its decision and then the refusal said instead is one call, as long as its gap is not said', async () => {
  const world = make()
  world.works = false
  for (let at = 0; at < 20; at += 1) {
    const each = facts({ call: `c${at}` })
    await assert.rejects(world.trail.allowed(each, admittedOf(), []))
    await assert.rejects(world.trail.refused(each, refuse('AUDIT_UNAVAILABLE', '')))
  }
  assert.equal(world.trail.unrecorded, 20)
  world.works = true
  world.left = 1
  await world.trail.refused(facts(), refuse('AUTHZ_DENIED', ''))
  const again = facts({ call: 'again' })
  await assert.rejects(world.trail.refused(again, refuse('AUTHZ_DENIED', '')))
  await assert.rejects(world.trail.refused(again, refuse('AUDIT_UNAVAILABLE', '')))
  world.left = Infinity
  await world.trail.refused(facts(), refuse('AUTHZ_DENIED', ''))
  assert.deepEqual(
    gapsOf(world).map((gap) => [gap['count'], gap['codes']]),
    [[21, { '': 20, AUTHZ_DENIED: 1 }]],
  )
})

test('what a call loses after its gap was said is counted in the next one', async () => {
  const world = make()
  const one = facts({ call: 'stream' })
  for (const end of ['claimed', 'completed']) {
    world.works = false
    await assert.rejects(end === 'claimed' ? world.trail.claimed(one, []) : world.trail.completed(one, completion))
    world.works = true
    await world.trail.refused(facts(), refuse('AUTHZ_DENIED', ''))
  }
  assert.deepEqual(
    gapsOf(world).map((gap) => [gap['count'], gap['completionsLost']]),
    [
      [1, []],
      [1, ['stream']],
    ],
  )
})

test('the ids of lost completions are bounded, their number is not', async () => {
  const world = make()
  world.works = false
  for (let at = 0; at < 1_200; at += 1)
    await world.trail.completed(facts({ call: `c${at}` }), completion).catch(() => undefined)
  world.works = true
  await world.trail.completed(facts(), completion)
  const [gap] = gapsOf(world)
  assert.equal(gap?.['count'], 1_200)
  assert.equal(Array.isArray(gap?.['completionsLost']) && gap['completionsLost'].length, 1_000)
})

test('refusals of unknown callers beyond their budget are folded, those of known ones never', async () => {
  const world = make(2)
  for (let at = 0; at < 10; at += 1) {
    await world.trail.refusedUnknown(unknown, refuse('AUTHN_INVALID', ''))
    await world.trail.refused(facts(), refuse('AUTHZ_DENIED', ''))
  }
  assert.equal(world.written.filter((record) => record.code === 'AUTHN_INVALID').length, 2)
  assert.equal(world.written.filter((record) => record.code === 'AUTHZ_DENIED').length, 10)
  await world.trail.close()
  assert.equal(world.written.find((record) => 'folded' in record.event)?.event['folded'], 8)
})

test('cards that unknown callers read share that budget, those of known callers do not', async () => {
  const world = make(1)
  for (let at = 0; at < 5; at += 1) {
    await world.trail.discovered(facts({ caller: '', operation: 'GetAgentCard' }), 200)
    await world.trail.discovered(facts({ operation: 'GetAgentCard' }), 200)
  }
  assert.equal(world.written.filter((record) => record.operation === 'GetAgentCard').length, 6)
})

test('a refusal that would be folded while nothing can be written is counted once, under its own code', async () => {
  const world = make(0)
  world.works = false
  const all = Array.from({ length: 7 }, () => world.trail.refusedUnknown({ ...unknown }, refuse('AUTHN_INVALID', '')))
  for (const result of await Promise.allSettled(all)) assert.equal(result.status, 'rejected')
  assert.equal(world.trail.unrecorded, 7)
  world.works = true
  await world.trail.refusedUnknown(unknown, refuse('AUTHN_INVALID', ''))
  await world.trail.close()
  assert.deepEqual(
    gapsOf(world).map((gap) => [gap['count'], gap['codes']]),
    [[7, { AUTHN_INVALID: 7 }]],
  )
  assert.equal(world.written.find((record) => 'folded' in record.event)?.event['folded'], 1)
})

test('closing says that it stopped, and does not fail where that cannot be said', async () => {
  const world = make()
  await world.trail.close()
  assert.equal(world.written.at(-1)?.operation, 'stopped')
  const failing = make()
  failing.works = false
  await failing.trail.close()
})

test('the hashes of request and answer are committed to and stand nowhere else', async () => {
  const { trail, written } = make()
  await trail.allowed(facts({ requestHash: 'hash of the request' }), admittedOf(), [])
  await trail.completed(facts({ requestHash: 'hash of the request' }), {
    ...completion,
    answerHash: 'hash of the answer',
  })
  await trail.refused(facts(), refuse('AUTHZ_DENIED', ''))
  await trail.completed(facts(), completion)
  assert.deepEqual(
    written.map(({ sensitive }) => [sensitive['request'], sensitive['answer']]),
    [
      ['hash of the request', undefined],
      [undefined, 'hash of the answer'],
      [undefined, undefined],
      [undefined, undefined],
    ],
  )
  assert.ok(!JSON.stringify(written.map(({ event }) => event)).includes('hash of'))
})

test('sizes, times and the version of the protocol are in the record', async () => {
  const { trail, written } = make()
  await trail.allowed(facts({ requestBytes: 7 }), admittedOf(), [])
  const timings = { received: 0.125, forwarded: 0.5, answered: 3.25 }
  await trail.completed(facts({ requestBytes: 7 }), { ...completion, answerBytes: 9, durationMs: 3.5, timings })
  assert.equal(written[0]?.event['version'], '1.0')
  const { requestBytes, answerBytes, durationMs, timings: recorded } = written[1]?.event ?? {}
  assert.deepEqual([requestBytes, answerBytes, durationMs, recorded], [7, 9, 3.5, timings])
})

test('a call is open from its decision to its completion', async () => {
  const openCalls = openCallsInMemory()
  const { trail } = make(10, openCalls)
  await trail.allowed(facts({ call: 'a' }), admittedOf(), [])
  await trail.allowed(facts({ call: 'b' }), admittedOf(), [])
  await trail.refused(facts({ call: 'c' }), refuse('AUTHZ_DENIED', ''))
  await trail.discovered(facts({ call: 'd', operation: 'GetAgentCard' }), 200)
  await trail.claimed(facts({ call: 'b' }), [])
  await trail.completed(facts({ call: 'a' }), completion)
  assert.deepEqual([...openCalls.open], [['b', 1]])
})

test('a decision that was not recorded opens no call; a lost completion leaves it open until the gap is said', async () => {
  const openCalls = openCallsInMemory()
  const world = make(10, openCalls)
  await world.trail.allowed(facts({ call: 'a' }), admittedOf(), [])
  world.works = false
  await assert.rejects(world.trail.allowed(facts({ call: 'b' }), admittedOf(), []))
  await assert.rejects(world.trail.completed(facts({ call: 'a' }), completion))
  assert.deepEqual([...openCalls.open], [['a', 0]])
  world.works = true
  await world.trail.refused(facts({ call: 'c' }), refuse('AUTHZ_DENIED', ''))
  assert.deepEqual(gapsOf(world)[0]?.['completionsLost'], ['a'])
  assert.deepEqual([...openCalls.open], [])
})

test('a receipt that a thousand folded refusals share is signed once', async () => {
  const world = make(0)
  for (let count = 0; count < 1_000; count += 1) {
    const receipt = await world.trail.refusedUnknown(unknown, refuse('AUTHN_MISSING', ''))
    assert.equal(await world.trail.signReceipt(receipt), 'signature of 0')
  }
  assert.equal(world.signed, 1)
})
