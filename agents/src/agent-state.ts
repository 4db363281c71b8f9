// What an agent remembers: tasks and push configurations, each kept under the caller who made them, in memory.
// It protects the process from growing without end: the oldest tasks go first, and their configurations with them.
// It never shows one caller's task to another.

import { randomUUID } from 'node:crypto'
import type { ListTasksRequest, ListTasksResponse, Task, TaskPushNotificationConfig } from '@a2a-js/sdk'
import { RequestMalformedError } from '@a2a-js/sdk/errors'
import {
  InMemoryTaskStore,
  type PushNotificationStore,
  type ServerCallContext,
  type TaskStore,
} from '@a2a-js/sdk/server'

interface Entry {
  task: Task
  /** about how much memory the task takes */
  bytes: number
  readonly scope: string
  readonly pushes: Map<string, TaskPushNotificationConfig>
}

const maxPushesPerTask = 10

export interface AgentState {
  readonly tasks: TaskStore
  readonly pushes: PushNotificationStore
}

/** `mayPushTo` decides which webhook addresses are kept at all. */
export function createAgentState(options: {
  maxTasks: number
  maxBytes: number
  mayPushTo: (url: string) => boolean
}): AgentState {
  // In order of creation: the first key is the oldest.
  const entries = new Map<string, Entry>()
  const scopes = new Map<string, Set<Entry>>()
  const find = (taskId: string, context: ServerCallContext): Entry | undefined => entries.get(keyOf(taskId, context))

  let bytes = 0
  /** Returns about how much memory that freed. */
  const evictOldest = (): number => {
    const [oldest] = entries
    if (oldest === undefined) return 0
    const [key, entry] = oldest
    entries.delete(key)
    const peers = scopes.get(entry.scope)
    peers?.delete(entry)
    if (peers?.size === 0) scopes.delete(entry.scope)
    return entry.bytes
  }

  const enter = (task: Task, context: ServerCallContext): Entry => {
    if (entries.size >= options.maxTasks) bytes -= evictOldest()
    const entry: Entry = { task, bytes: 0, scope: scopeOf(context), pushes: new Map() }
    entries.set(keyOf(task.id, context), entry)
    const peers = scopes.get(entry.scope)
    if (peers === undefined) scopes.set(entry.scope, new Set([entry]))
    else peers.add(entry)
    return entry
  }

  const tasks: TaskStore = {
    async save(task, context) {
      const size = JSON.stringify(task).length
      const entry = find(task.id, context) ?? enter(task, context)
      entry.task = structuredClone(task)
      bytes += size - entry.bytes
      entry.bytes = size
      // The newest stays, whatever its size: a message is bounded where it is read.
      while (bytes > options.maxBytes && entries.size > 1) bytes -= evictOldest()
    },
    async load(taskId, context) {
      const task = find(taskId, context)?.task
      return task?.status === undefined ? undefined : structuredClone(task)
    },
    list: (params, context) => listTasks(scopes.get(scopeOf(context)) ?? new Set(), params, context),
  }

  const pushes: PushNotificationStore = {
    async save(taskId, context, config) {
      if (!options.mayPushTo(config.url))
        throw new RequestMalformedError('the webhook address is not one this agent calls')
      // A configuration sent along with the first message arrives before its task does; until the task has a
      // status it is not there for anyone.
      const entry = find(taskId, context) ?? enter(emptyTask(taskId), context)
      if (config.id === '') config.id = randomUUID()
      if (!entry.pushes.has(config.id) && entry.pushes.size >= maxPushesPerTask) {
        throw new RequestMalformedError(`a task may have at most ${maxPushesPerTask} push configurations`)
      }
      entry.pushes.set(config.id, structuredClone(config))
    },
    async load(taskId, context) {
      return [...(find(taskId, context)?.pushes.values() ?? [])].map((config) => structuredClone(config))
    },
    async delete(taskId, context, configId) {
      const kept = find(taskId, context)?.pushes
      if (configId === undefined) kept?.clear()
      else kept?.delete(configId)
    },
  }

  return { tasks, pushes }
}

function emptyTask(id: string): Task {
  return { id, contextId: '', status: undefined, artifacts: [], history: [], metadata: undefined }
}

/** Filtering and paging are the SDK's own, over a copy of this caller's tasks only. */
async function listTasks(
  mine: ReadonlySet<Entry>,
  params: ListTasksRequest,
  context: ServerCallContext,
): Promise<ListTasksResponse> {
  const copy = new InMemoryTaskStore()
  for (const entry of mine) if (entry.task.status !== undefined) await copy.save(entry.task, context)
  return copy.list(params, context)
}

const scopeOf = (context: ServerCallContext): string =>
  JSON.stringify([context.tenant ?? '', context.user?.userName ?? ''])
const keyOf = (taskId: string, context: ServerCallContext): string =>
  JSON.stringify([context.tenant ?? '', context.user?.userName ?? '', taskId])
