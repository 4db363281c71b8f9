// The official SDK's codec as an independent eye: what it reads in bytes that pass the scan is what this codec read, and
// it writes what this codec takes. Then bytes at random and bytes that were changed: whatever passes, both read alike.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { operationNames, type ProtocolVersion } from '../a2a/operations.ts'
import { parseStrictJson, type JsonValue } from '../base/strict-json.ts'
import { decodeAnswer, decodeRequest, type Decoded } from './decode.ts'
import { encodeAnswer, encodeRequest } from './encode.ts'
import { messagesOf } from './fake-messages.ts'
import { peekTenant, rewriteAnswer, rewriteRequest } from './rewrite-wire.ts'
import { scanWire } from './scan-wire.ts'
import { methodOf, type Method } from './schema.ts'

type Kind = 'request' | 'answer'
interface SdkModule {
  readonly readWithSdk: (path: string, kind: Kind, bytes: Buffer) => { message: Record<string, unknown>; bytes: Buffer }
}
// the agents' workspace has the SDK, and the gateway nothing of it
const { readWithSdk } = (await import(new URL('../../agents/test/sdk-codec.ts', import.meta.url).href)) as SdkModule

const cases = (['1.0', '0.3'] as const).flatMap((version) =>
  operationNames.flatMap((operation) => {
    const method = methodOf(operation, version)
    return method === undefined ? [] : (['request', 'answer'] as const).map((kind) => ({ version, method, kind }))
  }),
)
interface Case {
  readonly version: ProtocolVersion
  readonly method: Method
  readonly kind: Kind
}

const decode = ({ method, kind, version }: Case, bytes: Buffer): Decoded =>
  (kind === 'request' ? decodeRequest : decodeAnswer)(method.operation, bytes, version)

function encode({ method, kind, version }: Case, value: JsonValue): Buffer {
  const encoded = (kind === 'request' ? encodeRequest : encodeAnswer)(method.operation, value, version)
  assert.ok(encoded.ok)
  return encoded.bytes
}

function json(decoded: Decoded): unknown {
  assert.ok(decoded.ok, decoded.ok ? '' : `${decoded.reason}: ${decoded.detail}`)
  return JSON.parse(decoded.text)
}

/** Later than the SDK's schema of 0.3: it drops them as unknown. */
const unknownToSdk = new Set(['a2a.v1.Part.metadata', 'a2a.v1.FilePart.name', 'a2a.v1.AgentCard.icon_url'])
const name = ({ version, method, kind }: Case): string => `${version} ${method.operation} (${kind})`
const limits = { numRuns: 10 }

for (const each of cases) {
  test(`the SDK reads and writes what this codec does: ${name(each)}`, () => {
    const message = each.kind === 'request' ? each.method.request : each.method.answer
    fc.assert(
      fc.property(messagesOf(message, unknownToSdk), (value) => {
        const bytes = encode(each, value)
        const seen = readWithSdk(each.method.path, each.kind, bytes)
        assert.deepEqual(json(decode(each, seen.bytes)), value)
      }),
      limits,
    )
  })
}

/** Times are cut to milliseconds by the SDK, and written wrongly before 1970: no two parties decide by them. */
const withoutTimes = (text: string): unknown =>
  JSON.parse(text, (key, value: unknown) => (/timestamp/i.test(key) ? undefined : value))

/** What is done to bytes that were good. */
const mutations: fc.Arbitrary<(bytes: Buffer) => Buffer> = fc.oneof(
  // a byte that is another
  fc.tuple(fc.nat(), fc.nat(255)).map(([at, byte]) => (bytes: Buffer) => {
    const changed = Buffer.from(bytes)
    if (changed.length > 0) changed[at % changed.length] = byte
    return changed
  }),
  // a piece that comes again, elsewhere
  fc.tuple(fc.nat(), fc.nat(20), fc.nat()).map(([from, length, to]) => (bytes: Buffer) => {
    const start = from % (bytes.length + 1)
    const at = to % (bytes.length + 1)
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(start, start + length), bytes.subarray(at)])
  }),
  // a piece that is gone
  fc.tuple(fc.nat(), fc.nat(20)).map(([from, length]) => (bytes: Buffer) => {
    const start = from % (bytes.length + 1)
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + length)])
  }),
  // some fields more, known or not, at the end
  fc.uint8Array({ maxLength: 6 }).map((more) => (bytes: Buffer) => Buffer.concat([bytes, more])),
  fc.constant((bytes: Buffer) => Buffer.concat([bytes, bytes])),
)

const anyBytes: fc.Arbitrary<{ each: Case; bytes: Buffer }> = fc.constantFrom(...cases).chain((each) => {
  const message = each.kind === 'request' ? each.method.request : each.method.answer
  return fc
    .oneof(
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }).map((random) => Buffer.from(random)) },
      {
        weight: 6,
        arbitrary: fc
          .tuple(messagesOf(message, unknownToSdk), fc.array(mutations, { maxLength: 3 }))
          .map(([value, changes]) => changes.reduce((bytes, change) => change(bytes), encode(each, value))),
      },
    )
    .map((bytes) => ({ each, bytes }))
})

test('whatever bytes pass are read alike by the SDK, and nothing throws', () => {
  let passed = 0
  let refused = 0
  const seed = Date.now() % 2 ** 31
  fc.assert(
    fc.property(anyBytes, ({ each, bytes }) => {
      const { operation, path, request, answer } = each.method
      peekTenant(operation, bytes, each.version)
      const decoded = decode(each, bytes)
      if (!decoded.ok) {
        refused++
        return
      }
      passed++
      assert.ok(parseStrictJson(decoded.text, { maxDepth: 1_000, maxNodes: 1_000_000 }).ok)
      const seen = decode(each, readWithSdk(path, each.kind, bytes).bytes)
      // times are all that the SDK may write wrongly; of 0.3 it does not know every field
      if (seen.ok && each.version === '1.0') assert.deepEqual(withoutTimes(seen.text), withoutTimes(decoded.text))
      else if (each.version === '1.0') assert.match(decoded.text, /"(?:timestamp|statusTimestampAfter)"/)
      const rewritten =
        each.kind === 'request'
          ? rewriteRequest(operation, bytes, { tenant: 'tenant', contextId: 'context' }, each.version)
          : rewriteAnswer(operation, bytes, (contextId) => `-${contextId}`, each.version)
      assert.deepEqual(scanWire(each.kind === 'request' ? request : answer, rewritten), { ok: true })
    }),
    { seed, numRuns: 20_000, interruptAfterTimeLimit: 4_000 },
  )
  console.log(`seed ${seed}: ${passed} passed, ${refused} were refused`)
  assert.ok(passed > 0 && refused > 0)
})

test('what the gateway decides on is what the SDK reads: tenant, task, context, kinds of parts', () => {
  const kinds = ['text', 'raw', 'url', 'data']
  fc.assert(
    fc.property(messagesOf((methodOf('SendMessage') ?? assert.fail()).request), (value) => {
      const send = cases.find(({ version, method }) => version === '1.0' && method.operation === 'SendMessage')
      assert.ok(send?.kind === 'request')
      const bytes = encode(send, value)
      const decided = JSON.parse(decode(send, bytes).ok ? (decode(send, bytes) as { text: string }).text : '') as Sent
      const seen = readWithSdk(send.method.path, 'request', bytes).message as unknown as SeenBySdk
      assert.equal(seen.tenant, peekTenant('SendMessage', bytes))
      assert.equal(seen.tenant, decided.tenant ?? '')
      assert.equal(seen.message?.taskId ?? '', decided.message?.taskId ?? '')
      assert.equal(seen.message?.contextId ?? '', decided.message?.contextId ?? '')
      assert.deepEqual(
        (seen.message?.parts ?? []).map(({ content }) => content?.$case),
        (decided.message?.parts ?? []).map((part) => kinds.find((kind) => Object.hasOwn(part, kind))),
      )
    }),
    { numRuns: 100 },
  )
})

interface Sent {
  readonly tenant?: string
  readonly message?: { readonly taskId?: string; readonly contextId?: string; readonly parts: readonly object[] }
}
interface SeenBySdk {
  readonly tenant: string
  readonly message?: {
    readonly taskId: string
    readonly contextId: string
    readonly parts: readonly { readonly content?: { readonly $case: string } }[]
  }
}
