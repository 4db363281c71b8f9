import assert from 'node:assert/strict'
import test from 'node:test'
import { bearer, startAdmin, type FakeAdmin } from './fake-admin.ts'

async function withAdmin(work: (admin: FakeAdmin) => Promise<void>): Promise<void> {
  const admin = await startAdmin()
  try {
    await work(admin)
    assert.deepEqual(admin.called, [], 'a method was reached')
    assert.deepEqual(admin.bugs, [])
  } finally {
    await admin.close()
  }
}

const json = { ...bearer('admin'), 'content-type': 'application/json' }

test('a body is strict: no unknown member, none twice, nothing of another type', () =>
  withAdmin(async ({ send, acts }) => {
    const bodies = [
      '{"name":"ci","extra":1}',
      '{"name":"ci","name":"root"}',
      '{"name":"ci","\\u006eame":"root"}',
      '{"name":"ci","__proto__":{"x":1}}',
      '{"name":1}',
      '{"name":""}',
      '{}',
      '[]',
      'null',
      '"ci"',
      '{"name":"ci"',
      '{"name":"ci"} {}',
      '{"name":"ci","expiresInMs":"1"}',
      '{"name":"ci","expiresInMs":1e400}',
      '{"name":"ci","expiresInMs":0}',
      '{"name":"ci","expiresInMs":1.5}',
      `{"name":"${'x'.repeat(513)}"}`,
      '\ufeff{"name":"ci"}',
      `${'['.repeat(100)}${']'.repeat(100)}`,
    ]
    for (const body of bodies) {
      const answer = await send('/api/v1/keys', json, 'POST', body)
      assert.equal(answer.status, 400, body.slice(0, 60))
      assert.match(answer.headers['content-type']?.[0] ?? '', /problem\+json/)
    }
    assert.equal(acts.length, bodies.length)
    assert.ok(acts.every(({ action }) => action === 'admin.call.refused'))
  }))

test('a query is strict too', () =>
  withAdmin(async ({ send }) => {
    const queries = ['x=1', 'limit=0', 'limit=-1', 'limit=1e3', 'limit=5&limit=6', 'limit[]=5', 'limit=', '__proto__=1']
    for (const query of queries) assert.equal((await send(`/api/v1/keys?${query}`, bearer('admin'))).status, 400, query)
    assert.equal((await send('/api/v1/status?limit=5', bearer('admin'))).status, 400)
  }))

test('a read has no body', () =>
  withAdmin(async ({ send }) => {
    assert.equal((await send('/api/v1/keys', json, 'GET', '{}')).status, 400)
    const chunked = { ...bearer('admin'), 'transfer-encoding': 'chunked' }
    assert.equal((await send('/api/v1/keys', chunked, 'GET', '0\r\n\r\n')).status, 400)
  }))

test('more than 64 KiB are not read, of whoever it may be', () =>
  withAdmin(async ({ send, sendRaw, port, acts }) => {
    const body = JSON.stringify({ name: 'x'.repeat(70_000) })
    const answer = await send('/api/v1/keys', json, 'POST', body)
    assert.equal(answer.status, 413)
    assert.equal(acts.at(-1)?.event['code'], 'LISTEN_BODY_TOO_LARGE')
    const chunked = `${(70_000).toString(16)}\r\n${'x'.repeat(70_000)}\r\n0\r\n\r\n`
    const head = Object.entries({
      ...json,
      host: `127.0.0.1:${port}`,
      connection: 'close',
      'transfer-encoding': 'chunked',
    })
    const text = head.map(([name, value]) => `${name}: ${value}\r\n`).join('')
    assert.match(await sendRaw(`POST /api/v1/keys HTTP/1.1\r\n${text}\r\n${chunked}`), /^HTTP\/1\.1 413 /)
    const unknown = await send('/api/v1/keys', { 'content-type': 'application/json' }, 'POST', body)
    assert.equal(unknown.status, 401)
  }))

test('who is unknown is refused before a byte of the body is awaited', () =>
  withAdmin(async ({ sendRaw, port }) => {
    const head = `POST /api/v1/keys HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: close\r\ncontent-type: application/json\r\n`
    assert.match(await sendRaw(`${head}content-length: 60000\r\n\r\n{`), /^HTTP\/1\.1 401 /)
    const viewer = `authorization: Bearer token-of-viewer\r\n`
    assert.match(await sendRaw(`${head}${viewer}content-length: 60000\r\n\r\n{`), /^HTTP\/1\.1 403 /)
  }))
