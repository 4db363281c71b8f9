// Which messages were sent before. A client that lost an answer sends again, and somebody who recorded a request may
// too: an agent that works twice for one message is what both get without this. A messageId is taken at once, before
// anybody is asked anything, and the mark of it rides in the decision's record, so that it is known again after a
// restart. Ids and bodies are kept as hashes; of answers only small ones, and each for its own caller alone.
// A2A 1.0.1 §3.3.1 leaves this to implementers; docs/duplicates.md.

import { hash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { grpcStatusNames } from '../a2a/errors.ts'
import { operations } from '../a2a/operations.ts'
import type { Clock } from '../base/clock.ts'
import { detach } from '../base/strict-json.ts'
import type { Admitted, Authorized, TaskOwner } from '../exchange/exchange.ts'
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
export interface SentMessage extends SentMark {
  readonly agent: string
  readonly tenant: string
  readonly owner: TaskOwner
  /** id of the call that sent it */
  readonly call: string
  /** the task that it was for, or that came of it; '' when none is known */
  readonly taskId: string
}

/** Where the next start finds them; store implements it. */
export interface SentStore {
  /** of one that is there already, what is known of it by now. Throws a Fault when it cannot take more. */
  noteSent(message: SentMessage): void
  forgetSent(message: SentMessage): void
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
  /** a stream, whose task goes on: to be subscribed to, where that is allowed */
  | { readonly kind: 'follow'; readonly taskId: string; readonly call: string }

export interface DuplicateBook {
  /** of two calls with one messageId only one is the first, however close they come */
  meet(admitted: Admitted): Met | Refusal
  /** whether the agent would not hear of it, since it did before: then it opens no task and is no turn */
  isRepeated(authorized: Authorized): boolean
  /** what an earlier run of the process has sent, oldest first */
  restore(sent: Iterable<SentMessage>): void
  /** nothing is known any longer of what an erased subject sent, and of what it was answered */
  forget(subject: string): void
  readonly size: number
}

const most = 200_000 // bound: messageIds remembered, of all callers
const largestKept = 64 * 1024 // bound: an answer kept for a repetition of its request
const mostKeptBytes = 32 * 1024 * 1024 // bound: all answers kept for repetitions

/** far longer than it takes from the question whether a message is a repetition to the moment when it is met */
const marginMs = 1_000

/** at an entry to let go: further than this nobody looks for one that is not open */
const mostLooks = 1_000

interface Entry {
  message: SentMessage
  /** agent and owner as one text */
  readonly whose: string
  isOpen: boolean
  kept: KeptAnswer | undefined
  /** what an answer might hold when this one was released */
  readonly artifacts?: Admitted['agent']['artifacts']
}

export function createDuplicateBook(parts: {
  clock: Clock
  /** absent where nothing outlives the process */
  store?: SentStore
  most?: number
  mostKeptBytes?: number
}): DuplicateBook {
  return new Book(parts)
}

class Book implements DuplicateBook {
  readonly #clock: Clock
  readonly #most: number
  readonly #mostKeptBytes: number
  readonly #store: SentStore | undefined
  readonly #entries: Map<string, Entry> = new Map()
  readonly #oldest = new Rounds(this.#entries)
  /** looks for what is over its time */
  readonly #overdue = new Rounds(this.#entries)
  /** the same entries, by whose they are */
  readonly #owners: Map<string, { readonly entries: Set<Entry>; readonly oldest: Rounds<Entry> }> = new Map()
  /** entries with an answer */
  readonly #keeping: Set<Entry> = new Set()
  readonly #oldestKept = new Rounds(this.#keeping)
  #keptBytes = 0

  constructor(parts: Parameters<typeof createDuplicateBook>[0]) {
    this.#clock = parts.clock
    this.#most = parts.most ?? most
    this.#mostKeptBytes = parts.mostKeptBytes ?? mostKeptBytes
    this.#store = parts.store
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
    if (known === undefined || known.message.untilMs <= nowMs) return this.#begin(admitted, key, print)
    const { call, taskId } = known.message
    if (known.message.print !== print) {
      if (duplicates.differentBody === 'forward') return this.#begin(admitted, key, print)
      return refuse('LIMIT_MESSAGE_ID_REUSED', `the call ${call} had this messageId and another request`)
    }
    if (duplicates.sameBody === 'forward') return this.#begin(admitted, key, print)
    // also while the first stream is open: its caller may have left without a word
    if (duplicates.sameBody === 'replay' && taskId !== '' && operations[admitted.operation].streams && !known.kept)
      return { kind: 'follow', taskId, call }
    if (known.isOpen)
      return refuse('LIMIT_DUPLICATE_OPEN', `the call ${call} is open`, { headers: { 'retry-after': '1' } })
    // what the agent may not hand out any more is not handed out from here
    const mayPass = isDeepStrictEqual(known.artifacts, admitted.agent.artifacts)
    if (duplicates.sameBody === 'replay' && known.kept !== undefined && mayPass)
      return { kind: 'again', kept: known.kept, call }
    return duplicateOf(call, taskId)
  }

  isRepeated(authorized: Authorized): boolean {
    if (!isTracked(authorized)) return false
    const known = this.#entries.get(keyOf(authorized))
    // one that is over its time when it is met would pass uncounted
    if (known === undefined || known.message.untilMs <= this.#clock.nowMs() + marginMs) return false
    const { sameBody, differentBody } = authorized.agent.duplicates
    return (known.message.print === printOf(authorized) ? sameBody : differentBody) !== 'forward'
  }

  restore(sent: Iterable<SentMessage>): void {
    const nowMs = this.#clock.nowMs()
    for (const message of sent) {
      if (message.untilMs <= nowMs) this.#store?.forgetSent(message)
      else this.#add({ message, whose: whoseOf(message), isOpen: false, kept: undefined })
      if (this.#entries.size > this.#most) this.#dropOldest(this.#oldest)
    }
  }

  forget(subject: string): void {
    for (const entry of this.#entries.values()) {
      const { caller, origin } = entry.message.owner
      if (caller === subject || origin === subject) this.#remove(entry)
    }
  }

  #begin(admitted: Admitted, key: string, print: string): Met {
    const { agent, caller, origin, call, tenant, taskId } = admitted
    const { window, remembered } = agent.duplicates
    const message: SentMessage = {
      key,
      print,
      untilMs: this.#clock.nowMs() + window,
      agent: agent.name,
      tenant,
      owner: { caller: caller.id, origin: origin.id },
      call,
      taskId: detach(taskId),
    }
    // first, so that nothing is taken where the store takes no more
    this.#store?.noteSent(message)
    const { artifacts } = agent
    const entry: Entry = { message, whose: whoseOf(message), isOpen: true, kept: undefined, artifacts }
    this.#add(entry)
    this.#makeRoom(entry.whose, remembered)
    return { kind: 'first', first: this.#firstOf(entry, admitted.requestId) }
  }

  #firstOf(entry: Entry, requestId: string): FirstSend {
    const { key, print, untilMs } = entry.message
    let isReached = false
    const isCurrent = (): boolean => this.#entries.get(key) === entry
    const names = (taskId: string): void => {
      if (taskId === '' || entry.message.taskId === taskId || !isCurrent()) return
      entry.message = { ...entry.message, taskId: detach(taskId) }
      try {
        this.#store?.noteSent(entry.message)
      } catch {
        // that it was sent is there, and that is what counts; the task's claim is in the ledger
      }
    }
    const forget = (): void => {
      if (!entry.isOpen) return
      entry.isOpen = false
      this.#remove(entry)
    }
    return {
      mark: { key, print, untilMs },
      names,
      reached: () => void (isReached = true),
      answered: ({ status, contentType, headers, trailers, released, states }) => {
        if (!entry.isOpen) return
        names(states[0]?.taskId ?? '')
        entry.isOpen = false
        if (isCurrent()) this.#keep(entry, { status, contentType, headers, trailers, released, requestId })
      },
      forget,
      end: () => {
        if (isReached) entry.isOpen = false
        else forget()
      },
    }
  }

  /** One that has its key already gives way: it is written anew, and not taken out. */
  #add(entry: Entry): void {
    const before = this.#entries.get(entry.message.key)
    if (before !== undefined) this.#drop(before)
    this.#entries.set(entry.message.key, entry)
    const owned = this.#owners.get(entry.whose)
    if (owned !== undefined) owned.entries.add(entry)
    else {
      const entries = new Set([entry])
      this.#owners.set(entry.whose, { entries, oldest: new Rounds(entries) })
    }
  }

  #remove(entry: Entry): void {
    if (this.#entries.get(entry.message.key) !== entry) return
    this.#drop(entry)
    this.#store?.forgetSent(entry.message)
  }

  #drop(entry: Entry): void {
    this.#unkeep(entry)
    this.#entries.delete(entry.message.key)
    const owned = this.#owners.get(entry.whose)
    owned?.entries.delete(entry)
    if (owned?.entries.size === 0) this.#owners.delete(entry.whose)
  }

  /** First what is over its time, then the owner's own oldest, so that a flood of one ends no other's protection. */
  #makeRoom(whose: string, remembered: number): void {
    const nowMs = this.#clock.nowMs()
    // two for each that is added, so that what is over goes faster than anything comes
    for (let looks = 0; looks < 2; looks += 1) {
      const entry = this.#overdue.next()
      if (entry !== undefined && entry.message.untilMs <= nowMs) this.#remove(entry)
    }
    const owned = this.#owners.get(whose)
    if (owned !== undefined && owned.entries.size > remembered) this.#dropOldest(owned.oldest)
    if (this.#entries.size > this.#most) this.#dropOldest(this.#oldest)
  }

  /** One that is open is the very one to be protected from: the next in age goes. Few are open at once. */
  #dropOldest(oldest: Rounds<Entry>): void {
    for (let looks = 0; looks < mostLooks; looks += 1) {
      const entry = oldest.next()
      if (entry === undefined || entry.isOpen) continue
      return this.#remove(entry)
    }
  }

  #keep(entry: Entry, kept: KeptAnswer): void {
    const bytes = sizeOf(kept)
    if (bytes > largestKept) return
    while (this.#keeping.size > 0 && this.#keptBytes + bytes > this.#mostKeptBytes) {
      const oldest = this.#oldestKept.next()
      if (oldest !== undefined) this.#unkeep(oldest)
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

/** The task is the caller's own: who owns the message owns what came of it. */
export function duplicateOf(call: string, taskId: string): Refusal {
  return refuse('LIMIT_DUPLICATE', `the call ${call} sent it`, { ...(taskId !== '' && { metadata: { taskId } }) })
}

/**
 * Goes round a collection, oldest first, and on from where it stood. To begin at the front each time would be to step
 * over every place that has become free there.
 */
class Rounds<Item> {
  readonly #items: { values(): MapIterator<Item> | SetIterator<Item> }
  #hand: Iterator<Item, undefined>

  constructor(items: { values(): MapIterator<Item> | SetIterator<Item> }) {
    this.#items = items
    this.#hand = items.values()
  }

  /** undefined at the end of a round */
  next(): Item | undefined {
    const step: IteratorResult<Item, undefined> = this.#hand.next()
    if (step.done !== true) return step.value
    this.#hand = this.#items.values()
    return undefined
  }
}

const sizeOf = ({ released }: KeptAnswer): number => Buffer.byteLength(released.text) + (released.bytes?.length ?? 0)

function isTracked({ agent, operation, message }: Authorized): boolean {
  const { sameBody, differentBody } = agent.duplicates
  if (!operations[operation].carriesMessage || message.messageId === '') return false
  return sameBody !== 'forward' || differentBody !== 'forward'
}

/** A line feed is in no agent's name and no principal's id. */
const whoseOf = ({ agent, owner }: SentMessage): string => `${agent}\n${owner.caller}\n${owner.origin}`

function keyOf({ agent, tenant, caller, origin, message }: Authorized): string {
  return digest(JSON.stringify([agent.name, tenant, caller.id, origin.id, message.messageId]))
}

/** The parameters as they were sent, and what beside them decides what is done. A JSON-RPC id does not. */
function printOf({ operation, version, binding, extensions, wire, paramsText }: Authorized): string {
  const params = wire?.toString('base64') ?? paramsText()
  return digest(JSON.stringify([operation, version, binding, extensions]) + params)
}

/** Whether an answer shows that the agent has not begun: it was not reached, or says that it takes nothing. */
export function isUntouched(answer: AgentAnswer): boolean {
  if (answer.kind === 'refusal') return answer.unsent === true
  if (answer.kind !== 'unary') return false
  const { grpc, status } = answer
  // what else gRPC says of an agent that takes nothing, forward has told as a refusal
  return grpc === undefined ? statusesOfNothing.has(status) : grpcStatusNames[grpc.code] === 'RESOURCE_EXHAUSTED'
}

/** 502 and 504 are not among them: they speak of an agent behind the one who answers. */
const statusesOfNothing: ReadonlySet<number> = new Set([401, 403, 407, 429, 503])

const digest = (text: string): string => hash('sha256', text, 'base64url')
