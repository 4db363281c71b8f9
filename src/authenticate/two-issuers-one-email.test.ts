// Two issuers mint the same e-mail, and one of them belongs to somebody else: its user must never be taken for the
// other's, nor speak for a domain that the issuer was not declared for.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import { audience, makeWorld } from '../../test/fakes/identity.ts'

const boss = { email: 'boss@example.com', email_verified: true }
const shared = { audience, algorithms: ['ES256' as const], jwks: 'https://keys.example.com/', display: '{email}' }
const corp = { ...shared, name: 'corp', issuer: 'https://idp.example.com', emailDomains: ['example.com'] }
const partner = { ...shared, name: 'partner', issuer: 'https://partner.example.net', emailDomains: ['example.net'] }

test('the same e-mail of two issuers is two people, and only the domain’s own issuer may show it', async () => {
  const world = makeWorld({ identity: { jwt: [corp, partner] } })
  const ours = expectPassed(await world.bearer(world.token(boss))).caller
  const theirs = expectPassed(await world.bearer(world.token({ ...boss, iss: partner.issuer }))).caller
  assert.deepEqual([ours.id, ours.display], ['user:corp/4f1c', 'boss@example.com'])
  assert.deepEqual([theirs.id, theirs.display], ['user:partner/4f1c', 'user:partner/4f1c'])
})

test('where the e-mail is the subject, an issuer of another domain has no such subject', async () => {
  const world = makeWorld({
    identity: {
      jwt: [
        { ...corp, subject: 'email' },
        { ...partner, subject: 'email' },
      ],
    },
  })
  assert.equal(expectPassed(await world.bearer(world.token(boss))).caller.id, 'user:corp/boss@example.com')
  expectRefusal(await world.bearer(world.token({ ...boss, iss: partner.issuer })), 'AUTHN_INVALID')
  for (const email of [
    'boss@evil.net',
    'boss@example.com.evil.net',
    'boss@evil.net@example.com',
    '@example.com',
    'boss@sub.example.com',
    'boss@example.com ',
    'example.com',
    '',
  ])
    expectRefusal(await world.bearer(world.token({ ...boss, email })), 'AUTHN_INVALID')
  for (const email_verified of [false, 'true', 1, null, undefined])
    expectRefusal(await world.bearer(world.token({ ...boss, email_verified })), 'AUTHN_INVALID')
})

test('without declared domains no e-mail counts, verified or not', async () => {
  const world = makeWorld({ identity: { jwt: [{ ...corp, emailDomains: [] }] } })
  assert.equal(expectPassed(await world.bearer(world.token(boss))).caller.display, 'user:corp/4f1c')
})
