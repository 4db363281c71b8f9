// A fault is the world failing us (a disk, a socket, a file), as opposed to a refusal (the caller may
// not) or a bug (we were wrong). It carries a typed code and the error that caused it.

export type FaultCode =
  | 'LEDGER_FULL'
  | 'LEDGER_UNWRITABLE'
  | 'LEDGER_CORRUPT'
  | 'LEDGER_LOCKED'
  | 'STORE_UNREACHABLE'
  | 'CONFIG_INVALID'
  | 'KEY_UNREADABLE'
  | 'LISTEN_FAILED'
  | 'CONTROL_FAILED'

export class Fault extends Error {
  override readonly name = 'Fault'
  readonly code: FaultCode
  /** What the operator can do about it, as a command or a sentence; printed after `hint:`. */
  readonly hint: string | undefined

  constructor(code: FaultCode, message: string, options: { cause?: unknown; hint?: string } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
  }
}
