// Which tasks, contexts and push configurations an agent's answer or event speaks of, wherever the schema lets it
// name one, so that ownership is settled before the caller sees a byte. Expects a value that has passed its shape.
// `referenceTaskIds` are left out: they point elsewhere and give nothing. Texts are copies, safe to keep.

import { detach, isJsonObject, type JsonObject, type JsonValue } from '../base/strict-json.ts'
import { contextPlacesOfAnswer, visitContexts } from './context-places.ts'
import type { Operation } from './operations.ts'

export interface NamedTask {
  readonly taskId: string
  readonly contextId: string
  /** '' when the answer does not say */
  readonly state: string
  /** milliseconds since the epoch; 0 when the answer does not say */
  readonly timestampMs: number
}

export interface NamedIds {
  /** each task once, the one that the answer is about first */
  readonly tasks: readonly NamedTask[]
  /** each context once */
  readonly contexts: readonly string[]
  readonly configs: readonly { readonly taskId: string; readonly configId: string }[]
}

/** `value` is the JSON-RPC result, the HTTP+JSON body or one stream event of this operation. */
export function namedIds(operation: Operation, value: JsonValue): NamedIds {
  const found = new Found()
  if (!isJsonObject(value)) return found.ids()
  visitContexts(value, contextPlacesOfAnswer(operation), (contextId) => found.context(contextId))
  switch (operation) {
    case 'SendMessage':
    case 'SendStreamingMessage':
    case 'SubscribeToTask':
      found.event(value)
      break
    case 'GetTask':
    case 'CancelTask':
      found.task(value)
      break
    case 'ListTasks':
      for (const task of objects(value.tasks)) found.task(task)
      break
    case 'CreateTaskPushNotificationConfig':
    case 'GetTaskPushNotificationConfig':
      found.config(value)
      break
    case 'ListTaskPushNotificationConfigs':
      for (const config of objects(value.configs)) found.config(config)
      break
    case 'DeleteTaskPushNotificationConfig':
    case 'GetExtendedAgentCard':
      break
  }
  return found.ids()
}

class Found {
  readonly #tasks = new Map<string, NamedTask>()
  readonly #contexts = new Set<string>()
  readonly #configs: { taskId: string; configId: string }[] = []

  ids(): NamedIds {
    return { tasks: [...this.#tasks.values()], contexts: [...this.#contexts], configs: this.#configs }
  }

  context(contextId: string): void {
    if (!this.#contexts.has(contextId)) this.#contexts.add(detach(contextId))
  }

  event(event: JsonObject): void {
    if (isJsonObject(event.task)) this.task(event.task)
    if (isJsonObject(event.message)) this.message(event.message)
    for (const update of [event.statusUpdate, event.artifactUpdate]) {
      if (isJsonObject(update)) this.#about(text(update.taskId), text(update.contextId), update.status)
    }
  }

  task(task: JsonObject): void {
    this.#about(text(task.id), text(task.contextId), task.status)
    for (const message of objects(task.history)) this.message(message)
  }

  message(message: JsonObject): void {
    this.#name(text(message.taskId), text(message.contextId), '', 0)
  }

  config(config: JsonObject): void {
    const taskId = detach(text(config.taskId))
    this.#configs.push({ taskId, configId: detach(text(config.id)) })
    this.#name(taskId, '', '', 0)
  }

  #about(taskId: string, contextId: string, status: JsonValue | undefined): void {
    const known = isJsonObject(status) ? status : undefined
    this.#name(taskId, contextId, text(known?.state), instantMs(text(known?.timestamp)) ?? 0)
    if (isJsonObject(known?.message)) this.message(known.message)
  }

  /** What the first mention leaves open, a later one may fill in; a state is never overwritten. */
  #name(taskId: string, contextId: string, state: string, timestampMs: number): void {
    if (taskId === '') return
    const before = this.#tasks.get(taskId)
    if (before === undefined) {
      const copy = detach(taskId)
      this.#tasks.set(copy, { taskId: copy, contextId: detach(contextId), state: detach(state), timestampMs })
    } else if ((before.contextId === '' && contextId !== '') || (before.state === '' && state !== '')) {
      this.#tasks.set(before.taskId, {
        taskId: before.taskId,
        contextId: before.contextId === '' ? detach(contextId) : before.contextId,
        state: before.state === '' ? detach(state) : before.state,
        timestampMs: before.state === '' ? timestampMs : before.timestampMs,
      })
    }
  }
}

const text = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '')

function objects(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

const rfc3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/

/** Milliseconds since the epoch of an RFC 3339 timestamp; undefined when it is none. */
export function instantMs(timestamp: string): number | undefined {
  if (timestamp.length > 40 || !rfc3339.test(timestamp)) return undefined
  const ms = Date.parse(timestamp.toUpperCase())
  return Number.isNaN(ms) ? undefined : ms
}
