import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from './config.ts'

/** The hint for the only problem of a file. */
function hintOf(yaml: string): string {
  const loaded = parseConfig(yaml, '/nowhere/sallyport.yaml')
  assert.ok(!loaded.ok, yaml)
  assert.equal(loaded.problems.length, 1, JSON.stringify(loaded.problems))
  return loaded.problems[0]?.hint ?? ''
}

test('a value that was nearly right is told as it should be', () => {
  for (const [yaml, hint] of [
    ['gateway: { listen: 7000 }', 'write 127.0.0.1:7000'],
    ['gateway: { listen: 127.0.0.1 }', 'write 127.0.0.1:7000'],
    ['gateway: { bounds: { headTime: 10 } }', 'write 10s'],
    ['gateway: { bounds: { headTime: 10 s } }', 'write 10s'],
    ['unauthenticated: { requests: 60 }', 'write 60/m'],
    ['limits: [ { per: caller, requests: 60/m } ]', 'write [caller]'],
    ['agents: [ { name: Calc, url: "http://a" } ]', 'write calc'],
    ['agents: [ { name: a, url: "localhost:9001" } ]', 'write http://localhost:9001'],
    [
      'identity: { jwt: [ { name: c, issuer: i, audience: a, algorithms: [ES256], jwks: keys.json } ] }',
      'write file:keys.json',
    ],
  ] as const)
    assert.equal(hintOf(yaml), hint, yaml)
})

test('no guess is made where none would be accepted', () => {
  for (const yaml of ['gateway: { bounds: { head: x } }', 'agents: [ { name: a, url: { } } ]', 'limits: 7'])
    assert.doesNotMatch(hintOf(yaml), /write/, yaml)
})

test('no guess ever repeats what may be a secret', () => {
  const agent = (fields: string): string => hintOf(`agents: [ { name: a, ${fields} } ]`)
  assert.doesNotMatch(agent('url: "http://a", credential: { value: s3cr.et }'), /s3cr/)
  assert.doesNotMatch(agent('url: "user:s3cret@host"'), /s3cret/)
  assert.doesNotMatch(agent('url: "http://user:s3cret@host"'), /s3cret/)
  assert.doesNotMatch(agent('url: "http://a", hosts: "//user:s3cret@host"'), /s3cret/)
})

test('neither userinfo nor query of a wrong URL is repeated, whatever else is wrong with it', () => {
  for (const url of [
    'http://bob:s3cret@127.0.0.1:7740/otlp?token=s3cret',
    'http://bob:s3/cr@et:s3cret@host/otlp',
    'http://host:port?token=s3cret',
    'http://host/#s3cret',
    'ftp://host/?s3cret',
    '//bob:s3cret@host?token=s3cret',
    'host.example/otlp?token=s3cret&x=1#frag',
    'bob:s3cret@host/otlp?token=s3cret',
  ]) {
    const loaded = parseConfig(
      `audit: { export: [ { name: a, kind: otlp, url: "${url}" } ] }`,
      '/nowhere/sallyport.yaml',
    )
    // a query is allowed here; it is only never printed
    if (loaded.ok) continue
    const [problem] = loaded.problems
    assert.doesNotMatch(JSON.stringify(problem), /s3cret|http:\/\/http|http:\/\/ftp/, url)
  }
})

test('userinfo in a URL is told to be left out', () => {
  const hint = 'leave out what stands between // and @: a credential is given by a reference of its own'
  assert.equal(hintOf('agents: [ { name: a, url: "http://bob:pw@host" } ]'), hint)
})

test('records that leave without TLS are warned of, with or without a credential, and loopback is not', () => {
  const warningsOf = (url: string, rest = ''): string[] => {
    const yaml = `audit: { export: [ { name: a, kind: otlp, url: "${url}"${rest} } ] }`
    const loaded = parseConfig(yaml, '/nowhere/sallyport.yaml', { secrets: 'unresolved' })
    assert.ok(loaded.ok, url)
    return loaded.warnings.map(({ path, message, received }) => `${path} ${message} ${received}`)
  }
  const told = 'audit.export[0].url records leave without TLS "http://siem.example.com/in?…"'
  assert.deepEqual(warningsOf('http://siem.example.com/in?token=s3cret'), [told])
  assert.deepEqual(warningsOf('http://siem.example.com/in?t=s3cret', ', authorization: env:X'), [told])
  for (const url of [
    'https://siem.example.com/in',
    'http://127.0.0.1:4318/v1/logs',
    'http://[::1]:1/',
    'http://localhost',
  ])
    assert.deepEqual(warningsOf(url), [], url)
})

test('a file of nothing but wrong values is judged in good time', () => {
  const yaml = `agents:\n${'  - { name: A, url: 7 }\n'.repeat(2_000)}`
  const loaded = parseConfig(yaml, '/nowhere/sallyport.yaml')
  assert.ok(!loaded.ok && loaded.problems.length === 4_000)
})
