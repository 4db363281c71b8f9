import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { JsonObject, JsonValue } from '../base/strict-json.ts'
import { frameCard, interfacesOf, rebuildCard, type CardSecurity } from './card.ts'

const security: CardSecurity = {
  methods: new Set(['api-key', 'jwt']),
  issuers: [{ name: 'corp', discoveryUrl: undefined }],
  senderConstrained: false,
  certificateRequired: false,
}
const frame = frameCard('https://agents.example.com', { name: 'calculator', tenant: '', versions: ['1.0'] }, security)

function rebuilt(upstream: JsonValue, as = frame): JsonObject {
  const card = rebuildCard(upstream, as)
  if (typeof card === 'string') assert.fail(card)
  return card
}

const upstream: JsonObject = {
  name: 'Calculator',
  description: 'Adds up',
  version: '2.1.0',
  documentationUrl: 'https://docs.example.com',
  provider: { organization: 'Example', url: 'https://example.com', internal: 'POISON' },
  url: 'http://10.0.0.7:8080/POISON',
  preferredTransport: 'POISON',
  additionalInterfaces: [{ url: 'http://10.0.0.7:8080/POISON', transport: 'GRPC' }],
  supportedInterfaces: [{ url: 'http://10.0.0.7:8080/POISON', protocolBinding: 'GRPC', protocolVersion: '1.0' }],
  protocolVersion: '0.3.0',
  supportsAuthenticatedExtendedCard: true,
  security: [{ POISON: [] }],
  securitySchemes: { POISON: { openIdConnectSecurityScheme: { openIdConnectUrl: 'https://POISON' } } },
  securityRequirements: [{ schemes: { POISON: { list: [] } } }],
  signatures: [{ protected: 'POISON', signature: 'POISON' }],
  capabilities: {
    streaming: true,
    pushNotifications: 'true',
    stateTransitionHistory: true,
    extensions: [{ uri: 'https://POISON', required: true }],
  },
  defaultInputModes: ['text/plain', 7],
  skills: [
    {
      id: 's',
      name: 'Sum',
      description: 'd',
      tags: ['a', 1],
      examples: [],
      security: [{ POISON: [] }],
      securityRequirements: ['POISON'],
    },
    'POISON',
    null,
  ],
  extra: 'POISON',
}

test('a card for callers speaks of the gateway and of nothing behind it', () => {
  const card = rebuilt(upstream)
  assert.doesNotMatch(JSON.stringify(card), /POISON|10\.0\.0\.7/)
  assert.deepEqual(card['supportedInterfaces'], [
    { url: 'https://agents.example.com/agents/calculator', protocolBinding: 'JSONRPC', protocolVersion: '1.0' },
    { url: 'https://agents.example.com/agents/calculator', protocolBinding: 'HTTP+JSON', protocolVersion: '1.0' },
    { url: 'agents.example.com:443', protocolBinding: 'GRPC', protocolVersion: '1.0', tenant: 'calculator' },
  ])
})

test('what describes the agent is kept', () => {
  const card = rebuilt(upstream)
  assert.deepEqual(
    [card['name'], card['description'], card['version'], card['documentationUrl']],
    ['Calculator', 'Adds up', '2.1.0', 'https://docs.example.com'],
  )
  assert.deepEqual(card['provider'], { organization: 'Example', url: 'https://example.com' })
  assert.deepEqual(card['skills'], [{ id: 's', name: 'Sum', description: 'd', tags: ['a'] }])
  assert.deepEqual(card['defaultInputModes'], ['text/plain'])
})

test('signatures over another document, old endpoints and unknown fields are dropped', () => {
  const known = [
    'name',
    'description',
    'version',
    'documentationUrl',
    'provider',
    'supportedInterfaces',
    'capabilities',
    'securitySchemes',
    'securityRequirements',
    'defaultInputModes',
    'defaultOutputModes',
    'skills',
  ]
  assert.deepEqual(Object.keys(rebuilt(upstream)).toSorted(), known.toSorted())
})

test('capabilities are what the agent says with true, and no extension passes unread', () => {
  assert.deepEqual(rebuilt(upstream)['capabilities'], {
    streaming: true,
    pushNotifications: false,
    extendedAgentCard: false,
  })
  for (const capabilities of [null, 'x', [], 1]) {
    assert.deepEqual(rebuilt({ name: 'x', capabilities })['capabilities'], {
      streaming: false,
      pushNotifications: false,
      extendedAgentCard: false,
    })
  }
})

test('extensions are in the card as far as they are allowed, rebuilt from known fields', () => {
  const listed = [
    { uri: 'urn:a', description: 'A', required: true, params: { hint: [1] }, more: 'POISON' },
    { uri: 'urn:b', required: 'yes', params: [] },
    { uri: 'urn:a', description: 'again' },
    { uri: 'urn:c d' },
    { uri: 1 },
    'urn:e',
  ]
  const from = { name: 'x', capabilities: { extensions: listed } }
  const a = { uri: 'urn:a', description: 'A', required: true, params: { hint: [1] } }
  const b = { uri: 'urn:b', required: false }
  for (const [allowed, expected] of [
    ['*', [a, b]],
    [['urn:b', 'urn:x'], [b]],
    [['urn:c d'], undefined],
    [[], undefined],
  ] as const) {
    const as = frameCard('https://a', { name: 'b', tenant: '', versions: ['1.0'] }, security, { extensions: allowed })
    const { extensions } = rebuilt(from, as)['capabilities'] as JsonObject
    assert.deepEqual(extensions, expected)
  }
})

test("the security schemes are the gateway's", () => {
  const card = rebuilt(upstream)
  assert.deepEqual(card['securityRequirements'], [
    { schemes: { bearer: { list: [] } } },
    { schemes: { apiKey: { list: [] } } },
  ])
  assert.match(JSON.stringify(card['securitySchemes']), /corp/)
})

test('a fixed tenant is named on each interface', () => {
  const card = rebuilt(
    { name: 'x' },
    frameCard('https://a', { name: 'b', tenant: 'acme', versions: ['1.0'] }, security),
  )
  assert.deepEqual(
    (card['supportedInterfaces'] as JsonObject[]).map((each) => each['tenant']),
    ['acme', 'acme', 'b/acme'],
  )
})

test('only bindings are offered that the agent answers', () => {
  const offers = (...interfaces: [binding: string, version: string][]): unknown[] => {
    const supportedInterfaces = interfaces.map(([protocolBinding, protocolVersion]) => ({
      url: 'http://10.0.0.7/',
      protocolBinding,
      protocolVersion,
    }))
    const card = rebuilt({ name: 'x', supportedInterfaces })
    return (card['supportedInterfaces'] as JsonObject[]).map((each) => each['protocolBinding'])
  }
  // gRPC is translated to JSON-RPC where the agent has only that
  assert.deepEqual(offers(['JSONRPC', '1.0']), ['JSONRPC', 'GRPC'])
  assert.deepEqual(offers(['HTTP+JSON', '1.0']), ['HTTP+JSON'])
  assert.deepEqual(offers(['HTTP+JSON', '1.1'], ['JSONRPC', '1']), ['JSONRPC', 'HTTP+JSON', 'GRPC'])
  assert.deepEqual(offers(['JSONRPC', '1.0'], ['HTTP+JSON', '2.0']), ['JSONRPC', 'GRPC'])
  // nothing is known of a version that the gateway speaks there
  for (const unknown of [[], [['JSONRPC', '0.2']], [['JSONRPC', '10']], [['GRPC', '2.0']]] as [string, string][][])
    assert.deepEqual(offers(...unknown), ['JSONRPC', 'HTTP+JSON', 'GRPC'])
})

test('an agent whose bindings are configured is reached in every other one too, its own first', () => {
  const asked = { name: 'b', tenant: '', versions: ['1.0', '0.3'], bindings: ['HTTP+JSON'] } as const
  const card = rebuilt({ name: 'x' }, frameCard('http://127.0.0.1:7000', asked, security))
  assert.deepEqual(
    (card['supportedInterfaces'] as JsonObject[]).map((each) => [
      each['protocolVersion'],
      each['protocolBinding'],
      each['url'],
    ]),
    [
      ['1.0', 'HTTP+JSON', 'http://127.0.0.1:7000/agents/b'],
      ['1.0', 'JSONRPC', 'http://127.0.0.1:7000/agents/b'],
      ['1.0', 'GRPC', '127.0.0.1:7000'],
      ['0.3', 'HTTP+JSON', 'http://127.0.0.1:7000/agents/b'],
      ['0.3', 'JSONRPC', 'http://127.0.0.1:7000/agents/b'],
    ],
  )
  assert.deepEqual([card['preferredTransport'], card['protocolVersion']], ['HTTP+JSON', '0.3.0'])
})

test('an agent that speaks gRPC is named there by the tenant, at host and port, after the others', () => {
  const grpcOf = (publicUrl: string, tenant = ''): unknown => {
    const frame = frameCard(publicUrl, { name: 'calculator', tenant, versions: ['1.0'] }, security)
    const interfaces = rebuilt({ name: 'x' }, frame)['supportedInterfaces'] as JsonObject[]
    assert.equal(
      interfaces.findIndex((each) => each['protocolBinding'] === 'GRPC'),
      interfaces.length - 1,
    )
    return interfaces.at(-1)
  }
  const named = { tenant: 'calculator', protocolBinding: 'GRPC', protocolVersion: '1.0' }
  assert.deepEqual(grpcOf('https://agents.example.com'), { url: 'agents.example.com:443', ...named })
  assert.deepEqual(grpcOf('http://localhost'), { url: 'localhost:80', ...named })
  assert.deepEqual(grpcOf('http://127.0.0.1:7000'), { url: '127.0.0.1:7000', ...named })
  assert.deepEqual(grpcOf('https://[::1]:7000'), { url: '[::1]:7000', ...named })
  const ownTenant = { url: 'a:443', ...named, tenant: 'calculator/acme' }
  assert.deepEqual(grpcOf('https://a', 'acme'), ownTenant)
})

test('gRPC is not offered where HTTP/2 is not served, also of an agent that speaks nothing else', () => {
  for (const bindings of [undefined, ['GRPC'] as const]) {
    const agent = { name: 'calculator', tenant: '', versions: ['1.0'] as const, bindings, grpcUrl: 'http://a:1' }
    const offered = (servesHttp2: boolean): string[] => {
      const card = rebuilt({ name: 'x' }, frameCard('https://a', agent, security, { http2: servesHttp2 }))
      return interfacesOf(card)
        .map(({ binding }) => binding)
        .sort()
    }
    assert.deepEqual(offered(true), ['GRPC', 'HTTP+JSON', 'JSONRPC'])
    assert.deepEqual(offered(false), ['HTTP+JSON', 'JSONRPC'])
  }
})

test('what must be there is there, also where the agent left it out', () => {
  const card = rebuilt({ name: 'x' })
  assert.deepEqual(
    [card['description'], card['version'], card['skills'], card['defaultInputModes'], card['defaultOutputModes']],
    ['x', '0', [], ['text/plain'], ['text/plain']],
  )
})

test('what is no card cannot be used', () => {
  for (const bad of [null, 1, 'x', [], {}, { name: '' }, { name: 7 }, { name: null }])
    assert.equal(typeof rebuildCard(bad as JsonValue, frame), 'string')
})

test('whatever an agent says, no address of its own becomes an interface, and nothing is thrown', () => {
  const anything = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<JsonValue>
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.constantFrom(
          'supportedInterfaces',
          'url',
          'skills',
          'capabilities',
          'provider',
          'signatures',
          'securitySchemes',
          '__proto__',
        ),
        anything,
      ),
      (fields) => {
        const card = rebuilt({ ...fields, name: 'x' })
        const urls = (card['supportedInterfaces'] as JsonObject[]).map((each) => each['url'])
        const ours = ['https://agents.example.com/agents/calculator', 'agents.example.com:443']
        assert.deepEqual(new Set(urls).difference(new Set(ours)), new Set())
        assert.equal('signatures' in card, false)
      },
    ),
    { numRuns: 200 },
  )
})
