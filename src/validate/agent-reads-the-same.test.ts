// What was decided on is what the agent parses: operation, task, context, configuration, tenant and the kinds of parts, as
// validate has them, against what the official SDK's servers and codec read in the bytes that are forwarded. Requests begin well
// and are spoiled in the ways in which parsers differ; what is refused needs no agent. Bounded by time; the seed is
// printed.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { operationNames, type Operation } from '../a2a/operations.ts'
import { matchRestPath } from '../a2a/paths.ts'
import { placeTenant } from '../a2a/place-tenant.ts'
import { isJsonObject, type JsonObject } from '../base/strict-json.ts'
import { encodeRequest } from '../protobuf/encode.ts'
import { frameMessage } from '../protobuf/frames.ts'
import { methodOf } from '../protobuf/schema.ts'
import { isRefusal } from '../refusal/refusal.ts'
import { paramsOf } from './fake-params.ts'
import { fakeRouted, type FakeRequest } from './fake-routed.ts'
import { validate } from './validate.ts'

interface Read {
  readonly method: string
  readonly params: Readonly<Record<string, unknown>>
  readonly tenant: string
}
interface SdkEye {
  readonly read: (call: { method: string; path: string; body: string }) => Promise<Read | undefined>
  readonly close: () => Promise<void>
}
interface EyeModule {
  readonly openSdkEye: () => Promise<SdkEye>
}
interface CodecModule {
  readonly readWithSdk: (path: string, kind: 'request', bytes: Buffer) => { message: Read['params'] }
}

let eye: SdkEye
let readWithSdk: CodecModule['readWithSdk']
before(async () => {
  // the agents' workspace has the SDK, and the gateway nothing of it
  const module = (await import(new URL('../../agents/test/sdk-eye.ts', import.meta.url).href)) as EyeModule
  eye = await module.openSdkEye()
  const codec = (await import(new URL('../../agents/test/sdk-codec.ts', import.meta.url).href)) as CodecModule
  readWithSdk = codec.readWithSdk
})
after(() => eye.close())

/** The SDK's names of the operations. */
const methods: Readonly<Record<Operation, string>> = {
  SendMessage: 'sendMessage',
  SendStreamingMessage: 'sendMessageStream',
  GetTask: 'getTask',
  ListTasks: 'listTasks',
  CancelTask: 'cancelTask',
  SubscribeToTask: 'resubscribe',
  CreateTaskPushNotificationConfig: 'createTaskPushNotificationConfig',
  GetTaskPushNotificationConfig: 'getTaskPushNotificationConfig',
  ListTaskPushNotificationConfigs: 'listTaskPushNotificationConfigs',
  DeleteTaskPushNotificationConfig: 'deleteTaskPushNotificationConfig',
  GetExtendedAgentCard: 'getAuthenticatedExtendedAgentCard',
}

/** Members that some parser takes for another, or that repeat one. */
const intruders = [
  '"task_id":"U"',
  '"taskId":"U"',
  '"taskid":"U"',
  '"TASKID":"U"',
  '"t\\u0061skId":"U"',
  '"id":"U"',
  '"Id":"U"',
  '"\\u0069d":"U"',
  '"context_id":"U"',
  '"contextId":"U"',
  '"tenant":"other"',
  '"Tenant":"other"',
  '"text":"x"',
  '"url":"https://b.example/"',
  '"text":null',
  '"raw":null',
  '"Data":1',
  '"method":"CancelTask"',
  '"Method":"CancelTask"',
  '"params":{"id":"U"}',
  '"Params":{"id":"U"}',
  '"message":{}',
  '"Message":{"taskId":"U"}',
  '"parts":[]',
  '"__proto__":{"taskId":"U","id":"U","tenant":"other"}',
  '"constructor":null',
  '"jsonrpc":"1.0"',
  '"later":1e2',
  '"$case":"url"',
  '"content":{"$case":"url","value":"x"}',
]
const pieces = ['"', ',', ':', '{', '}', '[', ']', '\\', 'null', '0', '1e400', '\u0000', '\ufeff', '/', '%', '..', ' ']

type Change = (text: string) => string
const changes: fc.Arbitrary<Change> = fc.oneof(
  // one more member in some object
  {
    weight: 5,
    arbitrary: fc
      .tuple(fc.nat(), fc.constantFrom(...intruders), fc.boolean())
      .map(([nth, member, first]): Change => (text) => {
        const mark = first ? '{' : '}'
        const places = [...text.matchAll(first ? /\{(?=")/g : /(?<=[^{])\}/g)].map(({ index }) => index)
        const at = places[nth % Math.max(1, places.length)]
        if (at === undefined) return text
        const put = first ? `${mark}${member},` : `,${member}${mark}`
        return text.slice(0, at) + put + text.slice(at + 1)
      }),
  },
  // a letter that is escaped
  {
    weight: 2,
    arbitrary: fc.nat().map((nth): Change => (text) => {
      const letters = [...text.matchAll(/(?<=["a-zA-Z])[a-zA-Z](?=[a-zA-Z"])/g)].map(({ index }) => index)
      const at = letters[nth % Math.max(1, letters.length)]
      if (at === undefined) return text
      return `${text.slice(0, at)}\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}${text.slice(at + 1)}`
    }),
  },
  // a value that is another
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.nat(), fc.constantFrom('null', '""', '"U"', '0', '-0', '1.0', '[]', '{}', 'true', '"1"'))
      .map(([nth, value]): Change => (text) => {
        const values = [...text.matchAll(/(?<=":)("[^"\\]*"|\d+|null|true|false)/g)]
        const found = values[nth % Math.max(1, values.length)]
        if (found === undefined) return text
        return text.slice(0, found.index) + value + text.slice(found.index + found[0].length)
      }),
  },
  // white space, and pieces anywhere
  {
    weight: 1,
    arbitrary: fc.tuple(fc.nat(), fc.constantFrom(...pieces)).map(
      ([nth, piece]): Change =>
        (text) =>
          text.slice(0, nth % (text.length + 1)) + piece + text.slice(nth % (text.length + 1)),
    ),
  },
)

interface Tried {
  readonly request: FakeRequest
}

const jsonRpc: fc.Arbitrary<Tried> = fc
  .constantFrom(...operationNames)
  .chain((operation) =>
    fc.tuple(
      paramsOf(operation).map((params) => JSON.stringify({ jsonrpc: '2.0', id: 1, method: operation, params })),
      fc.array(changes, { maxLength: 2 }),
      fc.constantFrom('', 'acme'),
    ),
  )
  .map(([text, spoiled, agentTenant]) => ({
    request: { body: spoiled.reduce((body, change) => change(body), text), agentTenant },
  }))

const pathPieces = [
  '/',
  '//',
  '%2F',
  '%3A',
  '.',
  '..',
  '%2e',
  ':cancel',
  ':subscribe',
  ':Cancel',
  'TASKS',
  '%74',
  ';',
  '%00',
  '+',
  '%20',
  '%25',
  '?',
  '?tenant=other',
  '?historyLength=1',
  '&id=U',
  '#',
]
const segments = fc.constantFrom(
  'tasks',
  'T',
  'U',
  'a%20b',
  'T:x',
  'acme',
  'Tasks',
  'pushNotificationConfigs',
  'message:send',
  'message:stream',
  'extendedAgentCard',
  'v1',
)
const paths = fc
  .tuple(
    fc.oneof(
      fc.constantFrom(
        '/message:send',
        '/message:stream',
        '/tasks',
        '/tasks/T',
        '/tasks/T:cancel',
        '/tasks/T:subscribe',
        '/tasks/T/pushNotificationConfigs',
        '/tasks/T/pushNotificationConfigs/p',
        '/extendedAgentCard',
      ),
      fc.array(segments, { minLength: 1, maxLength: 4 }).map((all) => `/${all.join('/')}`),
    ),
    fc.constantFrom('', '', '/acme', '/other', '/tasks'),
    fc.array(fc.tuple(fc.nat(), fc.constantFrom(...pathPieces)), { maxLength: 1 }),
    fc.constantFrom('', '', '?historyLength=2', '?tenant=acme', '?contextId=c%201', '?pageSize=5&contextId=x%2Fy'),
  )
  .map(
    ([path, tenant, more, query]) =>
      more.reduce(
        (text, [at, piece]) => text.slice(0, at % (text.length + 1)) + piece + text.slice(at % (text.length + 1)),
        tenant + path,
      ) + query,
  )
const rest: fc.Arbitrary<Tried | undefined> = fc
  .tuple(
    fc.constantFrom('GET', 'POST', 'POST', 'DELETE'),
    paths,
    fc.oneof(
      paramsOf('SendMessage'),
      fc.constantFrom<object | undefined>(
        undefined,
        {},
        { id: 'U' },
        { url: 'https://hooks.example/' },
        { tenant: 'acme' },
      ),
    ),
    fc.array(changes, { maxLength: 1 }),
    fc.constantFrom('', 'acme'),
  )
  .map(([method, target, params, spoiled, agentTenant]) => {
    const [path = '', ...queries] = target.split('?')
    const found = matchRestPath(method, path)
    if (typeof found === 'string') return undefined
    const text = method === 'GET' || params === undefined ? '' : JSON.stringify(params)
    const body = text === '' ? '' : spoiled.reduce((each, change) => change(each), text)
    return { request: { method, rest: found, query: queries.join('?'), body, agentTenant } }
  })

function isNullData({ params }: { readonly params: JsonObject }, at: number): boolean {
  const message = params['message']
  const parts = isJsonObject(message) ? message['parts'] : undefined
  const part = Array.isArray(parts) ? parts[at] : undefined
  return isJsonObject(part) && part['data'] === null
}

interface SeenMessage {
  readonly taskId: string
  readonly contextId: string
  readonly parts: readonly { readonly content?: { readonly $case: string } }[]
}

/** Compares where the agent read anything at all; what it refuses it does not act on. */
async function compare({ request }: Tried): Promise<'refused here' | 'refused there' | 'alike'> {
  const decided = await validate(fakeRouted(request))
  if (isRefusal(decided)) return 'refused here'
  const read = await readAsAgent(decided, request)
  if (read === undefined) return 'refused there'
  const { params } = read
  const message = params['message'] as SeenMessage | undefined
  const isConfig = decided.operation.includes('PushNotificationConfig')
  const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
  const seen = {
    operation: read.method,
    tenant: read.tenant,
    taskId: message?.taskId ?? textOf(isConfig ? params['taskId'] : params['id']),
    contextId: message?.contextId ?? textOf(params['contextId']),
    configId: isConfig ? textOf(params['id']) : '',
    // `data: null` is a value for ProtoJSON and nothing for this SDK: rules see data where its agent sees no content
    kinds: (message?.parts ?? []).map(({ content }, at) => content?.$case ?? (isNullData(decided, at) ? 'data' : '')),
  }
  assert.deepEqual(seen, {
    operation: methods[decided.operation],
    tenant: decided.tenant,
    taskId: decided.taskId,
    contextId: decided.contextId,
    configId: decided.configId,
    kinds: decided.message.parts.map(({ kind }) => kind),
  })
  return 'alike'
}

type Decided = Exclude<Awaited<ReturnType<typeof validate>>, { readonly kind: 'refusal' }>

async function readAsAgent(decided: Decided, { rest }: FakeRequest): Promise<Read | undefined> {
  const { operation, bodyText, tenant, wire, upstreamMethod, upstreamPath } = decided
  if (wire !== undefined) {
    const params = readWithSdk(methodOf(operation)?.path ?? '', 'request', wire).message
    return { method: methods[operation], params, tenant: String(params['tenant']) }
  }
  // forward puts an agent's own tenant into JSON-RPC that leaves it out; on HTTP+JSON it is in the path
  if (rest === undefined) return eye.read({ method: 'POST', path: '', body: placeTenant(bodyText, tenant) })
  return eye.read({ method: upstreamMethod, path: upstreamPath, body: bodyText })
}

/** Messages that begin well: fields that come again elsewhere, bytes that are others, pieces that are gone. */
const grpc: fc.Arbitrary<Tried> = fc
  .constantFrom(...operationNames)
  .chain((operation) =>
    fc.tuple(
      fc.constant(operation),
      paramsOf(operation),
      fc.array(fc.tuple(fc.nat(3), fc.nat(), fc.nat(24), fc.nat(), fc.nat(255)), { maxLength: 2 }),
      fc.constantFrom('', 'acme'),
    ),
  )
  .map(([operation, params, spoiled, agentTenant]) => {
    const encoded = encodeRequest(operation, JSON.parse(JSON.stringify(params)) as JsonObject)
    assert.ok(encoded.ok)
    const message = spoiled.reduce(spoil, encoded.bytes)
    return { request: { grpc: operation, body: frameMessage(message), agentTenant } }
  })

function spoil(
  bytes: Buffer,
  [how, from, length, to, byte]: readonly [number, number, number, number, number],
): Buffer {
  const start = from % (bytes.length + 1)
  const at = to % (bytes.length + 1)
  if (how === 0)
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(start, start + length), bytes.subarray(at)])
  if (how === 1) return Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + length)])
  if (how === 2) return Buffer.concat([bytes, bytes.subarray(0, start)])
  const changed = Buffer.from(bytes)
  if (start < changed.length) changed[start] = byte
  return changed
}

for (const [binding, tries] of [
  ['JSON-RPC', jsonRpc],
  ['HTTP+JSON', rest],
  ['gRPC', grpc],
] as const) {
  test(`what is decided on is what the official SDK reads, over ${binding}`, async () => {
    const seed = Date.now() % 2 ** 31
    const counts = { 'refused here': 0, 'refused there': 0, alike: 0 }
    await fc.assert(
      fc.asyncProperty(tries as fc.Arbitrary<Tried | undefined>, async (tried) => {
        if (tried === undefined) return
        counts[await compare(tried)]++
      }),
      { seed, numRuns: 5_000, interruptAfterTimeLimit: 4_000 },
    )
    console.log(`seed ${seed}: ${JSON.stringify(counts)}`)
    assert.ok(counts.alike > 0 && counts['refused here'] > 0)
  })
}
