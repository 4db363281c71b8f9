// The shapes of the admin API, types only: what the console and the command line may know of it.

export interface Status {
  readonly version: string
  readonly configDigest: string
  readonly startedAt: string
  readonly ledger: { readonly origin: string; readonly size: number; readonly root: string; readonly status: string }
  readonly openStreams: number
  readonly connections: number
  readonly agents: readonly { readonly name: string; readonly isUp: boolean; readonly circuitOpen: boolean }[]
}

export interface Readiness {
  readonly ready: boolean
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[]
}
