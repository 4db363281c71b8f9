// How gRPC says what became of a call: names and numbers of its codes, `grpc-message` in its percent-encoding, and
// `grpc-status-details-bin`, a google.rpc.Status with google.rpc.ErrorInfo among its details (A2A 1.0 §10.6).

import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { errorInfoType, grpcStatusNames, type GrpcStatusName } from '../a2a/errors.ts'
import { scanWire, type WireBounds } from './scan-wire.ts'
import { messageNamed } from './schema.ts'

export function grpcStatusNumber(name: GrpcStatusName): number {
  return grpcStatusNames.indexOf(name)
}

/** The name of a number; UNKNOWN for every number that gRPC does not have, as its own libraries do. */
export function grpcStatusName(number: number): GrpcStatusName {
  return grpcStatusNames[number] ?? 'UNKNOWN'
}

export interface ErrorInfo {
  readonly reason: string
  readonly domain: string
  readonly metadata?: Readonly<Record<string, string>> | undefined
}

/** A detail of a kind that is not read here. */
export interface OtherDetail {
  readonly typeUrl: string
  readonly value: Buffer
}

export interface GrpcStatus {
  readonly code: number
  readonly message: string
  readonly details: readonly (ErrorInfo | OtherDetail)[]
}

const statusMessage = messageNamed('google.rpc.Status')
const errorInfoMessage = messageNamed('google.rpc.ErrorInfo')
/** A detail is no place for more; agents write these. */
const statusBounds: WireBounds = { maxDepth: 8, maxFields: 1_000 } // bound: fields of a gRPC status

/** The bytes of `grpc-status-details-bin`, before its base64. */
export function encodeStatus({ code, message, details }: GrpcStatus): Buffer {
  return toBuffer(toBinary(statusMessage, create(statusMessage, { code, message, details: details.map(packDetail) })))
}

function packDetail(detail: ErrorInfo | OtherDetail): { $typeName: string; typeUrl: string; value: Uint8Array } {
  const $typeName = 'google.protobuf.Any'
  if ('typeUrl' in detail) return { $typeName, typeUrl: detail.typeUrl, value: detail.value }
  const { reason, domain, metadata = {} } = detail
  const info = create(errorInfoMessage, { reason, domain, metadata })
  return { $typeName, typeUrl: errorInfoType, value: toBinary(errorInfoMessage, info) }
}

/** What an agent's `grpc-status-details-bin` says; undefined when it is no status that all decoders read alike. */
export function decodeStatus(bytes: Uint8Array): GrpcStatus | undefined {
  if (!scanWire(statusMessage, bytes, statusBounds).ok) return undefined
  // the schema of tools/make-descriptors.ts
  const status = fromBinary(statusMessage, bytes) as unknown as StatusMessage
  const details = status.details.map(unpackDetail)
  if (!details.every((detail) => detail !== undefined)) return undefined
  return { code: status.code, message: status.message, details }
}

interface StatusMessage {
  readonly code: number
  readonly message: string
  readonly details: readonly { readonly typeUrl: string; readonly value: Uint8Array }[]
}

function unpackDetail({ typeUrl, value }: StatusMessage['details'][number]): ErrorInfo | OtherDetail | undefined {
  if (typeUrl !== errorInfoType) return { typeUrl, value: toBuffer(value) }
  if (!scanWire(errorInfoMessage, value, statusBounds).ok) return undefined
  // the schema of tools/make-descriptors.ts
  const { reason, domain, metadata } = fromBinary(errorInfoMessage, value) as unknown as Required<ErrorInfo>
  return { reason, domain, metadata }
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** The text of `grpc-message`: UTF-8 with everything but printable ASCII, and the percent sign, encoded. */
export function encodeGrpcMessage(text: string): string {
  let encoded = ''
  for (const byte of Buffer.from(text, 'utf8')) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25
    encoded += isPlain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return encoded
}
