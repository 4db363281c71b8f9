// Holds the counters of this process and the limits that apply to them. A new configuration keeps the counters:
// nobody gets a fresh allowance by a reload.

import type { Clock } from '../base/clock.ts'
import type { LimitConfig } from '../config/config.ts'
import type { HeaderRecord, Principal } from '../exchange/exchange.ts'
import { type Bucket, type BucketTable, createBucketTable } from './bucket-table.ts'
import { nextEmptyMs, type Rate, remaining, waitMs } from './gcra.ts'

type LimitCode = 'LIMIT_RATE' | 'LIMIT_STREAMS' | 'LIMIT_OPEN_TASKS' | 'LIMIT_TURNS'

export type Taken =
  | {
      readonly ok: true
      readonly release: () => void
      /** the task that was expected is there, and counts by itself */
      readonly opened: () => void
      /** a limit on turns concerns the call */
      readonly countsTurns: boolean
      readonly headers: HeaderRecord
    }
  | {
      readonly ok: false
      readonly code: LimitCode
      readonly detail: string
      readonly headers: HeaderRecord
    }

export interface Limiter {
  /** Takes one call, and one stream and one task when it opens one, from every limit that concerns it; or from none. */
  take(caller: Pick<Principal, 'id' | 'groups'>, agent: string, opensStream: boolean, message?: SentTo): Taken
  /** Refuses a caller whose own allowance is used up, whatever it asks for; takes nothing. */
  guard(caller: Pick<Principal, 'id' | 'groups'>): Taken | undefined
  /** Takes one from the caller's own allowance for what never became a call: a refusal, a look at the directory. */
  charge(caller: Pick<Principal, 'id' | 'groups'>): void
  /** Applies other limits from now on; counters of limits that are still there go on. */
  reconfigure(limits: readonly LimitConfig[]): void
}

/** Where a message goes: ids as the agent knows them, '' for none. */
export interface SentTo {
  readonly tenant: string
  readonly taskId: string
  readonly contextId: string
  /** asked only where a limit counts tasks or turns: the agent will not hear of it */
  readonly isRepeated?: () => boolean
}

/** What is known of tasks and contexts; the index of owners has it. */
export interface TaskCounts {
  openTasks(of: { readonly agent?: string; readonly caller?: string }): number
  isOpen(agent: string, tenant: string, taskId: string): boolean
  /** how many messages a context has had, or that of a task where none is named */
  turns(agent: string, tenant: string, of: { readonly contextId: string; readonly taskId: string }): number
}

const defaultLimit: LimitConfig = {
  per: ['caller'],
  agents: ['*'],
  requests: { count: 600, periodMs: 60_000 },
  concurrentStreams: 100,
}
const defaultMaxKeys = 100_000 // bound: callers, agents or pairs counted by one limit

type Scope = 'caller' | 'agent' | 'caller-agent'

interface Limit {
  readonly scope: Scope
  /** name in the RateLimit fields: the scope, numbered where there are several */
  readonly name: string
  readonly agents: ReadonlySet<string> | undefined
  readonly callers: readonly string[] | undefined
  readonly rate: Rate | undefined
  readonly streams: number | undefined
  readonly openTasks: number | undefined
  readonly turns: number | undefined
  readonly table: BucketTable
}

/** One limit's part in one call. */
interface Share {
  readonly limit: Limit
  readonly rate: Rate | undefined
  readonly streams: number | undefined
  readonly bucket: Bucket
  readonly nextMs: number
}

interface LimitSet {
  readonly limits: readonly Limit[]
  /** for what no limit of a caller says */
  readonly fallback: Limit
  readonly tables: ReadonlyMap<string, BucketTable>
}

export function createLimiter(options: {
  clock: Clock
  limits: readonly LimitConfig[]
  /** absent where no tasks are kept: then none is open */
  tasks?: TaskCounts
  maxKeys?: number
}): Limiter {
  const { clock, tasks } = options
  const maxKeys = options.maxKeys ?? defaultMaxKeys
  let current = compileLimits(options.limits, new Map(), maxKeys)
  return {
    reconfigure: (limits) => {
      current = compileLimits(limits, current.tables, maxKeys)
    },
    guard: (caller) => checkCaller(current, anyCall(caller, clock)),
    charge: (caller) => {
      const call = anyCall(caller, clock)
      if (checkCaller(current, call) === undefined) commit(call)
    },
    take: (caller, agent, opensStream, message) => {
      const sent = message === undefined || tasks === undefined ? undefined : { to: message, tasks }
      const call: Call = { caller, agent, opensStream, nowMs: clock.monotonicMs(), shares: [], sent }
      return checkAll(current, call) ?? commit(call)
    },
  }
}

interface Call {
  readonly caller: Pick<Principal, 'id' | 'groups'>
  readonly agent: string
  readonly opensStream: boolean
  readonly nowMs: number
  readonly shares: Share[]
  /** of a message: where it goes, and what is known of that */
  readonly sent?: { readonly to: SentTo; readonly tasks: TaskCounts } | undefined
  /** undefined as long as nobody has asked */
  isRepeated?: boolean
}

/** Looks at every limit before anything is taken. */
function checkAll({ limits, fallback }: LimitSet, call: Call): Taken | undefined {
  let hasRate = false
  let hasStreams = false
  for (const limit of limits) {
    if (!concerns(limit, call.caller, call.agent)) continue
    if (limit.scope === 'caller') {
      hasRate ||= limit.rate !== undefined
      hasStreams ||= limit.streams !== undefined
    }
    const refused = check(call, limit, limit.rate, limit.streams)
    if (refused !== undefined) return refused
  }
  if (hasRate && (hasStreams || !call.opensStream)) return undefined
  return check(call, fallback, hasRate ? undefined : fallback.rate, hasStreams ? undefined : fallback.streams)
}

/** Only what counts this caller over all agents: nothing is known of the call yet. */
function checkCaller({ limits, fallback }: LimitSet, call: Call): Taken | undefined {
  let hasRate = false
  for (const limit of limits) {
    if (limit.scope !== 'caller' || limit.agents !== undefined || limit.rate === undefined) continue
    if (!concerns(limit, call.caller, '')) continue
    hasRate = true
    const refused = check(call, limit, limit.rate, undefined)
    if (refused !== undefined) return refused
  }
  return hasRate ? undefined : check(call, fallback, fallback.rate, undefined)
}

function anyCall(caller: Call['caller'], clock: Clock): Call {
  return { caller, agent: '', opensStream: false, nowMs: clock.monotonicMs(), shares: [] }
}

function check(call: Call, limit: Limit, rate: Rate | undefined, streams: number | undefined): Taken | undefined {
  const { nowMs, opensStream } = call
  const bucket = limit.table.get(keyOf(limit.scope, call.caller.id, call.agent), nowMs)
  if (bucket === undefined) return refusal('LIMIT_RATE', limit, 1000, 1000, 'no room to count another key')
  if (opensStream && streams !== undefined && bucket.streams >= streams) {
    return refusal('LIMIT_STREAMS', limit, 1000, 0, `${bucket.streams} streams are open`)
  }
  const full = checkMessage(call, limit, bucket)
  if (full !== undefined) return full
  const nextMs = rate === undefined ? bucket.emptyMs : nextEmptyMs(rate, bucket.emptyMs, nowMs)
  if (nextMs === undefined && rate !== undefined) {
    return refusal('LIMIT_RATE', limit, waitMs(rate, bucket.emptyMs, nowMs), bucket.emptyMs - nowMs, 'too many calls')
  }
  call.shares.push({ limit, rate, streams, bucket, nextMs: nextMs ?? bucket.emptyMs })
  return undefined
}

/** Of messages: how many tasks are open, and how long the conversation is by now. */
function checkMessage(call: Call, limit: Limit, bucket: Bucket): Taken | undefined {
  if (call.sent === undefined || (limit.turns === undefined && limit.openTasks === undefined)) return undefined
  const { tasks, to } = call.sent
  call.isRepeated ??= to.isRepeated?.() === true
  if (call.isRepeated) return undefined
  if (limit.turns !== undefined) {
    const turns = tasks.turns(call.agent, to.tenant, to)
    if (turns >= limit.turns) return refusal('LIMIT_TURNS', limit, 0, 0, `the context has had ${turns} messages`)
  }
  if (limit.openTasks === undefined || !mayOpenTask(call)) return undefined
  const open = tasks.openTasks(tasksOf(limit.scope, call)) + bucket.opening
  return open < limit.openTasks ? undefined : refusal('LIMIT_OPEN_TASKS', limit, 0, 0, `${open} tasks are unfinished`)
}

/** A message for a task that is not open, or that nobody knows, may have another one come of it. */
function mayOpenTask({ agent, sent, isRepeated }: Call): boolean {
  if (isRepeated === true) return false
  return sent !== undefined && (sent.to.taskId === '' || !sent.tasks.isOpen(agent, sent.to.tenant, sent.to.taskId))
}

function compileLimits(configs: readonly LimitConfig[], before: LimitSet['tables'], maxKeys: number): LimitSet {
  const tables = new Map<string, BucketTable>()
  const tableOf = (config: LimitConfig | undefined): BucketTable => {
    let identity = config === undefined ? 'default' : identityOf(config)
    while (tables.has(identity)) identity += '+'
    const table = before.get(identity) ?? createBucketTable(maxKeys)
    tables.set(identity, table)
    return table
  }
  const names = new Map<string, number>()
  const limits = configs.map((config) => compileLimit(config, tableOf(config), names))
  return { limits, fallback: compileLimit(defaultLimit, tableOf(undefined), names), tables }
}

function compileLimit(config: LimitConfig, table: BucketTable, names: Map<string, number>): Limit {
  const isPair = config.per.includes('caller') && config.per.includes('agent')
  const scope: Scope = isPair ? 'caller-agent' : (config.per[0] ?? 'caller')
  const number = (names.get(scope) ?? 0) + 1
  names.set(scope, number)
  const { requests } = config
  return {
    scope,
    name: number === 1 ? scope : `${scope}-${number}`,
    agents: config.agents.includes('*') ? undefined : new Set(config.agents),
    callers: config.callers,
    rate: requests === undefined ? undefined : { ...requests, burst: config.burst ?? requests.count },
    streams: config.concurrentStreams,
    openTasks: config.openTasks,
    turns: config.turns,
    table,
  }
}

/** What makes a limit the same one after a reload: whom it counts, not how much it gives them. */
function identityOf({ per, agents, callers }: LimitConfig): string {
  return JSON.stringify([per.toSorted(), agents.toSorted(), callers?.toSorted() ?? null])
}

function concerns(limit: Limit, caller: Pick<Principal, 'id' | 'groups'>, agent: string): boolean {
  if (limit.agents !== undefined && !limit.agents.has(agent)) return false
  return limit.callers === undefined || limit.callers.some((pattern) => isNamed(pattern, caller))
}

function isNamed(pattern: string, caller: Pick<Principal, 'id' | 'groups'>): boolean {
  if (pattern === 'group:*') return caller.groups.length > 0
  if (pattern.startsWith('group:')) return caller.groups.includes(pattern)
  return pattern.endsWith(':*') ? caller.id.startsWith(pattern.slice(0, -1)) : caller.id === pattern
}

/** A line feed is in no principal id and in no agent name. */
function keyOf(scope: Scope, caller: string, agent: string): string {
  if (scope === 'caller') return caller
  return scope === 'agent' ? agent : `${caller}\n${agent}`
}

function tasksOf(scope: Scope, { caller, agent }: Call): { agent?: string; caller?: string } {
  if (scope === 'caller') return { caller: caller.id }
  return scope === 'agent' ? { agent } : { agent, caller: caller.id }
}

const nothingToRelease = (): void => {}

function commit(call: Call): Taken {
  const { shares, opensStream, nowMs } = call
  const opensTask = shares.some(({ limit }) => limit.openTasks !== undefined) && mayOpenTask(call)
  const held: Bucket[] = []
  const opening: Bucket[] = []
  for (const { limit, bucket, rate, streams, nextMs } of shares) {
    if (rate !== undefined) bucket.emptyMs = nextMs
    // until there is a task, or the call is over: two at once are two
    if (opensTask && limit.openTasks !== undefined) {
      bucket.opening++
      opening.push(bucket)
    }
    if (!opensStream || streams === undefined) continue
    bucket.streams++
    held.push(bucket)
  }
  const opened =
    opening.length === 0
      ? nothingToRelease
      : () => {
          for (const bucket of opening.splice(0)) bucket.opening--
        }
  const closed = held.length === 0 ? nothingToRelease : releaseOnce(held)
  const release =
    opened === nothingToRelease
      ? closed
      : () => {
          opened()
          closed()
        }
  const countsTurns = call.sent !== undefined && shares.some(({ limit }) => limit.turns !== undefined)
  return { ok: true, release, opened, countsTurns, headers: describe(shares, nowMs) }
}

function releaseOnce(held: Bucket[]): () => void {
  return () => {
    for (const bucket of held.splice(0)) bucket.streams--
  }
}

/** Fields for the caller's own counters only: an agent's shared ones would tell of other callers. */
function describe(shares: readonly Share[], nowMs: number): HeaderRecord {
  let policies = ''
  let states = ''
  for (const { limit, rate, bucket } of shares) {
    if (rate === undefined || limit.scope === 'agent') continue
    const comma = policies === '' ? '' : ', '
    policies += `${comma}"${limit.name}";q=${rate.count};w=${Math.ceil(rate.periodMs / 1000)}`
    const left = Math.min(rate.count, remaining(rate, bucket.emptyMs, nowMs))
    states += `${comma}"${limit.name}";r=${left};t=${Math.max(0, Math.ceil((bucket.emptyMs - nowMs) / 1000))}`
  }
  return policies === '' ? {} : { ratelimit: states, 'ratelimit-policy': policies }
}

function refusal(code: LimitCode, limit: Limit, retryMs: number, fullInMs: number, why: string): Taken {
  // time alone ends no task, and makes no conversation shorter
  const headers: HeaderRecord =
    code === 'LIMIT_OPEN_TASKS' || code === 'LIMIT_TURNS'
      ? {}
      : { 'retry-after': String(Math.max(1, Math.ceil(retryMs / 1000))) }
  const { rate } = limit
  if (code === 'LIMIT_RATE' && rate !== undefined && limit.scope !== 'agent') {
    headers['ratelimit'] = `"${limit.name}";r=0;t=${Math.max(1, Math.ceil(fullInMs / 1000))}`
    headers['ratelimit-policy'] = `"${limit.name}";q=${rate.count};w=${Math.ceil(rate.periodMs / 1000)}`
  }
  return { ok: false, code, detail: `limit ${limit.name}: ${why}`, headers }
}
