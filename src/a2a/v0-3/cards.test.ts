import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../../base/strict-json.ts'
import { addLegacyFields, cardFrom03, cardTo03, isCard03 } from './cards.ts'

const url = 'https://agents.example.com/agents/calculator'
const card10: JsonObject = {
  name: 'calculator',
  description: 'adds',
  version: '2',
  supportedInterfaces: [
    { url, protocolBinding: 'JSONRPC', protocolVersion: '1.0' },
    { url, protocolBinding: 'JSONRPC', protocolVersion: '0.3' },
    { url, protocolBinding: 'HTTP+JSON', protocolVersion: '0.3' },
  ],
  capabilities: { streaming: true, pushNotifications: false, extendedAgentCard: true },
  securitySchemes: {
    bearer: { httpAuthSecurityScheme: { scheme: 'Bearer', description: 'API key' } },
    apiKey: { apiKeySecurityScheme: { location: 'header', name: 'X-API-Key' } },
    mtls: { mtlsSecurityScheme: {} },
  },
  securityRequirements: [
    { schemes: { bearer: { list: [] }, mtls: { list: [] } } },
    { schemes: { apiKey: { list: ['a'] } } },
  ],
  defaultInputModes: ['text/plain'],
  defaultOutputModes: ['text/plain'],
  skills: [
    {
      id: 'add',
      name: 'Add',
      description: 'adds',
      tags: ['math'],
      securityRequirements: [{ schemes: { apiKey: { list: [] } } }],
    },
  ],
}
const card03: JsonObject = {
  protocolVersion: '0.3.0',
  name: 'calculator',
  description: 'adds',
  version: '2',
  url,
  preferredTransport: 'JSONRPC',
  additionalInterfaces: [
    { url, transport: 'JSONRPC' },
    { url, transport: 'HTTP+JSON' },
  ],
  capabilities: { streaming: true, pushNotifications: false },
  supportsAuthenticatedExtendedCard: true,
  securitySchemes: {
    bearer: { type: 'http', scheme: 'Bearer', description: 'API key' },
    apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
    mtls: { type: 'mutualTLS' },
  },
  security: [{ bearer: [], mtls: [] }, { apiKey: ['a'] }],
  defaultInputModes: ['text/plain'],
  defaultOutputModes: ['text/plain'],
  skills: [{ id: 'add', name: 'Add', description: 'adds', tags: ['math'], security: [{ apiKey: [] }] }],
}

test('a card for 0.3 speaks of the interfaces that speak 0.3', () => assert.deepEqual(cardTo03(card10), card03))

test('a card of 0.3 becomes one of 1.0 whose interfaces say 0.3', () => {
  const interfaces = (card10['supportedInterfaces'] as JsonObject[]).slice(1)
  assert.deepEqual(cardFrom03(card03), { ...card10, supportedInterfaces: interfaces })
})

test('a card in a2a.v1 comes back from 1.0 as it went', () => {
  const proto = cardTo03(card10, 'proto')
  assert.deepEqual(proto['security'], card10['securityRequirements'])
  assert.deepEqual(proto['securitySchemes'], card10['securitySchemes'])
  assert.deepEqual(cardFrom03(proto), cardFrom03(card03))
})

test('one document for readers of both versions keeps every member of 1.0 as it was', () => {
  const both = addLegacyFields(card10)
  for (const name of ['name', 'supportedInterfaces', 'securityRequirements', 'capabilities'])
    assert.deepEqual(both[name], card10[name], name)
  for (const name of [
    'url',
    'preferredTransport',
    'protocolVersion',
    'security',
    'supportsAuthenticatedExtendedCard',
    'additionalInterfaces',
  ])
    assert.deepEqual(both[name], card03[name], name)
  assert.deepEqual((both['securitySchemes'] as JsonObject)['bearer'], {
    type: 'http',
    scheme: 'Bearer',
    description: 'API key',
    httpAuthSecurityScheme: { scheme: 'Bearer', description: 'API key' },
  })
  const [skill] = both['skills'] as JsonObject[]
  assert.deepEqual(skill?.['security'], [{ apiKey: [] }])
  assert.deepEqual(skill?.['securityRequirements'], [{ schemes: { apiKey: { list: [] } } }])
})

test('without an interface of 0.3 all are its endpoints; without any there is none', () => {
  const only10 = { ...card10, supportedInterfaces: [{ url, protocolBinding: 'JSONRPC', protocolVersion: '1.0' }] }
  assert.equal(cardTo03(only10)['url'], url)
  assert.equal(cardTo03({ ...card10, supportedInterfaces: [] })['url'], '')
})

test('which card is of 0.3', () => {
  assert.equal(isCard03(card03), true)
  assert.equal(isCard03({ url, supportedInterfaces: [] }), true)
  assert.equal(isCard03(card10), false)
  assert.equal(isCard03(addLegacyFields(card10)), false)
  assert.equal(isCard03({ name: 'x' }), false)
})

test('signatures never go along: what they sign is the other card', () => {
  const signed = { signatures: [{ protected: 'e30', signature: 'eA' }] }
  assert.equal('signatures' in cardFrom03({ ...card03, ...signed }), false)
  assert.equal('signatures' in cardTo03({ ...card10, ...signed }), false)
})

test('of several OAuth flows the strongest is kept, and a flow that 0.3 does not know is left out', () => {
  const flow = { tokenUrl: 'https://idp.example.com/token', scopes: {} }
  const from = cardFrom03({
    ...card03,
    securitySchemes: {
      o: {
        type: 'oauth2',
        flows: { password: flow, implicit: { authorizationUrl: url, scopes: {} }, clientCredentials: flow },
      },
    },
  })
  assert.deepEqual(from['securitySchemes'], { o: { oauth2SecurityScheme: { flows: { clientCredentials: flow } } } })
  const to = cardTo03({ ...card10, securitySchemes: { o: { oauth2SecurityScheme: { flows: { deviceCode: flow } } } } })
  assert.deepEqual(to['securitySchemes'], { o: { type: 'oauth2', flows: {} } })
})

test('a card of rubbish gives a card, and throws nothing', () => {
  for (const odd of [null, 1, 'x', [], [null], {}, { a: null }, { '': [1] }]) {
    const rubbish = Object.fromEntries(
      [...Object.keys(card03), ...Object.keys(card10)].map((name) => [name, odd]),
    ) as JsonObject
    assert.ok(Array.isArray(cardFrom03(rubbish)['skills']))
    assert.ok(Array.isArray(cardTo03(rubbish)['skills']))
    assert.ok(addLegacyFields(rubbish))
  }
})
