// Errors between 0.3 and 1.0. The codes of 0.3 (-32001…-32007 and those of JSON-RPC) mean the same in 1.0. Two are
// new in 1.0 and become the nearest that a 0.3 caller knows. On REST 0.3 has no error envelope: its JavaScript servers
// answer `{code, message, data?}`, its Python servers `{message}` under an HTTP status of their own table.

import type { JsonObject, JsonValue } from '../../base/strict-json.ts'
import type { Operation } from '../operations.ts'
import { isObject, member, textMember } from './translation.ts'

/** An error as both versions tell it on JSON-RPC. */
export interface RpcError {
  readonly code: number
  readonly message: string
}

// prettier-ignore
const newer: ReadonlyMap<number, number> = new Map([
  [-32008, -32004], // ExtensionSupportRequired: the operation is not supported as it was called
  [-32009, -32600], // VersionNotSupported: not a request that this endpoint takes
])

/** The code for a 0.3 caller; codes that 0.3 has, and those that no version has, stay. */
export function errorCodeTo03(code: number): number {
  return newer.get(code) ?? code
}

/** The body of a REST error for a 0.3 caller: what the JavaScript client reads; the Python one reads the status. */
export function restErrorTo03(error: RpcError): JsonObject {
  return { code: errorCodeTo03(error.code), message: error.message }
}

// prettier-ignore
const statusCodes: ReadonlyMap<number, number> = new Map([
  [400, -32600],
  [404, -32001],
  [409, -32002],
  [415, -32005],
  [422, -32602],
  [501, -32004],
  [502, -32006],
])

/** What an error of a 0.3 REST agent says; by its code, or where it names none by the status that it came with. */
export function errorFromRest03(operation: Operation, status: number, body: JsonValue | undefined): RpcError {
  const object = isObject(body) ? body : {}
  const code = member(object, 'code')
  const message = textMember(object, 'message')
  if (typeof code === 'number' && Number.isSafeInteger(code)) return { code, message }
  if (status === 404 && operation === 'GetExtendedAgentCard') return { code: -32007, message }
  if (status === 501 && operation.includes('PushNotification')) return { code: -32003, message }
  return { code: statusCodes.get(status) ?? -32603, message }
}
