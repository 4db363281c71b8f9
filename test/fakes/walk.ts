// What stands around a stage in unit tests of the walk: an admitted call without the stages before it, a reply that
// remembers what it was told, an index of owners in memory, an agent's stream that is moved by hand.

import { operations, type Binding, type Face, type Operation, type ProtocolVersion } from '../../src/a2a/operations.ts'
import { faceOf } from '../../src/faces/choose-face.ts'
import {
  buildSnapshot,
  configSchema,
  type AgentConfig,
  type ConfigInput,
  type Snapshot,
} from '../../src/config/config.ts'
import type {
  Admitted,
  Caller,
  Claim,
  ClaimResult,
  HeaderRecord,
  Principal,
  Reply,
  TaskOwner,
} from '../../src/exchange/exchange.ts'
import type { ChunkSink, StreamAnswer } from '../../src/forward/forward.ts'
import type { Refusal } from '../../src/refusal/refusal.ts'
import type { OwnershipBook } from '../../src/release/release.ts'
import { createContextNames } from '../../src/store/context-names.ts'

export const publicUrl = 'https://agents.example.com'

export function snapshotOf(input: ConfigInput = {}): Snapshot {
  const config = configSchema.parse({
    agents: [{ name: 'calculator', url: 'http://127.0.0.1:9/' }],
    ...input,
    gateway: { publicUrl, ...input.gateway },
  })
  return buildSnapshot(config)
}

export const principal = (id: string): Principal => ({ id, groups: [], display: id })

export const callerOf = (id: string): Caller => ({
  ...principal(id),
  method: 'api-key',
  credential: 'k1',
  expiresAtMs: Infinity,
  isRevoked: () => false,
})

export class FakeReply implements Reply {
  begun = false
  gone = false
  ended = false
  destroyed = false
  bytesSent = 0
  status = 0
  headers: HeaderRecord = {}
  /** as handed over; HTTP/1 would not send them */
  trailers: HeaderRecord | undefined
  body = ''
  /** while true the client takes nothing: writes answer false and `drained` waits */
  slow = false
  /** false while others hold the memory for answers */
  hasRoom = true
  #goneCallbacks: (() => void)[] = []
  #drained: (() => void)[] = []

  onGone(callback: () => void): void {
    if (this.gone) callback()
    else this.#goneCallbacks.push(callback)
  }
  hasRoomFor(): boolean {
    return this.hasRoom
  }
  send(status: number, headers: HeaderRecord, body: string | Buffer, trailers?: HeaderRecord): void {
    if (this.begun || this.gone) return
    this.begin(status, headers)
    this.write(body)
    this.end(trailers)
  }
  begin(status: number, headers: HeaderRecord): void {
    if (this.begun || this.gone) return
    this.begun = true
    this.status = status
    this.headers = headers
  }
  write(chunk: string | Buffer): boolean {
    if (this.gone || this.ended) return true
    this.body += String(chunk)
    this.bytesSent += Buffer.byteLength(chunk)
    return !this.slow
  }
  drained(): Promise<void> {
    if (!this.slow || this.gone) return Promise.resolve()
    return new Promise((resolve) => this.#drained.push(resolve))
  }
  end(trailers?: HeaderRecord): void {
    if (!this.ended) this.trailers = trailers
    this.ended = true
  }
  destroy(): void {
    this.destroyed = true
    this.leave()
  }
  /** the client goes away */
  leave(): void {
    if (this.gone) return
    this.gone = true
    for (const callback of this.#goneCallbacks.splice(0)) callback()
    this.drain()
  }
  /** the client takes what waits */
  drain(): void {
    this.slow = false
    for (const resolve of this.#drained.splice(0)) resolve()
  }
  json(): unknown {
    return JSON.parse(this.body)
  }
}

export interface FakeAdmitted {
  readonly operation?: Operation
  readonly binding?: Binding
  readonly version?: ProtocolVersion
  /** that of the caller by default */
  readonly agentFace?: Face
  readonly caller?: string
  readonly origin?: string
  readonly chain?: readonly string[]
  readonly taskId?: string
  readonly contextId?: string
  /** default: the same */
  readonly agentContextId?: string
  readonly configId?: string
  readonly inlinePush?: boolean
  readonly tenant?: string
  readonly taskOwner?: TaskOwner
  /** the JSON-RPC id as a JSON token */
  readonly requestId?: string
  readonly body?: Admitted['body']
  readonly bodyText?: string
  readonly list?: Admitted['list']
  readonly extensions?: readonly string[]
  readonly returnImmediately?: boolean
  readonly upstreamPath?: string
  readonly upstreamMethod?: Admitted['upstreamMethod']
  readonly headers?: Readonly<Record<string, string>>
  readonly trace?: Admitted['trace']
  readonly snapshot?: Snapshot
  readonly agent?: AgentConfig
  readonly callerFields?: Partial<Caller>
  readonly originIsRevoked?: () => boolean
  readonly reply?: Reply
  readonly receivedAtMs?: number
  readonly deadlineMs?: number
}

export function admittedOf(call: FakeAdmitted = {}): Admitted {
  const snapshot = call.snapshot ?? snapshotOf()
  const operation = call.operation ?? 'SendMessage'
  const binding = call.binding ?? 'JSONRPC'
  const version = call.version ?? '1.0'
  const agent = call.agent ?? snapshot.config.agents[0]
  const caller = { ...callerOf(call.caller ?? 'key:alice'), ...call.callerFields }
  const requestId = binding === 'JSONRPC' ? (call.requestId ?? '"q-1"') : ''
  const id: unknown = requestId === '' ? undefined : JSON.parse(requestId)
  const fields = {
    call: 'call1',
    protocol: 'HTTP/1.1',
    receivedAtMs: call.receivedAtMs ?? 1_800_000_000_000,
    startedMs: 0,
    snapshot,
    method: 'POST',
    path: '/agents/calculator',
    query: '',
    host: 'agents.example.com',
    headers: new Map(Object.entries(call.headers ?? {})),
    trace: call.trace,
    source: '192.0.2.7',
    reply: call.reply ?? new FakeReply(),
    readBody: () => Promise.resolve(Buffer.alloc(0)),
    caller,
    origin: principal(call.origin ?? caller.id),
    chain: (call.chain ?? []).map(principal),
    autonomous: false,
    originIsRevoked: call.originIsRevoked ?? (() => false),
    target: { kind: 'json-rpc', agent },
    agent,
    binding,
    operation,
    version,
    agentFace: call.agentFace ?? faceOf(binding, version),
    params: {},
    paramsText: () => '{}',
    deadlineMs: call.deadlineMs ?? Infinity,
    wire: undefined,
    requestId,
    tenant: call.tenant ?? '',
    taskId: call.taskId ?? '',
    contextId: call.contextId ?? '',
    configId: call.configId ?? '',
    message: {
      messageId: '',
      taskId: '',
      contextId: '',
      role: '',
      parts: [],
      referenceTaskIds: [],
      extensions: [],
      metadataKeys: [],
    },
    inlinePush: call.inlinePush ?? false,
    returnImmediately: call.returnImmediately ?? false,
    list: call.list,
    historyLength: undefined,
    extensions: call.extensions ?? [],
    bodyText:
      call.bodyText ?? (binding === 'JSONRPC' ? `{"jsonrpc":"2.0","id":${requestId},"method":"${operation}"}` : ''),
    body: call.body ?? (binding === 'JSONRPC' ? { jsonrpc: '2.0', id, method: operation } : undefined),
    upstreamPath: call.upstreamPath ?? '',
    upstreamMethod: call.upstreamMethod ?? 'POST',
    allowedBy: ['user#0'],
    policyInput: {},
    agentContextId: call.agentContextId ?? call.contextId ?? '',
    taskOwner:
      call.taskOwner ??
      (operations[operation].namesTask ? { caller: caller.id, origin: call.origin ?? caller.id } : undefined),
    releasePermit: () => undefined,
    taskOpened: () => undefined,
    countsTurns: false,
    limitHeaders: {},
  }
  // A test's stand-in for all stages before forward: nothing of it was checked.
  return fields as unknown as Admitted
}

export interface MemoryOwnership extends OwnershipBook {
  readonly tasks: Map<string, { owner: TaskOwner; groups: readonly string[]; contextId: string }>
  readonly contexts: Map<string, { owner: TaskOwner; groups: readonly string[]; name: string }>
  readonly configs: Map<string, { owner: TaskOwner; groups: readonly string[] }>
  readonly noted: { readonly taskId: string; readonly state: string }[]
  /** thrown by the next claim, once */
  failure: Error | undefined
  /** `more`: the context of a task, the name of a context */
  give(kind: 'task' | 'context' | 'pushConfig', id: string, owner: string, more?: string): void
}

/** Whose is what, by id alone: tests speak of one agent. A push configuration's id is `task/config`. */
export function memoryOwnership(): MemoryOwnership {
  const tasks: MemoryOwnership['tasks'] = new Map()
  const contexts: MemoryOwnership['contexts'] = new Map()
  const configs: MemoryOwnership['configs'] = new Map()
  const tableOf = (kind: Claim['kind']): Map<string, { owner: TaskOwner }> =>
    kind === 'task' ? tasks : kind === 'context' ? contexts : configs
  const idOf = (claim: Claim): string =>
    claim.kind === 'task'
      ? claim.taskId
      : claim.kind === 'context'
        ? claim.contextId
        : `${claim.taskId}/${claim.configId}`
  const book: MemoryOwnership = {
    ...createContextNames(Buffer.alloc(32), (_agent, _tenant, contextId) => contexts.get(contextId)),
    tasks,
    contexts,
    configs,
    noted: [],
    failure: undefined,
    give(kind, id, owner, more) {
      const row = { owner: { caller: owner, origin: owner }, groups: [] }
      if (kind === 'task') tasks.set(id, { ...row, contextId: more ?? '' })
      else if (kind === 'context') contexts.set(id, { ...row, name: more ?? id })
      else configs.set(id, row)
    },
    task: (_agent, _tenant, taskId) => tasks.get(taskId),
    context: (_agent, _tenant, contextId) => contexts.get(contextId),
    pushConfig: (_agent, _tenant, taskId, configId) => configs.get(`${taskId}/${configId}`),
    claim(claims): ClaimResult {
      const { failure } = book
      book.failure = undefined
      if (failure !== undefined) throw failure
      const fresh: Claim[] = []
      const undo = (): void => {
        for (const claim of fresh.splice(0)) tableOf(claim.kind).delete(idOf(claim))
      }
      for (const claim of claims) {
        const known = tableOf(claim.kind).get(idOf(claim))
        if (known === undefined) {
          const { owner, groups } = claim
          if (claim.kind === 'task') tasks.set(idOf(claim), { owner, groups, contextId: claim.contextId })
          else if (claim.kind === 'context')
            contexts.set(idOf(claim), { owner, groups, name: claim.name ?? claim.contextId })
          else configs.set(idOf(claim), { owner, groups })
          fresh.push(claim)
        } else if (known.owner.caller !== claim.owner.caller || known.owner.origin !== claim.owner.origin) {
          undo()
          return { ok: false, conflict: claim }
        }
      }
      return { ok: true, fresh: [...fresh], undo }
    },
    takeTurn: () => undefined,
    ending: () => [],
    note: (states) => void book.noted.push(...states),
  }
  return book
}

/** A stream whose chunks the test sends; it notes what the gateway asked of it. */
export class FakeStream implements StreamAnswer {
  readonly kind = 'stream'
  sink: ChunkSink | undefined
  paused = false
  aborted = false
  start(sink: ChunkSink): void {
    this.sink = sink
  }
  pause(): void {
    this.paused = true
  }
  resume(): void {
    this.paused = false
  }
  abort(): void {
    this.aborted = true
  }
  chunk(text: string): void {
    this.sink?.onChunk(Buffer.from(text))
  }
  end(): void {
    this.sink?.onEnd()
  }
  fail(refusal: Refusal): void {
    this.sink?.onFailure(refusal)
  }
}

/** Lets everything that is ready to run, run. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
