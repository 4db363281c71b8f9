// What the commands about policy need, as interfaces (see ports.ts). Types only; what comes back is plain data, already
// decided: no command decides whether a call is allowed.

import type { Config, LoadedConfig, PolicyConfig, PolicyTest } from '../config/config.ts'
import type { StateContext } from './ports.ts'

export interface PolicyPorts {
  /** Compiles the policy and asks it one question. */
  explainPolicy(config: Config, query: PolicyQuery): PolicyExplanation
  /** Everybody whom policy names, and who else is asked about. */
  policyMatrix(config: Config, asked: readonly Asked[]): readonly MatrixRow[]
  /** One outcome for each operation of each test, in order. */
  testPolicy(config: Config, tests: readonly PolicyTest[]): readonly PolicyTestOutcome[]
  /** Decides recorded calls again under another policy. Writes nothing. */
  replayPolicy(options: ReplayOptions): Promise<ReplayReport>
  /** The least policy that the recorded calls needed. Writes nothing. */
  suggestPolicy(options: SuggestOptions): Promise<PolicySuggestion>
}

export interface PolicyQuery {
  readonly caller: string
  readonly groups: readonly string[]
  /** on whose behalf an agent calls; its own account when undefined */
  readonly origin: string | undefined
  readonly originGroups: readonly string[]
  readonly agent: string
  readonly operation: string
}
export interface PolicyExplanation {
  readonly allowed: boolean
  /** the one sentence that decides, lower case, no full stop */
  readonly reason: string
  readonly steps: readonly PolicyStep[]
}
export interface PolicyStep {
  /** `analyst#0` or the name of a deny */
  readonly rule: string
  readonly effect: 'allow' | 'deny'
  readonly outcome: 'matched' | 'not-matched' | 'error'
  /** whose rule it was and why it matched or not */
  readonly detail: string
}

export interface Asked {
  readonly id: string
  readonly groups: readonly string[]
}
export interface MatrixRow {
  readonly who: string
  readonly account: 'own' | 'for others'
  readonly agent: string
  /** operations without a rule are left out */
  readonly cells: Readonly<Record<string, MatrixCell>>
}
export interface MatrixCell {
  readonly state: 'none' | 'deny' | 'conditional' | 'allow'
  readonly rules: readonly {
    readonly name: string
    readonly when: string
    readonly owner: string
    /** of a person, for each call */
    readonly approval: boolean
  }[]
  readonly denies: readonly { readonly name: string; readonly when: string }[]
}

export interface PolicyTestOutcome {
  readonly test: PolicyTest
  readonly operation: string
  readonly passed: boolean
  readonly got: PolicyTest['expect']
  /** rules that allowed, or denies that applied */
  readonly rules: readonly string[]
  readonly reason: string
}

interface Range extends StateContext {
  /** inclusive; undefined for the beginning */
  readonly fromMs: number | undefined
  /** exclusive; undefined for the end */
  readonly toMs: number | undefined
  readonly warn: (message: string, hint: string) => void
  /** a log cannot be read to its end */
  readonly damage: (message: string, hint: string) => void
}

export interface ReplayOptions extends Range {
  /** the configuration whose policy is proposed; nothing else of it counts */
  readonly against: Config
}
export interface ReplayReport {
  /** calls that were decided again */
  readonly decided: number
  readonly allowedAsBefore: number
  readonly refusedAsBefore: number
  readonly gains: readonly ReplayChange[]
  readonly losses: readonly ReplayChange[]
  /** calls beyond the groups that are listed */
  readonly unlisted: { readonly gains: number; readonly losses: number }
  readonly undecided: readonly Undecided[]
}
/** Calls of one kind whose answer would be another one. */
export interface ReplayChange {
  readonly caller: string
  readonly origin: string
  readonly agent: string
  readonly operation: string
  readonly calls: number
  /** one of them, as `audit search --call` and `audit prove` know it */
  readonly example: { readonly record: string; readonly time: string; readonly call: string }
  /** what was decided then, and what would be now */
  readonly before: string
  readonly now: string
}
/** Calls that cannot be decided again, and why. */
export interface Undecided {
  readonly reason: string
  readonly calls: number
  /** record of one of them */
  readonly example: string
}

export interface SuggestOptions extends Range {
  /** its denies and conditions are kept, where they allow what was allowed */
  readonly loaded: LoadedConfig
}
export interface PolicySuggestion {
  readonly policy: PolicyConfig
  /** allowed calls that it is made of */
  readonly calls: number
  readonly callers: number
  /** what somebody should look at, in words */
  readonly notes: readonly string[]
  readonly undecided: readonly Undecided[]
}
