// The security schemes of the cards that callers get, read by the official SDK: it must find in them exactly what was
// written, and a client must be able to tell from them how to come in.

import assert from 'node:assert/strict'
import test from 'node:test'
import { AgentCard } from '@a2a-js/sdk'
import { frameCard, rebuildCard } from '../../src/a2a/card.ts'
import type { JsonObject } from '../../src/base/strict-json.ts'
import { acceptedMethods, buildSnapshot, configSchema, type ConfigInput } from '../../src/config/config.ts'

type Authentication = NonNullable<NonNullable<ConfigInput['agents']>[number]['authentication']>

const issuerOf = (name: string, jwks: string): NonNullable<NonNullable<ConfigInput['identity']>['jwt']>[number] => ({
  name,
  issuer: `https://${name}.example.com`,
  audience: 'a',
  algorithms: ['ES256'],
  jwks,
})
const full: ConfigInput['identity'] = {
  jwt: [issuerOf('corp', 'https://corp.example.com/keys'), issuerOf('labs', 'file:labs.json')],
  mtls: { spiffe: [{ trustDomain: 'example.org' }] },
}
const cluster = { name: 'prod', issuer: 'https://k', audience: 'a' }
const tls = { certificate: 'file:a', key: 'file:b', clientCa: 'file:c' }

/** What the SDK reads of the card, and that it reads all of it. */
function schemesOf(
  authentication: Authentication = {},
  identity: ConfigInput['identity'] = full,
  gateway: ConfigInput['gateway'] = { tls: { ...tls, clientCertificates: 'optional' } },
): { names: string[]; requirements: string[][]; schemes: JsonObject } {
  const agent = { name: 'a', url: 'http://127.0.0.1:9', authentication }
  const { config } = buildSnapshot(configSchema.parse({ gateway, identity, agents: [agent] }))
  const [configured] = config.agents
  assert.ok(configured)
  const card = rebuildCard({ name: 'A' }, frameCard('https://gate', configured, acceptedMethods(config, configured)))
  assert.ok(typeof card !== 'string')
  const read = AgentCard.toJSON(AgentCard.fromJSON(card)) as JsonObject
  assert.deepEqual(read['securitySchemes'], card['securitySchemes'])
  // it leaves out the empty lists of scopes
  assert.deepEqual(
    read['securityRequirements'],
    JSON.parse(JSON.stringify(card['securityRequirements']).replaceAll('{"list":[]}', '{}')),
  )
  const schemes = card['securitySchemes'] as JsonObject
  const requirements = card['securityRequirements'] as { schemes: JsonObject }[]
  const asked = requirements.map((each) => Object.keys(each.schemes).toSorted())
  for (const name of asked.flat()) assert.ok(Object.hasOwn(schemes, name), `${name} is asked for and not described`)
  assert.ok(asked.length > 0)
  return { names: Object.keys(schemes).toSorted(), requirements: asked, schemes }
}

test('everything that is configured, each way an alternative', () => {
  const { names, requirements, schemes } = schemesOf()
  assert.deepEqual(names, ['apiKey', 'bearer', 'mtls', 'oidc-corp'])
  assert.deepEqual(requirements, [['bearer'], ['apiKey'], ['oidc-corp'], ['mtls']])
  assert.deepEqual(schemes['apiKey'], {
    apiKeySecurityScheme: { location: 'header', name: 'X-API-Key', description: 'API key' },
  })
  assert.deepEqual(schemes['oidc-corp'], {
    openIdConnectSecurityScheme: {
      openIdConnectUrl: 'https://corp.example.com/.well-known/openid-configuration',
      description: 'token of corp',
    },
  })
  assert.deepEqual(schemes['mtls'], { mtlsSecurityScheme: { description: 'client certificate' } })
})

test('nothing that is not accepted, or not configured', () => {
  const cases: [Authentication, ConfigInput['identity'], string[]][] = [
    [{}, {}, ['apiKey', 'bearer']],
    [{ methods: ['api-key'] }, full, ['apiKey', 'bearer']],
    [{ methods: ['mtls'] }, full, ['mtls']],
    [{ methods: ['jwt'] }, full, ['bearer', 'oidc-corp']],
    [{ methods: ['jwt'], issuers: ['corp'] }, full, ['oidc-corp']],
    [{ methods: ['jwt'], issuers: ['labs'] }, full, ['bearer']],
    [{ methods: ['jwt', 'mtls'], issuers: ['corp', 'example.org'] }, full, ['mtls', 'oidc-corp']],
    // a certificate of a trust domain that is not named is refused, so the card does not offer it
    [{ methods: ['jwt', 'mtls'], issuers: ['corp'] }, full, ['oidc-corp']],
    [{ senderConstrained: true }, full, ['bearer', 'mtls', 'oidc-corp']],
    [{ senderConstrained: true, methods: ['api-key', 'mtls'] }, full, ['mtls']],
    [{ methods: ['service-account', 'mtls'] }, { ...full, kubernetes: [cluster] }, ['bearer', 'mtls']],
    [{ methods: ['service-account', 'mtls'] }, full, ['mtls']],
  ]
  for (const [authentication, identity, expected] of cases)
    assert.deepEqual(schemesOf(authentication, identity).names, expected, JSON.stringify(authentication))
  const { schemes } = schemesOf({ methods: ['jwt'], issuers: ['labs'] })
  assert.doesNotMatch(JSON.stringify(schemes), /API key|corp/)
})

test('where nobody connects without a certificate each way in needs one', () => {
  const { requirements } = schemesOf({}, full, { tls })
  assert.deepEqual(requirements, [['bearer', 'mtls'], ['apiKey', 'mtls'], ['mtls', 'oidc-corp'], ['mtls']])
  assert.deepEqual(schemesOf({ methods: ['api-key'] }, {}, { tls }).requirements, [
    ['bearer', 'mtls'],
    ['apiKey', 'mtls'],
  ])
})
