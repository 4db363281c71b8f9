// Requests that a page makes a browser send: the cookie comes along by itself, what a page cannot know does not.

import assert from 'node:assert/strict'
import test from 'node:test'
import { bearer, startAdmin, type FakeAdmin } from './fake-admin.ts'

async function withSession(
  work: (admin: FakeAdmin, browser: Awaited<ReturnType<FakeAdmin['logIn']>>) => Promise<void>,
): Promise<void> {
  const admin = await startAdmin()
  try {
    await work(admin, await admin.logIn())
  } finally {
    await admin.close()
  }
}

const path = '/api/v1/keys'
const body = { name: 'ci' }

test('a page of this origin with the token of its session may', () =>
  withSession(async ({ post, called }, { fields }) => {
    assert.equal((await post(path, body, fields)).status, 200)
    assert.deepEqual(
      called.map(({ by }) => by),
      ['admin-bootstrap'],
    )
  }))

test('without the token, or with another, nothing is done', () =>
  withSession(async ({ post, logIn, called, acts }, { cookie, csrf, fields }) => {
    const other = await logIn()
    const { 'sallyport-csrf': _, ...without } = fields
    const forged = [
      without,
      { ...fields, 'sallyport-csrf': '' },
      { ...fields, 'sallyport-csrf': other.csrf },
      { ...fields, 'sallyport-csrf': csrf.slice(0, -1) },
      { ...fields, 'sallyport-csrf': `${csrf}, ${csrf}` },
      { ...fields, 'sallyport-csrf': cookie.split('=')[1] ?? '' },
      { cookie, origin: fields['origin'] ?? '', 'x-csrf-token': csrf },
    ]
    for (const each of forged) {
      const answer = await post(path, body, each)
      assert.equal(answer.status, 403)
      assert.equal(answer.body['code'], 'ADMIN_CSRF')
    }
    assert.equal((await post(`${path}?csrfToken=${csrf}`, { ...body, csrfToken: csrf }, without)).status, 403)
    assert.deepEqual(called, [])
    assert.equal(acts.filter(({ action }) => action === 'admin.call.refused').length, forged.length + 1)
  }))

test('another origin is refused, though it had the token', () =>
  withSession(async ({ post, send, origin, port, called }, { fields }) => {
    const others = [
      'https://evil.example.com',
      'null',
      '',
      origin.replace('http:', 'https:'),
      `http://localhost:${port}`,
      `http://127.0.0.1:${port + 1}`,
      'http://127.0.0.1',
      `${origin}/`,
      `${origin}.evil.example.com`,
      origin.toUpperCase(),
      `${origin}, ${origin}`,
    ]
    for (const other of others) {
      assert.equal((await post(path, body, { ...fields, origin: other })).status, 403, other)
      assert.equal((await send('/api/v1/session', { ...fields, origin: other })).status, 403, other)
      assert.equal((await post(path, body, { ...bearer('admin'), origin: other })).status, 403, other)
    }
    const { origin: _, ...without } = fields
    assert.equal((await post(path, body, without)).status, 403)
    assert.deepEqual(called, [])
  }))

test('what a form can send is no body', () =>
  withSession(async ({ send, called }, { fields }) => {
    const types = [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/jsonp',
    ]
    for (const type of types) {
      const answer = await send(path, { ...fields, 'content-type': type }, 'POST', JSON.stringify(body))
      assert.equal(answer.body['code'], 'VALIDATE_CONTENT_TYPE', type)
    }
    assert.equal((await send(path, fields, 'POST', JSON.stringify(body))).status, 400)
    assert.deepEqual(called, [])
  }))

test('nobody is logged in by the page of another', () =>
  withSession(async ({ post, admin }) => {
    const { token } = await admin.bootstrap.make(() => Promise.resolve())
    for (const origin of ['https://evil.example.com', 'null'])
      assert.equal((await post('/api/v1/session/bootstrap', { token }, { origin })).status, 403)
    assert.equal((await post('/api/v1/session/bootstrap', { token })).status, 200)
  }))

test('no read changes anything', () =>
  withSession(async ({ send, called, admin }, { cookie }) => {
    const before = JSON.stringify(admin.sessions.list())
    for (const place of ['session/logout', 'keys/revoke', 'sessions/end', 'configuration/reload', 'holds/release'])
      for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'PATCH', 'TRACE'])
        assert.equal((await send(`/api/v1/${place}?name=ci`, { cookie }, method)).status, 405, `${method} ${place}`)
    assert.deepEqual(called, [])
    assert.equal(JSON.stringify(admin.sessions.list()), before)
  }))

test('what a POST lacks is said, what was wrong with what it has is not', () =>
  withSession(async ({ post, origin }, { cookie, fields }) => {
    const detailOf = async (sent: Record<string, string>): Promise<unknown> =>
      (await post(path, body, sent)).body['detail']
    const { origin: _, ...withoutOrigin } = fields
    assert.equal(await detailOf(withoutOrigin), `say where the request comes from: Origin: ${origin}`)
    assert.match(String(await detailOf({ cookie, origin })), /csrfToken .* sallyport-csrf/)
    assert.equal(await detailOf({ ...fields, 'sallyport-csrf': 'x' }), undefined)
    assert.equal(await detailOf({ ...fields, origin: 'https://evil.example.com' }), undefined)
  }))
