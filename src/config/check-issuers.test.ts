import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { parseConfig } from './config.ts'

const file = join(temporaryFolder(), 'sallyport.yaml')

function problemsOf(changed: object): string[] {
  const issuer = { name: 'corp', issuer: 'https://idp.example.com', audience: 'a', algorithms: ['ES256'], ...changed }
  const loaded = parseConfig(JSON.stringify({ identity: { jwt: [issuer] } }), file)
  return loaded.ok ? [] : loaded.problems.map((problem) => problem.path)
}

test('keys are discovered at an https URL, or at one on this machine', () => {
  for (const issuer of ['https://idp.example.com', 'https://idp.example.com/realms/a', 'http://127.0.0.1:3000'])
    assert.deepEqual(problemsOf({ issuer }), [])
  for (const issuer of [
    'corp',
    'http://idp.example.com',
    'https://idp.example.com/?a=b',
    'https://u@idp.example.com',
    'file:x',
  ])
    assert.deepEqual(problemsOf({ issuer }), ['identity.jwt[0].issuer'], issuer)
  assert.deepEqual(problemsOf({ issuer: 'corp', jwks: 'https://idp.example.com/keys' }), [])
  assert.deepEqual(problemsOf({ jwks: 'http://idp.example.com/keys' }), ['identity.jwt[0].jwks'])
})

test('the URL of a key set has no query, where a password could be that is shown with the configuration', () => {
  for (const jwks of ['https://idp.example.com/keys?token=CANARY', 'http://127.0.0.1/keys?a'])
    assert.deepEqual(problemsOf({ jwks }), ['identity.jwt[0].jwks'], jwks)
  const cluster = {
    name: 'prod',
    issuer: 'https://k',
    audience: 'a',
    mode: 'jwks',
    jwks: 'https://k/keys?token=CANARY',
  }
  const loaded = parseConfig(JSON.stringify({ identity: { kubernetes: [cluster] } }), file)
  assert.ok(!loaded.ok && loaded.problems.some(({ path }) => path === 'identity.kubernetes[0].jwks'))
  assert.doesNotMatch(JSON.stringify(loaded), /CANARY/)
})

test('an e-mail is a name only where domains are declared', () => {
  for (const [field, value] of [
    ['subject', 'email'],
    ['subject', 'profile.email'],
    ['groups', 'email'],
    ['groups', ['roles', '{email}']],
  ] as const) {
    assert.deepEqual(problemsOf({ [field]: value }), [`identity.jwt[0].${field}`])
    assert.deepEqual(problemsOf({ [field]: value, emailDomains: ['example.com'] }), [])
  }
  for (const domain of ['Example.com', 'example', '*.example.com', '@example.com', ''])
    assert.deepEqual(problemsOf({ emailDomains: [domain] }), ['identity.jwt[0].emailDomains[0]'])
})

test('places of a template for groups are kept apart', () => {
  for (const groups of ['{a}{b}', '{a}x{b}', '{a}%{b}', ['roles', '{a}/{b}{c}']])
    assert.deepEqual(problemsOf({ groups }), ['identity.jwt[0].groups'])
  for (const groups of ['{a}/{b}', 'team-{a}', 'roles', '{a} of {b}']) assert.deepEqual(problemsOf({ groups }), [])
})
