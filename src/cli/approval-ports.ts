// What the commands of approval ask of whoever holds the data directory. Types only; all of it crosses the control
// socket as plain JSON.

export interface ApprovalMethods {
  'approval.list'(params: Record<string, never>): Promise<readonly ApprovalSummary[]>
  'approval.grant'(params: ApprovalDecision): Promise<ApprovalAnswer>
  'approval.deny'(params: ApprovalDecision): Promise<ApprovalAnswer>
}

export interface ApprovalDecision {
  readonly id: string
  readonly reason: string
  /** API key of an approver */
  readonly approver: string
}

/** `refused` is an answer, not a fault: it is recorded, and the command ends with 1. */
export type ApprovalAnswer =
  | { readonly kind: 'refused'; readonly why: string; readonly hint: string }
  | { readonly kind: 'done'; readonly approval: ApprovalSummary }

export interface ApprovalSummary {
  readonly id: string
  readonly state: 'pending' | 'granted' | 'denied' | 'used'
  readonly caller: string
  readonly origin: string
  /** oldest first */
  readonly chain: readonly string[]
  readonly agent: string
  readonly operation: string
  readonly task: string
  /** rules that ask for the approval */
  readonly rules: readonly string[]
  /** kinds and sizes in bytes, never words */
  readonly parts: readonly { readonly kind: string; readonly size: number }[]
  readonly createdAtMs: number
  readonly expiresAtMs: number
  /** '' while nobody has decided */
  readonly decidedBy: string
}
