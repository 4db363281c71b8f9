import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkConfig } from './check-config.ts'
import { configSchema, type ConfigInput } from './schema.ts'
import { buildSnapshot } from './snapshot.ts'

const alice = { name: 'alice', principals: ['user:corp/4f1c', 'key:alice-laptop', 'spiffe://example.org/alice'] }

/** Paths of what is wrong. */
function problemsOf(input: ConfigInput): string[] {
  return checkConfig(configSchema.parse(input), '/', undefined).problems.map(({ path }) => path.join('.'))
}

test('an alias of single identities is good, and its members are known by the first', () => {
  assert.deepEqual(problemsOf({ aliases: [alice] }), [])
  const { aliases, identities } = buildSnapshot(configSchema.parse({ aliases: [alice] }))
  for (const principal of alice.principals) assert.equal(aliases.get(principal), 'user:corp/4f1c')
  assert.deepEqual(identities.get('user:corp/4f1c'), alice.principals)
  assert.equal(aliases.get('key:bob'), undefined)
})

test('an alias of fewer than two is none', () => {
  for (const principals of [[], ['key:a']])
    assert.equal(configSchema.safeParse({ aliases: [{ name: 'a', principals }] }).success, false)
})

test('groups, agents and wildcards are nobody in person', () => {
  for (const id of ['group:corp/analysts', 'agent:planner', 'key:*', 'user:*', 'group:*']) {
    assert.deepEqual(problemsOf({ aliases: [{ name: 'a', principals: ['key:a', id] }] }), ['aliases.0.principals.1'])
    assert.deepEqual(problemsOf({ aliases: [{ name: 'a', principals: [id, 'key:a'] }] }), ['aliases.0.principals.0'])
  }
})

test('an identity is of one person only, and stands there once', () => {
  assert.deepEqual(problemsOf({ aliases: [alice, { name: 'bob', principals: ['key:bob', 'key:alice-laptop'] }] }), [
    'aliases.1.principals.1',
  ])
  assert.deepEqual(problemsOf({ aliases: [{ name: 'bob', principals: ['key:bob', 'key:bob'] }] }), [
    'aliases.0.principals.1',
  ])
  assert.deepEqual(problemsOf({ aliases: [alice, { name: 'alice', principals: ['key:a', 'key:b'] }] }), [
    'aliases.1.name',
  ])
})

test('an identity that acts as an agent is no person, of whatever kind it is', () => {
  const kinds = [
    'key:planner',
    'user:corp/planner',
    'serviceaccount:prod/team-a/planner',
    'spiffe://example.org/planner',
  ]
  for (const id of kinds) {
    const agents = [{ name: 'planner', url: 'http://127.0.0.1:9', principals: kinds }]
    assert.deepEqual(problemsOf({ agents }), [])
    assert.equal(buildSnapshot(configSchema.parse({ agents })).agentsByPrincipal.get(id)?.name, 'planner')
    assert.deepEqual(problemsOf({ agents, aliases: [{ name: 'a', principals: ['key:a', id] }] }), [
      'aliases.0.principals.1',
    ])
  }
})

test('what would silently mean nobody is an error', () => {
  const aliases = [alice]
  const role = { name: 'r', rules: [] }
  const bind = (callers: string[]): ConfigInput => ({
    aliases,
    policy: { roles: [role], bindings: [{ role: 'r', callers }] },
  })
  assert.deepEqual(problemsOf(bind(['user:corp/4f1c'])), [])
  assert.deepEqual(problemsOf(bind(['key:bob', 'key:alice-laptop'])), ['policy.bindings.0.callers.1'])
  const limits = [{ per: ['caller' as const], callers: ['spiffe://example.org/alice'], requests: '1/m' }]
  assert.deepEqual(problemsOf({ aliases, limits }), ['limits.0.callers.0'])
  assert.deepEqual(problemsOf({ aliases, approvals: { approvers: ['key:alice-laptop'] } }), ['approvals.approvers.0'])
  assert.deepEqual(problemsOf({ aliases, audit: { erasure: { approvers: ['key:alice-laptop'] } } }), [
    'audit.erasure.approvers.0',
  ])
})

test('a condition that names a member would never hold: an error, in a deny before all', () => {
  const aliases = [alice]
  for (const when of ['caller.id == "key:alice-laptop"', "origin.id in ['key:bob', 'key:alice-laptop']"]) {
    assert.deepEqual(problemsOf({ aliases, policy: { denies: [{ name: 'd', when }] } }), ['policy.denies.0.when'])
    const roles = [{ name: 'r', rules: [{ agents: ['*'], operations: ['*' as const], when }] }]
    assert.deepEqual(problemsOf({ aliases, policy: { roles } }), ['policy.roles.0.rules.0.when'])
  }
  const good = 'caller.id == "user:corp/4f1c" || caller.id == "key:alice-laptop2"'
  assert.deepEqual(problemsOf({ aliases, policy: { denies: [{ name: 'd', when: good }] } }), [])
})

test('a deny may name any member: it holds for all', () => {
  const denies = [{ name: 'd', callers: ['key:alice-laptop'] }]
  assert.deepEqual(problemsOf({ aliases: [alice], policy: { denies } }), [])
})
