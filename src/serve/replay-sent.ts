// Which messages were sent before the process ended: the index of owners has them but for what it had not written yet,
// and that is in the ledger. A decision carries the mark of its message; what came of it stands in the records of the
// same call that follow. docs/duplicates.md.

import type { LedgerRecord } from '../audit/audit.ts'
import { isJsonObject, type JsonObject } from '../base/strict-json.ts'
import type { OwnershipIndex, SentRow } from '../store/store.ts'

type Index = Pick<OwnershipIndex, 'sent' | 'noteSent' | 'forgetSent'>

/** Hears the records that the index has not, in order. */
export class SentReplay {
  readonly #index: Index
  readonly #nowMs: number
  /** by the call that sent; read when it is first asked for */
  #byCall: Map<string, SentRow> | undefined

  constructor(index: Index, nowMs: number) {
    this.#index = index
    this.#nowMs = nowMs
  }

  hear({ envelope: { agent, call, kind, outcome }, event }: LedgerRecord): void {
    if (event === undefined || call === '') return
    if (kind === 'decision' && outcome === 'allowed') this.#sent(agent, call, event)
    else if (kind === 'completion' || kind === 'ownership') this.#cameOf(call, kind, event)
  }

  #sent(agent: string, call: string, event: JsonObject): void {
    const { sent, caller, origin, tenant, task } = event
    if (!isJsonObject(sent)) return
    const { key, print, untilMs } = sent
    if (typeof untilMs !== 'number' || untilMs <= this.#nowMs) return
    const owner = { caller: textOf(caller), origin: textOf(origin) }
    const ids = { key: textOf(key), print: textOf(print), agent, tenant: textOf(tenant) }
    this.#note({ ...ids, untilMs, owner, call, taskId: textOf(task) })
  }

  #cameOf(call: string, kind: string, event: JsonObject): void {
    const row = this.#calls.get(call)
    if (row === undefined) return
    const { claims, timings, cut, unsent } = event
    const wasForwarded = isJsonObject(timings) && timings['forwarded'] !== undefined
    // a call that was cut off says nothing of how far it came
    if (kind === 'completion' && cut !== true && (unsent === true || !wasForwarded)) {
      this.#calls.delete(call)
      return this.#index.forgetSent(row)
    }
    const made = Array.isArray(claims)
      ? claims.find((claim) => isJsonObject(claim) && claim['kind'] === 'task')
      : undefined
    if (isJsonObject(made)) this.#note({ ...row, taskId: textOf(made['taskId']) })
  }

  #note(row: SentRow): void {
    this.#calls.set(row.call, row)
    this.#index.noteSent(row)
  }

  get #calls(): Map<string, SentRow> {
    this.#byCall ??= new Map(this.#index.sent().map((row) => [row.call, row]))
    return this.#byCall
  }
}

// written by ourselves, and covered by the tree
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
