// The catalogue of every "no". A refusal is a returned value, never thrown. The caller reads `publicMessage`;
// `detail` goes to the audit record only. docs/errors.md lists the same rows; a test compares the two.
// Sources: A2A specification 1.0.1 §5.4 (codes), §9.5 and §11.6 (shapes); design: JSON-RPC -32040…-32044; -32045 is
// ours too, for what conflicts with an earlier call.

import type { GrpcStatusName } from '../a2a/errors.ts'

export interface CatalogueRow {
  /** status on HTTP+JSON and wherever no binding is known */
  readonly http: number
  /** status when the error is carried as JSON-RPC: A2A's own errors ride on 200 there, ours never do */
  readonly jsonRpcHttp: number
  readonly jsonRpc: number
  /** canonical gRPC status name (google.rpc.Code), also the `status` of an HTTP+JSON error */
  readonly grpc: GrpcStatusName
  /** ErrorInfo.reason */
  readonly reason: string
  readonly publicMessage: string
}

const row = (
  http: number,
  jsonRpcHttp: number,
  jsonRpc: number,
  grpc: GrpcStatusName,
  reason: string,
  publicMessage: string,
): CatalogueRow => Object.freeze({ http, jsonRpcHttp, jsonRpc, grpc, reason, publicMessage })

export type RefusalCode =
  | 'LISTEN_HEAD_MALFORMED'
  | 'LISTEN_HEAD_TOO_LARGE'
  | 'LISTEN_BODY_TOO_LARGE'
  | 'LISTEN_BODY_TIMEOUT'
  | 'LISTEN_STOPPING'
  | 'AUTHN_MISSING'
  | 'AUTHN_INVALID'
  | 'AUTHN_FLOOD'
  | 'ROUTE_NOT_FOUND'
  | 'ROUTE_AGENT_UNKNOWN'
  | 'ROUTE_METHOD_NOT_ALLOWED'
  | 'DELEGATE_REQUEST'
  | 'DELEGATE_GRANT_TYPE'
  | 'DELEGATE_CALLER'
  | 'DELEGATE_SUBJECT'
  | 'DELEGATE_TARGET'
  | 'DELEGATE_SCOPE'
  | 'VALIDATE_CONTENT_TYPE'
  | 'VALIDATE_COMPRESSED'
  | 'VALIDATE_JSON'
  | 'VALIDATE_REQUEST'
  | 'VALIDATE_METHOD_UNKNOWN'
  | 'VALIDATE_PARAMS'
  | 'VALIDATE_VERSION'
  | 'VALIDATE_EXTENSION_REQUIRED'
  | 'VALIDATE_EXTENSION_NOT_ALLOWED'
  | 'AUTHZ_DENIED'
  | 'AUTHZ_TASK_NOT_FOUND'
  | 'AUTHZ_APPROVAL_REQUIRED'
  | 'AUTHZ_BLOCKED'
  | 'AUTHZ_AGENT_BLOCKED'
  | 'LIMIT_RATE'
  | 'LIMIT_STREAMS'
  | 'LIMIT_OPEN_TASKS'
  | 'LIMIT_TURNS'
  | 'LIMIT_MEMORY'
  | 'LIMIT_DUPLICATE'
  | 'LIMIT_DUPLICATE_OPEN'
  | 'LIMIT_MESSAGE_ID_REUSED'
  | 'FORWARD_UNAVAILABLE'
  | 'FORWARD_TIMEOUT'
  | 'RELEASE_INVALID_ANSWER'
  | 'RELEASE_TOO_LARGE'
  | 'RELEASE_ARTIFACT'
  | 'RELEASE_STREAM_BOUND'
  | 'RELEASE_STREAM_STALLED'
  | 'AUDIT_UNAVAILABLE'
  | 'GATEWAY_INTERNAL'

// prettier-ignore
export const catalogue: Readonly<Record<RefusalCode, CatalogueRow>> = Object.freeze({
  // listen: the bytes were not a request we are willing to read
  LISTEN_HEAD_MALFORMED:        row(400, 400, -32600, 'INVALID_ARGUMENT',    'INVALID_REQUEST',       'The HTTP request is malformed'),
  LISTEN_HEAD_TOO_LARGE:        row(431, 431, -32044, 'RESOURCE_EXHAUSTED',  'TOO_LARGE',             'The request head is too large'),
  LISTEN_BODY_TOO_LARGE:        row(413, 413, -32044, 'RESOURCE_EXHAUSTED',  'TOO_LARGE',             'The request is too large'),
  LISTEN_BODY_TIMEOUT:          row(408, 408, -32600, 'DEADLINE_EXCEEDED',   'REQUEST_TIMEOUT',       'The request took too long to arrive'),
  LISTEN_STOPPING:              row(503, 503, -32043, 'UNAVAILABLE',         'UNAVAILABLE',           'The gateway is stopping'),
  // authenticate
  AUTHN_MISSING:                row(401, 401, -32040, 'UNAUTHENTICATED',     'UNAUTHENTICATED',       'Authentication is required'),
  AUTHN_INVALID:                row(401, 401, -32040, 'UNAUTHENTICATED',     'UNAUTHENTICATED',       'Authentication is required'),
  AUTHN_FLOOD:                  row(429, 429, -32042, 'RESOURCE_EXHAUSTED',  'RATE_LIMITED',          'Too many requests'),
  // route
  ROUTE_NOT_FOUND:              row(404, 404, -32601, 'NOT_FOUND',           'NOT_FOUND',             'Nothing is here'),
  ROUTE_AGENT_UNKNOWN:          row(404, 404, -32601, 'NOT_FOUND',           'AGENT_NOT_FOUND',       'There is no such agent'),
  ROUTE_METHOD_NOT_ALLOWED:     row(405, 405, -32601, 'UNIMPLEMENTED',       'METHOD_NOT_ALLOWED',    'The HTTP method is not allowed here'),
  // delegate: an agent asks for a token for its next hop
  DELEGATE_REQUEST:             row(400, 400, -32600, 'INVALID_ARGUMENT',    'INVALID_REQUEST',       'The token request is not valid'),
  DELEGATE_GRANT_TYPE:          row(400, 400, -32600, 'INVALID_ARGUMENT',    'INVALID_REQUEST',       'Only the grant type of token exchange is supported'),
  DELEGATE_CALLER:              row(400, 400, -32600, 'PERMISSION_DENIED',   'PERMISSION_DENIED',     'Only configured agents get tokens'),
  DELEGATE_SUBJECT:             row(400, 400, -32600, 'INVALID_ARGUMENT',    'INVALID_REQUEST',       'The subject token is not valid here'),
  DELEGATE_TARGET:              row(400, 400, -32600, 'NOT_FOUND',           'AGENT_NOT_FOUND',       'There is no such agent'),
  DELEGATE_SCOPE:               row(400, 400, -32600, 'INVALID_ARGUMENT',    'INVALID_PARAMS',        'The scope is not valid or goes beyond what there is'),
  // validate
  VALIDATE_CONTENT_TYPE:        row(400, 415, -32005, 'INVALID_ARGUMENT',    'CONTENT_TYPE_NOT_SUPPORTED', 'The content type is not supported'),
  VALIDATE_COMPRESSED:          row(400, 400, -32600, 'UNIMPLEMENTED',       'COMPRESSION_NOT_SUPPORTED', 'Compressed messages are not accepted'),
  VALIDATE_JSON:                row(400, 400, -32700, 'INVALID_ARGUMENT',    'PARSE_ERROR',           'The body is not acceptable JSON'),
  VALIDATE_REQUEST:             row(400, 400, -32600, 'INVALID_ARGUMENT',    'INVALID_REQUEST',       'The request is not a valid JSON-RPC request'),
  VALIDATE_METHOD_UNKNOWN:      row(404, 200, -32601, 'UNIMPLEMENTED',       'METHOD_NOT_FOUND',      'The method is not known'),
  VALIDATE_PARAMS:              row(400, 200, -32602, 'INVALID_ARGUMENT',    'INVALID_PARAMS',        'The parameters are not valid'),
  VALIDATE_VERSION:             row(400, 200, -32009, 'FAILED_PRECONDITION', 'VERSION_NOT_SUPPORTED', 'The A2A protocol version is not supported here'),
  VALIDATE_EXTENSION_REQUIRED:  row(400, 200, -32008, 'FAILED_PRECONDITION', 'EXTENSION_SUPPORT_REQUIRED', 'Support of an extension is required'),
  VALIDATE_EXTENSION_NOT_ALLOWED: row(403, 403, -32041, 'PERMISSION_DENIED', 'PERMISSION_DENIED',     'The message uses an extension that is not allowed'),
  // authorize
  AUTHZ_DENIED:                 row(403, 403, -32041, 'PERMISSION_DENIED',   'PERMISSION_DENIED',     'Permission denied'),
  AUTHZ_TASK_NOT_FOUND:         row(404, 200, -32001, 'NOT_FOUND',           'TASK_NOT_FOUND',        'Task not found'),
  AUTHZ_APPROVAL_REQUIRED:      row(403, 403, -32041, 'PERMISSION_DENIED',   'APPROVAL_REQUIRED',     'A person has to approve this call'),
  AUTHZ_BLOCKED:                row(403, 403, -32041, 'PERMISSION_DENIED',   'PERMISSION_DENIED',     'Permission denied'),
  AUTHZ_AGENT_BLOCKED:          row(503, 503, -32043, 'UNAVAILABLE',         'UNAVAILABLE',           'The agent is unavailable'),
  // limit
  LIMIT_RATE:                   row(429, 429, -32042, 'RESOURCE_EXHAUSTED',  'RATE_LIMITED',          'Too many requests'),
  LIMIT_STREAMS:                row(429, 429, -32042, 'RESOURCE_EXHAUSTED',  'RATE_LIMITED',          'Too many open streams'),
  LIMIT_OPEN_TASKS:             row(429, 429, -32042, 'RESOURCE_EXHAUSTED',  'TOO_MANY_TASKS',        'Too many unfinished tasks'),
  LIMIT_TURNS:                  row(429, 429, -32042, 'RESOURCE_EXHAUSTED',  'TOO_MANY_TURNS',        'Too many messages in this context'),
  LIMIT_MEMORY:                 row(503, 503, -32043, 'UNAVAILABLE',         'UNAVAILABLE',           'Too many answers wait for slow callers'),
  LIMIT_DUPLICATE:              row(409, 409, -32045, 'ALREADY_EXISTS',      'DUPLICATE_MESSAGE',     'This message was sent before'),
  LIMIT_DUPLICATE_OPEN:         row(409, 409, -32045, 'ABORTED',             'DUPLICATE_MESSAGE',     'This message is being worked on'),
  LIMIT_MESSAGE_ID_REUSED:      row(409, 409, -32045, 'ALREADY_EXISTS',      'MESSAGE_ID_REUSED',     'The messageId was used for another message'),
  // forward: the agent could not be reached or did not answer
  FORWARD_UNAVAILABLE:          row(503, 503, -32043, 'UNAVAILABLE',         'UNAVAILABLE',           'The agent is unavailable'),
  FORWARD_TIMEOUT:              row(504, 504, -32043, 'DEADLINE_EXCEEDED',   'UNAVAILABLE',           'The agent did not answer in time'),
  // release: the agent answered with something nobody should see
  RELEASE_INVALID_ANSWER:       row(500, 200, -32006, 'INTERNAL',            'INVALID_AGENT_RESPONSE', 'The agent gave an invalid answer'),
  RELEASE_TOO_LARGE:            row(500, 200, -32006, 'INTERNAL',            'INVALID_AGENT_RESPONSE', 'The agent gave an invalid answer'),
  RELEASE_ARTIFACT:             row(500, 200, -32006, 'INTERNAL',            'ARTIFACT_NOT_ALLOWED',  'The agent gave an artifact that is not allowed'),
  RELEASE_STREAM_BOUND:         row(429, 429, -32042, 'RESOURCE_EXHAUSTED',  'RATE_LIMITED',          'The stream reached its bound'),
  RELEASE_STREAM_STALLED:       row(504, 504, -32043, 'DEADLINE_EXCEEDED',   'UNAVAILABLE',           'The agent stopped in mid-stream'),
  // audit and anything thrown
  AUDIT_UNAVAILABLE:            row(503, 503, -32043, 'UNAVAILABLE',         'UNAVAILABLE',           'The gateway cannot record calls at present'),
  GATEWAY_INTERNAL:             row(500, 500, -32603, 'INTERNAL',            'INTERNAL',              'An internal error occurred'),
})

export interface Refusal {
  readonly kind: 'refusal'
  readonly code: RefusalCode
  /** private: for the audit record, never for the caller */
  readonly detail: string
  /** public addition to the sentence, only where it tells a caller how to mend its own request */
  readonly hint?: string
  /** members of ErrorInfo.metadata, for the caller */
  readonly metadata?: Readonly<Record<string, string>>
  /** extra response headers, lower case */
  readonly headers?: Readonly<Record<string, string>>
  /** private: the id of an API key that an unknown caller named; what slows down those who guess */
  readonly claimedKey?: string
  /** private: the agent has not begun: it was not reached, or takes no call of the gateway's */
  readonly unsent?: boolean
}

export function refuse(
  code: RefusalCode,
  detail: string,
  extra: {
    hint?: string
    metadata?: Record<string, string>
    headers?: Record<string, string>
    claimedKey?: string
    unsent?: boolean
  } = {},
): Refusal {
  return { kind: 'refusal', code, detail, ...extra }
}

export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && (value as { kind?: unknown }).kind === 'refusal'
}
