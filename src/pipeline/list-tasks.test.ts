import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import test, { after, before } from 'node:test'
import { createManualClock } from '../base/clock.ts'
import type { Binding } from '../a2a/operations.ts'
import { unfinishedStates } from '../a2a/shape.ts'
import type { ListFilter } from '../exchange/exchange.ts'
import {
  createAssertionSigner,
  createDialler,
  createUpstream,
  type Dialler,
  type Forwarder,
} from '../forward/forward.ts'
import { isRefusal, type RefusalCode } from '../refusal/refusal.ts'
import {
  admittedOf,
  FakeReply,
  memoryOwnership,
  snapshotOf,
  type FakeAdmitted,
  type MemoryOwnership,
} from '../../test/fakes/walk.ts'
import { createTaskLister, type TaskIndex, type TaskLister, type TaskRow } from './list-tasks.ts'

type Row = Omit<TaskRow, 'cursor'>
interface World {
  readonly ownership: MemoryOwnership
  readonly rows: Row[]
  readonly asked: string[]
  /** the agent's answer about a task; a number is a status, a text goes out as it is */
  answers: (taskId: string) => object | number | string
  list(filter?: Partial<ListFilter>, call?: FakeAdmitted): Promise<Listed>
  refused(code: RefusalCode, filter?: Partial<ListFilter>, call?: FakeAdmitted): Promise<void>
}
interface Listed {
  readonly tasks: { id: string; artifacts?: unknown; status: { state: string } }[]
  readonly nextPageToken: string
  readonly pageSize: number
  readonly totalSize: number
  readonly text: string
}

let server: Server
let url = ''
let dialler: Dialler
let world: World
const signer = createAssertionSigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
const working = 'TASK_STATE_WORKING'
const completed = 'TASK_STATE_COMPLETED'
const task = (id: string, state = working, more: object = {}): object => ({
  id,
  contextId: 'c1',
  status: { state },
  ...more,
})

before(async () => {
  server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => {
      const rpc = body === '' ? undefined : (JSON.parse(body) as { id: unknown; params: { id: string } })
      const taskId = rpc?.params.id ?? decodeURIComponent((request.url ?? '').split('/').at(-1)?.split('?')[0] ?? '')
      world.asked.push(taskId)
      const answer = world.answers(taskId)
      if (typeof answer === 'number') {
        const isMissing = answer === 404 && rpc !== undefined
        response.writeHead(isMissing ? 200 : answer)
        response.end(
          isMissing ? `{"jsonrpc":"2.0","id":1,"error":{"code":-32001,"message":"x"}}` : '{"error":{"code":404}}',
        )
        return
      }
      const text = typeof answer === 'string' ? answer : JSON.stringify(answer)
      response.end(rpc === undefined ? text : `{"jsonrpc":"2.0","id":${JSON.stringify(rpc.id)},"result":${text}}`)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  dialler = createDialler()
})
after(async () => {
  await dialler.close()
  server.closeAllConnections()
  server.close()
})

/** An index over plain rows, in their order; a cursor is a position. */
function indexOver(rows: Row[], ownership: MemoryOwnership): TaskIndex {
  return {
    async list(_agent, _tenant, owner, filter) {
      const fitting = rows.filter((row) => {
        const found = ownership.tasks.get(row.taskId)
        const isMine = found?.owner.caller === owner.caller && found.owner.origin === owner.origin
        return (
          isMine &&
          (filter.contextId ?? row.contextId) === row.contextId &&
          (filter.status ?? row.state) === row.state &&
          (filter.unfinished !== true || unfinishedStates.includes(row.state)) &&
          row.timestampMs >= (filter.afterMs ?? 0)
        )
      })
      const from = Number(filter.cursor ?? 0)
      const next = from + filter.limit
      return {
        rows: fitting.map((row, at) => ({ ...row, cursor: String(at + 1) })).slice(from, next),
        total: fitting.length,
        nextCursor: next < fitting.length ? String(next) : undefined,
      }
    },
  }
}

const everything: ListFilter = {
  contextId: '',
  status: '',
  pageSize: 50,
  pageToken: '',
  historyLength: undefined,
  statusTimestampAfterMs: 0,
  includeArtifacts: false,
}

/** Tasks by id and owner, newest first. */
function make(owners: Readonly<Record<string, string>>, binding: Binding = 'JSONRPC'): World {
  const snapshot = snapshotOf({ agents: [{ name: 'calculator', url }] })
  const [agent] = snapshot.config.agents
  assert.ok(agent)
  const clock = createManualClock()
  const forwarder: Forwarder = {
    clock,
    signer,
    upstreams: new Map([['calculator', createUpstream(agent, {}, dialler, clock)]]),
  }
  const ownership = memoryOwnership()
  const rows: Row[] = []
  for (const [taskId, owner] of Object.entries(owners)) {
    ownership.give('task', taskId, owner, 'c1')
    rows.push({ taskId, contextId: 'c1', state: working, timestampMs: 1_000 })
  }
  ownership.give('context', 'c1', 'key:alice')
  // what a refreshed task says reaches the index
  ownership.note = (states) => {
    for (const { taskId, state } of states) {
      const at = rows.findIndex((row) => row.taskId === taskId)
      const row = rows[at]
      if (row !== undefined) rows[at] = { ...row, state }
    }
  }
  const lister: TaskLister = createTaskLister({
    index: indexOver(rows, ownership),
    ownership,
    tokenSecret: Buffer.alloc(32, 1),
  })
  const ask = (filter: Partial<ListFilter>, call: FakeAdmitted): ReturnType<TaskLister['list']> =>
    lister.list(
      admittedOf({ operation: 'ListTasks', binding, snapshot, list: { ...everything, ...filter }, ...call }),
      forwarder,
      new AbortController().signal,
    )
  world = {
    ownership,
    rows,
    asked: [],
    answers: (id) => task(id),
    async list(filter = {}, call = {}) {
      const answer = await ask(filter, call)
      if (isRefusal(answer)) assert.fail(`${answer.code} ${answer.detail}`)
      const { text } = answer.released
      const value = JSON.parse(text)
      return { ...(binding === 'JSONRPC' ? value.result : value), text }
    },
    async refused(code, filter = {}, call = {}) {
      const answer = await ask(filter, call)
      assert.ok(isRefusal(answer), 'passed')
      assert.equal(answer.code, code, answer.detail)
    },
  }
  return world
}

const ids = (listed: Listed): string[] => listed.tasks.map((each) => each.id)
const three = { t1: 'key:alice', t2: 'key:bob', t3: 'key:alice' }

for (const binding of ['JSONRPC', 'HTTP+JSON'] as const) {
  test(`lists the caller's own tasks as the agent knows them, over ${binding}`, async () => {
    const listed = await make(three, binding).list()
    assert.deepEqual(ids(listed), ['t1', 't3'])
    assert.deepEqual([listed.totalSize, listed.pageSize, listed.nextPageToken], [2, 50, ''])
    assert.deepEqual(world.asked.toSorted(), ['t1', 't3'])
  })

  test(`a task that the agent does not know at present is left out of this list only, over ${binding}`, async () => {
    make(three, binding).answers = (id) => (id === 't1' ? 404 : task(id))
    const listed = await world.list()
    assert.deepEqual(ids(listed), ['t3'])
    assert.equal(listed.totalSize, 2)
    assert.equal(world.ownership.tasks.get('t1')?.owner.caller, 'key:alice')
    world.answers = (id) => task(id)
    assert.deepEqual(ids(await world.list()), ['t1', 't3'])
  })

  test(`artifacts are cut out unless they are asked for, over ${binding}`, async () => {
    make({ t1: 'key:alice' }, binding).answers = (id) =>
      task(id, working, { artifacts: [{ artifactId: 'a', parts: [] }], metadata: { artifacts: 1 } })
    const [without] = (await world.list()).tasks
    assert.equal('artifacts' in (without ?? {}), false)
    assert.deepEqual((without as { metadata?: unknown }).metadata, { artifacts: 1 })
    const [kept] = (await world.list({ includeArtifacts: true })).tasks
    assert.deepEqual(kept?.artifacts, [{ artifactId: 'a', parts: [] }])
  })
}

test('a caller with no tasks gets an empty list, and the agent is not asked', async () => {
  const listed = await make({ t1: 'key:bob' }).list()
  assert.deepEqual([listed.tasks, listed.totalSize], [[], 0])
  assert.deepEqual(world.asked, [])
})

test('the same caller on behalf of another has another list', async () => {
  const listed = await make({ t1: 'agent:concierge' }).list({}, { caller: 'agent:concierge', origin: 'key:alice' })
  assert.deepEqual(listed.tasks, [])
})

test('artifacts are cut wherever they stand and however they are spelled, and all else stays as written', async () => {
  const head = '"id":"t1","status":{"state":"TASK_STATE_WORKING"}'
  const rows: readonly (readonly [written: string, left: string])[] = [
    [`{${head},"artifacts":[]}`, `{${head}}`],
    [`{"artifacts":[],${head}}`, `{${head}}`],
    [`{"artifacts" : null , ${head}}`, `{ ${head}}`],
    [`{ ${head} , "artifacts"\n:\t[{"artifactId":"\\"artifacts\\":"}] }`, `{ ${head}  }`],
    [`{"metadata":{"artifacts":"x"},"\\u0061rtifacts":[],${head}}`, `{"metadata":{"artifacts":"x"},${head}}`],
    [`{${head},"metadata":{"n":1.0e1}}`, `{${head},"metadata":{"n":1.0e1}}`],
  ]
  for (const [written, left] of rows) {
    make({ t1: 'key:alice' }, 'HTTP+JSON').answers = () => written
    const { text } = await world.list()
    assert.ok(text.startsWith(`{"tasks":[${left}],`), `${written}\n${text}`)
  }
})

test('pages follow each other without loss or repetition', async () => {
  make(Object.fromEntries(Array.from({ length: 7 }, (_, at) => [`t${at}`, 'key:alice'])))
  const seen: string[] = []
  let pageToken = ''
  do {
    const listed = await world.list({ pageSize: 3, pageToken })
    assert.equal(listed.totalSize, 7)
    seen.push(...ids(listed))
    pageToken = listed.nextPageToken
  } while (pageToken !== '')
  assert.deepEqual(seen, ['t0', 't1', 't2', 't3', 't4', 't5', 't6'])
})

test('a page token works for its caller, origin and filter alone', async () => {
  make(Object.fromEntries(Array.from({ length: 7 }, (_, at) => [`t${at}`, 'key:alice'])))
  const { nextPageToken: pageToken } = await world.list({ pageSize: 3 })
  await world.list({ pageSize: 3, pageToken })
  await world.refused('VALIDATE_PARAMS', { pageSize: 3, pageToken }, { caller: 'key:bob' })
  await world.refused('VALIDATE_PARAMS', { pageSize: 3, pageToken }, { caller: 'key:alice', origin: 'key:bob' })
  await world.refused('VALIDATE_PARAMS', { pageSize: 3, pageToken }, { tenant: 'acme' })
  await world.refused('VALIDATE_PARAMS', { pageToken, contextId: 'c1' })
  await world.refused('VALIDATE_PARAMS', { pageToken, status: working })
  await world.refused('VALIDATE_PARAMS', { pageToken, statusTimestampAfterMs: 1 })
})

test('a page token that was made up or changed is refused', async () => {
  make(Object.fromEntries(Array.from({ length: 7 }, (_, at) => [`t${at}`, 'key:alice'])))
  const { nextPageToken: good } = await world.list({ pageSize: 3 })
  const bytes = Buffer.from(good, 'base64url')
  const changed = Array.from(bytes, (_, at) => {
    const copy = Buffer.from(bytes)
    copy[at] = (copy[at] ?? 0) ^ 1
    return copy.toString('base64url')
  })
  const rubbish = [
    'x',
    '3',
    'AAAA',
    '"',
    '\u0000',
    '../',
    Buffer.alloc(16).toString('base64url'),
    Buffer.alloc(40).toString('base64url'),
    bytes.subarray(0, 16).toString('base64url'),
  ]
  for (const pageToken of [...changed, ...rubbish]) await world.refused('VALIDATE_PARAMS', { pageSize: 3, pageToken })
  assert.ok(world.asked.length <= 3)
})

test('a filter on state is applied to what the agent says now', async () => {
  make(three).answers = (id) => task(id, id === 't1' ? completed : working)
  assert.deepEqual(ids(await world.list({ status: completed })), ['t1'])
  const listed = await world.list({ status: working })
  assert.deepEqual(ids(listed), ['t3'])
  assert.equal(listed.totalSize, 1)
})

test('a task that is over is not asked about again for a filter it does not fit', async () => {
  make(three)
  world.rows[0] = { taskId: 't1', contextId: 'c1', state: completed, timestampMs: 1_000 }
  assert.deepEqual(ids(await world.list({ status: working })), ['t3'])
  assert.deepEqual(world.asked, ['t3'])
})

test('old unfinished tasks are asked about behind however many that are over, and the total is right', async () => {
  make(Object.fromEntries(Array.from({ length: 130 }, (_, at) => [`t${at}`, 'key:alice'])))
  world.answers = (id) => task(id, completed)
  for (const [at, row] of world.rows.entries()) if (at < 110) world.rows[at] = { ...row, state: completed }
  assert.equal((await world.list({ status: working })).totalSize, 0)
  assert.deepEqual(
    world.asked.toSorted(),
    Array.from({ length: 20 }, (_, at) => `t${110 + at}`),
  )
  const listed = await world.list({ status: completed, pageSize: 10 })
  assert.deepEqual([listed.totalSize, listed.tasks.length], [130, 10])
  assert.equal(world.asked.length, 30)
})

test('a list whose filter cannot be trusted is refused, not answered wrongly', async () => {
  make(three).answers = (id) => (id === 't1' ? 503 : task(id, completed))
  world.rows[2] = { taskId: 't3', contextId: 'c1', state: completed, timestampMs: 1_000 }
  await world.refused('FORWARD_UNAVAILABLE', { status: completed })
})

test('of more unfinished tasks than are refreshed at once, the last known state counts', async () => {
  make(Object.fromEntries(Array.from({ length: 130 }, (_, at) => [`t${at}`, 'key:alice'])))
  assert.equal((await world.list({ status: working, pageSize: 1 })).totalSize, 130)
  assert.equal(world.asked.length, 100)
  // the next list comes to the others
  world.answers = (id) => task(id, completed)
  await world.list({ status: working, pageSize: 1 })
  assert.equal((await world.list({ status: completed, pageSize: 1 })).totalSize, 130)
})

test('one answer that nobody may see fails the whole list', async () => {
  const bad: readonly (readonly [RefusalCode, object | number | string])[] = [
    ['RELEASE_INVALID_ANSWER', task('t2')],
    ['RELEASE_INVALID_ANSWER', task('new')],
    ['RELEASE_INVALID_ANSWER', { id: 't1' }],
    ['RELEASE_INVALID_ANSWER', '{"id":"t1","id":"t2"}'],
    ['RELEASE_INVALID_ANSWER', 'null'],
    ['FORWARD_UNAVAILABLE', 503],
  ]
  for (const [code, answer] of bad) {
    make(three).answers = (id) => (id === 't1' ? answer : task(id))
    await world.refused(code)
  }
})

test('the index is asked by what the agent calls a context, and the list speaks as the caller does', async () => {
  for (const binding of ['JSONRPC', 'HTTP+JSON'] as const) {
    make({ t1: 'key:alice', t2: 'key:alice', t3: 'key:alice' }, binding)
    world.ownership.give('context', 'c1', 'key:alice', 'plan')
    world.rows.splice(2)
    const call: FakeAdmitted = { contextId: 'plan', agentContextId: 'c1' }
    const page = await world.list({ contextId: 'plan', pageSize: 1 }, call)
    const next = await world.list({ contextId: 'plan', pageSize: 1, pageToken: page.nextPageToken }, call)
    for (const { text } of [page, next]) {
      assert.match(text, /"contextId":"plan"/)
      assert.doesNotMatch(text, /"c1"/)
    }
    assert.deepEqual([page.totalSize, page.tasks[0]?.id, next.tasks[0]?.id], [2, 't1', 't2'])
    const wrong = { pageToken: page.nextPageToken, contextId: 'c1' }
    await world.refused('VALIDATE_PARAMS', wrong, { contextId: 'c1', agentContextId: 'c1' })
    assert.equal((await world.list({ contextId: 'other' }, { contextId: 'other', agentContextId: 'c9' })).totalSize, 0)
  }
})

test('listing makes nobody the owner of anything', async () => {
  make({ t1: 'key:alice' }).answers = (id) => ({ ...task(id), contextId: 'fresh' })
  await world.list()
  assert.equal(world.ownership.contexts.has('fresh'), false)
})

test('the agent is asked about a page alone, a few tasks at a time', async () => {
  make(Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`t${at}`, 'key:alice'])))
  await world.list({ pageSize: 20 })
  assert.equal(world.asked.length, 20)
})

test('for a caller who has left, the agent is not asked', async () => {
  const reply = new FakeReply()
  reply.leave()
  make(three)
  await world.list({}, { reply })
  assert.deepEqual(world.asked, [])
})
