import assert from 'node:assert/strict'
import test from 'node:test'
import { startAdmin, type FakeAdmin } from './fake-admin.ts'

const path = '/api/v1/session/bootstrap'

async function withToken(work: (admin: FakeAdmin, token: string) => Promise<void>): Promise<void> {
  const admin = await startAdmin({ tokens: [] })
  try {
    const { token } = await admin.admin.bootstrap.make(() => Promise.resolve())
    await work(admin, token)
  } finally {
    await admin.close()
  }
}

test('the token opens one session, with every right and for an hour', () =>
  withToken(async ({ post, send, acts, clock }, token) => {
    const answer = await post(path, { token })
    assert.equal(answer.status, 200)
    assert.deepEqual(answer.body['roles'], ['admin'])
    const cookie = answer.headers['set-cookie']?.[0] ?? ''
    assert.match(cookie, /^sallyport-session=[\w-]{43}; Path=\/; Max-Age=3600; HttpOnly; SameSite=Strict$/)
    assert.deepEqual([acts[0]?.action, acts[0]?.event['via']], ['admin.login', 'bootstrap'])
    assert.doesNotMatch(JSON.stringify(acts), new RegExp(token))
    const fields = { cookie: cookie.split(';', 1)[0] ?? '' }
    for (let minutes = 0; minutes < 60; minutes += 20) {
      assert.equal((await send('/api/v1/administrators', fields)).status, 200)
      clock.advance(20 * 60_000)
    }
    assert.equal((await send('/api/v1/administrators', fields)).status, 401)
  }))

test('a second use is refused, and recorded', () =>
  withToken(async ({ post, unknown }, token) => {
    assert.equal((await post(path, { token })).status, 200)
    const answer = await post(path, { token })
    assert.equal(answer.status, 401)
    assert.equal(answer.headers['set-cookie'], undefined)
    assert.equal(unknown.length, 1)
    assert.match(unknown[0]?.detail ?? '', /bootstrap/)
  }))

test('of ten at once one wins', () =>
  withToken(async ({ post, admin }, token) => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => post(path, { token })))
    assert.equal(answers.filter(({ status }) => status === 200).length, 1)
    assert.equal(answers.filter(({ status }) => status === 401).length, 9)
    assert.equal(admin.sessions.list().length, 1)
  }))

test('after a quarter of an hour it opens nothing', () =>
  withToken(async ({ post, clock }, token) => {
    clock.advance(900_000)
    assert.equal((await post(path, { token })).status, 401)
  }))

test('guesses open nothing, and cost the token nothing', () =>
  withToken(async ({ post, unknown }, token) => {
    const guesses = [
      '',
      ' ',
      'spb_',
      token.slice(0, -1),
      `${token}x`,
      token.toUpperCase(),
      ` ${token}`,
      null,
      0,
      [token],
      { token },
    ]
    for (const guess of guesses) assert.ok([400, 401].includes((await post(path, { token: guess })).status))
    assert.equal((await post(path, { token, role: 'admin' })).status, 400)
    assert.equal((await post(path, {})).status, 400)
    assert.equal(unknown.length, guesses.length + 2)
    assert.equal((await post(path, { token })).status, 200)
  }))

test('a newer token takes the place of the one before', () =>
  withToken(async ({ post, admin }, token) => {
    const newer = await admin.bootstrap.make(() => Promise.resolve())
    assert.equal((await post(path, { token })).status, 401)
    assert.equal((await post(path, { token: newer.token })).status, 200)
  }))

test('a token that could not be recorded does not hold', () =>
  withToken(async ({ admin, post }, token) => {
    await assert.rejects(admin.bootstrap.make(() => Promise.reject(new Error('full'))))
    // the one before is still the one
    assert.equal((await post(path, { token })).status, 200)
  }))

test('a login that cannot be recorded opens nothing, and the token is used up', () =>
  withToken(async ({ post, admin, breakLedger }, token) => {
    breakLedger(true)
    const answer = await post(path, { token })
    assert.equal(answer.status, 503)
    assert.equal(answer.headers['set-cookie'], undefined)
    assert.deepEqual(admin.sessions.list(), [])
    breakLedger(false)
    assert.equal((await post(path, { token })).status, 401)
  }))

test('without one there is nothing to guess', async () => {
  const admin = await startAdmin({ tokens: [] })
  try {
    for (const token of ['', 'spb_', 'undefined', 'null']) assert.ok((await admin.post(path, { token })).status >= 400)
  } finally {
    await admin.close()
  }
})
