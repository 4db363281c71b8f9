// For tests of this folder: a routed request made of plain data, whose body arrives at once.

import type { Operation, ProtocolVersion } from '../a2a/operations.ts'
import { configSchema, type Snapshot } from '../config/config.ts'
import type { Refusal } from '../refusal/refusal.ts'
import type { validate } from './validate.ts'

type Routed = Parameters<typeof validate>[0]

export interface FakeRequest {
  readonly method?: string
  readonly query?: string
  /** given entirely; by default version 1.0 and application/json */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer | Refusal
  /** HTTP+JSON when given, JSON-RPC otherwise */
  readonly rest?: {
    readonly operation: Operation
    readonly tenant?: string
    readonly taskId?: string
    readonly configId?: string
    readonly version?: ProtocolVersion
  }
  /** the operation of a gRPC call, whose body is the frame of its message */
  readonly grpc?: Operation
  readonly agentTenant?: string
  readonly extensions?: readonly string[]
  /** what the agent's callers may use and what the agent speaks; 1.0 alone unless given */
  readonly versions?: readonly ProtocolVersion[]
  readonly speaks?: readonly ProtocolVersion[]
}

const usual = { 'a2a-version': '1.0', 'content-type': 'application/json' }
const usualOfGrpc = { 'a2a-version': '1.0', 'content-type': 'application/grpc' }

export function fakeRouted(request: FakeRequest): Routed {
  const { versions = ['1.0'], speaks = ['1.0'] } = request
  const config = configSchema.parse({
    gateway: { extensions: [...(request.extensions ?? [])] },
    agents: [{ name: 'calculator', url: 'http://127.0.0.1:9', tenant: request.agentTenant ?? '', versions, speaks }],
  })
  const agent = config.agents[0]
  const { rest, grpc, body = '' } = request
  const snapshot: Partial<Snapshot> = { config }
  const fields = {
    method: request.method ?? 'POST',
    query: request.query ?? '',
    headers: new Map(Object.entries(request.headers ?? (grpc === undefined ? usual : usualOfGrpc))),
    snapshot,
    agent,
    startedMs: 0,
    binding: grpc !== undefined ? 'GRPC' : rest ? 'HTTP+JSON' : 'JSONRPC',
    target:
      grpc !== undefined
        ? { kind: 'grpc', agent, grpc: { operation: grpc, version: '1.0', body: undefined } }
        : rest
          ? { kind: 'rest', agent, rest: { version: '1.0', tenant: '', taskId: '', configId: '', ...rest } }
          : { kind: 'json-rpc', agent },
    readBody: () => Promise.resolve(typeof body === 'string' ? Buffer.from(body) : body),
  }
  // A test's stand-in for the stages before: only what validate reads is there.
  return fields as unknown as Routed
}

export interface RpcMembers {
  readonly [member: string]: unknown
}

/** A JSON-RPC request's text. `overrides` replace or, when undefined, remove members. */
export function rpcText(method: string, params: unknown, overrides: RpcMembers = {}): string {
  return JSON.stringify({ jsonrpc: '2.0', id: 'q-1', method, params, ...overrides })
}

/** A send's parameters; `message` members replace or, when undefined, remove. */
export function sendParams(message: RpcMembers = {}, params: RpcMembers = {}): unknown {
  return { message: { messageId: 'm-1', role: 'ROLE_USER', parts: [{ text: 'hello' }], ...message }, ...params }
}
