import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareWithCard, placeAgent } from './place-agent.ts'
import type { CardFacts } from './ports.ts'

const facts = (cardUrl: string, ...interfaces: [binding: string, url: string, version?: string][]): CardFacts => ({
  cardUrl,
  name: 'echo',
  description: '',
  version: '1',
  protocolVersions: ['1.0'],
  interfaces: interfaces.map(([binding, url, version = '1.0']) => ({ binding, url, version })),
  streaming: false,
  pushNotifications: false,
  signed: false,
  securitySchemes: [],
  skills: [],
})
const atRoot = 'http://127.0.0.1:9001/.well-known/agent-card.json'

test('an agent at the root of its origin is taken as it was given', () => {
  for (const given of ['http://127.0.0.1:9001', 'http://127.0.0.1:9001/']) {
    const card = facts(atRoot, ['JSONRPC', 'http://localhost:9001'], ['HTTP+JSON', 'http://localhost:9001/'])
    assert.deepEqual(placeAgent(given, card), { places: { url: given }, notes: [] })
  }
})

test('paths come from the card and the origin from the operator', () => {
  const card = facts(
    atRoot,
    ['JSONRPC', 'http://localhost:9001/a2a/jsonrpc'],
    ['HTTP+JSON', 'http://0.0.0.0:9001/a2a/rest'],
    ['GRPC', 'localhost:9002'],
  )
  assert.deepEqual(placeAgent('http://127.0.0.1:9001', card), {
    places: {
      url: 'http://127.0.0.1:9001/a2a/jsonrpc',
      restUrl: 'http://127.0.0.1:9001/a2a/rest',
      cardUrl: atRoot,
    },
    notes: [],
  })
})

test('an origin that only the card names is told and never called', () => {
  for (const named of ['https://evil.example/rpc', 'https://127.0.0.1:9001/rpc', 'http://127.0.0.1:9002/rpc']) {
    const { places, notes } = placeAgent('http://127.0.0.1:9001', facts(atRoot, ['JSONRPC', named]))
    assert.equal(places.url, 'http://127.0.0.1:9001/rpc')
    assert.equal(notes.length, 1)
    assert.match(notes[0] ?? '', new RegExp(`${new URL(named).origin} .* http://127\\.0\\.0\\.1:9001$`))
  }
})

test('of two interfaces of one binding the one at the given origin wins', () => {
  const card = facts(atRoot, ['JSONRPC', 'https://public.example/x'], ['JSONRPC', 'http://127.0.0.1:9001/y'])
  assert.deepEqual(placeAgent('http://127.0.0.1:9001', card).notes, [])
  assert.equal(placeAgent('http://127.0.0.1:9001', card).places.url, 'http://127.0.0.1:9001/y')
})

test('an agent that speaks 0.3 alone is called so, at the paths that its card names', () => {
  const card = facts(
    atRoot,
    ['JSONRPC', 'http://127.0.0.1:9001/rpc', '0.3'],
    ['HTTP+JSON', 'http://127.0.0.1:9001/rest', '0.3.0'],
  )
  assert.deepEqual(placeAgent('http://127.0.0.1:9001', card), {
    places: {
      url: 'http://127.0.0.1:9001/rpc',
      restUrl: 'http://127.0.0.1:9001/rest',
      cardUrl: atRoot,
      speaks: ['0.3'],
    },
    notes: [],
  })
  const url = 'http://127.0.0.1:9001/rpc'
  assert.deepEqual(compareWithCard({ url, restUrl: 'http://127.0.0.1:9001/rest', speaks: ['0.3'] }, card), [])
  assert.match(compareWithCard({ url }, card)[0] ?? '', /^speaks is 1\.0, but/)
})

test('of two versions 1.0 is taken, whatever the card prefers', () => {
  const card = facts(atRoot, ['JSONRPC', 'http://127.0.0.1:9001/old', '0.3'], ['JSONRPC', 'http://127.0.0.1:9001/new'])
  assert.equal(placeAgent('http://127.0.0.1:9001', card).places.url, 'http://127.0.0.1:9001/new')
  assert.equal(placeAgent('http://127.0.0.1:9001', card).places.speaks, undefined)
  assert.equal(compareWithCard({ url: 'http://127.0.0.1:9001/old' }, card).length, 1)
})

test('older versions, other bindings and what is no URL are left out, and that nothing is left is told', () => {
  for (const [binding, url, version] of [
    ['JSONRPC', 'http://127.0.0.1:9001/old', '0.2'],
    ['JSONRPC', 'http://127.0.0.1:9001/old', '0.30'],
    ['JSONRPC', 'http://127.0.0.1:9001/new', '10'],
    ['GRPC', 'http://127.0.0.1:9001/grpc', '1.0'],
    ['JSONRPC', 'not a url', '1.0'],
    ['JSONRPC', 'file:///etc/passwd', '1.0'],
  ] as const) {
    const { places, notes } = placeAgent('http://127.0.0.1:9001', facts(atRoot, [binding, url, version]))
    assert.deepEqual(places, { url: 'http://127.0.0.1:9001' })
    assert.equal(notes.length, 1, url)
  }
})

test('an agent of gRPC alone is called there where the operator said where, and otherwise that is told', () => {
  const at = 'http://127.0.0.1:9001'
  for (const [version, speaks] of [
    ['1.0', {}],
    ['0.3', { speaks: ['0.3'] }],
  ] as const) {
    const card = facts(atRoot, ['GRPC', '127.0.0.1:9002', version])
    const grpcUrl = 'http://127.0.0.1:9002'
    assert.deepEqual(placeAgent(at, card, grpcUrl), {
      places: { url: at, grpcUrl, bindings: ['GRPC'], ...speaks },
      notes: [],
    })
    assert.deepEqual(compareWithCard({ url: at, grpcUrl, ...speaks }, card), [])
    assert.match(placeAgent(at, card).notes.join(), /127\.0\.0\.1:9002 for GRPC .* grpcUrl and bindings: \[GRPC\]/)
    assert.match(compareWithCard({ url: at }, card).join(), /grpcUrl/)
  }
  const both = facts(atRoot, ['JSONRPC', at], ['GRPC', '127.0.0.1:9002'])
  assert.deepEqual(placeAgent(at, both, 'http://127.0.0.1:9002').places, { url: at, grpcUrl: 'http://127.0.0.1:9002' })
})

test('a configured path that the card does not name is told, another origin is not', () => {
  const card = facts(
    atRoot,
    ['JSONRPC', 'https://public.example/a2a/jsonrpc'],
    ['HTTP+JSON', 'https://public.example/a2a/rest'],
  )
  assert.equal(compareWithCard({ url: 'http://127.0.0.1:9001' }, card).length, 2)
  const right = { url: 'http://127.0.0.1:9001/a2a/jsonrpc', restUrl: 'http://127.0.0.1:9001/a2a/rest/' }
  assert.deepEqual(compareWithCard(right, card), [])
  assert.equal(compareWithCard({ ...right, restUrl: undefined }, card).length, 1)
  assert.deepEqual(compareWithCard({ url: 'http://x' }, facts(atRoot, ['JSONRPC', 'http://y/'])), [])
})
