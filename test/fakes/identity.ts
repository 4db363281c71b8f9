// A token issuer, callers' keys and requests for tests of authentication: real keys, real signatures, a clock
// that is moved by hand, and a key set endpoint that counts how often it is asked.

import { createHmac, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { createManualClock, type ManualClock } from '../../src/base/clock.ts'
import { buildSnapshot, type ConfigInput, type Snapshot } from '../../src/config/config.ts'
import { configSchema } from '../../src/config/schema.ts'
import type { Authenticated, OriginProof, Received } from '../../src/exchange/exchange.ts'
import type { Refusal } from '../../src/refusal/refusal.ts'
import {
  administerKeys,
  authenticate,
  createAuthenticator,
  createGrantBook,
  type AssertionKey,
  createRevocations,
  createSpentTokens,
  type Authenticator,
  type GrantBook,
  type KeyAdministration,
  type KeyRecord,
  type KeyStore,
  type Revocations,
} from '../../src/authenticate/authenticate.ts'
import { createAssertionSigner, type AssertionSigner, type MintRequest } from '../../src/forward/mint-assertion.ts'

export const issuerUrl = 'https://idp.example.com'
export const audience = 'https://agents.example.com'
export const jwksUrl = 'https://idp.example.com/jwks.json'
export const pepper: Buffer = Buffer.alloc(32, 7)

export interface TestKey {
  readonly kid: string
  readonly alg: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

export const ecKey: TestKey = { kid: 'ec-1', alg: 'ES256', ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) }

type Pair = Pick<TestKey, 'privateKey' | 'publicKey'>
let rsaPair: Pair | undefined
// Made on first use: most tests do without, and an RSA key takes longer than all else they do.
const rsa = (): Pair => (rsaPair ??= generateKeyPairSync('rsa', { modulusLength: 2048 }))
export const rsaKey: TestKey = {
  kid: 'rsa-1',
  alg: 'RS256',
  get privateKey() {
    return rsa().privateKey
  },
  get publicKey() {
    return rsa().publicKey
  },
}

export function jwkOf(key: TestKey, extra: object = {}): object {
  return { ...key.publicKey.export({ format: 'jwk' }), kid: key.kid, alg: key.alg, use: 'sig', ...extra }
}

export function base64url(value: string | object): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
}

/** A token with exactly this header and payload (text or object), signed by this key or left unsigned. */
export function craftToken(
  header: string | object,
  payload: string | object,
  key?: TestKey | { hmac: string | Buffer },
): string {
  const signed = `${base64url(header)}.${base64url(payload)}`
  return `${signed}.${signatureOf(signed, key)}`
}

function signatureOf(signed: string, key: TestKey | { hmac: string | Buffer } | undefined): string {
  if (key === undefined) return ''
  if ('hmac' in key) return createHmac('sha256', key.hmac).update(signed).digest('base64url')
  const dsaEncoding = key.alg === 'ES256' ? ({ dsaEncoding: 'ieee-p1363' } as const) : {}
  return sign('sha256', Buffer.from(signed), { key: key.privateKey, ...dsaEncoding }).toString('base64url')
}

/** What the gateway would sign for concierge, acting for alice; `changed` says what is different. */
export function assertionRequest(world: Pick<World, 'clock'>, changed: Partial<MintRequest> = {}): MintRequest {
  return {
    issuer: audience,
    subject: 'user:corp/alice',
    groups: [],
    actors: [],
    audienceAgent: 'concierge',
    call: 'c',
    operation: 'SendMessage',
    nowMs: world.clock.nowMs(),
    ...changed,
  }
}

export interface World {
  readonly clock: ManualClock
  readonly authenticator: Authenticator
  readonly admin: KeyAdministration
  readonly store: KeyStore
  readonly signer: AssertionSigner
  /** keys by which assertions are known */
  readonly assertionKeys: Map<string, AssertionKey>
  /** the call `c` to concierge is open */
  readonly grants: GrantBook
  /** the gateway's own assertion key, for assertions that it would never mint */
  readonly assertionKey: TestKey
  snapshot: Snapshot
  /** what the issuer serves now, by default its key set; throw to be unreachable */
  jwks: (url: string) => Buffer
  fetches: number
  readonly revocations: Revocations
  /** what the issuer answers about an opaque token, by default that it is not active; throw to be unreachable */
  introspect: (token: string) => object | Promise<object>
  introspections: number
  /** claims of a good token, changed as given */
  claims(changed?: object): Record<string, unknown>
  token(changed?: object, header?: object): string
  receive(headers: Record<string, string>, query?: string): Received
  authenticate(received: Received): Promise<Authenticated | Refusal>
  call(headers: Record<string, string>, query?: string): Promise<Authenticated | Refusal>
  bearer(token: string): Promise<Authenticated | Refusal>
}

const defaultConfig: ConfigInput = {
  gateway: { publicUrl: audience },
  identity: {
    jwt: [
      {
        name: 'corp',
        issuer: issuerUrl,
        audience,
        algorithms: ['ES256', 'RS256'],
        jwks: jwksUrl,
        display: '{email}',
        groups: 'groups',
        emailDomains: ['example.com'],
      },
    ],
  },
  agents: [
    { name: 'concierge', url: 'http://127.0.0.1:8001', principals: ['key:concierge'] },
    { name: 'calculator', url: 'http://127.0.0.1:8002', principals: ['key:calculator', 'user:corp/calculator'] },
  ],
}

/** The usual configuration and these agents, each with an identity that nobody has revoked. */
export function withAgents(names: readonly string[]): ConfigInput {
  const more = names.map((name) => ({ name, url: 'http://127.0.0.1:8003', principals: [`user:corp/${name}`] }))
  return { ...defaultConfig, agents: [...(defaultConfig.agents ?? []), ...more] }
}

export function makeSnapshot(input: ConfigInput = defaultConfig): Snapshot {
  return { ...buildSnapshot(configSchema.parse(input), { publicUrl: audience }), digest: 'test' }
}

export function memoryKeyStore(): KeyStore {
  const records = new Map<string, KeyRecord>()
  return {
    find: (id) => records.get(id),
    liveUntilMs: (name) =>
      Math.max(
        ...[...records.values()]
          .filter((record) => record.name === name && record.revokedAtMs === undefined)
          .map((record) => record.expiresAtMs),
      ),
    list: () => [...records.values()],
    save: (record) => void records.set(record.id, record),
  }
}

export function makeWorld(input?: ConfigInput): World {
  const clock = createManualClock()
  const store = memoryKeyStore()
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const signer = createAssertionSigner(pair.privateKey)
  const assertionKeys = new Map<string, AssertionKey>([[signer.kid, signer]])
  const grants = createGrantBook({ clock })
  openFor(grants, 'concierge', 'c')
  const revocations = createRevocations({
    clock,
    store: { list: () => [], save: () => undefined, drop: () => undefined },
  })
  const world: World = {
    clock,
    store,
    signer,
    assertionKeys,
    grants,
    assertionKey: { kid: signer.kid, alg: 'ES256', ...pair },
    admin: administerKeys({ store, clock, environment: 'live', pepper }),
    snapshot: makeSnapshot(input),
    jwks: () =>
      Buffer.from(JSON.stringify({ keys: [jwkOf(ecKey), ...(rsaPair === undefined ? [] : [jwkOf(rsaKey)])] })),
    fetches: 0,
    revocations,
    introspect: () => ({ active: false }),
    introspections: 0,
    authenticator: createAuthenticator({
      clock,
      keys: store,
      pepper,
      assertionKeys: { find: (kid) => assertionKeys.get(kid) },
      grants,
      inForce: () => world.snapshot,
      revocations,
      spent: createSpentTokens({ clock, store: { load: () => new Map(), save: () => undefined } }),
      introspect: async (_config, token) => {
        world.introspections++
        return { status: 200, body: Buffer.from(JSON.stringify(await world.introspect(token))) }
      },
      fetchJwks: async (url) => {
        world.fetches++
        return world.jwks(url)
      },
      readJwks: async (reference) => {
        world.fetches++
        return world.jwks(reference)
      },
    }),
    claims: (changed = {}) => {
      const nowSeconds = Math.floor(clock.nowMs() / 1000)
      return { iss: issuerUrl, aud: audience, sub: '4f1c', iat: nowSeconds, exp: nowSeconds + 600, ...changed }
    },
    token: (changed, header = {}) =>
      craftToken({ alg: 'ES256', kid: 'ec-1', typ: 'JWT', ...header }, world.claims(changed), ecKey),
    receive: (headers, query = '') => receive(headers, world.snapshot, query),
    authenticate: async (received) => await authenticate(received, world.authenticator),
    call: async (headers, query) => await authenticate(world.receive(headers, query), world.authenticator),
    bearer: async (token) => await world.call({ authorization: `Bearer ${token}` }),
  }
  return world
}

/** A call to this agent begins; what is returned ends it. */
export function openFor(
  grants: GrantBook,
  agent: string,
  call: string,
  more: { readonly originProof?: OriginProof } = {},
): () => void {
  const origin = { id: 'user:corp/alice', groups: [], display: 'alice' }
  return grants.open({ call, agent, delegation: { origin, chain: [] }, deadlineMs: Infinity, ...more })
}

function receive(headers: Record<string, string>, snapshot: Snapshot, query: string): Received {
  const request = {
    call: 'call1',
    receivedAtMs: 0,
    startedMs: 0,
    snapshot,
    method: 'POST',
    path: '/agents/calculator',
    query,
    host: 'agents.example.com',
    headers: new Map(Object.entries(headers)),
    source: '127.0.0.1',
  }
  // Tests of this stage stand in for listen; nothing here answers or has a body.
  return request as unknown as Received
}
