// The errors that A2A 1.0.1 defines, by how each binding says them (§5.4), and an error in the one form that all
// bindings can be told from. Data and look-ups only.

import type { JsonObject, JsonValue } from '../base/strict-json.ts'

/** Names of google.rpc.Code in the order of their numbers. */
export const grpcStatusNames = Object.freeze([
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const)
export type GrpcStatusName = (typeof grpcStatusNames)[number]

export const errorInfoType = 'type.googleapis.com/google.rpc.ErrorInfo'
export const errorInfoDomain = 'a2a-protocol.org'

/** An error that an agent answered, in no binding's own form. */
export interface AgentError {
  readonly jsonRpc: number
  readonly http: number
  readonly grpc: GrpcStatusName
  readonly message: string
  /** as ProtoJSON writes google.protobuf.Any: `@type` and the members */
  readonly details: readonly JsonValue[]
}

interface Row {
  readonly jsonRpc: number
  readonly http: number
  readonly grpc: GrpcStatusName
  readonly reason: string
}

const row = (reason: string, jsonRpc: number, grpc: GrpcStatusName, http: number): Row =>
  Object.freeze({ reason, jsonRpc, grpc, http })

// prettier-ignore
const rows: readonly Row[] = Object.freeze([
  row('TASK_NOT_FOUND',                     -32001, 'NOT_FOUND',           404),
  row('TASK_NOT_CANCELABLE',                -32002, 'FAILED_PRECONDITION', 400),
  row('PUSH_NOTIFICATION_NOT_SUPPORTED',    -32003, 'FAILED_PRECONDITION', 400),
  row('UNSUPPORTED_OPERATION',              -32004, 'FAILED_PRECONDITION', 400),
  row('CONTENT_TYPE_NOT_SUPPORTED',         -32005, 'INVALID_ARGUMENT',    400),
  row('INVALID_AGENT_RESPONSE',             -32006, 'INTERNAL',            500),
  row('EXTENDED_AGENT_CARD_NOT_CONFIGURED', -32007, 'FAILED_PRECONDITION', 400),
  row('EXTENSION_SUPPORT_REQUIRED',         -32008, 'FAILED_PRECONDITION', 400),
  row('VERSION_NOT_SUPPORTED',              -32009, 'FAILED_PRECONDITION', 400),
  row('PARSE_ERROR',                        -32700, 'INVALID_ARGUMENT',    400),
  row('INVALID_REQUEST',                    -32600, 'INVALID_ARGUMENT',    400),
  row('METHOD_NOT_FOUND',                   -32601, 'UNIMPLEMENTED',       404),
  row('INVALID_PARAMS',                     -32602, 'INVALID_ARGUMENT',    400),
  row('INTERNAL',                           -32603, 'INTERNAL',            500),
])

const byCode = new Map(rows.map((each) => [each.jsonRpc, each]))
const byReason = new Map(rows.map((each) => [each.reason, each]))
// agents say a status without a reason; among A2A's own errors only these are told apart by it
const byStatus: ReadonlyMap<string, Row> = new Map(
  [
    ['NOT_FOUND', byCode.get(-32001)],
    ['INVALID_ARGUMENT', byCode.get(-32602)],
    ['FAILED_PRECONDITION', byCode.get(-32004)],
    ['UNIMPLEMENTED', byCode.get(-32601)],
  ].filter((pair): pair is [string, Row] => pair[1] !== undefined),
)

/** HTTP status of each status name (google/rpc/code.proto). */
const httpOfStatus: Readonly<Partial<Record<GrpcStatusName, number>>> = Object.freeze({
  CANCELLED: 499,
  INVALID_ARGUMENT: 400,
  DEADLINE_EXCEEDED: 504,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  FAILED_PRECONDITION: 400,
  ABORTED: 409,
  OUT_OF_RANGE: 400,
  UNIMPLEMENTED: 501,
  UNAVAILABLE: 503,
  UNAUTHENTICATED: 401,
})

export const isGrpcStatusName = (name: string): name is GrpcStatusName =>
  (grpcStatusNames as readonly string[]).includes(name)

/** `data` is JSON-RPC's: details where it is a list of objects. */
export function errorOfJsonRpc(code: number, message: string, data: JsonValue | undefined): AgentError {
  const known = byCode.get(code)
  const details = Array.isArray(data) ? data : []
  const info = { jsonRpc: code, http: known?.http ?? 500, grpc: known?.grpc ?? 'UNKNOWN', message }
  return { ...info, details: withReason(details, known) }
}

/** An error that has a status name, as HTTP+JSON and gRPC say it. */
export function errorOfStatus(
  status: string,
  message: string,
  details: readonly JsonValue[],
  httpStatus?: number,
): AgentError {
  const reason = reasonOf(details)
  const known = (reason === undefined ? undefined : byReason.get(reason)) ?? byStatus.get(status)
  const grpc = isGrpcStatusName(status) && status !== 'OK' ? status : (known?.grpc ?? 'UNKNOWN')
  const http = httpStatus ?? httpOfStatus[grpc] ?? 500
  return { jsonRpc: known?.jsonRpc ?? -32603, http, grpc, message, details: withReason(details, known) }
}

function reasonOf(details: readonly JsonValue[]): string | undefined {
  for (const detail of details) {
    const info = infoOf(detail)
    if (info !== undefined && info['domain'] === errorInfoDomain && typeof info['reason'] === 'string')
      return info['reason']
  }
  return undefined
}

function infoOf(detail: JsonValue): JsonObject | undefined {
  const isObject = typeof detail === 'object' && detail !== null && !Array.isArray(detail)
  return isObject && detail['@type'] === errorInfoType ? detail : undefined
}

/** In every binding an error of A2A names its reason (§9.5, §10.6, §11.6), also where the agent's did not. */
function withReason(details: readonly JsonValue[], known: Row | undefined): readonly JsonValue[] {
  if (known === undefined || reasonOf(details) !== undefined) return details
  return [...details, { '@type': errorInfoType, reason: known.reason, domain: errorInfoDomain }]
}
