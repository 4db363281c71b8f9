// ListTasks is answered from the index of owners, never by the agent: which tasks are the caller's is ours to know
// (A2A 1.0.1 §3.1.4, §13.1). What the tasks look like is the agent's: each task on the page is asked for by a bounded
// GetTask in the caller's name and stands in the list as the agent wrote it. Page tokens work for their caller only.

import { createHmac, timingSafeEqual } from 'node:crypto'
import { memberRange } from '../base/strict-json.ts'
import { buildRestPath } from '../a2a/paths.ts'
import type { Admitted, ListFilter, TaskOwner } from '../exchange/exchange.ts'
import { forwardGetTask, type Forwarder } from '../forward/forward.ts'
import { isRefusal, refuse, type Refusal } from '../refusal/refusal.ts'
import { releaseAnswer, releaseList, type OwnershipBook, type ReleasedAnswer } from '../release/release.ts'

export interface TaskRow {
  readonly taskId: string
  readonly contextId: string
  readonly state: string
  readonly timestampMs: number
}

/** The part of the index that lists; store implements it. */
export interface TaskIndex {
  list(
    agent: string,
    tenant: string,
    owner: TaskOwner,
    filter: { contextId?: string; status?: string; afterMs?: number; limit: number; cursor?: string },
  ): { readonly rows: readonly TaskRow[]; readonly total: number; readonly nextCursor: string | undefined }
  /** the agent does not know this task any more */
  forget(agent: string, tenant: string, taskId: string): void
}

export interface TaskLister {
  list(admitted: Admitted, forwarder: Forwarder): Promise<ReleasedAnswer | Refusal>
}

/** GetTask calls in flight for one list, and tasks refreshed before a filter on state is applied. */
const concurrency = 8
const maxRefreshed = 100
const terminal: ReadonlySet<string> = new Set([
  'TASK_STATE_COMPLETED',
  'TASK_STATE_FAILED',
  'TASK_STATE_CANCELED',
  'TASK_STATE_REJECTED',
])

type Fetched = Map<string, { readonly text: string; readonly state: string }>

export function createTaskLister(parts: {
  index: TaskIndex
  ownership: OwnershipBook
  /** binds page tokens; lives as long as the process */
  tokenSecret: Buffer
}): TaskLister {
  return {
    async list(admitted, forwarder) {
      const filter = admitted.list
      if (filter === undefined) return refuse('GATEWAY_INTERNAL', 'a list without a filter')
      const cursor = openToken(admitted, filter, parts.tokenSecret)
      if (cursor === undefined)
        return refuse('VALIDATE_PARAMS', "the page token is not this caller's", { hint: 'pageToken' })
      const ask = new Asker(admitted, forwarder, filter, parts)
      const failed = await ask.refreshForFilter()
      if (failed !== undefined) return failed
      const page = ask.page(cursor)
      const problem = await ask.fetchAll(page.rows)
      if (problem !== undefined) return problem
      const nextToken =
        page.nextCursor === undefined ? '' : sealToken(admitted, filter, page.nextCursor, parts.tokenSecret)
      return releaseList(admitted, ask.texts(page.rows), {
        nextToken,
        pageSize: filter.pageSize,
        totalSize: ask.page(cursor).total,
      })
    },
  }
}

class Asker {
  readonly #admitted: Admitted
  readonly #forwarder: Forwarder
  readonly #filter: ListFilter
  readonly #parts: { index: TaskIndex; ownership: OwnershipBook }
  readonly #owner: TaskOwner
  readonly #fetched: Fetched = new Map()

  constructor(
    admitted: Admitted,
    forwarder: Forwarder,
    filter: ListFilter,
    parts: { index: TaskIndex; ownership: OwnershipBook },
  ) {
    this.#admitted = admitted
    this.#forwarder = forwarder
    this.#filter = filter
    this.#parts = parts
    this.#owner = { caller: admitted.caller.id, origin: admitted.origin.id }
  }

  /** A filter on state or time is only as good as what we last heard: ask again about unfinished tasks first. */
  async refreshForFilter(): Promise<Refusal | undefined> {
    const { status, statusTimestampAfterMs, contextId } = this.#filter
    if (status === '' && statusTimestampAfterMs === 0) return undefined
    const { agent, tenant } = this.#admitted
    const newest = this.#parts.index.list(agent.name, tenant, this.#owner, {
      ...(contextId !== '' && { contextId }),
      limit: maxRefreshed,
    })
    return await this.fetchAll(newest.rows.filter((row) => !terminal.has(row.state)))
  }

  page(cursor: string): ReturnType<TaskIndex['list']> {
    const { contextId, status, statusTimestampAfterMs, pageSize } = this.#filter
    const { agent, tenant } = this.#admitted
    return this.#parts.index.list(agent.name, tenant, this.#owner, {
      ...(contextId !== '' && { contextId }),
      ...(status !== '' && { status }),
      ...(statusTimestampAfterMs !== 0 && { afterMs: statusTimestampAfterMs }),
      ...(cursor !== '' && { cursor }),
      limit: pageSize,
    })
  }

  async fetchAll(rows: readonly TaskRow[]): Promise<Refusal | undefined> {
    const left = rows.filter((row) => !this.#fetched.has(row.taskId))
    let problem: Refusal | undefined
    const work = async (): Promise<void> => {
      for (let row = left.shift(); row !== undefined && problem === undefined; row = left.shift()) {
        if (this.#admitted.reply.gone) return
        const failed = await this.#fetch(row.taskId)
        // not `problem ??= await`: that would read before waiting, and a success would undo another's failure
        problem ??= failed
      }
    }
    await Promise.all(Array.from({ length: concurrency }, work))
    return problem
  }

  async #fetch(taskId: string): Promise<Refusal | undefined> {
    const call: Admitted = {
      ...this.#admitted,
      operation: 'GetTask',
      taskId,
      contextId: '',
      requestId: '1',
      body: { id: 1 },
    }
    const sent = forwardGetTask(call, this.#forwarder, requestFor(call, taskId, this.#filter.historyLength))
    call.reply.onGone(() => sent.abort())
    const answer = await sent.answer
    if (isRefusal(answer)) return answer
    if (answer.kind === 'stream') {
      answer.abort()
      return refuse('RELEASE_INVALID_ANSWER', 'a stream in answer to GetTask')
    }
    const released = releaseAnswer(call, answer, this.#parts.ownership)
    if (isRefusal(released)) {
      if (released.code !== 'AUTHZ_TASK_NOT_FOUND') return released
      this.#parts.index.forget(call.agent.name, call.tenant, taskId)
      return undefined
    }
    // a context that GetTask names for the first time stays unclaimed here: the list shows it to its owner only
    released.undo()
    const [task] = released.states
    if (task === undefined) return refuse('RELEASE_INVALID_ANSWER', 'the agent answered GetTask without a task')
    this.#parts.ownership.note(released.states, call)
    this.#fetched.set(taskId, {
      text: taskText(call, released.released.text, this.#filter.includeArtifacts),
      state: task.state,
    })
    return undefined
  }

  /** In the page's order; what the agent has forgotten, or what no longer fits the filter, is left out. */
  texts(rows: readonly TaskRow[]): string[] {
    const { status } = this.#filter
    const texts: string[] = []
    for (const row of rows) {
      const task = this.#fetched.get(row.taskId)
      if (task !== undefined && (status === '' || task.state === status)) texts.push(task.text)
    }
    return texts
  }
}

function requestFor(call: Admitted, taskId: string, historyLength: number | undefined): { path: string; body: string } {
  if (call.binding === 'HTTP+JSON') {
    const query = historyLength === undefined ? '' : `historyLength=${historyLength}`
    return { path: buildRestPath({ operation: 'GetTask', tenant: call.tenant, taskId, configId: '' }, query), body: '' }
  }
  const params = {
    ...(call.tenant !== '' && { tenant: call.tenant }),
    id: taskId,
    ...(historyLength !== undefined && { historyLength }),
  }
  return { path: '', body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'GetTask', params }) }
}

/** The task as the agent wrote it, without its artifacts unless they were asked for (§3.1.4: left out, not emptied). */
function taskText(call: Admitted, answer: string, includeArtifacts: boolean): string {
  const range = call.binding === 'JSONRPC' ? memberRange(answer, ['result']) : memberRange(answer, [])
  const text = range === undefined ? '{}' : answer.slice(range.start, range.end)
  return includeArtifacts ? text : cutMember(text, 'artifacts')
}

/** Removes one member of the outermost object; all other bytes stay. */
function cutMember(text: string, key: string): string {
  const range = memberRange(text, [key])
  if (range === undefined) return text
  // back over `"key" :` (a key cannot hold a bare quote: of the last two quotes the first opens it)
  const keyStart = text.lastIndexOf('"', text.lastIndexOf('"', range.start - 1) - 1)
  const after = /^\s*,/.exec(text.slice(range.end))
  if (after !== null) return text.slice(0, keyStart) + text.slice(range.end + after[0].length)
  return text.slice(0, keyStart).replace(/,\s*$/, '') + text.slice(range.end)
}

function tokenSignature(admitted: Admitted, filter: ListFilter, cursor: string, secret: Buffer): Buffer {
  const { caller, origin, agent, tenant } = admitted
  const bound = [
    caller.id,
    origin.id,
    agent.name,
    tenant,
    filter.contextId,
    filter.status,
    filter.statusTimestampAfterMs,
    cursor,
  ]
  return createHmac('sha256', secret).update(JSON.stringify(bound)).digest().subarray(0, 16)
}

function sealToken(admitted: Admitted, filter: ListFilter, cursor: string, secret: Buffer): string {
  const sealed = Buffer.concat([tokenSignature(admitted, filter, cursor, secret), Buffer.from(cursor)])
  return sealed.toString('base64url')
}

/** '' for the first page, undefined for a token that is not this caller's for this filter. */
function openToken(admitted: Admitted, filter: ListFilter, secret: Buffer): string | undefined {
  if (filter.pageToken === '') return ''
  const sealed = Buffer.from(filter.pageToken, 'base64url')
  if (sealed.length <= 16) return undefined
  const cursor = sealed.subarray(16).toString()
  const good = timingSafeEqual(sealed.subarray(0, 16), tokenSignature(admitted, filter, cursor, secret))
  return good ? cursor : undefined
}
