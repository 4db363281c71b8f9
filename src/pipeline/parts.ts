// What the walk is given. Everything here outlives a request; what changes with the configuration comes by
// `rulesOf`, so that a request sees one snapshot from beginning to end (invariant 7).

import type { AuditTrail, CallFacts, ContentRules } from '../audit/audit.ts'
import type { Authenticator, GrantBook } from '../authenticate/authenticate.ts'
import type { AccessAuthority, ApprovalRules, BlockReader, CompiledPolicy } from '../authorize/authorize.ts'
import type { Clock } from '../base/clock.ts'
import type { TraceContext } from '../base/trace-context.ts'
import type { DeclaredExtensions } from '../a2a/extensions.ts'
import type { AgentConfig, Snapshot } from '../config/config.ts'
import type { DiscoveryParts } from '../discover/discover.ts'
import type { Admitted, AgentTrace, Received } from '../exchange/exchange.ts'
import type { Forwarder } from '../forward/forward.ts'
import type { Backoff, Limiter, SourceLimiter } from '../limit/limit.ts'
import type { Refusal, RefusalCode } from '../refusal/refusal.ts'
import type { OwnershipBook } from '../release/release.ts'
import type { DuplicateBook } from './duplicates.ts'
import type { Heartbeat } from './heartbeat.ts'
import type { TaskLister } from './list-tasks.ts'

/** A snapshot, compiled. */
export interface Rules {
  readonly authenticator: Authenticator
  readonly policy: CompiledPolicy
  /** who else must allow what the policy allows: the RBAC of a cluster; absent where nobody must */
  readonly access?: AccessAuthority | undefined
  readonly forwarder: Forwarder
  /** what of messages and answers is recorded: nothing where no rule says so */
  readonly content: ContentRules
}

export interface WalkMetrics {
  stage(name: string, milliseconds: number): void
  call(agent: string, operation: string, outcome: string, milliseconds: number): void
  refusal(code: string): void
  /** an agent called on its own account */
  autonomous(agent: string): void
}

/** A call in its trace, while it walks. */
export interface CallTrace extends AgentTrace {
  /** the span of this call; '' while it is in no trace */
  readonly traceparent: string
  /** said once, before anything is asked of it: whether the call stays in the trace of its caller */
  settle(continuesCallers: boolean): void
  /** a stage has passed; times are monotonic milliseconds */
  stage(name: string, fromMs: number, toMs: number): void
  /** the answer is a stream: the agent's call lasts until the end */
  streams(): void
  /** how it ended; `code` is that of the refusal, '' without one */
  end(facts: CallFacts, outcome: string, code: RefusalCode | '', nowMs: number): void
}

export interface Tracing {
  /** `claimed` is what the caller says of its trace; undefined when it says nothing that can be read */
  open(received: Received, claimed: TraceContext | undefined): CallTrace
}

export interface WalkParts {
  readonly clock: Clock
  readonly audit: AuditTrail
  readonly rulesOf: (snapshot: Snapshot) => Rules
  /** the one in force now: asked only about calls that outlive their own */
  readonly snapshot: () => Snapshot
  readonly ownership: OwnershipBook
  readonly approvals: ApprovalRules
  /** for how long the agents that are called may act on for those who call */
  readonly grants: Pick<GrantBook, 'open'>
  readonly lister: TaskLister
  /** which messages were sent before */
  readonly duplicates: DuplicateBook
  /** apart from snapshots: they take effect at once */
  readonly blocks: BlockReader
  readonly limiter: Limiter
  readonly sourceLimiter: SourceLimiter
  /** how long wrong credentials wait for their answer, by the API key that they name and by source network */
  readonly backoff: { readonly byKey: Backoff; readonly bySource: Backoff }
  readonly discovery: DiscoveryParts
  readonly heartbeat: Heartbeat
  readonly metrics: WalkMetrics
  /** what an agent's card declares of extensions, as it was last read; undefined when that is not known */
  readonly declaredExtensions?: (agent: AgentConfig, snapshot: Snapshot) => DeclaredExtensions | undefined
  /** absent where no spans are kept: traces of callers are continued all the same */
  readonly tracing?: Tracing | undefined
  /** why the ledger counts as unwitnessed, so that no call may be served; absent where no witness is configured */
  readonly unwitnessed?: () => string | undefined
  readonly onBug: (error: unknown) => void
  /** an agent could not be reached, or answered what nobody should see: its operator wants to know */
  readonly onAgentTrouble: (admitted: Admitted, refusal: Refusal) => void
}
