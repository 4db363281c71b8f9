// Every role on every route: the whole table, written out by hand, so that a route or a role that is changed has to be
// changed here too. A route without a line, or without a permission, fails.

import assert from 'node:assert/strict'
import test from 'node:test'
import { adminRoles, type AdminRole } from '../config/config.ts'
import { bearer, startAdmin } from './fake-admin.ts'
import { permissions } from './permissions.ts'
import { routes } from './routes.ts'

/** route → who may, and a body that is good; `anyone` leads to a session. */
const expected: Readonly<Record<string, readonly [who: string, body?: object]>> = {
  'GET /session': ['viewer auditor operator admin'],
  'GET /openapi.json': ['viewer auditor operator admin'],
  'GET /status': ['viewer auditor operator admin'],
  'GET /agents': ['viewer auditor operator admin'],
  'GET /policy': ['viewer auditor operator admin'],
  'GET /ledger/checkpoint': ['auditor admin'],
  'GET /records': ['auditor admin'],
  'GET /records/proof': ['auditor admin'],
  'GET /holds': ['auditor admin'],
  'GET /keys': ['operator admin'],
  'POST /keys': ['operator admin', { name: 'ci' }],
  'POST /keys/import': ['operator admin', { name: 'ci', key: 'sp_live_x' }],
  'POST /keys/rotate': ['operator admin', { name: 'ci', overlapMs: 0 }],
  'POST /keys/revoke': ['operator admin', { name: 'ci' }],
  'POST /configuration/reload': ['operator admin', {}],
  'GET /approvals': ['operator admin'],
  'POST /approvals/grant': ['operator admin', { id: 'x', reason: 'r' }],
  'POST /approvals/deny': ['operator admin', { id: 'x', reason: 'r' }],
  'GET /blocks': ['operator admin'],
  'POST /blocks': ['operator admin', { kind: 'caller', id: 'key:ci', reason: '' }],
  'POST /blocks/remove': ['operator admin', { kind: 'caller', id: 'key:ci', reason: '' }],
  'GET /tokens/revocations': ['operator admin'],
  'POST /tokens/revoke': ['operator admin', { kind: 'token', issuer: 'corp', jti: 'j' }],
  'POST /assertions/rotate-key': ['admin', { now: false, reason: '' }],
  'POST /erasures': ['admin', { subject: 'key:ci', reason: 'r' }],
  'POST /holds': ['admin', { name: 'h', subject: null, reason: 'r' }],
  'POST /holds/release': ['admin', { name: 'h', reason: 'r' }],
  'POST /retention/prune': ['admin', { dryRun: true }],
  'POST /ledger/rotate-key': ['admin', { overlapMs: 0, reason: '' }],
  'GET /secrets': ['admin'],
  'POST /secrets': ['admin', { name: 's', value: 'eA==' }],
  'POST /secrets/remove': ['admin', { name: 's' }],
  'POST /secrets/rotate': ['admin', {}],
  'GET /sessions': ['admin'],
  'POST /sessions/end': ['admin', { id: '0123456789abcdef01' }],
  'GET /administrators': ['admin'],
  // a token has no session to end: whoever has one may
  'POST /session/logout': ['', {}],
  'GET /login': ['anyone'],
  'GET /login/callback': ['anyone'],
  'POST /session/bootstrap': ['anyone', { token: 'x' }],
}

const nameOf = ({ method, path }: { method: string; path: string }): string => `${method} ${path}`

test('every route has a line here, and a permission of the table', () => {
  assert.deepEqual(routes.map(nameOf).toSorted(), Object.keys(expected).toSorted())
  const known = [...Object.keys(permissions), 'anyone']
  for (const route of routes) assert.ok(known.includes(route.permission), nameOf(route))
})

test('every permission of the table is that of a route', () => {
  const used = new Set(routes.map(({ permission }) => permission))
  assert.deepEqual(
    Object.keys(permissions).filter((permission) => !used.has(permission as keyof typeof permissions)),
    [],
  )
})

test('each role may what the table says, and nothing else', async () => {
  const { send, post, called, acts, close } = await startAdmin()
  const seen = { allowed: 0, denied: 0 }
  try {
    for (const route of routes) {
      const [who = '', body = {}] = expected[nameOf(route)] ?? []
      if (who === 'anyone') continue
      // the one read that needs a parameter
      const path = `/api/v1${route.path}${route.path === '/records/proof' ? '?record=0a0b0c0d/1' : ''}`
      const ask = (fields: Record<string, string>): ReturnType<typeof send> =>
        route.method === 'GET' ? send(path, fields) : post(path, body, fields)
      for (const role of adminRoles) {
        const [before, methods] = [acts.length, called.length]
        const answer = await ask(bearer(role))
        if (who.split(' ').includes(role)) {
          assert.equal(answer.status, 200, `${role} ${nameOf(route)} ${answer.text}`)
          seen.allowed += 1
        } else {
          assert.ok(answer.status === 403 || (answer.status === 409 && route.path === '/session/logout'), answer.text)
          assert.equal(called.length, methods, `${role} ${nameOf(route)} reached a method`)
          seen.denied += 1
        }
        const act = acts.at(-1)
        assert.ok(acts.length > before, `${role} ${nameOf(route)} is not recorded`)
        assert.equal(act?.subject, `admin-token:${role}`)
        assert.equal(act?.event['permission'], route.permission)
        assert.equal(act?.action.endsWith('.refused'), answer.status !== 200)
      }
      for (const fields of [{}, { authorization: 'Bearer wrong' }, { cookie: 'sallyport-session=x' }]) {
        assert.equal((await ask(fields)).status, 401, nameOf(route))
        seen.denied += 1
      }
    }
    assert.ok(seen.denied > seen.allowed, `${seen.denied} denials, ${seen.allowed} permits`)
  } finally {
    await close()
  }
})

test('what a request says of itself gives no role', async () => {
  const { post, send, called, close } = await startAdmin()
  const claims = { 'x-role': 'admin', 'x-forwarded-user': 'admin', 'x-remote-user': 'admin', role: 'admin' }
  try {
    const before = called.length
    for (const role of ['viewer', 'auditor'] satisfies AdminRole[]) {
      assert.equal((await post('/api/v1/keys', { name: 'ci' }, { ...bearer(role), ...claims })).status, 403)
      assert.equal((await send('/api/v1/keys?role=admin', bearer(role))).status, 403)
      assert.equal((await post('/api/v1/keys', { name: 'ci', role: 'admin' }, bearer(role))).status, 403)
    }
    assert.equal(called.length, before)
  } finally {
    await close()
  }
})
