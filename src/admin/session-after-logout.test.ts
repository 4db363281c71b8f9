// A cookie that was stolen: it opens nothing any more once its session has ended, however it ended.

import assert from 'node:assert/strict'
import test from 'node:test'
import { bearer, startAdmin, type FakeAdmin } from './fake-admin.ts'

const statusOf = async ({ send }: FakeAdmin, cookie: string): Promise<number> =>
  (await send('/api/v1/session', { cookie })).status

async function withAdmin(work: (admin: FakeAdmin) => Promise<void>): Promise<void> {
  const admin = await startAdmin()
  try {
    await work(admin)
  } finally {
    await admin.close()
  }
}

test('after the logout', () =>
  withAdmin(async (door) => {
    const { cookie, fields } = await door.logIn()
    assert.equal(await statusOf(door, cookie), 200)
    const answer = await door.post('/api/v1/session/logout', {}, fields)
    assert.deepEqual(answer.body, { done: true })
    assert.match(answer.headers['set-cookie']?.[0] ?? '', /^sallyport-session=; Path=\/; Max-Age=0;/)
    assert.equal(await statusOf(door, cookie), 401)
    assert.equal((await door.post('/api/v1/keys', { name: 'ci' }, fields)).status, 401)
    assert.ok(door.acts.some(({ action }) => action === 'admin.logout'))
  }))

test('also where the logout could not be recorded', () =>
  withAdmin(async (door) => {
    const { cookie, fields } = await door.logIn()
    door.breakLedger(true)
    assert.equal((await door.post('/api/v1/session/logout', {}, fields)).status, 503)
    door.breakLedger(false)
    assert.equal(await statusOf(door, cookie), 401)
  }))

test('when it was not used for half an hour, and after its life however much it was used', () =>
  withAdmin(async (door) => {
    const { cookie } = await door.logIn()
    door.clock.advance(30 * 60_000 - 1)
    assert.equal(await statusOf(door, cookie), 200)
    door.clock.advance(30 * 60_000)
    assert.equal(await statusOf(door, cookie), 401)
  }))

test('when an administrator ends it, and nobody else can', () =>
  withAdmin(async (door) => {
    const { cookie } = await door.logIn()
    const [session] = door.admin.sessions.list()
    for (const role of ['viewer', 'auditor', 'operator'] as const)
      assert.equal((await door.post('/api/v1/sessions/end', { id: session?.id }, bearer(role))).status, 403)
    assert.equal(await statusOf(door, cookie), 200)
    door.admin.sessions.end(session?.id ?? '')
    assert.equal(await statusOf(door, cookie), 401)
  }))

test('a session has no other name than its secret', () =>
  withAdmin(async (door) => {
    const { cookie, csrf } = await door.logIn()
    const [session] = door.admin.sessions.list()
    for (const guess of ['', session?.id ?? '', csrf, cookie.slice(18, -1), `${cookie.slice(18)}A`])
      assert.equal(await statusOf(door, `sallyport-session=${guess}`), 401)
    assert.equal((await door.send('/api/v1/session', { authorization: `Bearer ${cookie.slice(18)}` })).status, 401)
  }))

test('the eleventh session of a person ends the first, and of no other', () =>
  withAdmin(async (door) => {
    const who = { display: '', groups: [], via: 'login', lifeMs: 1_000 } as const
    const { sessions } = door.admin
    const other = sessions.open({ ...who, principal: 'user:corp/bob' })
    const opened = Array.from({ length: 11 }, () => sessions.open({ ...who, principal: 'user:corp/alice' }))
    assert.equal(sessions.use(opened[0]?.secret ?? ''), undefined)
    assert.notEqual(sessions.use(opened[1]?.secret ?? ''), undefined)
    assert.notEqual(sessions.use(other?.secret ?? ''), undefined)
    let count = 0
    while (sessions.open({ ...who, principal: `user:corp/${count}` }) !== undefined) count += 1
    assert.equal(sessions.list().length, 500)
  }))
