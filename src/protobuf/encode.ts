// ProtoJSON values into messages of the gRPC binding, for calls whose two faces differ. A protobuf message has no place
// for members that its schema does not know: they are left out and named, so that nobody loses one unawares. A value
// that does not fit is a failure with its path; nothing is coerced, although ProtoJSON would let much be.

import { fromJson, toBinary, type DescMessage } from '@bufbuild/protobuf'
import type { Operation, ProtocolVersion } from '../a2a/operations.ts'
import type { JsonValue } from '../base/strict-json.ts'
import { fitToSchema, type FitReason } from './fit-to-schema.ts'
import { methodOf } from './schema.ts'

export interface EncodeFailure {
  readonly ok: false
  /** names of schema positions and places in lists; '' for the whole */
  readonly path: string
  /** 'value': the codec did not take what the schema seems to allow; 'operation': not in this version */
  readonly reason: FitReason | 'value' | 'operation'
}

export type Encoded =
  | {
      readonly ok: true
      readonly bytes: Buffer
      /** paths of members that the schema does not know and the message therefore has not */
      readonly lost: readonly string[]
    }
  | EncodeFailure

/** The request message of this operation. */
export function encodeRequest(operation: Operation, value: JsonValue, version: ProtocolVersion = '1.0'): Encoded {
  return encode(methodOf(operation, version)?.request, value)
}

/** The answer of this operation, or one event where it streams. JSON-RPC's null for nothing is an empty message. */
export function encodeAnswer(operation: Operation, value: JsonValue, version: ProtocolVersion = '1.0'): Encoded {
  return encode(methodOf(operation, version)?.answer, value)
}

function encode(message: DescMessage | undefined, value: JsonValue): Encoded {
  if (message === undefined) return { ok: false, path: '', reason: 'operation' }
  const fitted = fitToSchema(message, value)
  if (!fitted.ok) return fitted
  try {
    const bytes = toBinary(message, fromJson(message, fitted.value, { recursionLimit: deepest }))
    return { ok: true, bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), lost: fitted.lost }
  } catch {
    return { ok: false, path: '', reason: 'value' }
  }
}

/** JSON comes 64 deep at the most and makes two levels of each; the schema's own are fewer than ten. */
const deepest = 256
