import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configSchema, type JwtIssuerConfig } from '../config/config.ts'
import { principalOf } from './claims.ts'

function issuer(changed: object = {}): JwtIssuerConfig {
  const jwt = {
    name: 'corp',
    issuer: 'https://i',
    audience: 'a',
    algorithms: ['ES256' as const],
    jwks: 'https://i/jwks',
    groups: 'groups',
    emailDomains: ['example.com'],
    ...changed,
  }
  const [config] = configSchema.parse({ identity: { jwt: [jwt] } }).identity.jwt
  assert.ok(config)
  return config
}

test('two subjects never share an id, whatever they are made of', () => {
  const subjects = ['a b', 'a%20b', 'a\u00a0b', 'a*b', 'a%2Ab', 'a/b', 'a', 'A', 'á', 'a\u0301', 'auth0|1', 'a%b']
  const ids = subjects.map((sub) => {
    const principal = principalOf({ sub }, issuer())
    assert.ok(typeof principal !== 'string')
    assert.match(principal.id, /^user:corp\/[^\s*]+$/)
    return principal.id
  })
  assert.equal(new Set(ids).size, subjects.length)
  assert.ok(ids.includes('user:corp/auth0|1'))
})

test('shows an e-mail only when the issuer verified it', () => {
  const display = (claims: Record<string, string | boolean>, template = '{email}'): string => {
    const principal = principalOf({ sub: '4f1c', ...claims }, issuer({ display: template }))
    assert.ok(typeof principal !== 'string')
    return principal.display
  }
  assert.equal(display({ email: 'a@example.com', email_verified: true }), 'a@example.com')
  assert.equal(display({ email: 'a@example.com' }), 'user:corp/4f1c')
  assert.equal(display({ email: 'a@example.com', email_verified: 'true' }), 'user:corp/4f1c')
  assert.equal(display({}), 'user:corp/4f1c')
  assert.equal(display({ name: 'Alice', team: 'x' }, '{name} of {team}'), 'Alice of x')
  assert.equal(display({ name: 'Alice' }, '{name} of {team}'), 'user:corp/4f1c')
  assert.equal(display({ name: '{email}' }, '{name}'), '{email}')
  assert.equal(display({ name: 'a\u001b[31m' }, '{name}'), 'user:corp/4f1c')
})

test('reads groups as a list or as one name, and only from the configured claim', () => {
  const groups = (claims: Record<string, string | string[]>, changed = {}): readonly string[] => {
    const principal = principalOf({ sub: 'x', ...claims }, issuer(changed))
    assert.ok(typeof principal !== 'string')
    return principal.groups
  }
  assert.deepEqual(groups({ groups: 'one' }), ['group:corp/one'])
  assert.deepEqual(groups({ groups: ['one', 'two', 'one'] }), ['group:corp/one', 'group:corp/two'])
  assert.deepEqual(groups({ groups: 'one' }, { groups: undefined }), [])
  assert.deepEqual(groups({ roles: 'one' }), [])
  assert.deepEqual(groups({}, { groups: 'constructor' }), [])
})

test('refuses groups that are too many together, rather than leaving some out', () => {
  const many = Array.from({ length: 100 }, (_, i) => `${i}`.padEnd(80, 'x'))
  assert.equal(typeof principalOf({ sub: 'x', groups: many }, issuer()), 'string')
})

test('takes the subject from the configured claim', () => {
  const principal = principalOf({ sub: 'pairwise', oid: '77' }, issuer({ subject: 'oid' }))
  assert.ok(typeof principal !== 'string')
  assert.equal(principal.id, 'user:corp/77')
  assert.equal(typeof principalOf({ sub: 'x' }, issuer({ subject: 'constructor' })), 'string')
})

type Claims = Parameters<typeof principalOf>[0]

function groupsOf(claims: Claims, groups: string | string[], changed: object = {}): readonly string[] | string {
  const principal = principalOf({ sub: 'x', ...claims }, issuer({ groups, ...changed }))
  return typeof principal === 'string' ? principal : principal.groups
}

test('reads groups at a path, from several places and by template', () => {
  const claims = { realm_access: { roles: ['a', 'b'] }, team: 'red', 'https://example.com/roles': ['c'], 'x.y': 'd' }
  assert.deepEqual(groupsOf(claims, 'realm_access.roles'), ['group:corp/a', 'group:corp/b'])
  assert.deepEqual(groupsOf(claims, ['realm_access.roles', 'team']), ['group:corp/a', 'group:corp/b', 'group:corp/red'])
  assert.deepEqual(groupsOf(claims, '{team}-{realm_access.roles}'), ['group:corp/red-a', 'group:corp/red-b'])
  assert.deepEqual(groupsOf(claims, 'team {team}'), ['group:corp/team%20red'])
  assert.deepEqual(groupsOf(claims, 'https://example.com/roles'), ['group:corp/c'])
  assert.deepEqual(groupsOf(claims, 'x\\.y'), ['group:corp/d'])
})

test('a claim whose name reads like a path does not stand in for the nested one', () => {
  assert.deepEqual(groupsOf({ 'realm_access.roles': ['admin'] }, 'realm_access.roles'), [])
  assert.deepEqual(groupsOf({ realm_access: ['roles'] }, 'realm_access.roles'), [])
  assert.deepEqual(groupsOf({ realm_access: 'roles' }, 'realm_access.roles'), [])
  assert.deepEqual(groupsOf({ realm_access: {} }, 'realm_access.constructor'), [])
})

test('two different sets of claims never give the same group by template', () => {
  const first = groupsOf({ a: 'x-y', b: 'z' }, '{a}-{b}')
  const second = groupsOf({ a: 'x', b: 'y-z' }, '{a}-{b}')
  assert.deepEqual(first, ['group:corp/x%2Dy-z'])
  assert.notDeepEqual(first, second)
  assert.notDeepEqual(groupsOf({ a: 'x%2Dy', b: 'z' }, '{a}-{b}'), first)
})

test('refuses groups by template that cannot be read whole', () => {
  for (const claims of [
    { a: [7], b: 'x' },
    { a: ['x', ''], b: 'x' },
    { a: ['1', '2'], b: ['3', '4'] },
    { a: { c: 1 }, b: 'x' },
  ])
    assert.equal(typeof groupsOf(claims, '{a}/{b}'), 'string')
  assert.deepEqual(groupsOf({ a: 'x' }, '{a}/{b}'), [])
})
