// How gRPC says that a call ended, as header fields: Trailers-Only where nothing was sent before, trailers behind what was
// (gRPC over HTTP/2, "Responses"; A2A 1.0.1 §10.6). And the same of an agent, read.

import { errorInfoType, errorOfStatus, type AgentError, type GrpcStatusName } from '../a2a/errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../base/strict-json.ts'
import {
  decodeStatus,
  encodeGrpcMessage,
  encodeStatus,
  grpcStatusName,
  grpcStatusNumber,
  type ErrorInfo,
} from '../protobuf/grpc-status.ts'

export const grpcOk: Readonly<Record<string, string>> = Object.freeze({ 'grpc-status': '0' })

/** What is said of an error: its status name, its sentence, its details as ProtoJSON writes google.protobuf.Any. */
export interface GrpcError {
  readonly grpc: GrpcStatusName
  readonly message: string
  readonly details: readonly JsonValue[]
}

export function grpcErrorFields({ grpc, message, details }: GrpcError): Record<string, string> {
  const code = grpcStatusNumber(grpc)
  const infos = details.filter(isJsonObject).filter((detail) => detail['@type'] === errorInfoType)
  const bytes = encodeStatus({ code, message, details: infos.map(infoOf) })
  return {
    'grpc-status': String(code),
    'grpc-message': encodeGrpcMessage(message),
    'grpc-status-details-bin': unpadded(bytes),
  }
}

function infoOf({ reason, domain, metadata }: JsonObject): ErrorInfo {
  const texts = isJsonObject(metadata) ? Object.entries(metadata).map(([name, value]) => [name, textOf(value)]) : []
  return {
    reason: textOf(reason),
    domain: textOf(domain),
    metadata: Object.fromEntries(texts) as Record<string, string>,
  }
}

/** With what an agent ended a call, other than OK. */
export interface GrpcFailure {
  readonly code: number
  readonly message: string
  /** `grpc-status-details-bin`, decoded from its base64 */
  readonly details: Buffer | undefined
}

export function errorOfGrpc({ code, message, details }: GrpcFailure): AgentError {
  const status = details === undefined ? undefined : decodeStatus(details)
  const infos = (status?.details ?? []).flatMap((detail): JsonValue[] =>
    'typeUrl' in detail ? [] : [{ '@type': errorInfoType, ...detail, metadata: { ...detail.metadata } }],
  )
  return errorOfStatus(grpcStatusName(code), message, infos)
}

/** The same error as an agent said it, with its details of every kind, where they can be read at all. */
export function grpcFailureFields({ code, message, details }: GrpcFailure): Record<string, string> {
  const isReadable = details !== undefined && decodeStatus(details) !== undefined
  return {
    'grpc-status': String(grpcStatusNumber(grpcStatusName(code))),
    'grpc-message': encodeGrpcMessage(message),
    ...(isReadable && { 'grpc-status-details-bin': unpadded(details) }),
  }
}

/** As gRPC asks for base64 in header fields. */
const unpadded = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '')

const textOf = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '')
