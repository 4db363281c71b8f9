// Reads tasks from their agent for a list: a GetTask each in the caller's name, a few at a time and in order, until
// they fill what one answer may hold. Each call may bring what there is still room for, and what is kept is copied
// out of the agent's answers: a list of a hundred tasks costs the memory of one answer and four calls, no more.

import { detach, memberRange, removeMember } from '../base/strict-json.ts'
import type { Admitted, ListFilter } from '../exchange/exchange.ts'
import { ownRequestId, ownRequestToken } from '../faces/encode-request.ts'
import { forwardGetTask, type AgentAnswer, type AgentCall, type Forwarder } from '../forward/forward.ts'
import { isRefusal, refuse, type Refusal, type RefusalCode } from '../refusal/refusal.ts'
import { releaseAnswer, type OwnershipBook } from '../release/release.ts'

const mostAtOnce = 4 // bound: GetTask calls at a time for a list

interface ReadTask {
  readonly taskId: string
  readonly text: string
  readonly bytes: number
  readonly state: string
}

/** One GetTask on its way. The agent may not know the task, now: then it is left out. */
type Flight = Promise<ReadTask | 'missing' | Refusal>

export interface TaskTexts {
  /** as they go into the list, in order; what is missing, or does not fit the filter, is left out */
  readonly texts: readonly string[]
  /** how many tasks were read or left out, from the first on; the others had no room */
  readonly done: number
}

/** Of one task of many: the agent does not know it now, or hands out what it may not. */
const unlisted: ReadonlySet<string> = new Set<RefusalCode>(['AUTHZ_TASK_NOT_FOUND', 'RELEASE_ARTIFACT'])

export class TaskReader {
  readonly #admitted: Admitted
  readonly #forwarder: Forwarder
  readonly #filter: ListFilter
  readonly #ownership: OwnershipBook
  readonly #budget: number
  readonly #signal: AbortSignal
  readonly #kept: Map<string, ReadTask> = new Map()
  /** no call longer than it is open: it holds its answer */
  readonly #open: Set<AgentCall> = new Set()

  constructor(
    admitted: Admitted,
    forwarder: Forwarder,
    { filter, ownership, signal }: { filter: ListFilter; ownership: OwnershipBook; signal: AbortSignal },
  ) {
    this.#admitted = admitted
    this.#forwarder = forwarder
    this.#filter = filter
    this.#ownership = ownership
    this.#budget = admitted.snapshot.config.gateway.bounds.answer
    admitted.reply.onGone(() => this.#abortAll())
    this.#signal = signal
    signal.addEventListener('abort', () => this.#abortAll())
  }

  /** Has the index learn how these tasks are now, as many as there is room for; they need not be read again. */
  async refresh(taskIds: readonly string[]): Promise<Refusal | undefined> {
    let used = 0
    for await (const got of this.#inOrder(taskIds, () => this.#budget - used)) {
      if (isRefusal(got)) return got.code === 'RELEASE_TOO_LARGE' ? undefined : got
      if (got === 'missing') continue
      used += got.bytes
      if (used > this.#budget) return undefined
      this.#kept.set(got.taskId, got)
    }
    return undefined
  }

  /** RELEASE_TOO_LARGE only where a task alone is larger than an answer may be; else the list ends before it. */
  async read(taskIds: readonly string[]): Promise<TaskTexts | Refusal> {
    const wanted = new Set(taskIds)
    for (const taskId of this.#kept.keys()) if (!wanted.has(taskId)) this.#kept.delete(taskId)
    const { status } = this.#filter
    const texts: string[] = []
    let used = 0
    let done = 0
    for await (const got of this.#inOrder(taskIds, () => this.#budget - used)) {
      if (isRefusal(got)) {
        if (got.code === 'RELEASE_TOO_LARGE' && texts.length > 0) break
        return got
      }
      if (got !== 'missing' && (status === '' || got.state === status)) {
        if (texts.length > 0 && used + got.bytes > this.#budget) break
        used += got.bytes
        texts.push(got.text)
      }
      done += 1
    }
    return { texts, done }
  }

  /** A slow task holds up those behind it, so that never more than a few are held. Ends early when nobody may have it. */
  async *#inOrder(taskIds: readonly string[], room: () => number): AsyncGenerator<Awaited<Flight>> {
    const flights: Flight[] = []
    let begun = 0
    try {
      while (!this.#admitted.reply.gone && !this.#signal.aborted) {
        const next = taskIds.slice(begun, begun + mostAtOnce - flights.length)
        for (const taskId of next) flights.push(this.#begin(taskId, room()))
        begun += next.length
        const first = flights.shift()
        if (first === undefined) return
        yield await first
      }
    } finally {
      this.#abortAll()
      await Promise.allSettled(flights)
    }
  }

  #begin(taskId: string, maxAnswerBytes: number): Flight {
    const kept = this.#kept.get(taskId)
    if (kept !== undefined) return Promise.resolve(kept)
    const { historyLength } = this.#filter
    const params = { id: taskId, ...(historyLength !== undefined && { historyLength }) }
    const call: Admitted = {
      ...this.#admitted,
      operation: 'GetTask',
      taskId,
      contextId: '',
      agentContextId: '',
      requestId: ownRequestToken,
      body: { id: ownRequestId },
      params,
      paramsText: () => JSON.stringify(params),
    }
    const sent = forwardGetTask(call, this.#forwarder, maxAnswerBytes)
    this.#open.add(sent)
    const flight = sent.answer.then((answer) => {
      this.#open.delete(sent)
      return this.#release(call, answer)
    })
    // awaited in its turn; this only keeps an early failure from being reported as unhandled
    flight.catch(() => undefined)
    return flight
  }

  #abortAll(): void {
    for (const call of this.#open) call.abort()
  }

  #release(call: Admitted, answer: AgentAnswer): ReadTask | 'missing' | Refusal {
    if (isRefusal(answer)) return answer
    if (answer.kind === 'stream') {
      answer.abort()
      return refuse('RELEASE_INVALID_ANSWER', 'a stream in answer to GetTask')
    }
    const released = releaseAnswer(call, answer, this.#ownership)
    // an agent that says so once may be restarting, or behind its own store: the task stays its owner's
    if (isRefusal(released)) return unlisted.has(released.code) ? 'missing' : released
    // a context that GetTask names for the first time stays unclaimed here: the list shows it to its owner only
    released.undo()
    const [task] = released.states
    if (task === undefined) return refuse('RELEASE_INVALID_ANSWER', 'the agent answered GetTask without a task')
    this.#ownership.note(released.states, call)
    const text = detach(taskText(call, released.released.text, this.#filter.includeArtifacts))
    return { taskId: call.taskId, text, bytes: Buffer.byteLength(text), state: task.state }
  }
}

/** The task as the agent wrote it, without its artifacts unless they were asked for (§3.1.4: left out, not emptied). */
function taskText(call: Admitted, answer: string, includeArtifacts: boolean): string {
  const range = call.binding === 'JSONRPC' ? memberRange(answer, ['result']) : memberRange(answer, [])
  const text = range === undefined ? '{}' : answer.slice(range.start, range.end)
  return includeArtifacts ? text : removeMember(text, 'artifacts')
}
