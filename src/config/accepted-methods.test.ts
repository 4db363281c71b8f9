// A configuration under which an agent would accept nothing, or names a method that nobody can use, is refused where
// the method stands; and what waits for a person is told of where nobody could be that person.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { acceptedMethods, parseConfig, type ConfigInput } from './config.ts'

const file = join(temporaryFolder(), 'sallyport.yaml')

function load(authentication: object, rest: ConfigInput = {}): ReturnType<typeof parseConfig> {
  const agents = [{ name: 'a', url: 'http://127.0.0.1:9001', authentication }]
  return parseConfig(JSON.stringify({ ...rest, agents }), file)
}

function problemsOf(authentication: object, rest?: ConfigInput): string[] {
  const loaded = load(authentication, rest)
  return loaded.ok ? [] : loaded.problems.map(({ path, hint }) => `${path}: ${hint}`)
}

const corp = { name: 'corp', issuer: 'https://idp.example.com', audience: 'a', algorithms: ['ES256' as const] }
const introspection = {
  endpoint: 'https://idp.example.com/introspect',
  clientId: 'c',
  clientSecret: 'env:S',
  prefix: 'labs_',
}
const labs = { ...corp, name: 'labs', issuer: 'https://labs.example.com', introspection }

test('a method of which nothing is configured is refused where it stands, beside others too', () => {
  const at = 'agents[0].authentication.methods'
  for (const [method, hint] of [
    ['jwt', 'give identity.jwt'],
    ['introspection', 'give identity.jwt[].introspection'],
    ['service-account', 'give identity.kubernetes'],
    ['mtls', 'give identity.mtls'],
  ] as const) {
    assert.deepEqual(problemsOf({ methods: [method] }), [`${at}[0]: ${hint}`])
    assert.deepEqual(problemsOf({ methods: ['api-key', method] }), [`${at}[1]: ${hint}`])
  }
  assert.equal(problemsOf({ methods: ['introspection'] }, { identity: { jwt: [corp] } }).length, 1)
  assert.equal(problemsOf({ methods: ['mtls', 'service-account', 'jwt'] }).length, 3)
})

test('so is one that none of the named issuers has, where it is the only one', () => {
  const identity: ConfigInput['identity'] = {
    jwt: [corp],
    kubernetes: [{ name: 'prod', issuer: 'https://k', audience: 'a', server: 'https://k', token: 'env:S' }],
  }
  for (const authentication of [
    { methods: ['service-account'], issuers: ['corp'] },
    { methods: ['jwt'], issuers: ['prod'] },
    { methods: ['service-account'], senderConstrained: true },
    { methods: ['api-key', 'service-account'], senderConstrained: true },
  ])
    assert.ok(
      problemsOf(authentication, { identity }).some((problem) => problem.startsWith('agents[0].authentication: ')),
      JSON.stringify(authentication),
    )
})

test('opaque tokens are among what is accepted by default where their issuer is asked', () => {
  const methodsOf = (authentication: object, jwt: object[]): string[] => {
    const text = JSON.stringify({
      identity: { jwt },
      agents: [{ name: 'a', url: 'http://127.0.0.1:9', authentication }],
    })
    const loaded = parseConfig(text, file, { env: { S: 'secret' } })
    assert.ok(loaded.ok, JSON.stringify(loaded))
    return [...acceptedMethods(loaded.config, loaded.config.agents[0]!).methods]
  }
  assert.deepEqual(methodsOf({}, [corp, labs]), ['api-key', 'jwt', 'introspection'])
  assert.deepEqual(methodsOf({ issuers: ['corp'] }, [corp, labs]), ['api-key', 'jwt'])
  assert.deepEqual(methodsOf({ methods: ['introspection'] }, [corp, labs]), ['introspection'])
})

test('an issuer that is not known: the hint names those that are, or says which lists are empty', () => {
  assert.deepEqual(problemsOf({ issuers: ['corp'] }), [
    'agents[0].authentication.issuers[0]: identity.jwt, identity.kubernetes and identity.mtls are empty',
  ])
  const one = { identity: { jwt: [corp] } }
  assert.match(problemsOf({ issuers: ['crop'] }, one)[0] ?? '', /did you mean "corp"/)
  assert.match(problemsOf({ issuers: ['elsewhere'] }, one)[0] ?? '', /known here: corp/)
})

test('a rule that waits for a person is told of where nobody is named', () => {
  const rule = { agents: ['*'], operations: ['*' as const], requireApproval: true }
  const policy = { roles: [{ name: 'r', rules: [{ agents: ['*'], operations: ['*' as const] }, rule] }] }
  const warningsOf = (rest: ConfigInput): string[] => {
    const loaded = load({}, rest)
    assert.ok(loaded.ok, JSON.stringify(loaded))
    return loaded.warnings.map(({ path }) => path)
  }
  assert.deepEqual(warningsOf({ policy }), ['policy.roles[0].rules[1].requireApproval'])
  assert.deepEqual(warningsOf({ policy, approvals: { approvers: ['key:lead'] } }), [])
})

test('an alias of one says what an alias is', () => {
  const loaded = load({}, { aliases: [{ name: 'alice', principals: ['key:a'] }] })
  assert.ok(!loaded.ok)
  assert.deepEqual(
    loaded.problems.map(({ path, message }) => [path, message]),
    [['aliases[0].principals', 'an alias ties at least two principals together']],
  )
})
