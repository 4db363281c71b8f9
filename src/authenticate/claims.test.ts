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
