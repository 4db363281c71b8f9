import assert from 'node:assert/strict'
import test from 'node:test'
import { startAdmin } from './fake-admin.ts'

const path = '/api/v1/session/bootstrap'

test('a login makes a new session, whatever cookie came along, and ends the one before', async () => {
  const { post, send, logIn, admin, close } = await startAdmin()
  try {
    const planted = `sallyport-session=${'A'.repeat(43)}`
    const first = await admin.bootstrap.make(() => Promise.resolve())
    const answer = await post(path, { token: first.token }, { cookie: planted })
    assert.equal(answer.status, 200)
    assert.doesNotMatch(answer.headers['set-cookie']?.[0] ?? '', /A{43}/)
    assert.equal((await send('/api/v1/session', { cookie: planted })).status, 401)

    const known = await logIn()
    const second = await admin.bootstrap.make(() => Promise.resolve())
    const again = await post(path, { token: second.token }, { cookie: known.cookie })
    assert.equal(again.status, 200)
    assert.notEqual(again.headers['set-cookie']?.[0]?.split(';', 1)[0], known.cookie)
    assert.equal((await send('/api/v1/session', { cookie: known.cookie })).status, 401)
  } finally {
    await close()
  }
})

test('a second cookie of the name, set by another host of the domain, opens nothing', async () => {
  const { send, logIn, close } = await startAdmin()
  try {
    const { cookie } = await logIn()
    for (const both of [`${cookie}; sallyport-session=${'B'.repeat(43)}`, `sallyport-session=x; ${cookie}`])
      assert.equal((await send('/api/v1/session', { cookie: both })).status, 401)
    assert.equal((await send('/api/v1/session', { cookie: `theme=dark; ${cookie}; other=1` })).status, 200)
  } finally {
    await close()
  }
})

test('a cookie and a token together are nobody', async () => {
  const { send, logIn, close } = await startAdmin()
  try {
    const { cookie } = await logIn()
    assert.equal((await send('/api/v1/session', { cookie, authorization: 'Bearer token-of-admin' })).status, 401)
  } finally {
    await close()
  }
})

test('where there is TLS the cookie is bound to this very host', async () => {
  const { post, send, admin, close } = await startAdmin({ publicUrl: 'https://admin.example.com' })
  try {
    const { token } = await admin.bootstrap.make(() => Promise.resolve())
    const host = { host: 'admin.example.com' }
    const answer = await post(path, { token }, host)
    const cookie = answer.headers['set-cookie']?.[0] ?? ''
    assert.match(
      cookie,
      /^__Host-sallyport-session=[\w-]{43}; Path=\/; Max-Age=3600; HttpOnly; SameSite=Strict; Secure$/,
    )
    const value = cookie.split(';', 1)[0] ?? ''
    assert.equal((await send('/api/v1/session', { ...host, cookie: value })).status, 200)
    // the name that another host of the domain could set
    assert.equal((await send('/api/v1/session', { ...host, cookie: value.replace('__Host-', '') })).status, 401)
    for (const foreign of ['evil.example.com', 'admin.example.com.evil', 'admin.example.com:8443', 'example.com'])
      assert.equal((await send('/api/v1/session', { host: foreign, cookie: value })).status, 403, foreign)
    const csrf = (answer.body['session'] as { csrfToken: string }).csrfToken
    const fields = { ...host, cookie: value, 'sallyport-csrf': csrf }
    const own = { ...fields, origin: 'https://admin.example.com' }
    assert.equal((await post('/api/v1/keys', { name: 'ci' }, { ...fields, origin: admin.origin })).status, 200)
    assert.equal((await post('/api/v1/keys', { name: 'ci' }, own)).status, 200)
    const plain = { ...fields, origin: 'http://admin.example.com' }
    assert.equal((await post('/api/v1/keys', { name: 'ci' }, plain)).status, 403)
  } finally {
    await close()
  }
})
