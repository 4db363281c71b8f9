// ListTasks is answered from the index of owners, never by the agent: which tasks are the caller's is ours to know
// (A2A 1.0.1 §3.1.4, §13.1). What the tasks look like is the agent's: each stands in the list as the agent wrote it.
// A page holds no more than one answer may: it ends early and its token goes on. Tokens work for their caller only.

import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Admitted, ListFilter, TaskOwner } from '../exchange/exchange.ts'
import type { Forwarder } from '../forward/forward.ts'
import { isRefusal, refuse, type Refusal } from '../refusal/refusal.ts'
import { releaseList, type OwnershipBook, type ReleasedAnswer } from '../release/release.ts'
import { TaskReader } from './read-tasks.ts'

export interface TaskRow {
  readonly taskId: string
  readonly contextId: string
  readonly state: string
  readonly timestampMs: number
  /** where a list goes on that ends with this task */
  readonly cursor: string
}

export interface TaskRows {
  readonly rows: readonly TaskRow[]
  readonly total: number
  readonly nextCursor: string | undefined
}

/** The part of the index that lists; store implements it. */
export interface TaskIndex {
  list(
    agent: string,
    tenant: string,
    owner: TaskOwner,
    filter: {
      contextId?: string
      status?: string
      /** only tasks that may still change */
      unfinished?: boolean
      afterMs?: number
      limit: number
      cursor?: string
    },
  ): Promise<TaskRows>
}

export interface TaskLister {
  /** what comes of it after the signal is nobody's */
  list(admitted: Admitted, forwarder: Forwarder, signal: AbortSignal): Promise<ReleasedAnswer | Refusal>
}

/** Unfinished tasks refreshed before a filter on state is applied; of further ones the last known state counts. */
const maxRefreshed = 100 // bound: tasks refreshed for a filter

export function createTaskLister(parts: {
  index: TaskIndex
  ownership: OwnershipBook
  /** binds page tokens; lives as long as the process */
  tokenSecret: Buffer
}): TaskLister {
  return {
    async list(admitted, forwarder, signal) {
      const filter = admitted.list
      if (filter === undefined) return refuse('GATEWAY_INTERNAL', 'a list without a filter')
      const cursor = openToken(admitted, filter, parts.tokenSecret)
      if (cursor === undefined)
        return refuse('VALIDATE_PARAMS', "the page token is not this caller's", { hint: 'pageToken' })
      const reader = new TaskReader(admitted, forwarder, { filter, ownership: parts.ownership, signal })
      const failed = await refreshForFilter(admitted, filter, parts.index, reader)
      if (failed !== undefined) return failed
      const { rows, total, nextCursor } = await findPage(admitted, filter, parts.index, cursor)
      const read = await reader.read(rows.map((row) => row.taskId))
      if (isRefusal(read)) return read
      // a page that is full before its time ends with the last task that had room
      const next = read.done < rows.length ? rows[read.done - 1]?.cursor : nextCursor
      const nextToken = next === undefined ? '' : sealToken(admitted, filter, next, parts.tokenSecret)
      return releaseList(admitted, read.texts, { nextToken, pageSize: filter.pageSize, totalSize: total })
    },
  }
}

/** A filter on state or time is only as good as what we last heard: ask again about unfinished tasks first. */
async function refreshForFilter(
  admitted: Admitted,
  filter: ListFilter,
  index: TaskIndex,
  reader: TaskReader,
): Promise<Refusal | undefined> {
  if (filter.status === '' && filter.statusTimestampAfterMs === 0) return undefined
  const unfinished = await index.list(admitted.agent.name, admitted.tenant, ownerOf(admitted), {
    ...ofContext(admitted),
    unfinished: true,
    limit: maxRefreshed,
  })
  return await reader.refresh(unfinished.rows.map((row) => row.taskId))
}

function findPage(admitted: Admitted, filter: ListFilter, index: TaskIndex, cursor: string): Promise<TaskRows> {
  const { status, statusTimestampAfterMs, pageSize } = filter
  return index.list(admitted.agent.name, admitted.tenant, ownerOf(admitted), {
    ...ofContext(admitted),
    ...(status !== '' && { status }),
    ...(statusTimestampAfterMs !== 0 && { afterMs: statusTimestampAfterMs }),
    ...(cursor !== '' && { cursor }),
    limit: pageSize,
  })
}

/** The index knows contexts as their agents do. */
const ofContext = ({ agentContextId }: Admitted): { contextId?: string } =>
  agentContextId === '' ? {} : { contextId: agentContextId }

const ownerOf = ({ caller, origin }: Admitted): TaskOwner => ({ caller: caller.id, origin: origin.id })

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
