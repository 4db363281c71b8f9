// For tests of this folder: the whole walk with real stages, one real agent on loopback, and a ledger that can be
// made to fail. `log` keeps the order in which records, the agent and the caller saw things. Nothing of the product
// imports this.

import { createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import {
  compileContentRules,
  type AuditTrail,
  type CallFacts,
  type Completion,
  type RecordedContent,
} from '../audit/audit.ts'
import { compilePolicy, type ApprovalBook } from '../authorize/authorize.ts'
import { operations } from '../a2a/operations.ts'
import { administerKeys, createAuthenticator, createGrantBook } from '../authenticate/authenticate.ts'
import { createManualClock, type Clock, type ManualClock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import { buildSnapshot, configSchema, type ConfigInput, type Snapshot } from '../config/config.ts'
import type { Admitted, Claim, Receipt, Received } from '../exchange/exchange.ts'
import { createAssertionSigner, createDialler, createUpstream } from '../forward/forward.ts'
import { createBackoff, createLimiter, createSourceLimiter } from '../limit/limit.ts'
import type { Refusal } from '../refusal/refusal.ts'
import { memoryKeyStore } from '../../test/fakes/identity.ts'
import { memoryBlocks, type MemoryBlocks } from '../../test/fakes/blocks.ts'
import { FakeReply, memoryOwnership, type MemoryOwnership } from '../../test/fakes/walk.ts'
import { createDuplicateBook } from './duplicates.ts'
import { createHeartbeat } from './heartbeat.ts'
import { createTaskLister, type TaskIndex, type TaskLister } from './list-tasks.ts'
import type { Rules, WalkParts } from './parts.ts'
import { walk } from './pipeline.ts'

export interface Recorded {
  readonly kind: 'allowed' | 'refused' | 'refusedUnknown' | 'discovered' | 'completed' | 'claimed'
  readonly code: string
  readonly facts: CallFacts
  readonly completion?: Completion
  readonly detail?: string
  readonly claims: readonly Claim[]
  readonly content?: RecordedContent | undefined
}

export interface Ask {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  /** 'alice' or 'bob' may call, 'nobody' may not; '' sends no credential */
  readonly as?: 'alice' | 'bob' | 'nobody' | ''
  readonly source?: string
  /** id of the call */
  readonly call?: string
  /** the body arrives only when this resolves */
  readonly bodyWaits?: Promise<void>
  readonly reply?: FakeReply
}

export interface FakeWalk {
  readonly clock: ManualClock
  readonly parts: WalkParts
  readonly snapshot: Snapshot
  readonly ownership: MemoryOwnership
  readonly blocks: MemoryBlocks
  readonly records: Recorded[]
  readonly log: string[]
  readonly bugs: unknown[]
  readonly troubles: string[]
  readonly counted: string[]
  /** what was measured: stage and milliseconds of the manual clock */
  readonly stages: (readonly [stage: string, milliseconds: number])[]
  /** which kinds of record cannot be written */
  readonly failing: Set<Recorded['kind']>
  unrecorded: number
  /** records wait for it */
  gate: Promise<void> | undefined
  /** another configuration comes into force, for calls that are open; `ask` goes on with the first */
  reload(changed: Partial<ConfigInput>): void
  agent: (request: IncomingMessage, response: ServerResponse, body: string) => void
  ask(ask?: Ask): Promise<FakeReply>
  /** a JSON-RPC call, answered as JSON */
  rpc(method: string, params: unknown, ask?: Ask): Promise<FakeReply>
  /** revokes the key of one of the callers */
  revoke(name: 'alice' | 'bob'): void
  close(): Promise<void>
}

const sendParams = { message: { messageId: 'm', role: 'ROLE_USER', parts: [{ text: 'hi' }] } }
export const messageParams: unknown = sendParams

export const say = (response: ServerResponse, body: string, result: unknown): void => {
  const { id } = JSON.parse(body) as { id: unknown }
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ jsonrpc: '2.0', id, result }))
}

const everyTime = { sameBody: 'forward', differentBody: 'forward' } as const

const noApprovals: ApprovalBook = {
  find: () => undefined,
  request: () => undefined,
  take: () => false,
  giveBack: () => undefined,
}

export async function startFakeWalk(
  input: {
    lister?: TaskLister
    config?: ConfigInput
    approvals?: (clock: Clock) => ApprovalBook
    /** beside the usual ones, all at the same address */
    agents?: readonly { readonly name: string; readonly principals: string[] }[]
    audit?: (clock: Clock) => AuditTrail
    /** the credentials of all callers expire then; never by default */
    keysLastMs?: number
    /** by default a message may be sent again and again: most tests have no other */
    duplicates?: NonNullable<ConfigInput['agents']>[number]['duplicates']
  } = {},
): Promise<FakeWalk> {
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => {
      log.push('agent')
      walkOf.agent(request, response, body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const written: ConfigInput = {
    gateway: { publicUrl: 'https://agents.example.com' },
    agents: [
      { name: 'calculator', url },
      { name: 'vault', url },
      { name: 'open', url, discovery: 'public' as const },
      ...(input.agents ?? []).map((agent) => ({ ...agent, url })),
    ].map((agent) => ({ duplicates: input.duplicates ?? everyTime, ...agent })),
    policy: {
      roles: [{ name: 'user', rules: [{ agents: ['calculator'], operations: ['*'] }] }],
      bindings: [{ role: 'user', callers: ['key:alice', 'key:bob'] }],
    },
    unauthenticated: { requests: '3/m' },
    ...input.config,
  }
  const config = configSchema.parse(written)
  const snapshot = buildSnapshot(config)
  const clock = createManualClock()
  const store = memoryKeyStore()
  const pepper = randomBytes(32)
  const admin = administerKeys({ store, clock, environment: 'live', pepper })
  const grant = input.keysLastMs === undefined ? {} : { expiresAtMs: clock.nowMs() + input.keysLastMs }
  const keys = new Map(['alice', 'bob', 'nobody'].map((name) => [name, admin.create({ name, ...grant }).key]))
  const signer = createAssertionSigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
  const grants = createGrantBook({ clock })
  const dialler = createDialler()
  let inForce = snapshot
  const compiled = compilePolicy(
    config.policy,
    config.agents.map((agent) => agent.name),
  )
  if (!compiled.ok) throw new Error('the policy of this test is wrong')
  const noKeys = (): Promise<Buffer> => Promise.reject(new Error('no issuer'))
  const rules: Rules = {
    authenticator: createAuthenticator({
      clock,
      keys: store,
      pepper,
      assertionKeys: { find: (kid) => (kid === signer.kid ? signer : undefined) },
      grants,
      inForce: () => inForce,
      revocations: { isTokenRevoked: () => false, isSubjectRevoked: () => false, isOriginRevoked: () => false },
      spent: { spend: () => Promise.resolve('full') },
      introspect: () => Promise.reject(new Error('no issuer')),
      fetchJwks: noKeys,
      readJwks: noKeys,
    }),
    policy: compiled.policy,
    forwarder: {
      clock,
      signer,
      upstreams: new Map(config.agents.map((agent) => [agent.name, createUpstream(agent, {}, dialler, clock)])),
    },
    content: compileContentRules(config.audit.content, clock),
  }
  const rulesBySnapshot = new WeakMap([[snapshot, rules]])
  const log: string[] = []
  const records: Recorded[] = []
  const memory = memoryOwnership()
  const ownership: MemoryOwnership = Object.assign(memory, {
    note(states: Parameters<MemoryOwnership['note']>[0], { call, operation, agent, tenant }: Admitted) {
      memory.noted.push(...states)
      const { carriesMessage } = operations[operation]
      grants.heard({ call, agent: agent.name, tenant, carriesMessage }, states)
    },
  })
  const blocks = memoryBlocks()
  const heartbeat = createHeartbeat(clock, 1e9)
  const bugs: unknown[] = []
  const troubles: string[] = []
  const counted: string[] = []
  const stages: [string, number][] = []
  const audit = input.audit?.(clock) ?? fakeAudit(() => walkOf)
  const parts: WalkParts = {
    clock,
    audit,
    rulesOf: (of) => rulesBySnapshot.get(of) ?? rules,
    snapshot: () => inForce,
    ownership,
    approvals: {
      book: input.approvals?.(clock) ?? noApprovals,
      key: createSecretKey(Buffer.alloc(32, 7)),
      findLapse: () => undefined,
    },
    grants,
    lister:
      input.lister ??
      createTaskLister({
        index: indexOf(ownership),
        ownership,
        tokenSecret: randomBytes(32),
      }),
    duplicates: createDuplicateBook({ clock }),
    blocks,
    limiter: createLimiter({ clock, limits: config.limits }),
    sourceLimiter: createSourceLimiter({ clock, rate: config.unauthenticated.requests }),
    backoff: { byKey: createBackoff({ clock, free: 10 }), bySource: createBackoff({ clock, free: 60 }) },
    discovery: {
      clock,
      cards: new Map(),
      jwks: () => JSON.stringify(signer.jwks()),
      fetchCard: (agent) => dialler.get(`${agent.url}/card`, { maxBytes: 10_000, timeoutMs: 1_000 }),
    },
    heartbeat,
    metrics: {
      stage: (name, milliseconds) => void stages.push([name, milliseconds]),
      call: (agent, operation, outcome) => void counted.push(`${agent} ${operation} ${outcome}`),
      refusal: (code) => void counted.push(code),
      autonomous: (agent) => void counted.push(`autonomous ${agent}`),
    },
    onBug: (error) => void bugs.push(error),
    onAgentTrouble: ({ agent }, refusal) => void troubles.push(`${agent.name} ${refusal.code}`),
  }
  const walkOf: FakeWalk = {
    clock,
    parts,
    snapshot,
    ownership,
    blocks,
    records,
    log,
    bugs,
    troubles,
    counted,
    stages,
    failing: new Set(),
    unrecorded: 0,
    gate: undefined,
    agent: (_request, response, body) =>
      say(response, body, { message: { messageId: 'm', role: 'ROLE_AGENT', parts: [{ text: 'fine' }] } }),
    reload(changed) {
      const next = configSchema.parse({ ...written, ...changed })
      const again = compilePolicy(
        next.policy,
        next.agents.map((agent) => agent.name),
      )
      if (!again.ok) throw new Error('the policy of this test is wrong')
      inForce = buildSnapshot(next)
      const content = compileContentRules(next.audit.content, clock)
      rulesBySnapshot.set(inForce, { ...rules, policy: again.policy, content })
    },
    async ask(ask = {}) {
      const reply = ask.reply ?? new FakeReply()
      await walk(receive(ask, snapshot, reply, keys), parts)
      if (reply.begun) log.push(`caller ${reply.status}`)
      return reply
    },
    rpc: (method, params, ask) => walkOf.ask({ body: { jsonrpc: '2.0', id: 'q-1', method, params }, ...ask }),
    revoke: (name) => void admin.revoke(keys.get(name) ?? ''),
    async close() {
      heartbeat.stop()
      await dialler.close()
      server.closeAllConnections()
      server.close()
    },
  }
  return walkOf
}

/** Tasks in the order in which they were claimed; a cursor is a position. */
function indexOf(ownership: MemoryOwnership): TaskIndex {
  return {
    async list(_agent, _tenant, owner, { limit, cursor }) {
      const own = [...ownership.tasks].filter(([, task]) => isDeepStrictEqual(task.owner, owner))
      const listed = own.map(([taskId, { contextId }], at) => {
        return { taskId, contextId, state: '', timestampMs: 0, cursor: String(at + 1) }
      })
      const rows = listed.slice(Number(cursor ?? 0), Number(cursor ?? 0) + limit)
      const last = rows.at(-1)?.cursor
      return { rows, total: own.length, nextCursor: last === String(own.length) ? undefined : last }
    },
  }
}

function receive(ask: Ask, snapshot: Snapshot, reply: FakeReply, keys: ReadonlyMap<string, string>): Received {
  const key = keys.get(ask.as ?? 'alice')
  const body = ask.body === undefined ? '' : typeof ask.body === 'string' ? ask.body : JSON.stringify(ask.body)
  const fields = {
    call: ask.call ?? 'call1',
    protocol: 'HTTP/1.1',
    receivedAtMs: 1_800_000_000_000,
    startedMs: 0,
    snapshot,
    method: ask.method ?? 'POST',
    path: ask.path ?? '/agents/calculator',
    query: '',
    host: 'agents.example.com',
    headers: new Map(
      Object.entries({
        'content-type': 'application/json',
        'a2a-version': '1.0',
        ...(key && { authorization: `Bearer ${key}` }),
        ...ask.headers,
      }),
    ),
    source: ask.source ?? '192.0.2.7',
    reply,
    readBody: async () => {
      await ask.bodyWaits
      return Buffer.from(body)
    },
  }
  // stands in for listen
  return fields as unknown as Received
}

function fakeAudit(walkOf: () => FakeWalk): AuditTrail {
  const write = async (record: Recorded): Promise<Receipt> => {
    const { gate, failing, records, log } = walkOf()
    await gate
    await new Promise(setImmediate)
    if (failing.has(record.kind)) {
      log.push(`lost ${record.kind}`)
      throw new Fault('LEDGER_FULL', 'PRIVATE disk is full')
    }
    records.push({ ...record, facts: { ...record.facts } })
    log.push(record.kind)
    return { origin: 'o', index: records.length - 1, leafHash: 'h' }
  }
  const refusal =
    (kind: 'refused' | 'refusedUnknown') =>
    (facts: CallFacts, said: Refusal): Promise<Receipt> =>
      write({ kind, code: said.code, detail: said.detail, facts, claims: [] })
  return {
    allowed: (facts, _admitted, claims, content) => write({ kind: 'allowed', code: '', facts, claims, content }),
    refused: refusal('refused'),
    refusedUnknown: refusal('refusedUnknown'),
    discovered: (facts) => write({ kind: 'discovered', code: '', facts, claims: [] }),
    completed: (facts, completion) =>
      write({
        kind: 'completed',
        code: completion.code,
        detail: completion.detail,
        facts,
        completion,
        claims: completion.claims,
      }),
    settle: () => Promise.reject(new Error('not part of a walk')),
    signReceipt: ({ index }) => Promise.resolve(`signature of ${index}`),
    claimed: (facts, claims) => write({ kind: 'claimed', code: '', facts, claims }),
    administered: () => Promise.reject(new Error('not part of a walk')),
    close: () => Promise.resolve(),
    get unrecorded() {
      return walkOf().unrecorded
    },
  }
}
