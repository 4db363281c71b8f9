// An issuer lets its users write any e-mail into their profile, and the gateway takes somebody else's for who they
// are: as subject, as group, or as the name that people read in a record.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../base/strict-json.ts'
import { configSchema, type JwtIssuerConfig } from '../config/config.ts'
import type { Principal } from '../exchange/exchange.ts'
import { principalOf } from './claims.ts'

const unverified = [
  {},
  { email_verified: false },
  { email_verified: 'true' },
  { email_verified: 1 },
  { verified: true },
]
const boss = 'boss@example.com'

function read(claims: JsonObject, changed: object): Principal | string {
  const jwt = {
    name: 'corp',
    issuer: 'https://i',
    audience: 'a',
    algorithms: ['ES256' as const],
    jwks: 'https://i/jwks',
    emailDomains: ['example.com'],
  }
  const [config] = configSchema.parse({ identity: { jwt: [{ ...jwt, ...changed }] } }).identity.jwt
  assert.ok(config)
  return principalOf(claims, config satisfies JwtIssuerConfig)
}

test('an e-mail that was not verified is nobody: the token is refused', () => {
  for (const extra of unverified)
    assert.equal(typeof read({ sub: 'x', email: boss, ...extra }, { subject: 'email' }), 'string')
  const principal = read({ sub: 'x', email: boss, email_verified: true }, { subject: 'email' })
  assert.ok(typeof principal !== 'string')
  assert.equal(principal.id, `user:corp/${boss}`)
})

test('an e-mail that was not verified is no group: the token is refused', () => {
  for (const extra of unverified)
    assert.equal(typeof read({ sub: 'x', email: boss, ...extra }, { groups: 'email' }), 'string')
  const principal = read({ sub: 'x', email: boss, email_verified: true }, { groups: 'email' })
  assert.deepEqual(typeof principal !== 'string' && principal.groups, [`group:corp/${boss}`])
})

test('where a name cannot be shown, the canonical id is: a subject may look like an e-mail too', () => {
  for (const extra of unverified) {
    for (const display of ['{email}', '{name} <{email}>']) {
      const principal = read({ sub: boss, name: 'Mallory', email: boss, ...extra }, { display })
      assert.ok(typeof principal !== 'string')
      assert.equal(principal.display, `user:corp/${boss}`)
    }
  }
})
