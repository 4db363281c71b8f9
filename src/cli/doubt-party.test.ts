// A block of a misspelt name blocks nobody: what is not known here is said, with what was probably meant.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configSchema } from '../config/config.ts'
import { doubtParty } from './doubt-party.ts'

const config = configSchema.parse({
  identity: {
    jwt: [{ name: 'corp', issuer: 'https://idp.example.com', audience: 'a', algorithms: ['ES256'] }],
    kubernetes: [{ name: 'prod', issuer: 'https://k', audience: 'a' }],
    mtls: {
      spiffe: [{ trustDomain: 'example.org' }],
      subjects: [{ name: 'partners', certificates: [{ dns: 'a.example.com', subject: 'a' }] }],
    },
  },
  agents: [{ name: 'planner', url: 'http://127.0.0.1:9001' }],
})
const keys = ['ci', 'laptop']

test('what is known here raises no doubt', () => {
  for (const id of [
    'key:ci',
    'agent:planner',
    'user:corp/4f1c',
    'user:partners/a',
    'serviceaccount:prod/team/a',
    'spiffe://example.org/a/b',
    'group:corp/analysts',
    'group:prod/system:serviceaccounts',
  ])
    assert.equal(doubtParty({ kind: 'caller', id }, { config, keys }), undefined, id)
  assert.equal(doubtParty({ kind: 'agent', id: 'planner' }, { config, keys }), undefined)
})

test('what is not says so, and what was probably meant', () => {
  for (const [id, hint] of [
    ['key:cl', 'did you mean "ci"'],
    ['agent:planer', 'did you mean "planner"'],
    ['user:crop/4f1c', 'did you mean "corp"'],
    ['user:prod/4f1c', 'known here: corp, partners'],
    ['user:corp', undefined],
    ['serviceaccount:corp/team/a', 'known here: prod'],
    ['spiffe://example.com/a', 'did you mean "example.org"'],
    ['group:nobody/analysts', 'known here: corp, partners, prod'],
  ] as const)
    assert.equal(doubtParty({ kind: 'caller', id }, { config, keys })?.hint, hint, id)
  assert.equal(doubtParty({ kind: 'agent', id: 'planne' }, { config, keys })?.hint, 'did you mean "planner"')
  assert.equal(doubtParty({ kind: 'agent', id: 'ci' }, { config, keys })?.hint, 'known here: planner')
})

test('without a configuration only keys can be looked up', () => {
  const at = { config: undefined, keys: [] }
  assert.equal(doubtParty({ kind: 'caller', id: 'user:crop/4f1c' }, at), undefined)
  assert.equal(doubtParty({ kind: 'agent', id: 'planne' }, at), undefined)
  assert.deepEqual(doubtParty({ kind: 'caller', id: 'key:ci' }, at)?.hint, '')
})
