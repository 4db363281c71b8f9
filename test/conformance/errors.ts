// The errors of A2A 1.0.1 (§5.4) as each binding must say them, with ErrorInfo (§9.5, §10.6, §11.6). Of 0.3 only the
// JSON-RPC codes are laid down (0.3.0 §8); over HTTP+JSON and gRPC what counts is that it is no success.

import assert from 'node:assert/strict'
import type { Answer, CallOptions } from './clients/client.ts'
import type { Subject } from './subject.ts'
import type { JsonObject, Operation } from './wire/dialect.ts'

interface Row {
  readonly jsonRpc: number
  readonly http: number
  readonly grpc: number
  /** name of google.rpc.Code, which HTTP+JSON and gRPC both say */
  readonly status: string
  /** of ErrorInfo; undefined where A2A defines none */
  readonly reason?: string
}

// prettier-ignore
const rows = {
  TaskNotFound:                   { jsonRpc: -32001, http: 404, grpc: 5,  status: 'NOT_FOUND',           reason: 'TASK_NOT_FOUND' },
  TaskNotCancelable:              { jsonRpc: -32002, http: 400, grpc: 9,  status: 'FAILED_PRECONDITION', reason: 'TASK_NOT_CANCELABLE' },
  PushNotificationNotSupported:   { jsonRpc: -32003, http: 400, grpc: 9,  status: 'FAILED_PRECONDITION', reason: 'PUSH_NOTIFICATION_NOT_SUPPORTED' },
  UnsupportedOperation:           { jsonRpc: -32004, http: 400, grpc: 9,  status: 'FAILED_PRECONDITION', reason: 'UNSUPPORTED_OPERATION' },
  ContentTypeNotSupported:        { jsonRpc: -32005, http: 400, grpc: 3,  status: 'INVALID_ARGUMENT',    reason: 'CONTENT_TYPE_NOT_SUPPORTED' },
  ExtendedAgentCardNotConfigured: { jsonRpc: -32007, http: 400, grpc: 9,  status: 'FAILED_PRECONDITION', reason: 'EXTENDED_AGENT_CARD_NOT_CONFIGURED' },
  ExtensionSupportRequired:       { jsonRpc: -32008, http: 400, grpc: 9,  status: 'FAILED_PRECONDITION', reason: 'EXTENSION_SUPPORT_REQUIRED' },
  VersionNotSupported:            { jsonRpc: -32009, http: 400, grpc: 9,  status: 'FAILED_PRECONDITION', reason: 'VERSION_NOT_SUPPORTED' },
  InvalidParams:                  { jsonRpc: -32602, http: 400, grpc: 3,  status: 'INVALID_ARGUMENT' },
} as const satisfies Readonly<Record<string, Row>>

export type ErrorName = keyof typeof rows

/** Asserts that an answer is this error and no other. */
export function expectError(subject: Subject, answer: Answer, name: ErrorName): void {
  const row: Row = rows[name]
  const { failure, http } = answer
  assert.ok(failure !== undefined, `expected ${name}, got a result: ${JSON.stringify(answer.wire).slice(0, 200)}`)
  const shown = `expected ${name}`
  if (subject.version === '0.3') {
    if (subject.binding === 'JSONRPC') assert.equal(failure.code, row.jsonRpc, shown)
    else if (subject.binding === 'HTTP+JSON') assert.ok(failure.code >= 400 && failure.code < 500, shown)
    else assert.equal(failure.status, row.status, shown)
    return
  }
  if (subject.binding === 'JSONRPC') {
    assert.equal(failure.code, row.jsonRpc, shown)
    assert.equal(http, 200, `${shown} over HTTP 200`)
  } else {
    assert.equal(failure.code, subject.binding === 'GRPC' ? row.grpc : row.http, shown)
    assert.equal(failure.status, row.status, shown)
  }
  if (row.reason === undefined) return
  // JSON-RPC SHOULD carry it: whether it does is a test of its own
  if (subject.binding === 'JSONRPC' && failure.reason === '') return
  assert.equal(failure.reason, row.reason, shown)
  assert.equal(failure.domain, 'a2a-protocol.org', shown)
}

export async function expectRefused(
  subject: Subject,
  operation: Operation,
  params: JsonObject,
  name: ErrorName,
  options?: CallOptions,
): Promise<void> {
  expectError(subject, await subject.client.call(operation, params, options), name)
}

/** The same for what streams: the refusal comes before any event. */
export async function expectStreamRefused(
  subject: Subject,
  operation: 'SendStreamingMessage' | 'SubscribeToTask',
  params: JsonObject,
  name: ErrorName,
): Promise<void> {
  const opened = await subject.client.stream(operation, params)
  if (opened.kind === 'answer') return expectError(subject, opened, name)
  const first = await opened.next().catch((error: unknown) => String(error))
  opened.close()
  assert.fail(`expected ${name}, got a stream that begins with ${JSON.stringify(first)}`)
}
