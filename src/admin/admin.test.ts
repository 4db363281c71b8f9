import assert from 'node:assert/strict'
import test from 'node:test'
import { machineToken } from './admin.ts'
import { startAdmin, type FakeAdmin, type FakeAdminOptions } from './fake-admin.ts'

async function withAdmin(options: FakeAdminOptions, work: (door: FakeAdmin) => Promise<void>): Promise<void> {
  const admin = await startAdmin({ tokens: [machineToken('own', 'viewer', 'right')], ...options })
  try {
    await work(admin)
  } finally {
    await admin.close()
  }
}

test('answers health, readiness and metrics', () =>
  withAdmin({}, async ({ send }) => {
    for (const path of ['/healthz', '/readyz', '/metrics', '/healthz?x=1'])
      assert.equal((await send(path)).status, 200, path)
    assert.match((await send('/metrics')).text, /text\/plain; version=0\.0\.4[\s\S]*metric 1/)
    assert.doesNotMatch((await send('/healthz', {}, 'HEAD')).text, /ok/)
  }))

test('is not ready when a check says so', () =>
  withAdmin(
    { readiness: () => Promise.resolve({ ready: false, checks: [{ name: 'ledger', ok: false, detail: 'full' }] }) },
    async ({ send }) => {
      const answer = await send('/readyz')
      assert.equal(answer.status, 503)
      assert.match(answer.text, /"full"/)
      assert.equal((await send('/healthz')).status, 200)
    },
  ))

test('a name that was rebound to this address is refused, on every path', () =>
  withAdmin({}, async ({ send }) => {
    for (const path of ['/healthz', '/metrics', '/api/v1/status', '/nothing']) {
      for (const host of [
        'evil.example.com',
        'localhost.evil.example.com',
        '127.0.0.1.nip.io',
        '127.0.0.2',
        '0.0.0.0',
        '[::1]',
        '127.0.0.1@evil',
        'localhost:1:2',
        '',
        '127.1',
      ]) {
        const answer = await send(path, { host, authorization: 'Bearer right' })
        assert.ok(answer.status === 403 || answer.status === 400, `${host} ${answer.status}`)
      }
    }
    assert.equal((await send('/healthz', { host: 'localhost:7001' })).status, 200)
  }))

test('a page of any origin is refused, also of none and of this address', () =>
  withAdmin({}, async ({ send }) => {
    for (const origin of ['https://evil.example.com', 'null', 'http://127.0.0.1:7001', 'http://localhost', '']) {
      assert.equal((await send('/api/v1/status', { origin, authorization: 'Bearer right' })).status, 403, origin)
    }
  }))

test('the API opens to its token alone', () =>
  withAdmin({}, async ({ send }) => {
    assert.equal((await send('/api/v1/status', { authorization: 'Bearer right' })).status, 200)
    const wrong = [
      'Bearer wrong',
      'Bearer ',
      'Bearer',
      'bearer right',
      'Basic right',
      'right',
      'Bearer right right',
      'Bearer righ',
      'Bearer right1',
      `Bearer ${'x'.repeat(600)}`,
    ]
    for (const authorization of wrong) {
      const answer = await send('/api/v1/status', { authorization })
      assert.equal(answer.status, 401, authorization)
      assert.match(answer.text, /www-authenticate: Bearer/i)
      assert.doesNotMatch(answer.text, /configDigest/)
    }
    assert.equal((await send('/api/v1/status?token=right')).status, 401)
    assert.equal((await send('/api/v1/status', { cookie: 'token=right' })).status, 401)
  }))

test('without a configured token nobody has one', async () => {
  for (const tokens of [[], [machineToken('own', 'viewer', '')]]) {
    await withAdmin({ tokens }, async ({ send }) => {
      for (const authorization of ['Bearer undefined', 'Bearer ', 'Bearer right'])
        assert.equal((await send('/api/v1/status', { authorization })).status, 401)
    })
  }
})

test('only reads are answered, and only of what is there', () =>
  withAdmin({}, async ({ send }) => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])
      assert.equal((await send('/healthz', {}, method)).status, 405)
    for (const path of [
      '/',
      '/api/v1',
      '/api/v1/status/',
      '//healthz',
      '/Healthz',
      '/%68ealthz',
      '/agents',
      'http://127.0.0.1/healthz',
    ]) {
      assert.equal((await send(path, { authorization: 'Bearer right' })).status, 404, path)
    }
  }))

test('a failing part is an internal error that says nothing of itself', () => {
  const fail = (): Promise<never> => Promise.reject(new Error('PRIVATE'))
  return withAdmin({ readiness: fail, expose: fail }, async ({ send }) => {
    for (const path of ['/readyz', '/metrics']) {
      const answer = await send(path)
      assert.equal(answer.status, 500, path)
      assert.doesNotMatch(answer.text, /PRIVATE/)
    }
  })
})
