// What the commands of erasure, legal hold and retention ask of whoever holds the data directory. Types only; all of
// it crosses the control socket as plain JSON.

export interface RetentionMethods {
  'audit.erase'(params: EraseRequest): Promise<EraseAnswer>
  'audit.hold'(params: HoldRequest): Promise<HoldAnswer>
  'audit.holds'(params: Record<string, never>): Promise<readonly HoldSummary[]>
  'audit.release'(params: { readonly name: string; readonly reason: string }): Promise<HoldAnswer>
  'audit.prune'(params: {
    readonly dryRun: boolean
    readonly althoughClockJumped?: boolean | undefined
  }): Promise<PruneAnswer>
}

/** What is answered without changing anything: holds, and dry runs. */
export interface RetentionReadings {
  'audit.erase'(params: { readonly subject: string }): Promise<EraseAnswer>
  'audit.holds'(): Promise<readonly HoldSummary[]>
  'audit.prune'(params: {
    readonly dryRun: boolean
    readonly althoughClockJumped?: boolean | undefined
  }): Promise<PruneAnswer>
}

export interface EraseRequest {
  /** whom to erase; null where `approve` names a request that waits */
  readonly subject: string | null
  readonly reason: string
  readonly dryRun: boolean
  /** API key of an approver; null where none was given */
  readonly approver: string | null
  /** id of a request that waits for a second approver */
  readonly approve: string | null
}

/** `refused` is an answer, not a fault: it is recorded, and the command ends with 1. */
export type EraseAnswer =
  | { readonly kind: 'refused'; readonly why: string; readonly hint: string }
  | { readonly kind: 'pending'; readonly id: string; readonly expiresAtMs: number }
  | ({ readonly kind: 'dry-run' | 'erased' } & ErasedReport)

export interface ErasedReport {
  readonly logs: readonly ErasedLog[]
  /** rows of the index of owners */
  readonly ownershipRows: number
  /** copies that this cannot reach */
  readonly unreachable: readonly string[]
  /** logs in the data directory, among those, that know the subject or do not let themselves be asked */
  readonly missed?: readonly string[]
}
export interface ErasedLog {
  readonly origin: string
  /** keys of the subject that were destroyed, one for each month */
  readonly keys: number
  readonly months: readonly string[]
  /** index of the record that vouches for it; null where there was nothing to erase */
  readonly record: number | null
}

export interface HoldRequest {
  readonly name: string
  /** null: everything */
  readonly subject: string | null
  readonly reason: string
}
export interface HoldSummary extends HoldRequest {
  readonly sinceMs: number
}
export type HoldAnswer =
  | { readonly kind: 'refused'; readonly why: string; readonly hint: string }
  | { readonly kind: 'done'; readonly hold: HoldSummary }

export interface PruneAnswer {
  /** a hold on everything: nothing was looked at; '' for none */
  readonly heldBy: string
  /** how far the clock is ahead of what the logs vouch for, where that alone kept something; otherwise 0 */
  readonly clockAheadMs: number
  readonly logs: readonly PrunedLog[]
}
export interface PrunedLog {
  readonly origin: string
  readonly bodies: number
  readonly heldBodies: number
  readonly records: number
  readonly minimumIndex: number
  readonly freedBytes: number
}
