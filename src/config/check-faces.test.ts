import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from './config.ts'
import type { Problem } from './problem.ts'

function told(fields: string): { problems: readonly Problem[]; warnings: readonly Problem[] } {
  const yaml = `agents:\n  - { name: a, url: "http://127.0.0.1:9001", ${fields} }`
  const loaded = parseConfig(yaml, '/nowhere/sallyport.yaml', { secrets: 'unresolved' })
  return loaded.ok ? { problems: [], warnings: loaded.warnings } : { problems: loaded.problems, warnings: [] }
}

/** `path: hint` of everything that is refused. */
const problemsOf = (fields: string): string[] => told(fields).problems.map(({ path, hint }) => `${path}: ${hint}`)
const warningsOf = (fields: string): string[] => told(fields).warnings.map(({ path }) => path)

test('an agent is called by gRPC only where something says where', () => {
  const hint = 'give grpcUrl: https://HOST:PORT, or http://HOST:PORT without TLS'
  assert.deepEqual(problemsOf('bindings: [GRPC]'), [`agents[0].bindings[0]: ${hint}`])
  assert.deepEqual(problemsOf('bindings: [JSONRPC, GRPC]'), [`agents[0].bindings[1]: ${hint}`])
  assert.deepEqual(problemsOf('bindings: [GRPC], grpcUrl: "http://127.0.0.1:9002"'), [])
  assert.deepEqual(problemsOf('bindings: [JSONRPC]'), [])
  assert.deepEqual(problemsOf('grpcUrl: "http://127.0.0.1:9002"'), [])
})

test('a gRPC endpoint has no path and no query, because no call would go there', () => {
  for (const rest of ['/a2a', '/?x=1', '?x=1', '/a2a/'])
    assert.deepEqual(problemsOf(`grpcUrl: "https://agent:443${rest}"`), ['agents[0].grpcUrl: write https://agent'])
  for (const rest of ['', '/', ':8443'])
    assert.deepEqual(problemsOf(`grpcUrl: "https://agent.example${rest}"`), [], rest)
})

test('over TLS a gRPC endpoint has a host name, because the client cannot name an address there', () => {
  for (const host of ['127.0.0.1', '127.0.0.1:9002', '[::1]:9002']) {
    assert.deepEqual(problemsOf(`grpcUrl: "https://${host}"`), ['agents[0].grpcUrl: name the host'], host)
    assert.deepEqual(problemsOf(`grpcUrl: "http://${host}"`), [], host)
  }
  assert.deepEqual(problemsOf('grpcUrl: "https://localhost:9002"'), [])
})

test('the gateway does not call itself, in no binding', () => {
  for (const field of ['grpcUrl', 'restUrl'])
    assert.deepEqual(problemsOf(`${field}: "http://127.0.0.1:7000"`), [
      `agents[0].${field}: give the agent's own address`,
    ])
})

test('an address that no binding uses is warned of', () => {
  assert.deepEqual(warningsOf('grpcUrl: "http://127.0.0.1:9002", bindings: [JSONRPC]'), ['agents[0].grpcUrl'])
  assert.deepEqual(warningsOf('restUrl: "http://127.0.0.1:9003", bindings: [JSONRPC]'), ['agents[0].restUrl'])
  for (const bindings of ['', ', bindings: [JSONRPC, HTTP+JSON, GRPC]', ', bindings: [GRPC, HTTP+JSON]'])
    assert.deepEqual(warningsOf(`grpcUrl: "http://127.0.0.1:9002", restUrl: "http://127.0.0.1:9003"${bindings}`), [])
})

test('a credential that leaves without TLS is warned of, whatever binding it leaves by', () => {
  const credential = 'credential: { value: env:X }'
  for (const field of ['grpcUrl', 'restUrl'])
    assert.deepEqual(
      warningsOf(`${credential}, ${field}: "http://agent.example:9002"`),
      ['agents[0].credential'],
      field,
    )
  assert.deepEqual(warningsOf(`${credential}, grpcUrl: "https://agent.example:9002"`), [])
})

test('a version that was written as a number is told to stand in quotes', () => {
  assert.deepEqual(problemsOf('versions: [1.0, 0.3]'), [
    'agents[0].versions[0]: write "1.0", in quotes: without them it is a number',
    'agents[0].versions[1]: write "0.3", in quotes: without them it is a number',
  ])
  assert.deepEqual(problemsOf('speaks: [0.4]'), ['agents[0].speaks[0]: known here: 1.0, 0.3'])
})

test('what the configuration says of extensions is a URI each, or all of them', () => {
  for (const word of ['*', 'all', 'not a uri', '']) assert.equal(problemsOf(`extensions: ["${word}"]`).length, 1, word)
  // no guess: of those that would be accepted none is what was meant
  for (const list of ['["*"]', '[""]', 'all'])
    assert.match(problemsOf(`extensions: ${list}`).join(), /: see docs\/config\.md$/, list)
  assert.equal(told('extensions: all').problems[0]?.message, 'expected * or a list')
  for (const uri of ['https://ext.example/a?b=c#d', 'urn:example:ext', 'did:web:example.org'])
    assert.deepEqual(problemsOf(`extensions: ["${uri}"]`), [], uri)
})
