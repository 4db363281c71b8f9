// What the commands need from the rest of the product, as interfaces: serve implements them, tests fake them. Types
// only, so that reading a command never means reading the gateway. Values that cross the control socket are plain JSON.

import type { JsonObject } from '../base/strict-json.ts'
import type { Config, Finding, LoadedConfig, Problem } from '../config/config.ts'
import type { ApprovalMethods } from './approval-ports.ts'
import type { PolicyPorts } from './policy-ports.ts'
import type { ProofPorts, Trust } from './proof-ports.ts'
import type { AdminMethods } from './admin-ports.ts'
import type { TokenMethods } from './token-ports.ts'
import type { RetentionMethods, RetentionReadings } from './retention-ports.ts'
import type { BlockMethods } from './block-ports.ts'
import type { SecretMethods } from './secret-ports.ts'

export type * from './approval-ports.ts'
export type * from './admin-ports.ts'
export type * from './block-ports.ts'
export type * from './policy-ports.ts'
export type * from './proof-ports.ts'
export type * from './retention-ports.ts'
export type * from './secret-ports.ts'
export type * from './token-ports.ts'

/** Everything commands call outside cli and config; loaded only by the commands that need it. */
export interface Ports extends PolicyPorts, ProofPorts {
  /** Resolves with the exit code when the process was asked to stop and has drained. */
  runServe(options: ServeOptions): Promise<number>
  runDemo(options: DemoOptions): Promise<number>
  /** Opens the state of a data directory that no process holds: takes its lock, records under an origin of its own. */
  openState(context: StateContext): Promise<OpenState>
  /** The same for what changes nothing: takes no lock and makes nothing. */
  readRetention(context: StateContext): RetentionReadings
  /** Sets aside a log that cannot be gone on with, and begins a new one that says so. */
  beginAnew(request: BeginAnewRequest): Promise<BeginAnewReport>
  verifyLedger(ledgerRoot: string, options?: VerifyOptions): Promise<VerifyReport>
  /** Resolves with the exit code when the process was asked to stop. */
  runWitness(options: WitnessOptions): Promise<number>
  /** The verifier keys of a witness; makes them on first use. */
  witnessKeys(options: { readonly dataDir: string; readonly name: string | undefined }): WitnessKeyList
  /** Records of all logs under the data directory, oldest first; ends after the last one unless `follow`. */
  tailLedger(options: TailOptions): AsyncIterable<TailRecord>
  /** The latest records that match, in order of time; brings the search index up to the ledger first. */
  searchLedger(options: SearchOptions): AsyncIterable<TailRecord>
  reindexLedger(options: ReindexOptions): Promise<ReindexReport>
  /** Compiles the policy; findings carry paths from the root of the file (`policy`, `roles`, …). */
  checkPolicy(config: Config): readonly Finding[]
  /** Fetches and reads an agent's card, bounded in size and time. */
  inspectAgent(target: AgentTarget): Promise<CardFacts>
}

export interface ServeOptions {
  readonly loaded: LoadedConfig
  /** absolute; already resolved from --data-dir and the file */
  readonly dataDir: string
  /** one JSON line when ready instead of sentences */
  readonly json: boolean
  readonly out: (text: string) => void
  readonly err: (text: string) => void
}

export interface WitnessOptions {
  /** absolute */
  readonly dataDir: string
  /** needed at the first start */
  readonly name: string | undefined
  readonly listen: string
  /** verifier keys of the logs to watch, and absolute paths of files that hold some */
  readonly vkeys: readonly string[]
  readonly files: readonly string[]
  readonly json: boolean
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  readonly stop: AbortSignal
}
export interface WitnessKeyList {
  readonly name: string
  readonly keys: readonly string[]
}

export interface DemoOptions {
  /** 0 for any free port; undefined for the default */
  readonly port: number | undefined
  readonly adminPort: number | undefined
  /** absolute; undefined for a fresh one */
  readonly dataDir: string | undefined
  readonly json: boolean
  readonly color: boolean
  readonly out: (text: string) => void
  readonly err: (text: string) => void
}

export interface StateContext {
  readonly dataDir: string
  /** undefined when only --data-dir is known; defaults apply then */
  readonly loaded: LoadedConfig | undefined
}

export interface OpenState {
  readonly methods: ControlMethods
  close(): Promise<void>
}

export interface AssertionMethods {
  'assertion.rotate-key'(params: { readonly now: boolean; readonly reason: string }): Promise<RotatedAssertionKey>
}
export interface RotatedAssertionKey {
  /** of the new key */
  readonly kid: string
  readonly signsFromMs: number
  readonly retiring: string
}

/** What changes a running process, or the state on disk when none runs: one implementation serves both. */
export interface ControlMethods
  extends AdminMethods, ApprovalMethods, AssertionMethods, BlockMethods, RetentionMethods, SecretMethods, TokenMethods {
  ping(params: Record<string, never>): Promise<{ readonly pid: number }>
  'key.create'(params: KeyRequest): Promise<CreatedKey>
  /** `key` is a whole key that was made elsewhere */
  'key.import'(params: KeyRequest & { readonly key: string }): Promise<KeySummary>
  'key.list'(params: Record<string, never>): Promise<readonly KeySummary[]>
  /** `name` is a name or an id */
  'key.rotate'(params: { readonly name: string; readonly overlapMs: number }): Promise<CreatedKey>
  /** `name` is a name, an id, or the leaked key itself; returns what was revoked by this call */
  'key.revoke'(params: { readonly name: string }): Promise<readonly KeySummary[]>
  'policy.reload'(params: Record<string, never>): Promise<ReloadAnswer>
  /** that somebody takes something out of the ledger, before it is handed over */
  'audit.taken'(params: TakenFromLedger): Promise<{ readonly recorded: true }>
  'ledger.rotate-key'(params: RotateKeyRequest): Promise<RotatedKey>
}
export interface TakenFromLedger {
  readonly action: 'audit.disclose' | 'audit.export'
  /** what was asked for and what is given: plain JSON, no value that is disclosed */
  readonly what: Readonly<Record<string, string | number | boolean | readonly string[]>>
}
export type ControlMethod = keyof ControlMethods
export type ControlParams<M extends ControlMethod> = Parameters<ControlMethods[M]>[0]
export type ControlResult<M extends ControlMethod> = Awaited<ReturnType<ControlMethods[M]>>

/** Which log of a data directory: that of the running gateway, or that of commands that found none. */
export type LogRole = 'gateway' | 'cli'

export interface RotateKeyRequest {
  readonly role: LogRole
  readonly overlapMs: number
  /** why, for the record; '' for none */
  readonly reason: string
}
export interface RotatedKey {
  readonly origin: string
  /** verifier key of the new signing key */
  readonly vkey: string
  /** verifier key of the one that signs beside it until then */
  readonly retiring: string
  readonly retiresAtMs: number
}

export interface BeginAnewRequest extends StateContext {
  readonly role: LogRole
  readonly reason: string
  /** sets a log aside that opens: only somebody outside, a witness, can know that it was rolled back */
  readonly althoughItOpens: boolean
}
/** `sound`: the log opens, and nothing was done. */
export type BeginAnewReport =
  | { readonly kind: 'sound'; readonly origin: string }
  | {
      readonly kind: 'begun'
      /** of the new log */
      readonly origin: string
      readonly abandoned: {
        readonly origin: string
        /** what its last checkpoint says; undefined when there was none that it had signed */
        readonly size?: number
        readonly root?: string
        /** why it could not be gone on with */
        readonly fault: string
        /** of the tries before this one that did not come to their end; both reasons are recorded */
        readonly earlierReason?: string
        /** where it lies now; '' when nothing was left of it */
        readonly movedTo: string
      }
    }

/** What a key is to be good for; absent lists narrow nothing, empty ones leave nothing. */
export interface KeyRequest {
  readonly name: string
  readonly expiresInMs: number | null
  readonly agents?: readonly string[] | undefined
  readonly operations?: readonly string[] | undefined
  readonly networks?: readonly string[] | undefined
}

/** A key without its secret. `null` where there is no such time. */
export interface KeySummary {
  readonly id: string
  readonly name: string
  readonly environment: string
  readonly createdAtMs: number
  readonly expiresAtMs: number | null
  readonly revokedAtMs: number | null
  /** until when the secret before the last rotation still works */
  readonly previousUntilMs: number | null
  /** what it is narrowed to; null: to nothing less than policy gives */
  readonly agents: readonly string[] | null
  readonly operations: readonly string[] | null
  readonly networks: readonly string[] | null
  readonly lastUsedMs: number | null
  /** surroundings of the address that used it last: /24 of IPv4, /48 of IPv6 */
  readonly lastNetwork: string | null
  /** tries with its id and another secret, and since when */
  readonly wrongSecrets: number
  readonly wrongSinceMs: number | null
  /** tries with its secret from a network that it is not for */
  readonly wrongNetworks: number
}
export interface CreatedKey {
  /** the whole key, shown once */
  readonly key: string
  readonly summary: KeySummary
}
export interface ReloadAnswer {
  /** digest of what runs now, whether it changed or not */
  readonly digest: string
  readonly changed: boolean
  /** why the new file was refused; empty when it was taken */
  readonly problems: readonly Problem[]
}

/** Without keys those that lie beside the logs are taken; witnesses are required of each log. */
export interface VerifyOptions extends Trust {
  /** a checkpoint that was kept elsewhere */
  readonly since: Buffer | undefined
}
export interface VerifyReport {
  readonly ok: boolean
  readonly size: number
  readonly root: string
  readonly logs: readonly VerifiedLog[]
  readonly problems: readonly VerifyProblem[]
  /** what is no problem, yet should be said: the unfinished group of a running writer */
  readonly notes: readonly Omit<VerifyProblem, 'kind'>[]
}
export interface VerifiedLog {
  readonly origin: string
  readonly size: number
  readonly root: string
  /** how many records were signed, where more than are there */
  readonly signedSize?: number
  readonly witnessed?: VouchedState
  /** the checkpoint that was kept elsewhere, where it is of this log and holds */
  readonly since?: VouchedState
  /** its segments are not here: bodies and key lines were not verified */
  readonly tilesOnly?: true
}
/** A checkpoint that somebody else vouches for, and that is a state of the log. */
export interface VouchedState {
  readonly size: number
  readonly timeSeconds: number | undefined
  readonly witnesses: readonly string[]
  /** records after it */
  readonly beyond: number
}
export interface VerifyProblem {
  readonly log: string
  readonly index?: number
  readonly file?: string
  readonly offset?: number
  readonly kind: string
  readonly message: string
}

export interface TailOptions {
  readonly dataDir: string
  readonly loaded: LoadedConfig | undefined
  /** how many of the last records to begin with */
  readonly count: number
  readonly follow: boolean
  readonly signal: AbortSignal
}
export interface TailRecord {
  readonly log: string
  readonly index: number
  readonly time: string
  readonly kind: string
  readonly call: string
  /** readable only with the key-encryption key; '' otherwise */
  readonly caller: string
  /** on whose behalf; the caller itself where nobody's, '' like the caller */
  readonly origin: string
  readonly agent: string
  readonly operation: string
  readonly outcome: string
  readonly code: string
  /** the same as an event of OCSF, for `--json` */
  readonly ocsf: JsonObject
}

/** All that is given must fit; ids as records have them. */
export interface SearchQuery {
  readonly caller?: string
  readonly origin?: string
  readonly agent?: string
  readonly task?: string
  readonly context?: string
  /** a word, or the beginning of one and `*`; so for `code` */
  readonly operation?: string
  readonly outcome?: string
  readonly code?: string
  readonly kind?: string
  readonly call?: string
  /** inclusive */
  readonly sinceMs?: number
  /** exclusive */
  readonly untilMs?: number
}
export interface ReindexOptions extends StateContext {
  readonly warn: (message: string, hint: string) => void
  /** a log cannot be read to its end: what follows the damage is not found */
  readonly damage: (message: string, hint: string) => void
  /** hears how many records were indexed, once it takes long */
  readonly onProgress: (records: number) => void
}
export interface SearchOptions extends ReindexOptions {
  readonly query: SearchQuery
  readonly limit: number
  /** newest first */
  readonly reverse: boolean
  readonly note: (message: string) => void
}
export interface ReindexReport {
  readonly records: number
  readonly logs: number
  /** of the index on disk */
  readonly bytes: number
  readonly milliseconds: number
}

export interface AgentTarget {
  readonly url: string
  readonly cardUrl: string | undefined
  /** given for agents of the configuration: CA, client certificate and times apply */
  readonly loaded: LoadedConfig | undefined
  readonly name: string | undefined
}
export interface CardFacts {
  readonly cardUrl: string
  readonly name: string
  readonly description: string
  readonly version: string
  readonly protocolVersions: readonly string[]
  readonly interfaces: readonly { readonly url: string; readonly binding: string; readonly version: string }[]
  readonly streaming: boolean
  readonly pushNotifications: boolean
  readonly signed: boolean
  readonly securitySchemes: readonly string[]
  readonly skills: readonly { readonly id: string; readonly name: string; readonly description: string }[]
}
