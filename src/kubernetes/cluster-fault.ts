// What went wrong between us and an API server. Never an answer about a caller: whoever asks and gets one of these
// has no answer, and so must refuse. Its message is for operators and records; it names no token.

export type ClusterFaultCode =
  /** no connection, or one that broke off */
  | 'UNREACHABLE'
  | 'TIMEOUT'
  /** more of our questions wait than we let wait */
  | 'BUSY'
  /** an answer that is not a success: see `status` */
  | 'STATUS'
  /** not JSON, too large, or another kind of object than was asked for */
  | 'GARBAGE'
  /** our own credential or certificate cannot be read */
  | 'CREDENTIAL'

export class ClusterFault extends Error {
  override readonly name = 'ClusterFault'
  readonly code: ClusterFaultCode
  /** HTTP status, or the code of a Status object; 0 where there was none */
  readonly status: number
  /** what Retry-After asked for; undefined without it */
  readonly retryAfterMs: number | undefined

  constructor(
    code: ClusterFaultCode,
    message: string,
    more: { readonly status?: number; readonly retryAfterMs?: number | undefined; readonly cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.code = code
    this.status = more.status ?? 0
    this.retryAfterMs = more.retryAfterMs
  }
}

export function faultOf(error: unknown): ClusterFault {
  if (error instanceof ClusterFault) return error
  return new ClusterFault('UNREACHABLE', error instanceof Error ? error.message : String(error), { cause: error })
}
