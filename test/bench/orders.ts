// What the bench tells its load generator and its backend, and what they answer: the only words between the
// processes. Types and nothing else.

/** What a call does. Sends differ in what the agent answers: a message, or a new task. */
export type Work = 'send-message' | 'send-task' | 'read'

export interface Target {
  readonly name: string
  readonly port: number
  readonly path: string
  /** sent to every target alike, so that all read the same bytes */
  readonly key: string
}

export type LoadOrder =
  /** every connection sends its next call when its last was answered */
  | {
      readonly kind: 'closed'
      readonly target: Target
      readonly work: Work
      readonly connections: number
      readonly warmMs: number
      readonly ms: number
      /** whose processor time is read at both ends of the window */
      readonly pid: number
    }
  /** calls leave at a fixed rate, whatever the answers do */
  | {
      readonly kind: 'open'
      readonly target: Target
      readonly work: Work
      readonly rate: number
      readonly warmMs: number
      readonly ms: number
    }
  /** opens streams until `count` are open, and keeps them */
  | { readonly kind: 'streams'; readonly target: Target; readonly count: number }
  /** waits until every open stream has had one more event than before, at most `ms` */
  | { readonly kind: 'await-events'; readonly ms: number }
  | { readonly kind: 'close-streams' }

export interface CallFigures {
  readonly calls: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** undefined where the system does not tell */
  readonly cpuMs: number | undefined
  /** time that others had on the proxy's core, which it should have had to itself */
  readonly othersMs: number | undefined
}

export interface StreamFigures {
  readonly open: number
  readonly lost: number
  readonly reached: number
  /** events that were of another stream, or not the next one of theirs */
  readonly misplaced: number
}

export type LoadAnswer =
  | { readonly kind: 'calls'; readonly figures: CallFigures }
  | { readonly kind: 'streams'; readonly figures: StreamFigures }
  /** one wrong answer fails the whole bench */
  | { readonly kind: 'wrong'; readonly problem: string }

export type BackendOrder = { readonly kind: 'event-to-every-stream' }
