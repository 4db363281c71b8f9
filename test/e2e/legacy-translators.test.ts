// The gateway's translators of A2A 0.3 against an independent reading: the compatibility client and servers of the
// official JavaScript SDK. Whatever both can express, both must translate alike, in both directions and both forms.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { operationNames, type Operation } from '../../src/a2a/operations.ts'
import { answerFrom03, answerTo03 } from '../../src/a2a/v0-3/answers.ts'
import { cardFrom03, cardTo03 } from '../../src/a2a/v0-3/cards.ts'
import { expressibleAnswer, expressibleRequest } from '../../src/a2a/v0-3/fake-values.ts'
import { methodOf03, type Form03 } from '../../src/a2a/v0-3/names.ts'
import { requestFrom03, requestTo03, type Translated } from '../../src/a2a/v0-3/requests.ts'
import { matchRestPath03 } from '../../src/a2a/v0-3/rest-paths.ts'
import { requestFromRest03, requestToRest03 } from '../../src/a2a/v0-3/rest.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../src/base/strict-json.ts'

// The SDK's types belong to the agents' workspace; here only what is looked at.
interface Eye {
  askAsClient(
    call: { operation: string; form: Form03 },
    params: unknown,
    answer: unknown,
  ): Promise<{
    sent: { method: string; path: string; value: JsonValue; rpcMethod: string | undefined }
    result: JsonValue
  }>
  startLegacyServer(): Promise<Server>
  readLegacyCard(card: unknown): JsonValue
}
interface Server {
  ask(
    request: { method: string; path: string; body: unknown },
    answer: unknown,
  ): Promise<{ status: number; text: string; arrived: JsonValue }>
  close(): Promise<void>
}

let eye: Eye
let server: Server
before(async () => {
  eye = (await import(new URL('../../agents/test/legacy-eye.ts', import.meta.url).href)) as Eye
  server = await eye.startLegacyServer()
})
after(() => server.close())

const translated = operationNames.filter((name) => name !== 'ListTasks' && name !== 'GetExtendedAgentCard')
const runs = { numRuns: 60 }

/**
 * What the SDK keeps of a value: no unknown members, nothing that says nothing. In a2a.v1 no metadata and no names of
 * files in parts, because the proto that it was generated from is older than those fields; and its conversions forget
 * extensions of artifacts, `append`, and how much history and which page was asked for.
 */
function kept(value: JsonValue, form: Form03, inPart = false): JsonValue {
  if (Array.isArray(value)) return value.map((each) => kept(each, form, inPart))
  if (!isJsonObject(value)) return value
  const entries = Object.entries(value).flatMap(([name, each]): [string, JsonValue][] => {
    if (name.startsWith('x-') || saysNothing(each)) return []
    if (name === 'metadata') return inPart && form === 'proto' ? [] : [[name, each]]
    if (form === 'proto' && (forgotten.has(name) || (name === 'extensions' && Object.hasOwn(value, 'artifactId'))))
      return []
    if (name === 'data') return [[name, each]]
    return [[name, kept(each, form, name === 'parts')]]
  })
  return Object.fromEntries(entries)
}

const forgotten = new Set(['filename', 'append', 'historyLength', 'pageSize', 'pageToken'])

function saysNothing(value: JsonValue): boolean {
  if (value === '' || value === false || value === null || value === 0) return true
  if (value === 'TASK_STATE_UNSPECIFIED') return true
  return typeof value === 'object' && Object.keys(value).length === 0
}

/** The same of both sides, through text, so that prototypes and undefined members play no part. */
function alike(ours: JsonValue | undefined, theirs: JsonValue, form: Form03): void {
  assert.deepEqual(prune(kept(plain(ours), form)), prune(kept(plain(theirs), form)))
}
const plain = (value: unknown): JsonValue => JSON.parse(JSON.stringify(value ?? {})) as JsonValue

/** Objects that became empty say nothing either. */
function prune(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(prune)
  if (!isJsonObject(value)) return value
  const entries = Object.entries(value).map(([name, each]): [string, JsonValue] => [
    name,
    name === 'metadata' || name === 'data' ? each : prune(each),
  ])
  return Object.fromEntries(entries.filter(([, each]) => !saysNothing(each)))
}

/** Left out: what the SDK cannot express, or reads in a way of its own. */
function isForSdk(value: JsonValue, form: Form03): boolean {
  const text = JSON.stringify(value)
  if (text.includes('data_part_compat') || text.includes('__proto__')) return false
  return everyPart(value, (part) => {
    // its 1.0 codec takes null for an absent member, and a2a.v1 has objects only
    if (!Object.hasOwn(part, 'data')) return part['text'] !== null
    return form === 'json' ? part['data'] !== null : isJsonObject(part['data'])
  })
}

function everyPart(value: JsonValue, isGood: (part: JsonObject) => boolean): boolean {
  if (Array.isArray(value)) return value.every((each) => everyPart(each, isGood))
  if (!isJsonObject(value)) return true
  return Object.entries(value).every(([name, each]) => {
    if (name === 'metadata' || name === 'data') return true
    if (name === 'parts' && Array.isArray(each)) return each.filter(isJsonObject).every(isGood)
    return everyPart(each, isGood)
  })
}

function valueOf(result: Translated): JsonValue {
  assert.ok(result.ok, JSON.stringify(result))
  return result.value
}

function requestOf(operation: Operation, form: Form03): fc.Arbitrary<JsonObject> {
  return expressibleRequest(operation, form === 'proto').filter((value) => isForSdk(value, form))
}
function answerOf(operation: Operation, form: Form03): fc.Arbitrary<JsonObject> {
  return expressibleAnswer(operation, form === 'proto').filter((value) => isForSdk(value, form))
}

for (const form of ['json', 'proto'] as const)
  for (const operation of translated) {
    test(`${form}: the official client and the gateway mean the same by ${operation}`, async () => {
      await fc.assert(
        fc.asyncProperty(requestOf(operation, form), answerOf(operation, form), async (params, answer) => {
          const legacyAnswer = valueOf(answerTo03(operation, answer, form))
          const { sent, result } = await eye.askAsClient({ operation, form }, params, legacyAnswer)
          // its answer, read by the SDK, is the answer that was translated
          alike(answer, result, form)
          // its request, read by the gateway, is what was asked
          alike(readRequest(operation, form, sent), params, form)
          if (form === 'json') assert.equal(sent.rpcMethod, methodOf03(operation))
        }),
        runs,
      )
    })

    test(`${form}: the official server and the gateway mean the same by ${operation}`, async () => {
      // The server of SDK 1.x reads another body of a new webhook than every server of 0.3 does.
      if (form === 'proto' && operation === 'CreateTaskPushNotificationConfig') return
      await fc.assert(
        fc.asyncProperty(requestOf(operation, form), answerOf(operation, form), async (params, answer) => {
          const request = writeRequest(operation, form, params)
          const { status, text, arrived } = await server.ask(request, answer)
          assert.ok(status < 300, `${status} ${text}`)
          alike(params, arrived, form)
          const legacyAnswer = unwrap(form, operation, text)
          alike(valueOf(answerFrom03(operation, legacyAnswer, form)), answer, form)
        }),
        runs,
      )
    })
  }

function readRequest(
  operation: Operation,
  form: Form03,
  sent: { method: string; path: string; value: JsonValue },
): JsonValue {
  if (form === 'json') return valueOf(requestFrom03(operation, sent.value, form))
  const [path = '', query = ''] = sent.path.split('?', 2)
  const match = matchRestPath03(sent.method, path)
  assert.ok(typeof match === 'object', `${sent.method} ${path}`)
  assert.equal(match.operation, operation)
  const members = [...new URLSearchParams(query)].map(([name, value]): [string, JsonValue] => [name, Number(value)])
  return valueOf(requestFromRest03(match, Object.fromEntries(members), sent.value))
}

function writeRequest(
  operation: Operation,
  form: Form03,
  params: JsonObject,
): { method: string; path: string; body: unknown } {
  if (form === 'json') {
    const body = {
      jsonrpc: '2.0',
      id: 1,
      method: methodOf03(operation),
      params: valueOf(requestTo03(operation, params, form)),
    }
    return { method: 'POST', path: '/rpc', body }
  }
  const known = Object.fromEntries(Object.entries(params).filter(([name]) => !name.startsWith('page')))
  const request = requestToRest03(operation, known)
  assert.ok(request.ok)
  return request
}

function unwrap(form: Form03, operation: Operation, text: string): JsonValue | undefined {
  const data = text.startsWith('data:') ? text.slice('data:'.length).trim() : text
  if (data === '') return operation === 'DeleteTaskPushNotificationConfig' ? null : undefined
  const value = JSON.parse(data) as JsonValue
  return form === 'json' && isJsonObject(value) ? (value['result'] ?? null) : value
}

test('a card that was rebuilt for 0.3 is read by the official SDK as the card that it was', () => {
  const card: JsonObject = {
    name: 'calculator',
    description: 'adds',
    version: '2',
    provider: { organization: 'Example', url: 'https://example.com' },
    supportedInterfaces: [
      { url: 'https://agents.example.com/agents/calculator', protocolBinding: 'JSONRPC', protocolVersion: '0.3' },
      { url: 'https://agents.example.com/agents/calculator', protocolBinding: 'HTTP+JSON', protocolVersion: '0.3' },
    ],
    capabilities: { streaming: true, pushNotifications: true, extendedAgentCard: true },
    securitySchemes: {
      bearer: { httpAuthSecurityScheme: { scheme: 'Bearer', description: 'API key' } },
      apiKey: { apiKeySecurityScheme: { location: 'header', name: 'X-API-Key' } },
      oidc: {
        openIdConnectSecurityScheme: { openIdConnectUrl: 'https://idp.example.com/.well-known/openid-configuration' },
      },
      mtls: { mtlsSecurityScheme: { description: 'client certificate' } },
      oauth: {
        oauth2SecurityScheme: {
          flows: { clientCredentials: { tokenUrl: 'https://idp.example.com/token', scopes: { add: 'to add' } } },
        },
      },
    },
    securityRequirements: [{ schemes: { bearer: { list: [] } } }, { schemes: { oauth: { list: ['add'] } } }],
    defaultInputModes: ['text/plain'],
    defaultOutputModes: ['text/plain'],
    skills: [
      {
        id: 'add',
        name: 'Add',
        description: 'adds',
        tags: ['math'],
        securityRequirements: [{ schemes: { mtls: { list: [] } } }],
      },
    ],
  }
  const legacy = cardTo03(card)
  // 0.3 asks for the main endpoint among the others too, and the SDK keeps both
  const theirs = plain(eye.readLegacyCard(legacy)) as JsonObject
  const interfaces = theirs['supportedInterfaces'] as JsonObject[]
  assert.deepEqual(
    interfaces.map((each) => each['protocolBinding']),
    ['JSONRPC', 'JSONRPC', 'HTTP+JSON'],
  )
  theirs['supportedInterfaces'] = interfaces.slice(1)
  alike(card, theirs, 'json')
  alike(cardFrom03(legacy), card, 'json')
})
