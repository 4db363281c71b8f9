import assert from 'node:assert/strict'
import test from 'node:test'
import { z } from 'zod'
import { bearer, startAdmin, type FakeAdmin } from './fake-admin.ts'
import { describeApi } from './openapi.ts'
import { routes } from './routes.ts'

async function withAdmin(work: (admin: FakeAdmin) => Promise<void>): Promise<void> {
  const admin = await startAdmin()
  try {
    await work(admin)
    assert.deepEqual(admin.bugs, [])
  } finally {
    await admin.close()
  }
}

test('a change is recorded before it is carried out, and once more with how it ended', () =>
  withAdmin(async ({ post, acts, called }) => {
    const answer = await post('/api/v1/keys', { name: 'ci' }, bearer('operator'))
    assert.equal(answer.body['key'], 'sp_live_secret')
    assert.deepEqual(
      acts.map(({ action, event }) => [action, event['by'], event['permission'], event['path'], event['status']]),
      [
        ['admin.call', 'admin-token:operator', 'keys.write', '/keys', undefined],
        ['admin.call.done', 'admin-token:operator', 'keys.write', '/keys', 200],
      ],
    )
    assert.deepEqual(called, [
      { method: 'key.create', params: { name: 'ci', expiresInMs: null }, by: 'admin-token:operator' },
    ])
    assert.doesNotMatch(JSON.stringify(acts), /sp_live_secret/)
  }))

test('where nothing can be recorded nothing is given and nothing is read', () =>
  withAdmin(async ({ post, send, called, breakLedger }) => {
    breakLedger(true)
    assert.equal((await post('/api/v1/keys', { name: 'ci' }, bearer('operator'))).status, 503)
    assert.deepEqual(called, [])
    const status = await send('/api/v1/status', bearer('viewer'))
    assert.equal(status.status, 503)
    assert.doesNotMatch(status.text, /configDigest/)
    assert.equal((await send('/api/v1/status')).status, 503)
    assert.equal((await send('/healthz')).status, 200)
  }))

test('power can be taken away where nothing can be recorded', () =>
  withAdmin(async ({ post, called, breakLedger }) => {
    breakLedger(true)
    const answer = await post('/api/v1/keys/revoke', { name: 'ci' }, bearer('operator'))
    assert.equal(answer.status, 503)
    assert.match(answer.text, /was done/)
    assert.deepEqual(
      called.map(({ method }) => method),
      ['key.revoke'],
    )
  }))

test('an answer has no more than its schema names', () =>
  withAdmin(async ({ send, admin }) => {
    const { token } = await admin.bootstrap.make(() => Promise.resolve())
    for (const path of ['/sessions', '/administrators', '/status', '/keys'])
      assert.doesNotMatch((await send(`/api/v1${path}`, bearer('admin'))).text, new RegExp(`${token}|csrfToken|hmac`))
  }))

test('says in every answer that nothing keeps, frames or reinterprets it', () =>
  withAdmin(async ({ send }) => {
    for (const fields of [{}, bearer('viewer')]) {
      for (const path of ['/api/v1/status', '/api/v1/nothing']) {
        const { headers } = await send(path, fields)
        assert.deepEqual(headers['cache-control'], ['no-store'])
        assert.deepEqual(headers['x-content-type-options'], ['nosniff'])
        assert.match(headers['content-security-policy']?.[0] ?? '', /frame-ancestors 'none'/)
        assert.equal(headers['access-control-allow-origin'], undefined)
      }
    }
    const refused = await send('/api/v1/status')
    assert.deepEqual(refused.headers['content-type'], ['application/problem+json'])
    assert.deepEqual(refused.body, {
      type: 'about:blank',
      title: 'Authentication is required',
      status: 401,
      code: 'AUTHN_MISSING',
    })
  }))

test('a list comes in pages', () =>
  withAdmin(async ({ send, configure }) => {
    const agents = ['c', 'a', 'e', 'b', 'd'].map((name) => ({ name, url: 'http://127.0.0.1:1' }))
    configure({ agents })
    const names: string[] = []
    let after = ''
    for (let pages = 1; pages <= 3; pages += 1) {
      const { body } = await send(`/api/v1/agents?limit=2${after}`, bearer('viewer'))
      for (const item of body['items'] as { name: string }[]) names.push(item.name)
      after = `&after=${body['next'] as string}`
      assert.equal(body['next'] === null, pages === 3)
    }
    assert.deepEqual(names, ['a', 'b', 'c', 'd', 'e'])
  }))

test('a changed assignment counts at the next request', () =>
  withAdmin(async ({ send, configure, admin }) => {
    const who = { principal: 'user:corp/alice', display: 'Alice', groups: ['group:corp/ops'], via: 'login' } as const
    const opened = admin.sessions.open({ ...who, lifeMs: 1_000 })
    const cookie = `sallyport-session=${opened?.secret}`
    const status = async (path: string): Promise<number> => (await send(`/api/v1${path}`, { cookie })).status
    assert.equal(await status('/session'), 403)
    const oidc = { name: 'corp', issuer: 'https://idp.example.com', clientId: 'x' }
    configure({ admin: { oidc, administrators: [{ role: 'operator', who: ['group:corp/ops'] }] } })
    assert.equal(await status('/keys'), 200)
    configure({ admin: { oidc, administrators: [{ role: 'viewer', who: ['user:corp/alice'] }] } })
    assert.equal(await status('/keys'), 403)
    assert.equal(await status('/session'), 200)
    configure({ admin: { oidc, administrators: [{ role: 'admin', who: [] }] } })
    assert.equal(await status('/session'), 403)
  }))

test('an administrator who asks without end is told to wait, and no other is', () =>
  withAdmin(async ({ send, clock }) => {
    for (let calls = 0; calls < 600; calls += 1) await send('/api/v1/status', bearer('viewer'))
    const slowed = await send('/api/v1/status', bearer('viewer'))
    assert.equal(slowed.status, 429)
    assert.deepEqual(slowed.headers['retry-after'], ['60'])
    assert.equal((await send('/api/v1/status', bearer('admin'))).status, 200)
    clock.advance(60_000)
    assert.equal((await send('/api/v1/status', bearer('viewer'))).status, 200)
  }))

test('whoever is unknown too often is told to wait, and who is known is not', async () => {
  const { send, unknown, close } = await startAdmin({ failures: 3 })
  try {
    const statuses: number[] = []
    for (let calls = 0; calls < 5; calls += 1) statuses.push((await send('/api/v1/status')).status)
    assert.deepEqual(statuses, [401, 401, 401, 429, 429])
    assert.equal(unknown.length, 5)
    assert.equal((await send('/api/v1/status', bearer('viewer'))).status, 200)
  } finally {
    await close()
  }
})

test('the OpenAPI document has every route, its permission and its answer', () =>
  withAdmin(async ({ send }) => {
    const { body } = await send('/api/v1/openapi.json', bearer('viewer'))
    assert.deepEqual(body, JSON.parse(JSON.stringify(describeApi(routes))))
    assert.equal(body['openapi'], '3.1.0')
    const paths = body['paths'] as Record<string, Record<string, Record<string, unknown>>>
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    assert.deepEqual(described.toSorted(), routes.map(({ method, path }) => `${method} ${path}`).toSorted())
    const ids = new Set(
      Object.values(paths).flatMap((methods) => Object.values(methods).map((each) => each['operationId'])),
    )
    assert.equal(ids.size, routes.length)
    for (const { method, path, permission } of routes)
      assert.equal(paths[path]?.[method.toLowerCase()]?.['x-sallyport-permission'], permission)
  }))

test('answers are what the document says', () =>
  withAdmin(async ({ send }) => {
    for (const { method, path, answer } of routes) {
      if (method !== 'GET' || typeof answer === 'string') continue
      const query = path === '/records/proof' ? '?record=0a0b0c0d/1' : ''
      const { status, body } = await send(`/api/v1${path}${query}`, bearer('admin'))
      assert.equal(status, 200, path)
      // as the document has it: no member that it does not name
      const schema = answer instanceof z.ZodObject ? answer.strict() : answer
      assert.ok(schema.safeParse(body).success, path)
    }
  }))
