// Which messages were sent before. A client that lost an answer sends again, and somebody who recorded a request may
// too: an agent that works twice for one message is what both get without this. A messageId is taken at once, before
// anybody is asked anything, and the mark of it rides in the decision's record, so that it is known again after a
// restart. Ids and bodies are kept as hashes; of answers only small ones, and each for its own caller alone.
// A2A 1.0.1 §3.3.1 leaves this to implementers; docs/duplicates.md.

import { hash } from 'node:crypto'
import { operations } from '../a2a/operations.ts'
import type { Clock } from '../base/clock.ts'
import { detach } from '../base/strict-json.ts'
import type { Admitted } from '../exchange/exchange.ts'
import type { AgentAnswer } from '../forward/forward.ts'
import { refuse, type Refusal } from '../refusal/refusal.ts'
import type { KeptAnswer, ReleasedAnswer } from '../release/release.ts'

/** What the ledger and the index keep of a message that was sent: hashes only. */
export interface SentMark {
  /** of owner, agent, tenant and messageId */
  readonly key: string
  /** of everything in which a repetition must not differ */
  readonly print: string
  /** milliseconds since the epoch; a messageId is free again after it */
  readonly untilMs: number
}

/** What is known again after a restart. */
export interface SentBefore extends SentMark {
  readonly agent: string
  readonly caller: string
  readonly origin: string
  /** id of the call that sent it */
  readonly call: string
  /** the task that it was for, or that came of it; '' when none is known */
  readonly taskId: string
}

/** The first call with a messageId, until it is over. Whatever is said after the first word on how it ended is ignored. */
export interface FirstSend {
  readonly mark: SentMark
  /** a task that is the caller's by now came of it */
  names(taskId: string): void
  /** from here on the agent may have done something */
  reached(): void
  answered(answer: ReleasedAnswer): void
  /** the agent has done nothing: the id is free again */
  forget(): void
  /** over: what reached the agent, and was not answered, may have been done or not */
  end(): void
}

export type Met =
  | { readonly kind: 'untracked' }
  | { readonly kind: 'first'; readonly first: FirstSend }
  | { readonly kind: 'again'; readonly kept: KeptAnswer; readonly call: string }

export interface DuplicateBook {
  /** of two calls with one messageId only one is the first, however close they come */
  meet(admitted: Admitted): Met | Refusal
  /** what an earlier run of the process has sent, oldest first */
  restore(sent: Iterable<SentBefore>): void
  /** no answer is kept of anybody any longer: somebody's words are to be gone */
  dropAnswers(): void
  readonly size: number
}

const most = 200_000 // bound: messageIds remembered, of all callers
const largestKept = 64 * 1024 // bound: an answer kept for a repetition of its request
const mostKeptBytes = 32 * 1024 * 1024 // bound: all answers kept for repetitions

interface Entry extends SentMark {
  readonly owner: string
  readonly call: string
  isOpen: boolean
  taskId: string
  kept: KeptAnswer | undefined
}

export function createDuplicateBook(parts: {
  clock: Clock
  most?: number
  mostKeptBytes?: number
  /** a first call was told of a task, or was found to have done nothing: so that a restart knows too */
  onLearned?: (mark: SentMark, what: { taskId: string } | 'forgotten') => void
}): DuplicateBook {
  return new Book(parts)
}

class Book implements DuplicateBook {
  readonly #clock: Clock
  readonly #most: number
  readonly #mostKeptBytes: number
  readonly #onLearned: (mark: SentMark, what: { taskId: string } | 'forgotten') => void
  /** oldest first */
  readonly #entries: Map<string, Entry> = new Map()
  /** the same, by whose they are */
  readonly #owners: Map<string, Set<Entry>> = new Map()
  /** entries with an answer, oldest first */
  readonly #keeping: Set<Entry> = new Set()
  #keptBytes = 0

  constructor(parts: Parameters<typeof createDuplicateBook>[0]) {
    this.#clock = parts.clock
    this.#most = parts.most ?? most
    this.#mostKeptBytes = parts.mostKeptBytes ?? mostKeptBytes
    this.#onLearned = parts.onLearned ?? (() => undefined)
  }

  get size(): number {
    return this.#entries.size
  }

  meet(admitted: Admitted): Met | Refusal {
    const { duplicates } = admitted.agent
    if (!isTracked(admitted)) return { kind: 'untracked' }
    const nowMs = this.#clock.nowMs()
    const key = keyOf(admitted)
    const print = printOf(admitted)
    const known = this.#entries.get(key)
    if (known === undefined || known.untilMs <= nowMs) return this.#begin(admitted, key, print)
    if (known.print !== print) {
      if (duplicates.differentBody === 'forward') return this.#begin(admitted, key, print)
      return refuse('LIMIT_MESSAGE_ID_REUSED', `the call ${known.call} had this messageId and another request`)
    }
    if (duplicates.sameBody === 'forward') return this.#begin(admitted, key, print)
    if (known.isOpen) {
      return refuse('LIMIT_DUPLICATE_OPEN', `the call ${known.call} is open`, { headers: { 'retry-after': '1' } })
    }
    if (duplicates.sameBody === 'replay' && known.kept !== undefined)
      return { kind: 'again', kept: known.kept, call: known.call }
    // the task is the caller's own: who owns the message owns what came of it
    const metadata = known.taskId === '' ? undefined : { taskId: known.taskId }
    return refuse('LIMIT_DUPLICATE', `the call ${known.call} sent it`, { ...(metadata && { metadata }) })
  }

  restore(sent: Iterable<SentBefore>): void {
    const nowMs = this.#clock.nowMs()
    for (const { key, print, untilMs, agent, caller, origin, call, taskId } of sent) {
      if (untilMs <= nowMs) continue
      const owner = ownerOf(agent, caller, origin)
      this.#add({ key, print, untilMs, owner, call, isOpen: false, taskId, kept: undefined })
    }
  }

  dropAnswers(): void {
    for (const entry of this.#keeping) this.#unkeep(entry)
  }

  #begin(admitted: Admitted, key: string, print: string): Met {
    const { agent, caller, origin, call, taskId } = admitted
    const { window, remembered } = agent.duplicates
    const owner = ownerOf(agent.name, caller.id, origin.id)
    const entry: Entry = {
      key,
      print,
      untilMs: this.#clock.nowMs() + window,
      owner,
      call,
      isOpen: true,
      taskId: detach(taskId),
      kept: undefined,
    }
    this.#add(entry)
    this.#makeRoom(owner, remembered)
    return { kind: 'first', first: this.#firstOf(entry, admitted.requestId) }
  }

  #firstOf(entry: Entry, requestId: string): FirstSend {
    const isOver = (): boolean => !entry.isOpen
    let isReached = false
    const { key, print, untilMs } = entry
    const forget = (): void => {
      if (isOver()) return
      entry.isOpen = false
      this.#remove(entry)
      this.#onLearned(mark, 'forgotten')
    }
    const mark: SentMark = { key, print, untilMs }
    const names = (taskId: string): void => {
      if (entry.taskId === taskId || taskId === '') return
      entry.taskId = detach(taskId)
      this.#onLearned(mark, { taskId: entry.taskId })
    }
    return {
      mark,
      names,
      reached: () => void (isReached = true),
      answered: (answer) => {
        if (isOver()) return
        names(answer.states[0]?.taskId ?? '')
        entry.isOpen = false
        const { status, contentType, released } = answer
        if (this.#entries.get(key) === entry) this.#keep(entry, { status, contentType, released, requestId })
      },
      forget,
      end: () => {
        if (isReached) entry.isOpen = false
        else forget()
      },
    }
  }

  #add(entry: Entry): void {
    const before = this.#entries.get(entry.key)
    if (before !== undefined) this.#remove(before)
    this.#entries.set(entry.key, entry)
    const owned = this.#owners.get(entry.owner)
    if (owned === undefined) this.#owners.set(entry.owner, new Set([entry]))
    else owned.add(entry)
  }

  #remove(entry: Entry): void {
    this.#unkeep(entry)
    if (this.#entries.get(entry.key) === entry) this.#entries.delete(entry.key)
    const owned = this.#owners.get(entry.owner)
    owned?.delete(entry)
    if (owned?.size === 0) this.#owners.delete(entry.owner)
  }

  /** First what is over its time, then the owner's own oldest, so that a flood of one ends no other's protection. */
  #makeRoom(owner: string, remembered: number): void {
    const nowMs = this.#clock.nowMs()
    for (const entry of firstOf(this.#entries.values(), 2)) if (entry.untilMs <= nowMs) this.#remove(entry)
    const owned = this.#owners.get(owner)
    if (owned !== undefined && owned.size > remembered) this.#dropOldest(owned)
    if (this.#entries.size > this.#most) this.#dropOldest(this.#entries.values())
  }

  /** One that is open is the very one to be protected from: the next in age goes. Few are open at once. */
  #dropOldest(entries: Iterable<Entry>): void {
    for (const entry of entries) {
      if (entry.isOpen) continue
      this.#remove(entry)
      return
    }
  }

  #keep(entry: Entry, kept: KeptAnswer): void {
    const bytes = sizeOf(kept)
    if (bytes > largestKept) return
    for (const oldest of this.#keeping) {
      if (this.#keptBytes + bytes <= this.#mostKeptBytes) break
      this.#unkeep(oldest)
    }
    entry.kept = kept
    this.#keeping.add(entry)
    this.#keptBytes += bytes
  }

  #unkeep(entry: Entry): void {
    if (entry.kept === undefined) return
    this.#keptBytes -= sizeOf(entry.kept)
    entry.kept = undefined
    this.#keeping.delete(entry)
  }
}

function* firstOf<Item>(items: Iterable<Item>, count: number): Iterable<Item> {
  let left = count
  for (const item of items) {
    if (left-- === 0) return
    yield item
  }
}

const sizeOf = ({ released }: KeptAnswer): number => Buffer.byteLength(released.text)

function isTracked({ agent, operation, message }: Admitted): boolean {
  const { sameBody, differentBody } = agent.duplicates
  if (!operations[operation].carriesMessage || message.messageId === '') return false
  return sameBody !== 'forward' || differentBody !== 'forward'
}

/** A line feed is in no agent's name and no principal's id. */
const ownerOf = (agent: string, caller: string, origin: string): string => `${agent}\n${caller}\n${origin}`

function keyOf({ agent, tenant, caller, origin, message }: Admitted): string {
  return digest(JSON.stringify([agent.name, tenant, caller.id, origin.id, message.messageId]))
}

/** The parameters as they were sent, and what beside them decides what is done. A JSON-RPC id does not. */
function printOf({ operation, version, binding, extensions, wire, paramsText }: Admitted): string {
  const params = wire?.toString('base64') ?? paramsText()
  return digest(JSON.stringify([operation, version, binding, extensions]) + params)
}

/** Whether an answer shows that the agent has not begun: it was not reached, or says that it takes nothing. */
export function isUntouched(answer: AgentAnswer): boolean {
  if (answer.kind === 'refusal') return answer.unsent === true
  return answer.kind === 'unary' && statusesOfNothing.has(answer.status)
}

/** 502 and 504 are not among them: they speak of an agent behind the one who answers. */
const statusesOfNothing: ReadonlySet<number> = new Set([401, 403, 407, 429, 503])

const digest = (text: string): string => hash('sha256', text, 'base64url')
