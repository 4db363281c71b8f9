// A call that takes a person's approval, through the whole walk: refused with an id, passed once when it is granted,
// and never by another caller, another body, a second time, or under a policy that has changed its mind.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import type { ConfigInput } from '../config/config.ts'
import { openApprovalStore, type ApprovalStore } from '../store/store.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import type { FakeReply } from '../../test/fakes/walk.ts'
import { say, startFakeWalk, type Ask, type FakeWalk } from './fake-walk.ts'

const policy: ConfigInput['policy'] = {
  roles: [
    { name: 'user', rules: [{ agents: ['calculator'], operations: ['*'] }] },
    {
      name: 'careful',
      rules: [
        {
          agents: ['calculator'],
          operations: ['SendMessage'],
          when: 'message.parts.exists(p, p.size > 3)',
          requireApproval: true,
        },
      ],
    },
  ],
  bindings: [
    { role: 'user', callers: ['key:alice', 'key:bob'] },
    { role: 'careful', callers: ['key:alice', 'key:bob'] },
  ],
}

interface Setting {
  readonly walk: FakeWalk
  readonly book: ApprovalStore
  readonly path: string
  readonly send: (text: string, ask?: Ask) => Promise<FakeReply>
  readonly grant: (reply: FakeReply, forMs?: number) => void
}

async function setUp(t: TestContext, config: ConfigInput = {}): Promise<Setting> {
  const path = join(temporaryFolder(), 'state.db')
  let book: ApprovalStore | undefined
  const walk = await startFakeWalk({
    config: { policy, ...config },
    approvals: (clock) => (book = openApprovalStore(path, clock)),
  })
  assert.ok(book)
  const opened = book
  t.after(async () => {
    opened.close()
    await walk.close()
  })
  walk.agent = (_request, response, body) =>
    say(response, body, { message: { messageId: 'a', role: 'ROLE_AGENT', parts: [{ text: 'done' }] } })
  const send = (text: string, ask: Ask = {}): Promise<FakeReply> =>
    walk.rpc(
      'SendMessage',
      { message: { messageId: 'm', role: 'ROLE_USER', parts: [{ text }] } },
      { as: 'alice', ...ask },
    )
  const grant = (reply: FakeReply, forMs = 60_000): void => {
    const by = 'key:carol'
    const expiresAtMs = walk.clock.nowMs() + forMs
    assert.ok(opened.decide(idOf(reply), { state: 'granted', by, expiresAtMs }))
  }
  return { walk, book: opened, path, send, grant }
}

interface ErrorBody {
  readonly error?: {
    readonly message: string
    readonly data: readonly { reason: string; metadata?: { approval?: string } }[]
  }
}
const infoOf = (reply: FakeReply): { reason: string; metadata?: { approval?: string } } | undefined =>
  (JSON.parse(reply.body) as ErrorBody).error?.data[0]
const idOf = (reply: FakeReply): string => {
  assert.equal(infoOf(reply)?.reason, 'APPROVAL_REQUIRED', reply.body)
  return infoOf(reply)?.metadata?.approval ?? assert.fail('no id')
}
const calls = ({ log }: FakeWalk): number => log.filter((entry) => entry === 'agent').length

test('what no rule asks about passes, what one asks about waits and passes once', async (t) => {
  const { walk, book, send, grant } = await setUp(t)
  assert.equal((await send('hi')).status, 200)
  const first = await send('a large payment')
  assert.equal(first.status, 403)
  assert.equal(idOf(await send('a large payment')), idOf(first), 'asked again it is the same request')
  assert.deepEqual(
    book.list().map(({ state, rules, caller }) => [state, rules, caller]),
    [['pending', ['careful#0'], 'key:alice']],
  )
  assert.equal(calls(walk), 1)
  grant(first)
  assert.equal((await send('a large payment')).status, 200)
  assert.equal(calls(walk), 2)
  assert.ok(walk.records.some(({ kind }) => kind === 'allowed'))
  const next = await send('a large payment')
  assert.equal(next.status, 403)
  assert.notEqual(idOf(next), idOf(first))
  assert.equal(calls(walk), 2)
})

test('a grant is of one caller and one body', async (t) => {
  const { walk, send, grant } = await setUp(t)
  grant(await send('a large payment'))
  assert.equal((await send('a large payment', { as: 'bob' })).status, 403)
  assert.equal((await send('a larger payment')).status, 403)
  assert.equal(calls(walk), 0)
  assert.equal((await send('a large payment')).status, 200)
})

test('of two calls at once one uses the grant', async (t) => {
  const { walk, send, grant } = await setUp(t)
  grant(await send('a large payment'))
  const replies = await Promise.all([send('a large payment'), send('a large payment'), send('a large payment')])
  assert.deepEqual(
    replies.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, 403, 403],
  )
  assert.equal(calls(walk), 1)
})

test('a grant that could not be used is not lost: the ledger failed, the caller was too quick', async (t) => {
  const { walk, send, grant } = await setUp(t, { limits: [{ per: ['caller'], requests: '5/m' }] })
  grant(await send('a large payment'), 3_600_000)
  walk.failing.add('allowed')
  assert.equal((await send('a large payment')).status, 503)
  walk.failing.clear()
  while ((await send('x')).status !== 429);
  assert.equal((await send('a large payment')).status, 429)
  walk.clock.advance(60_000 - 1)
  assert.equal((await send('a large payment')).status, 200)
})

test('nothing lasts for ever: a request, a grant, a denial', async (t) => {
  const { walk, book, send, grant } = await setUp(t, { approvals: { wait: '1m' } })
  const first = await send('a large payment')
  walk.clock.advance(60_000)
  const second = await send('a large payment')
  assert.notEqual(idOf(second), idOf(first))
  assert.equal(book.get(idOf(first)), undefined)
  grant(second, 1_000)
  walk.clock.advance(1_000)
  const third = await send('a large payment')
  assert.ok(book.decide(idOf(third), { state: 'denied', by: 'key:carol', expiresAtMs: walk.clock.nowMs() + 1_000 }))
  const denied = await send('a large payment')
  assert.equal(infoOf(denied)?.reason, 'PERMISSION_DENIED')
  walk.clock.advance(1_000)
  assert.notEqual(idOf(await send('a large payment')), idOf(third))
  assert.equal(calls(walk), 0)
})

test('a restart forgets neither what waits nor what was used', async (t) => {
  const { walk, path, send, grant } = await setUp(t)
  const used = await send('a first payment')
  const granted = await send('a second payment')
  grant(used)
  assert.equal((await send('a first payment')).status, 200)
  grant(granted)
  const again = openApprovalStore(path, walk.clock)
  t.after(() => again.close())
  assert.equal(again.get(idOf(used))?.state, 'used')
  assert.equal(again.take(idOf(used)), false)
  assert.equal(again.take(idOf(granted)), true)
  assert.equal((await send('a second payment')).status, 403)
})

test('a deny wins over a grant, and so does a rule that has come since', async (t) => {
  const { book, send, grant } = await setUp(t)
  const first = await send('a large payment')
  grant(first)
  const known = book.get(idOf(first)) ?? assert.fail('gone')
  // as if the rule had had another name when it was granted
  assert.deepEqual(known.rules, ['careful#0'])
  const denying = await setUp(t, { policy: { ...policy, denies: [{ name: 'stop', operations: ['SendMessage'] }] } })
  assert.equal(infoOf(await denying.send('a large payment'))?.reason, 'PERMISSION_DENIED')
  assert.deepEqual(denying.book.list(), [])
})

test('a rule whose condition errs asks, and grants nothing', async (t) => {
  const roles = [
    ...(policy.roles ?? []),
    {
      name: 'broken',
      rules: [
        {
          agents: ['calculator'],
          operations: ['SendMessage'],
          when: 'message.parts[9].size > 3',
          requireApproval: true,
        },
      ],
    },
  ]
  const bindings = [
    ...(policy.bindings ?? []),
    { role: 'broken', callers: ['key:alice'] },
    { role: 'broken', callers: ['key:nobody'] },
  ]
  const { send } = await setUp(t, { policy: { roles, bindings } })
  idOf(await send('hi'))
  assert.equal((await send('hi', { as: 'nobody' })).status, 403)
  assert.equal(infoOf(await send('hi', { as: 'nobody' }))?.reason, 'PERMISSION_DENIED')
})

test('one caller cannot fill the list for the others', async (t) => {
  const { walk, send } = await setUp(t, { limits: [{ per: ['caller'], requests: '10000/m' }] })
  for (let number = 0; number < 50; number += 1) idOf(await send(`payment ${number}`))
  const over = await send('payment 50')
  assert.equal(infoOf(over)?.reason, 'APPROVAL_REQUIRED')
  assert.equal(infoOf(over)?.metadata, undefined)
  idOf(await send('payment 50', { as: 'bob' }))
  assert.equal(calls(walk), 0)
})
