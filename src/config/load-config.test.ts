import assert from 'node:assert/strict'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { buildSnapshot, formatAddress, loadConfig, parseConfig, splitAddress } from './config.ts'
import type { Loaded, Problem } from './config.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'

const file = join(temporaryFolder(), 'sallyport.yaml')

function load(text: string, env: Record<string, string> = {}): Loaded {
  return parseConfig(text, file, { env })
}

function problemsOf(text: string, env: Record<string, string> = {}): readonly Problem[] {
  const loaded = load(text, env)
  assert.ok(!loaded.ok, `was accepted: ${text}`)
  return loaded.problems
}

function only(text: string): Problem {
  const problems = problemsOf(text)
  assert.equal(problems.length, 1, JSON.stringify(problems))
  return problems[0]!
}

function accepts(text: string): void {
  const loaded = load(text)
  assert.ok(loaded.ok, JSON.stringify(loaded))
}

test('an empty file is the defaults, which allow nobody anything', () => {
  const loaded = load('')
  assert.ok(loaded.ok)
  assert.deepEqual(
    [loaded.config.agents, loaded.config.policy.roles, loaded.config.gateway.listen],
    [[], [], '127.0.0.1:7000'],
  )
})

test('tells all problems at once, each with path, line, column and value', () => {
  const problems = problemsOf(
    [
      'gatewya: 1',
      'gateway:',
      '  bounds: { body: zz }',
      'agents:',
      '  - { name: X, url: "http://a" }',
      '  - { url: 3 }',
    ].join('\n'),
  )
  assert.deepEqual(
    problems.map((problem) => [problem.path, problem.line, problem.column, problem.received]),
    [
      ['gatewya', 1, 1, ''],
      ['gateway.bounds.body', 3, 19, '"zz"'],
      ['agents[0].name', 5, 13, '"X"'],
      ['agents[1].name', 6, 5, ''],
      ['agents[1].url', 6, 12, '3'],
    ],
  )
})

test('an unknown key is an error with the nearest known one as hint', () => {
  assert.match(only('gatewya: {}').hint, /gateway/)
  assert.match(only('agents: [{ name: a, url: "http://a", discvery: public }]').hint, /discovery/)
  assert.match(
    only('policy: { roles: [{ name: a, rules: [{ agents: [], operations: [SendMesage] }] }] }').hint,
    /SendMessage/,
  )
})

test('refuses what is not one plain YAML document', () => {
  const hostile = [
    'a: 1\na: 2',
    'gateway: {}\n"gateway": {}',
    'dataDir: !!js/function x',
    '!custom {}',
    'dataDir: a\n---\ndataDir: b',
    '[1, 2',
    '? [a]\n: 1',
    '- 1',
    '"text"',
    '\tgateway: {}',
    '['.repeat(50_000),
    '<<: { dataDir: x }',
    '__proto__: { dataDir: x }',
    'constructor: {}',
    'dataDir: "\\ud800"',
  ]
  for (const text of hostile) assert.ok(problemsOf(text).length > 0)
})

test('refuses an alias bomb quickly', () => {
  const levels = Array.from(
    { length: 20 },
    (_, level) =>
      `l${level}: &l${level} [${Array.from({ length: 9 }, () => (level === 0 ? 'x' : `*l${level - 1}`)).join(', ')}]`,
  )
  const startedMs = performance.now()
  assert.ok(problemsOf(levels.join('\n')).length > 0)
  assert.ok(performance.now() - startedMs < 10_000)
})

test('an alias that is harmless is read', () => {
  accepts('agents:\n  - { name: a, url: &u "http://a" }\n  - { name: b, url: *u }')
})

test('refuses bytes that are not UTF-8', () => {
  assert.ok(!parseConfig(Buffer.from([0x61, 0x3a, 0xff]), file).ok)
})

test('a file that is not there is a problem, not a throw', async () => {
  const loaded = await loadConfig(join(file, '..', 'absent.yaml'))
  assert.ok(!loaded.ok)
  assert.equal(loaded.problems[0]!.line, 0)
})

test('never repeats a secret that was written where a reference belongs', () => {
  const secret = 'hunter2hunter2'
  const places = [
    `gateway: { tls: { certificate: ${secret}, key: ${secret} } }`,
    `identity: { apiKeys: { pepper: ${secret} } }`,
    `agents: [{ name: a, url: "http://a", credential: { value: "Bearer ${secret}" } }]`,
    `agents: [{ name: a, url: "http://me:${secret}@host" }]`,
    `agents: [{ name: a, url: "http://a", password: ${secret} }]`,
    `audit: { keyEncryptionKey: ${secret} }`,
    `agents: [{ name: a, url: "http://a", tls: { ca: [${secret}] } }]`,
  ]
  for (const text of places) assert.doesNotMatch(JSON.stringify(problemsOf(text)), new RegExp(secret))
})

test('refuses names that must differ and do not', () => {
  const agent = (name: string, rest = ''): string => `{ name: ${name}, url: "http://a"${rest} }`
  assert.equal(only(`agents: [${agent('a')}, ${agent('a')}]`).path, 'agents[1].name')
  assert.equal(
    only(`agents: [${agent('a', ', hosts: [x.example]')}, ${agent('b', ', hosts: [x.example]')}]`).path,
    'agents[1].hosts[0]',
  )
  assert.equal(
    only(`agents: [${agent('a', ', principals: ["key:k"]')}, ${agent('b', ', principals: ["key:k"]')}]`).path,
    'agents[1].principals[0]',
  )
  const issuer = (name: string, iss: string): string =>
    `{ name: ${name}, issuer: ${iss}, audience: x, algorithms: [ES256], jwks: "https://x" }`
  assert.equal(only(`identity: { jwt: [${issuer('a', 'i1')}, ${issuer('a', 'i2')}] }`).path, 'identity.jwt[1].name')
  assert.equal(only(`identity: { jwt: [${issuer('a', 'i1')}, ${issuer('b', 'i1')}] }`).path, 'identity.jwt[1].issuer')
})

test('an agent is one identity, never a group, another agent or everyone', () => {
  for (const principal of ['group:corp/all', 'agent:other', 'key:*', 'user:*']) {
    assert.equal(
      only(`agents: [{ name: a, url: "http://a", principals: ["${principal}"] }]`).path,
      'agents[0].principals[0]',
    )
  }
})

test('refuses plain text towards other machines unless the danger is named', () => {
  for (const listen of [
    '0.0.0.0:7000',
    '192.168.1.1:80',
    '"[::]:7000"',
    'gateway.example:80',
    '127.0.0.1.example.com:80',
    '128.0.0.1:80',
  ]) {
    assert.equal(only(`gateway: { listen: ${listen} }`).path, 'gateway.listen')
  }
  for (const listen of ['127.0.0.1:1', '127.8.9.1:1', 'localhost:1', '"[::1]:1"'])
    accepts(`gateway: { listen: ${listen} }`)
  const loaded = load('gateway: { listen: 0.0.0.0:7000, dangerouslyAllowPlaintext: true }')
  assert.ok(loaded.ok)
  assert.deepEqual(
    loaded.warnings.map((warning) => warning.path),
    ['gateway.dangerouslyAllowPlaintext'],
  )
})

test("the admin listener stays on loopback and off the gateway's port", () => {
  assert.equal(only('admin: { listen: 0.0.0.0:7001 }').path, 'admin.listen')
  assert.equal(only('admin: { listen: 127.0.0.1:7000 }').path, 'admin.listen')
  assert.equal(only('admin: { listen: 127.0.0.1:70000 }').path, 'admin.listen')
  accepts('{ gateway: { listen: 127.0.0.1:0 }, admin: { listen: 127.0.0.1:0 } }')
})

test('refuses keys fetched in plain text, and key sets that are no key sets', () => {
  const issuer = (jwks: string): string =>
    `identity: { jwt: [{ name: a, issuer: i, audience: x, algorithms: [ES256], jwks: "${jwks}" }] }`
  writeFileSync(join(file, '..', 'keys.json'), '{"keys":[{}]}')
  writeFileSync(join(file, '..', 'none.json'), '{"keys":[]}')
  writeFileSync(join(file, '..', 'text.json'), 'keys')
  for (const jwks of ['http://idp.example.com/keys', 'file:absent.json', 'file:none.json', 'file:text.json']) {
    assert.equal(only(issuer(jwks)).path, 'identity.jwt[0].jwks')
  }
  for (const jwks of ['https://idp.example.com/keys', 'http://127.0.0.1:1/keys', 'file:keys.json'])
    accepts(issuer(jwks))
})

test('a reference must lead to a secret; one that anyone can read is a warning', () => {
  const pepper = join(file, '..', 'pepper')
  const text = 'identity: { apiKeys: { pepper: "file:pepper" } }'
  assert.equal(only('identity: { apiKeys: { pepper: "file:absent" } }').path, 'identity.apiKeys.pepper')
  assert.equal(only('identity: { apiKeys: { pepper: "env:ABSENT" } }').path, 'identity.apiKeys.pepper')
  writeFileSync(pepper, '\n')
  assert.equal(only(text).path, 'identity.apiKeys.pepper')
  writeFileSync(pepper, 'secret\n', { mode: 0o600 })
  chmodSync(pepper, 0o644)
  const open = load(text)
  assert.ok(open.ok)
  assert.equal(open.warnings.length, 1)
  chmodSync(pepper, 0o600)
  const closed = load(text)
  assert.ok(closed.ok && closed.warnings.length === 0)
  assert.ok(load('identity: { apiKeys: { pepper: "env:PEPPER" } }', { PEPPER: 'x' }).ok)
})

test('refuses limits that limit nothing or name nobody', () => {
  assert.equal(only('limits: [{ per: [caller] }]').path, 'limits[0]')
  assert.equal(only('limits: [{ per: [caller, caller], requests: 1/s }]').path, 'limits[0].per')
  assert.equal(only('limits: [{ per: [agent], requests: 1/s, agents: [nobody] }]').path, 'limits[0].agents[0]')
  assert.equal(only('limits: [{ per: [agent], concurrentStreams: 1, burst: 2 }]').path, 'limits[0].burst')
})

test('refuses networks that are none', () => {
  for (const proxy of ['10.0.0.0/33', '999.1.1.1', 'fd00::/129', '1:2'])
    assert.equal(only(`gateway: { trustedProxies: ["${proxy}"] }`).path, 'gateway.trustedProxies[0]')
})

test('problems of further checks get their place in the file', () => {
  const loaded = parseConfig('policy:\n  bindings:\n    - { role: x, callers: [] }\n', file, {
    extraChecks: () => [{ path: ['policy', 'bindings', 0, 'role'], message: 'no such role' }],
  })
  assert.ok(!loaded.ok)
  assert.deepEqual([loaded.problems[0]!.line, loaded.problems[0]!.column, loaded.problems[0]!.received], [3, 15, '"x"'])
})

test('never throws, and what loads has a digest', () => {
  const word = fc.constantFrom(
    'gateway',
    'agents',
    'policy',
    'listen',
    '{',
    '}',
    '[',
    ']',
    ':',
    '- ',
    '\n',
    '  ',
    '&a',
    '*a',
    '!t',
    '"',
    '|',
    '#',
    '0',
    'null',
    '~',
    '<<',
    'file:x',
    '\u2028',
  )
  fc.assert(
    fc.property(fc.array(word, { maxLength: 40 }), (words) => {
      const loaded = load(words.join(''))
      if (loaded.ok) buildSnapshot(loaded.config)
    }),
    { interruptAfterTimeLimit: 1000, numRuns: 400 },
  )
})

test('an address is taken apart and put together again, IPv6 too', () => {
  for (const [text, host] of [
    ['[::1]:7000', '::1'],
    ['127.0.0.1:0', '127.0.0.1'],
    ['localhost:65535', 'localhost'],
  ] as const) {
    const address = splitAddress(text)
    assert.equal(address.host, host)
    assert.equal(formatAddress(address.host, address.port), text)
  }
})

test('bounds of lists and numbers are told in plain words', () => {
  const messageOf = (fields: string): string => {
    const loaded = parseConfig(`agents: [ { name: a, url: "http://a", ${fields} } ]`, '/nowhere/sallyport.yaml')
    return loaded.ok ? '' : loaded.problems.map(({ message }) => message).join()
  }
  assert.equal(messageOf('bindings: []'), 'the list is empty')
  assert.equal(messageOf('duplicates: { remembered: 0 }'), 'must be at least 1')
})
