// The errors of A2A 1.0.1 as data (specification §5.4), so that an agent's own error can be told from rubbish and
// given the status of the binding it leaves on. What the gateway itself refuses lies in refusal/, not here.

export interface A2aError {
  readonly name: string
  readonly jsonRpc: number
  readonly http: number
  /** canonical google.rpc.Code name */
  readonly grpc: string
  /** ErrorInfo.reason (§9.5, §10.6, §11.6) */
  readonly reason: string
}

/** `ErrorInfo.domain` of every A2A error. */
export const errorInfoDomain = 'a2a-protocol.org'
export const errorInfoType = 'type.googleapis.com/google.rpc.ErrorInfo'

const row = (name: string, jsonRpc: number, http: number, grpc: string, reason: string): A2aError =>
  Object.freeze({ name, jsonRpc, http, grpc, reason })

// prettier-ignore
export const a2aErrors: readonly A2aError[] = Object.freeze([
  row('TaskNotFoundError',                   -32001, 404, 'NOT_FOUND',           'TASK_NOT_FOUND'),
  row('TaskNotCancelableError',              -32002, 400, 'FAILED_PRECONDITION', 'TASK_NOT_CANCELABLE'),
  row('PushNotificationNotSupportedError',   -32003, 400, 'FAILED_PRECONDITION', 'PUSH_NOTIFICATION_NOT_SUPPORTED'),
  row('UnsupportedOperationError',           -32004, 400, 'FAILED_PRECONDITION', 'UNSUPPORTED_OPERATION'),
  row('ContentTypeNotSupportedError',        -32005, 400, 'INVALID_ARGUMENT',    'CONTENT_TYPE_NOT_SUPPORTED'),
  row('InvalidAgentResponseError',           -32006, 500, 'INTERNAL',            'INVALID_AGENT_RESPONSE'),
  row('ExtendedAgentCardNotConfiguredError', -32007, 400, 'FAILED_PRECONDITION', 'EXTENDED_AGENT_CARD_NOT_CONFIGURED'),
  row('ExtensionSupportRequiredError',       -32008, 400, 'FAILED_PRECONDITION', 'EXTENSION_SUPPORT_REQUIRED'),
  row('VersionNotSupportedError',            -32009, 400, 'FAILED_PRECONDITION', 'VERSION_NOT_SUPPORTED'),
])

const byCode: ReadonlyMap<number, A2aError> = new Map(a2aErrors.map((error) => [error.jsonRpc, error]))
const byReason: ReadonlyMap<string, A2aError> = new Map(a2aErrors.map((error) => [error.reason, error]))

export function errorByCode(jsonRpc: number): A2aError | undefined {
  return byCode.get(jsonRpc)
}

export function errorByReason(reason: string): A2aError | undefined {
  return byReason.get(reason)
}

/** The codes that JSON-RPC 2.0 itself defines: -32700 and -32603…-32600. */
export function isJsonRpcStandardCode(code: number): boolean {
  return code === -32700 || (code >= -32603 && code <= -32600)
}
