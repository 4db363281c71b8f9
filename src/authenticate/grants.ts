// Task-bound grants: for how long an agent may act for others by an assertion that it was given. A grant begins with
// the call that the assertion names and lasts while that call is open, or while a task that came of it is not in a
// terminal state so far as the gateway has heard, and never beyond its deadline. In memory and bounded; what a task
// holds is kept over a restart without a name of anybody: call, agent, task. Design, "On whose behalf".

import type { Clock } from '../base/clock.ts'
import type { OriginProof } from '../exchange/exchange.ts'
import type { Delegation } from './delegation.ts'

/** A call that is being carried to an agent. */
export interface GrantedCall {
  readonly call: string
  /** name of the agent that is called */
  readonly agent: string
  /** what the agent may pass on: origin, the agents that stand between them now, what they were narrowed to */
  readonly delegation: Delegation
  /** the hop before ends then, and so does this one */
  readonly deadlineMs: number
  /** by what the origin proved who it is */
  readonly originProof?: OriginProof | undefined
}

export interface Grant {
  readonly deadlineMs: number
  /** undefined after a restart: the assertion itself has to say it */
  readonly delegation: Delegation | undefined
  /** not known any more after a restart */
  readonly originProof?: OriginProof | undefined
}

export interface GrantReader {
  /** The grant of this call to this agent; undefined when there is none or it has ended. */
  find(call: string, agent: string): Grant | undefined
}

/** What an agent says of a task, in an answer or event that was released. */
export interface HeardTask {
  readonly taskId: string
  /** '' when it does not say */
  readonly state: string
}

/** A grant as it is kept over a restart. */
export interface KeptGrant {
  readonly call: string
  readonly agent: string
  readonly deadlineMs: number
  /** tenant and task id of each */
  readonly tasks: readonly (readonly [tenant: string, taskId: string])[]
}

export interface GrantBook extends GrantReader {
  /** The call is on its way from here on. Returns what ends it: only tasks hold the grant then. */
  open(granted: GrantedCall): () => void
  /** `carriesMessage`: whether what came of this call is the call's, and not something it only asked about. */
  heard(
    call: { readonly call: string; readonly agent: string; readonly tenant: string; readonly carriesMessage: boolean },
    tasks: readonly HeardTask[],
  ): void
  /** those that a task holds */
  kept(): readonly KeptGrant[]
  restore(kept: readonly KeptGrant[]): void
  /** changes whenever `kept` would say something else */
  readonly version: number
  readonly size: number
}

const terminalStates: ReadonlySet<string> = new Set([
  'TASK_STATE_COMPLETED',
  'TASK_STATE_FAILED',
  'TASK_STATE_CANCELED',
  'TASK_STATE_REJECTED',
])

export const isTerminal = (state: string): boolean => terminalStates.has(state)

const maxGrants = 20_000 // bound: grants that a task holds
const maxGrantsOfOrigin = 1_000 // bound: grants of one origin that a task holds
const maxTasksOfGrant = 16 // bound: tasks that hold one grant

interface Entry extends Grant {
  readonly call: string
  readonly agent: string
  readonly originId: string
  isOpen: boolean
  /** by key: false once it has ended, which nothing said later undoes */
  readonly tasks: Map<string, boolean>
  live: number
}

const keyOf = (agent: string, tenant: string, taskId: string): string => JSON.stringify([agent, tenant, taskId])

export function createGrantBook({ clock }: { clock: Clock }): GrantBook {
  const byCall = new Map<string, Entry>()
  const byTask = new Map<string, Set<Entry>>()
  /** those that a task holds, in the order in which the first did */
  const held = new Set<Entry>()
  const byOrigin = new Map<string, Set<Entry>>()
  let version = 0

  /** No task holds it any more; with its call it is gone. */
  const release = (entry: Entry): void => {
    for (const key of entry.tasks.keys()) {
      entry.tasks.set(key, false)
      removeFrom(byTask, key, entry)
    }
    removeFrom(byOrigin, entry.originId, entry)
    if (held.delete(entry)) version += 1
    entry.live = 0
    if (!entry.isOpen && byCall.get(entry.call) === entry) byCall.delete(entry.call)
  }

  const releaseOldest = (entries: Iterable<Entry>): void => {
    for (const entry of entries) return release(entry)
  }

  /** For one more that a task holds the oldest go, of the same origin before all others. */
  const hold = (entry: Entry): void => {
    const own = byOrigin.get(entry.originId)
    // what is kept over a restart has no origin any more
    if (entry.originId !== '' && own !== undefined && own.size >= maxGrantsOfOrigin) releaseOldest(own)
    if (held.size >= maxGrants) releaseOldest(held)
    held.add(entry)
    addTo(byOrigin, entry.originId, entry)
  }

  const bind = (entry: Entry, key: string): void => {
    if (entry.tasks.has(key) || entry.tasks.size >= maxTasksOfGrant) return
    if (entry.live === 0) hold(entry)
    entry.tasks.set(key, true)
    entry.live += 1
    addTo(byTask, key, entry)
    version += 1
  }

  const endTask = (key: string): void => {
    for (const entry of byTask.get(key) ?? []) {
      if (entry.tasks.get(key) !== true) continue
      entry.tasks.set(key, false)
      entry.live -= 1
      version += 1
      if (entry.live === 0) release(entry)
    }
    byTask.delete(key)
  }

  const add = (
    fields: Pick<Entry, 'call' | 'agent' | 'originId' | 'deadlineMs' | 'delegation' | 'originProof' | 'isOpen'>,
  ): Entry => {
    const entry: Entry = { ...fields, tasks: new Map(), live: 0 }
    byCall.set(entry.call, entry)
    return entry
  }

  return {
    find(call, agent) {
      const entry = byCall.get(call)
      if (entry === undefined || entry.agent !== agent) return undefined
      if (clock.nowMs() >= entry.deadlineMs) {
        release(entry)
        return undefined
      }
      return entry.isOpen || entry.live > 0 ? entry : undefined
    },
    open({ call, agent, delegation, deadlineMs, originProof }) {
      const originId = delegation.origin.id
      const entry = add({ call, agent, originId, delegation, originProof, deadlineMs, isOpen: true })
      return () => {
        entry.isOpen = false
        if (entry.live === 0) release(entry)
      }
    },
    heard({ call, agent, tenant, carriesMessage }, tasks) {
      if (byCall.size === 0) return
      const current = byCall.get(call)
      const own = current?.isOpen === true && current.agent === agent ? current : undefined
      for (const { taskId, state } of tasks) {
        if (own === undefined && byTask.size === 0) return
        const key = keyOf(agent, tenant, taskId)
        if (!isTerminal(state)) {
          if (own !== undefined && carriesMessage) bind(own, key)
          continue
        }
        endTask(key)
        // an agent that says afterwards that it works on gets nothing by it
        if (own !== undefined && own.tasks.size < maxTasksOfGrant) own.tasks.set(key, false)
      }
    },
    kept() {
      const nowMs = clock.nowMs()
      const kept: KeptGrant[] = []
      for (const entry of held) {
        if (nowMs >= entry.deadlineMs) continue
        kept.push({ call: entry.call, agent: entry.agent, deadlineMs: entry.deadlineMs, tasks: liveTasks(entry) })
      }
      return kept
    },
    restore(kept) {
      for (const { call, agent, deadlineMs, tasks } of kept) {
        if (clock.nowMs() >= deadlineMs || byCall.has(call)) continue
        const entry = add({ call, agent, originId: '', deadlineMs, delegation: undefined, isOpen: false })
        for (const [tenant, taskId] of tasks) bind(entry, keyOf(agent, tenant, taskId))
        if (entry.live === 0) release(entry)
      }
    },
    get version() {
      return version
    },
    get size() {
      return byCall.size
    },
  }
}

function liveTasks(entry: Entry): [string, string][] {
  return [...entry.tasks].flatMap(([key, isLive]): [string, string][] => {
    // written by keyOf
    const [, tenant, taskId] = JSON.parse(key) as [string, string, string]
    return isLive ? [[tenant, taskId]] : []
  })
}

function addTo(index: Map<string, Set<Entry>>, key: string, entry: Entry): void {
  const found = index.get(key)
  if (found === undefined) index.set(key, new Set([entry]))
  else found.add(entry)
}

function removeFrom(index: Map<string, Set<Entry>>, key: string, entry: Entry): void {
  const found = index.get(key)
  if (found?.delete(entry) === true && found.size === 0) index.delete(key)
}
