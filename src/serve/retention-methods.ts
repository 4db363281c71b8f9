// Erasure, legal hold and retention, as an operator asks for them: the same code behind the control socket and in a
// command that found no gateway. Every one of them is recorded, the refused ones too; no record names whom an erasure
// was about. Nothing that is held is destroyed, and where two must agree one alone destroys nothing.

import { join } from 'node:path'
import { createHoldBook, nodeFiles, type Hold } from '../audit/audit.ts'
import type { Clock } from '../base/clock.ts'
import type {
  EraseAnswer,
  EraseRequest,
  ErasedReport,
  HoldAnswer,
  HoldSummary,
  RetentionMethods,
} from '../cli/ports.ts'
import { buildSnapshot, type Config } from '../config/config.ts'
import { findKeyHolder, findTie, judgeApprover, type Approver, type Judging, type Person } from './approvers.ts'
import { applyRetention } from './audit-upkeep.ts'
import { eraseEverywhere } from './erase-everywhere.ts'
import { findMissedLogs } from './find-missed-logs.ts'
import { createPendingErasures, type PendingErasure } from './pending-erasures.ts'
import type { State } from './state.ts'

export interface RetentionMethodsOptions {
  readonly clock: Clock
  /** what is in force */
  readonly config: () => Config
  /** first record of a log that is not exported yet; undefined where nothing is exported */
  readonly minimumExported: (origin: string) => number | undefined
  /** undefined where it cannot be had; for asking logs that are not written here */
  readonly keyEncryptionKey?: () => Promise<Buffer | undefined>
  /** when a witness last cosigned, by its own clock; undefined where none has */
  readonly witnessedMs?: () => number | undefined
}

export type RetentionState = Pick<
  State,
  'dataDir' | 'withLog' | 'ownership' | 'keys' | 'keyStore' | 'pepper' | 'audit' | 'approvals' | 'blocks'
>

/** Of one who logged in: there is no API key that proves him. */
const loginCredential = 'login'

export interface RetentionByPeople {
  /** By an administrator whose identity was proven; where two are needed he is one of them. */
  eraseAs(request: Omit<EraseRequest, 'approver'>, who: string, groups?: readonly string[]): Promise<EraseAnswer>
}

export function createRetentionMethods(
  state: RetentionState,
  options: RetentionMethodsOptions,
): RetentionMethods & RetentionByPeople {
  const methods = new Methods(state, options)
  return {
    eraseAs: (request, id, groups) =>
      methods.inTurn(() => methods.erase({ ...request, approver: null }, { id, groups, credential: loginCredential })),
    'audit.erase': (request) => methods.inTurn(() => methods.erase(request)),
    'audit.hold': ({ name, subject, reason }) => methods.inTurn(() => methods.hold(name, subject ?? undefined, reason)),
    'audit.holds': async () => (await methods.holds.list()).map(summarize),
    'audit.release': ({ name, reason }) => methods.inTurn(() => methods.release(name, reason)),
    'audit.prune': ({ dryRun, althoughClockJumped = false }) =>
      methods.inTurn(async () => {
        const { minimumExported } = options
        if (!dryRun) await methods.sweepPending()
        return await applyRetention(state, {
          config: options.config(),
          isDryRun: dryRun,
          minimumExported,
          witnessedMs: options.witnessedMs,
          isClockTrusted: althoughClockJumped,
        })
      }),
  }
}

interface Refused {
  readonly kind: 'refused'
  readonly why: string
  readonly hint: string
}

/** What an erasure has been checked to be. */
interface Approved {
  readonly subject: string
  readonly reason: string
  readonly by: readonly string[]
  /** of the request that waited */
  readonly id: string | undefined
}

class Methods {
  readonly holds
  readonly #pending
  readonly #state: RetentionState
  readonly #options: RetentionMethodsOptions
  #last: Promise<unknown> = Promise.resolve()

  constructor(state: RetentionState, options: RetentionMethodsOptions) {
    this.#state = state
    this.#options = options
    this.holds = createHoldBook(nodeFiles, join(state.dataDir, 'holds.json'))
    this.#pending = createPendingErasures(join(state.dataDir, 'erasures.json'), options.clock)
  }

  /** One after the other: a hold that is being set is seen by the erasure after it. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    return result
  }

  /** A list that cannot be read keeps nothing else from expiring; whoever asks for an erasure is told of it. */
  async sweepPending(): Promise<void> {
    await this.#pending.sweep().catch(() => undefined)
  }

  /** `person` has logged in; otherwise an API key has to prove who approves. */
  async erase(request: EraseRequest, person?: Person): Promise<EraseAnswer> {
    const approved = await this.#approve(request, person)
    if ('kind' in approved) return approved
    const { subject, reason, by, id } = approved
    const held = await this.#refuseHeld(subject, by)
    if (held !== undefined) return held
    const config = this.#options.config()
    const { dryRun: isDryRun } = request
    if (isDryRun)
      return await this.#complete('dry-run', subject, await eraseEverywhere(this.#state, subject, { config, isDryRun }))
    await this.#record('audit.erase', { reason, by: [...by] })
    const report = await eraseEverywhere(this.#state, subject, { config, isDryRun })
    if (id !== undefined) await this.#pending.remove(id)
    await this.#record('audit.erase.done', { reason, by: [...by], ...countsOf(report) })
    return await this.#complete('erased', subject, report)
  }

  /** With the logs that were left out. */
  async #complete(kind: 'dry-run' | 'erased', subject: string, report: ErasedReport): Promise<EraseAnswer> {
    const { dataDir } = this.#state
    const keyEncryptionKey = await this.#options.keyEncryptionKey?.()
    const reached = report.logs.map(({ origin }) => origin)
    return { kind, ...report, missed: await findMissedLogs({ dataDir, keyEncryptionKey, subject, reached }) }
  }

  /** Whether the erasure may be carried out now; otherwise what is answered instead. */
  async #approve(
    request: EraseRequest,
    person: Person | undefined,
  ): Promise<Approved | Exclude<EraseAnswer, ErasedReport>> {
    const { subject, reason, dryRun, approver: key, approve } = request
    const config = this.#options.config()
    const needsTwo = config.audit.erasure.approvers.length > 0
    if (approve === null && subject === null) return await this.#refuse('nobody was named', 'write --subject ID', [])
    if (approve === null && (dryRun || !needsTwo)) {
      const by = person === undefined ? [] : [person.id]
      return { subject: subject ?? '', reason, by, id: undefined }
    }
    if (!needsTwo)
      return await this.#refuse(
        'no approvers are configured: no erasure waits for one',
        'erase directly: sallyport audit erase --subject ID --reason TEXT, or name them in audit.erasure.approvers',
        [],
      )
    const judging = this.#judgingBy(config)
    const approver = this.#approverOf(judging, key, person)
    if (typeof approver === 'string') {
      const why = person === undefined ? 'an erasure takes the API keys of two approvers, and this is none' : approver
      const by = person === undefined ? [] : [person.id]
      return await this.#refuse(why, 'write --as file:KEYFILE; approvers are in audit.erasure.approvers', by)
    }
    return approve === null
      ? await this.#await(subject ?? '', reason, approver)
      : await this.#second(judging, approve, approver)
  }

  #judgingBy(config: Config): Judging {
    const patterns = config.audit.erasure.approvers
    return { snapshot: buildSnapshot(config), nowMs: this.#options.clock.nowMs(), patterns }
  }

  #approverOf(judging: Judging, key: string | null, person: Person | undefined): Approver | string {
    const { clock } = this.#options
    const who = person ?? (key === null ? undefined : findKeyHolder(this.#state, judging.snapshot, { key, clock }))
    return who === undefined ? 'no valid key' : judgeApprover(this.#state, who, judging)
  }

  async #await(subject: string, reason: string, approver: Approver): Promise<Exclude<EraseAnswer, ErasedReport>> {
    const held = await this.#refuseHeld(subject, [approver.id])
    if (held !== undefined) return held
    const { id: requestedBy, credential } = approver
    const request = { subject, reason, requestedBy, credential, groups: approver.decidedAs.groups }
    const waiting = await this.#pending.add(request)
    if (waiting === undefined)
      return await this.#refuse('too many erasures wait for approval', 'approve them, or let them expire', [
        approver.id,
      ])
    await this.#record('audit.erase.requested', { id: waiting.id, reason, by: [approver.id] })
    return { kind: 'pending', id: waiting.id, expiresAtMs: waiting.expiresAtMs }
  }

  async #second(judging: Judging, id: string, approver: Approver): Promise<Approved | Refused> {
    const waiting = await this.#pending.find(id)
    const by = [approver.id]
    if (waiting === undefined)
      return await this.#refuse(
        'no erasure of this id waits for approval',
        'ask for it again: audit erase --subject',
        by,
      )
    // by every name that is known of them now, and as who has made whose key
    if (findTie(this.#state, waiting.requestedBy, approver.id, judging) !== undefined)
      return await this.#refuse('the second approver must be another than the first', 'write --as file:OTHERKEY', by)
    if (!this.#isStillApprover(judging, waiting))
      return await this.#refuse('who asked for it may not any more', 'ask for it again: audit erase --subject', by)
    const { subject, reason, requestedBy } = waiting
    return { subject, reason, by: [requestedBy, approver.id], id }
  }

  #isStillApprover(judging: Judging, { requestedBy: id, credential, groups }: PendingErasure): boolean {
    const key = credential === loginCredential ? undefined : credential
    return typeof judgeApprover(this.#state, { id, groups, credential, key }, judging) !== 'string'
  }

  async #refuseHeld(subject: string, by: readonly string[]): Promise<Refused | undefined> {
    const held = await this.holds.holdOn(subject)
    if (held === undefined) return undefined
    const why = `the subject is under legal hold ${held.name}${held.subject === undefined ? ', which is on everything' : ''}`
    return await this.#refuse(why, `when it may be released: sallyport audit release ${held.name} --reason TEXT`, by)
  }

  async #refuse(why: string, hint: string, by: readonly string[]): Promise<Refused> {
    await this.#record('audit.erase.refused', { why, by: [...by] })
    return { kind: 'refused', why, hint }
  }

  async hold(name: string, subject: string | undefined, reason: string): Promise<HoldAnswer> {
    const hold: Hold = { name, subject, reason, sinceMs: this.#options.clock.nowMs() }
    if (!(await this.holds.add(hold)))
      return { kind: 'refused', why: `there is a legal hold ${name} already`, hint: 'see: sallyport audit holds' }
    // in force first: what is recorded late was held all the same
    await this.#record('audit.hold', { name, reason, everything: subject === undefined })
    return { kind: 'done', hold: summarize(hold) }
  }

  async release(name: string, reason: string): Promise<HoldAnswer> {
    if (!(await this.holds.list()).some((hold) => hold.name === name))
      return { kind: 'refused', why: `there is no legal hold ${name}`, hint: 'see: sallyport audit holds' }
    await this.#record('audit.release', { name, reason })
    const released = await this.holds.release(name)
    if (released !== undefined) return { kind: 'done', hold: summarize(released) }
    return { kind: 'refused', why: `there is no legal hold ${name}`, hint: 'see: sallyport audit holds' }
  }

  async #record(action: string, event: Parameters<State['audit']['administered']>[2]): Promise<void> {
    await this.#state.audit.administered(action, '', event)
  }
}

function summarize({ name, subject, reason, sinceMs }: Hold): HoldSummary {
  return { name, subject: subject ?? null, reason, sinceMs }
}

/** No name, no tag, no pseudonym. */
function countsOf({ logs, ownershipRows }: ErasedReport): {
  logs: number
  keys: number
  months: string[]
  ownershipRows: number
} {
  return {
    logs: logs.filter(({ keys }) => keys > 0).length,
    keys: logs.reduce((sum, { keys }) => sum + keys, 0),
    months: [...new Set(logs.flatMap(({ months }) => months))].toSorted(),
    ownershipRows,
  }
}
