import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import test from 'node:test'
import { createManualClock, type ManualClock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import { refuse } from '../refusal/refusal.ts'
import type { ReleasedEvent } from '../release/release.ts'
import {
  admittedOf,
  FakeReply,
  FakeStream,
  memoryOwnership,
  settled,
  snapshotOf,
  type FakeAdmitted,
  type MemoryOwnership,
} from '../../test/fakes/walk.ts'
import { createHeartbeat, type Heartbeat } from './heartbeat.ts'
import { relayStream, type RelayEnd } from './relay-stream.ts'

interface World {
  readonly clock: ManualClock
  readonly reply: FakeReply
  readonly stream: FakeStream
  readonly ownership: MemoryOwnership
  readonly heartbeat: Heartbeat
  readonly recorded: ReleasedEvent[]
  readonly bugs: unknown[]
  /** what the configuration in force says */
  stillAllowed: () => boolean
  /** decides how the record of an event's claims ends; by default at once and well */
  record: () => Promise<unknown>
  end: RelayEnd | undefined
  /** text events that the caller got */
  events(): string[]
}

const bounds = {
  streamEvents: 5,
  streamBytes: '10KiB',
  event: '1KiB',
  streamLife: '100s',
  streamSilence: '10s',
  ping: '4s',
}

function open(call: FakeAdmitted = {}, before: (world: World) => void = () => undefined): World {
  const clock = createManualClock()
  const reply = new FakeReply()
  const stream = new FakeStream()
  const ownership = memoryOwnership()
  ownership.give('task', 't1', 'key:alice')
  const heartbeat = createHeartbeat(clock, 1e9)
  const recorded: ReleasedEvent[] = []
  const bugs: unknown[] = []
  const world: World = {
    clock,
    reply,
    stream,
    ownership,
    heartbeat,
    recorded,
    bugs,
    stillAllowed: () => true,
    record: () => Promise.resolve(),
    end: undefined,
    events: () => reply.body.split('\n\n').filter((text) => text.startsWith('data: ') || text.startsWith('event: ')),
  }
  before(world)
  reply.begin(200, {})
  const admitted = admittedOf({
    operation: 'SendStreamingMessage',
    binding: 'HTTP+JSON',
    snapshot: snapshotOf({ gateway: { bounds } }),
    reply,
    ...call,
  })
  const recordClaims = async (event: ReleasedEvent): Promise<void> => {
    recorded.push(event)
    await world.record()
  }
  const stillAllowed = (): boolean => world.stillAllowed()
  const onBug = (error: unknown): void => void world.bugs.push(error)
  const findBlock = (): undefined => undefined
  const parts = { clock, heartbeat, ownership, recordClaims, stillAllowed, findBlock, onBug }
  void relayStream(admitted, stream, parts).then((end) => (world.end = end))
  return world
}

const update = (id = 't1', text = 'x'): string =>
  `{"artifactUpdate":{"taskId":"${id}","artifact":{"artifactId":"${text}"}}}`
const event = (id?: string, text?: string): string => `data: ${update(id, text)}\n\n`
const gate = (): { promise: Promise<void>; open: () => void; fail: (error: Error) => void } => {
  let open: () => void = () => undefined
  let fail: (error: Error) => void = () => undefined
  const promise = new Promise<void>((resolve, reject) => {
    open = resolve
    fail = reject
  })
  return { promise, open, fail }
}

/** The stream is over for everyone: nothing that comes later is seen. */
async function assertOver(world: World, why: string, code: string): Promise<void> {
  await settled()
  assert.equal(world.end?.why, why)
  assert.equal(world.end.refusal?.code ?? '', code)
  assert.equal(world.heartbeat.size, 0)
  assert.ok(world.reply.ended || world.reply.gone)
  const { body } = world.reply
  const { end } = world
  world.stream.chunk(event())
  world.stream.end()
  world.stream.fail(refuse('FORWARD_UNAVAILABLE', ''))
  world.clock.advance(1e9)
  world.heartbeat.beat()
  await settled()
  assert.equal(world.reply.body, body)
  assert.equal(world.end, end)
}

test('passes each event on as soon as it is whole', async () => {
  const world = open()
  world.stream.chunk(event().slice(0, 20))
  assert.deepEqual(world.events(), [])
  world.stream.chunk(event().slice(20))
  assert.deepEqual(world.events(), [`data: ${update()}`])
  world.stream.chunk(event('t1', 'y') + event('t1', 'z'))
  assert.equal(world.events().length, 3)
  world.stream.end()
  await assertOver(world, 'agent-ended', '')
  assert.equal(world.end?.events, 3)
  assert.equal(world.stream.aborted, false)
})

test('an event of several lines stays one event', async () => {
  const world = open()
  world.stream.chunk(`data: ${update().replace('{', '{\ndata: ')}\n\n`)
  assert.deepEqual(JSON.parse(world.reply.body.replaceAll('data: ', '')), JSON.parse(update()))
})

test("comments and names of the agent's go no further", () => {
  const world = open()
  world.stream.chunk(`: secret\nid: secret\nretry: 1\nevent: message\n${event()}`)
  assert.equal(world.reply.body, event())
})

test('a slow caller pauses the agent until it has caught up', async () => {
  const world = open()
  world.reply.slow = true
  world.stream.chunk(event() + event('t1', 'y'))
  assert.equal(world.stream.paused, true)
  assert.equal(world.events().length, 1)
  world.stream.chunk(event('t1', 'z'))
  assert.equal(world.events().length, 1)
  world.reply.drain()
  await settled()
  assert.equal(world.events().length, 3)
  assert.equal(world.stream.paused, false)
})

test("a task that is new is somebody's, durably, before its event is seen", async () => {
  const wait = gate()
  const world = open({}, (each) => (each.record = () => wait.promise))
  world.stream.chunk(event('new') + event())
  await settled()
  assert.equal(world.reply.body, '')
  assert.equal(world.stream.paused, true)
  assert.equal(world.recorded[0]?.claims[0]?.kind, 'task')
  world.stream.chunk(event('t1', 'late'))
  assert.equal(world.reply.body, '')
  wait.open()
  await settled()
  assert.equal(world.reply.body, event('new') + event() + event('t1', 'late'))
  assert.equal(world.stream.paused, false)
  assert.equal(world.recorded.length, 1)
})

test('an event whose task cannot be recorded is never seen', async () => {
  const world = open({}, (each) => (each.record = () => Promise.reject(new Error('disk full'))))
  world.stream.chunk(event('new'))
  await assertOver(world, 'unrecorded', 'AUDIT_UNAVAILABLE')
  assert.equal(world.stream.aborted, true)
  assert.doesNotMatch(world.reply.body, /new|disk full/)
})

test('the last event of a stream says why in the form of its caller, also in 0.3', async () => {
  const silent = async (call: FakeAdmitted): Promise<unknown> => {
    const world = open(call)
    world.clock.advance(11_000)
    world.heartbeat.beat()
    await settled()
    assert.equal(world.end?.why, 'stalled')
    return JSON.parse((world.events().at(-1) ?? '').replace(/^[^{]*/, ''))
  }
  const message = 'The agent stopped in mid-stream'
  assert.deepEqual(await silent({ binding: 'HTTP+JSON', version: '0.3' }), { code: -32043, message })
  const { error } = (await silent({ binding: 'HTTP+JSON' })) as { error: { code: number; message: string } }
  assert.deepEqual([error.code, error.message], [504, message])
})

test("a stream ends at its caller's deadline, and gRPC is sent no pings of ours", async () => {
  const world = open({ binding: 'GRPC', deadlineMs: 8_000 })
  world.clock.advance(5_000)
  world.heartbeat.beat()
  assert.equal(world.reply.body, '')
  world.clock.advance(4_000)
  world.heartbeat.beat()
  await assertOver(world, 'deadline', 'FORWARD_TIMEOUT')
  assert.equal(world.reply.trailers?.['grpc-status'], '4')
})

test('an agent that ends while its last events wait loses none of them', async () => {
  const wait = gate()
  const world = open({}, (each) => (each.record = () => wait.promise))
  world.stream.chunk(event('new') + event())
  world.stream.end()
  await settled()
  assert.equal(world.end, undefined)
  wait.open()
  await assertOver(world, 'agent-ended', '')
  assert.equal(world.events().length, 2)
})

test('an agent that fails while an event waits ends the stream at once, and the event is not passed on later', async () => {
  const wait = gate()
  const world = open({}, (each) => (each.record = () => wait.promise))
  world.stream.chunk(event('new'))
  world.stream.fail(refuse('FORWARD_UNAVAILABLE', 'private'))
  await assertOver(world, 'agent-failed', 'FORWARD_UNAVAILABLE')
  wait.open()
  await settled()
  assert.doesNotMatch(world.reply.body, /new|private/)
})

test('refuses what is no event of this call, and passes nothing after it', async () => {
  const bad = [
    'data: nonsense\n\n',
    event('t2').replace('t2', 'foreign'),
    'data: {"x":1}\n\n',
    'event: other\ndata: {}\n\n',
    'nonsense\n\n',
    '\ufeffdata: 1\n\n',
    'data: {"task":{"id":"t1"},"task":{}}\n\n',
  ]
  for (const text of bad) {
    const world = open()
    world.ownership.give('task', 'foreign', 'key:bob')
    world.stream.chunk(event() + text + event('t1', 'after'))
    await settled()
    await assertOver(world, world.end?.why ?? '', 'RELEASE_INVALID_ANSWER')
    assert.equal(world.stream.aborted, true, text)
    assert.equal(world.events().length, 2)
    assert.match(world.events()[1] ?? '', /^event: error\ndata: .*INVALID_AGENT_RESPONSE/)
    assert.doesNotMatch(world.reply.body, /after|foreign|nonsense/)
  }
})

test('the error that ends a stream carries the id over JSON-RPC', async () => {
  const world = open({ binding: 'JSONRPC', requestId: '"q-7"' })
  world.stream.chunk('data: nonsense\n\n')
  await settled()
  assert.equal(JSON.parse(world.reply.body.replace('data: ', '')).id, 'q-7')
})

test('an event beyond its bound ends the stream, also before it is whole', async () => {
  const world = open()
  world.stream.chunk(`data: ${'x'.repeat(1_100)}`)
  await assertOver(world, 'event-too-large', 'RELEASE_TOO_LARGE')
})

test('the bound on events lets so many through and not one more', async () => {
  const world = open()
  world.stream.chunk(event().repeat(7))
  await assertOver(world, 'bound', 'RELEASE_STREAM_BOUND')
  assert.equal(world.end?.events, 5)
  assert.equal(world.events().length, 6)
})

test('the bound on bytes holds', async () => {
  const world = open({ snapshot: snapshotOf({ gateway: { bounds: { ...bounds, streamBytes: 200 } } }) })
  world.stream.chunk(event().repeat(4))
  await assertOver(world, 'bound', 'RELEASE_STREAM_BOUND')
  assert.ok(world.events().length < 5)
})

const bodyOf = ({ reply }: World): string => reply.body

test('a silent agent is pinged over, then cut off', async () => {
  const world = open()
  const beat = (seconds: number): void => {
    world.clock.advance(seconds * 1_000)
    world.heartbeat.beat()
  }
  beat(3)
  assert.equal(world.reply.body, '')
  beat(1)
  assert.equal(world.reply.body, ': ping\n\n')
  beat(1)
  assert.equal(world.reply.body, ': ping\n\n')
  beat(3)
  assert.equal(world.reply.body, ': ping\n\n: ping\n\n')
  beat(3)
  await assertOver(world, 'stalled', 'RELEASE_STREAM_STALLED')
  assert.equal(world.stream.aborted, true)
  // pings are no events: a caller that keeps the events can still show that they are those of the record
  const events = bodyOf(world).replaceAll(': ping\n\n', '')
  assert.equal(world.end?.answerHash, hash('sha256', events, 'base64url'))
})

test('an agent that sends comments is not silent', () => {
  const world = open()
  for (let round = 0; round < 5; round += 1) {
    world.clock.advance(9_000)
    world.stream.chunk(': still here\n\n')
    world.heartbeat.beat()
  }
  assert.equal(world.reply.ended, false)
})

test('an agent is not to blame for the silence while its caller was slow', async () => {
  const world = open()
  world.reply.slow = true
  world.stream.chunk(event())
  world.clock.advance(60_000)
  world.heartbeat.beat()
  world.reply.drain()
  await settled()
  world.heartbeat.beat()
  assert.equal(world.end, undefined)
})

test('no ping is written into an event that waits', async () => {
  const wait = gate()
  const world = open({}, (each) => (each.record = () => wait.promise))
  world.stream.chunk(event('new'))
  world.clock.advance(5_000)
  world.heartbeat.beat()
  assert.equal(world.reply.body, '')
  wait.open()
  await settled()
})

test('a revoked caller hears no more from the next beat on', async () => {
  let isRevoked = false
  const world = open({ callerFields: { isRevoked: () => isRevoked } })
  world.heartbeat.beat()
  assert.equal(world.end, undefined)
  isRevoked = true
  world.heartbeat.beat()
  await assertOver(world, 'credential-ended', 'AUTHN_INVALID')
  assert.equal(world.stream.aborted, true)
})

test('a revoked origin is heard of no more, though who acts for it is not revoked', async () => {
  let isRevoked = false
  const world = open({ origin: 'key:bob', originIsRevoked: () => isRevoked })
  world.heartbeat.beat()
  assert.equal(world.end, undefined)
  isRevoked = true
  world.heartbeat.beat()
  await assertOver(world, 'origin-ended', 'AUTHN_INVALID')
  assert.equal(world.stream.aborted, true)
})

test('what is no longer allowed ends at the next beat, and what cannot be decided too', async () => {
  const world = open()
  world.heartbeat.beat()
  assert.equal(world.end, undefined)
  world.stillAllowed = () => false
  world.heartbeat.beat()
  await assertOver(world, 'not-allowed', 'AUTHZ_DENIED')
  assert.equal(world.stream.aborted, true)
  const broken = open()
  broken.stillAllowed = () => assert.fail('a bug')
  broken.heartbeat.beat()
  await assertOver(broken, 'thrown', 'GATEWAY_INTERNAL')
})

test('a credential that runs out ends the stream, also while the caller is slow', async () => {
  const world = open({ callerFields: { expiresAtMs: 1_800_000_005_000 } })
  world.reply.slow = true
  world.stream.chunk(event())
  world.clock.advance(4_999)
  world.heartbeat.beat()
  assert.equal(world.end, undefined)
  world.clock.advance(1)
  world.heartbeat.beat()
  await assertOver(world, 'credential-ended', 'AUTHN_INVALID')
})

test('a stream lives no longer than its bound, however busy it is', async () => {
  const world = open()
  for (let seconds = 0; seconds < 100; seconds += 5) {
    world.clock.advance(5_000)
    world.stream.chunk(': comment\n\n')
    world.heartbeat.beat()
  }
  assert.equal(world.end, undefined)
  world.clock.advance(1)
  world.heartbeat.beat()
  await assertOver(world, 'life', 'RELEASE_STREAM_BOUND')
})

test('a caller who goes away aborts its own call at the agent', async () => {
  const world = open()
  world.stream.chunk(event())
  world.reply.leave()
  await assertOver(world, 'client-gone', '')
  assert.equal(world.end?.clientGone, true)
  assert.equal(world.stream.aborted, true)
})

test('a caller who goes away while an event waits for the ledger gets nothing, and no harm is done', async () => {
  const wait = gate()
  const world = open({}, (each) => (each.record = () => wait.promise))
  world.stream.chunk(event('new'))
  world.reply.leave()
  wait.open()
  await assertOver(world, 'client-gone', '')
})

test('a caller who had gone before the stream began never starts it', async () => {
  const world = open({}, (each) => each.reply.leave())
  await settled()
  assert.equal(world.end?.why, 'client-gone')
  assert.equal(world.stream.sink, undefined)
  assert.equal(world.stream.aborted, true)
  assert.equal(world.heartbeat.size, 0)
})

test("the failure that a caller's leaving causes is not the agent's", async () => {
  const world = open()
  world.reply.gone = true
  world.stream.fail(refuse('FORWARD_UNAVAILABLE', ''))
  await settled()
  assert.equal(world.end?.clientGone, true)
})

test("an agent that stalls by the transport's clock stalls", async () => {
  const world = open()
  world.stream.fail(refuse('FORWARD_TIMEOUT', ''))
  await assertOver(world, 'agent-failed', 'RELEASE_STREAM_STALLED')
})

test('a store that fails or a bug ends this stream and nothing else, wherever it strikes', async () => {
  for (const [error, code] of [
    [new Fault('STORE_UNREACHABLE', 'private'), 'AUDIT_UNAVAILABLE'],
    [new TypeError('private'), 'GATEWAY_INTERNAL'],
  ] as const) {
    const now = open()
    now.ownership.failure = error
    now.stream.chunk(event('new'))
    await assertOver(now, 'thrown', code)
    assert.deepEqual(now.bugs, error instanceof Fault ? [] : [error])

    const later = open()
    later.reply.slow = true
    later.stream.chunk(event() + event('new'))
    later.ownership.failure = error
    later.reply.drain()
    await assertOver(later, 'thrown', code)
    // what is thrown after the claims are on record
    const noting = open()
    noting.ownership.note = () => {
      throw error
    }
    noting.stream.chunk(event('new'))
    await assertOver(noting, 'thrown', code)
    assert.equal(noting.recorded.length, 1)
    assert.doesNotMatch(now.reply.body + later.reply.body, /private/)
  }
})

test('the beat of one stream leaves the others alone', () => {
  const clock = createManualClock()
  const heartbeat = createHeartbeat(clock, 1e9)
  const beats: string[] = []
  const cut = (): void => undefined
  const second = { cut, beat: () => void beats.push('second') }
  heartbeat.add({ cut, beat: () => heartbeat.remove(second) })
  heartbeat.add(second)
  heartbeat.add({ cut, beat: (nowMs) => void beats.push(`third at ${nowMs}`) })
  clock.advance(7)
  heartbeat.beat()
  assert.deepEqual(beats, ['third at 7'])
  assert.equal(heartbeat.size, 2)
  heartbeat.stop()
})
