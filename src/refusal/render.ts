// A refusal as each binding says it. Sources: A2A 1.0.1 §9.5 (JSON-RPC), §11.6 (HTTP+JSON, google.rpc.Status); for
// /token RFC 6749 §5.2.

import type { Binding, Face, ProtocolVersion } from '../a2a/operations.ts'
import { errorCodeTo03, restErrorTo03 } from '../a2a/v0-3/errors.ts'
import { errorInfoDomain, errorInfoType } from '../a2a/errors.ts'
import { grpcErrorFields } from '../faces/grpc-error.ts'
import { catalogue, type Refusal, type RefusalCode } from './refusal.ts'

export interface RenderedRefusal {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: string
}

/** In which form a caller is told. In 0.3 the error bodies of HTTP+JSON are others, and so are two codes of JSON-RPC. */
export type RefusalFace = Binding | 'JSONRPC 0.3' | 'HTTP+JSON 0.3' | 'OAuth'

export const refusalFace = ({ binding, version }: Face): RefusalFace =>
  version === '1.0' || binding === 'GRPC' ? binding : `${binding} 0.3`

const errorInfo = (reason: string, metadata: Refusal['metadata']): string => {
  const more = metadata === undefined ? '' : `,"metadata":${JSON.stringify(metadata)}`
  return `[{"@type":"${errorInfoType}","reason":${JSON.stringify(reason)},"domain":"${errorInfoDomain}"${more}}]`
}

const publicSentence = (refusal: Refusal): string => {
  const sentence = catalogue[refusal.code].publicMessage
  return JSON.stringify(refusal.hint === undefined ? sentence : `${sentence}: ${refusal.hint}`)
}

/** The JSON-RPC error object; `requestId` is the raw JSON token of the request's id, or 'null'. */
export function renderJsonRpcError(refusal: Refusal, requestId: string, version: ProtocolVersion = '1.0'): string {
  const { jsonRpc, reason } = catalogue[refusal.code]
  const code = version === '1.0' ? jsonRpc : errorCodeTo03(jsonRpc)
  const error = `{"code":${code},"message":${publicSentence(refusal)},"data":${errorInfo(reason, refusal.metadata)}}`
  return `{"jsonrpc":"2.0","id":${requestId === '' ? 'null' : requestId},"error":${error}}`
}

/** The HTTP+JSON error body. */
export function renderRestError(refusal: Refusal): string {
  const { http, grpc, reason } = catalogue[refusal.code]
  return `{"error":{"code":${http},"status":"${grpc}","message":${publicSentence(refusal)},"details":${errorInfo(reason, refusal.metadata)}}}`
}

const grpcHead = { 'content-type': 'application/grpc' }

/** The fields that end a gRPC call (§10.6). */
export function renderGrpcError(refusal: Refusal): Record<string, string> {
  const { grpc, reason, publicMessage } = catalogue[refusal.code]
  const message = refusal.hint === undefined ? publicMessage : `${publicMessage}: ${refusal.hint}`
  const metadata = refusal.metadata === undefined ? {} : { metadata: { ...refusal.metadata } }
  const details = [{ '@type': errorInfoType, reason, domain: errorInfoDomain, ...metadata }]
  return grpcErrorFields({ grpc, message, details })
}

/** The error body of /token (RFC 6749 §5.2, RFC 8693 §2.2.2). */
function renderOauthError(refusal: Refusal): string {
  return `{"error":"${oauthErrorOf(refusal.code)}","error_description":${publicSentence(refusal)}}`
}

const oauthErrors: Readonly<Partial<Record<RefusalCode, string>>> = {
  DELEGATE_GRANT_TYPE: 'unsupported_grant_type',
  DELEGATE_CALLER: 'unauthorized_client',
  DELEGATE_TARGET: 'invalid_target',
  DELEGATE_SCOPE: 'invalid_scope',
}

function oauthErrorOf(code: RefusalCode): string {
  const { http } = catalogue[code]
  if (http === 401) return 'invalid_client'
  if (http >= 500) return http === 500 ? 'server_error' : 'temporarily_unavailable'
  return oauthErrors[code] ?? (http === 429 ? 'temporarily_unavailable' : 'invalid_request')
}

export function renderRefusal(refusal: Refusal, face: RefusalFace, requestId: string): RenderedRefusal {
  const row = catalogue[refusal.code]
  // Trailers-Only: the head says everything, and HTTP itself went well
  if (face === 'GRPC')
    return { status: 200, headers: { ...grpcHead, ...refusal.headers, ...renderGrpcError(refusal) }, body: '' }
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store', ...refusal.headers }
  if (face === 'HTTP+JSON 0.3') {
    const { jsonRpc: code, publicMessage } = row
    const message = refusal.hint === undefined ? publicMessage : `${publicMessage}: ${refusal.hint}`
    return { status: row.http, headers, body: JSON.stringify(restErrorTo03({ code, message })) }
  }
  if (face === 'OAuth') return { status: row.http, headers, body: renderOauthError(refusal) }
  if (face === 'HTTP+JSON') return { status: row.http, headers, body: renderRestError(refusal) }
  const version = face === 'JSONRPC' ? '1.0' : '0.3'
  return { status: row.jsonRpcHttp, headers, body: renderJsonRpcError(refusal, requestId, version) }
}
