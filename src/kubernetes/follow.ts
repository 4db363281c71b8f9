// Keeps up with one kind of object: lists it page by page, then watches from where the list ended, for as long as
// somebody listens. Bookmarks move the place from which to go on; a place that is too old (410) means a new list; every
// other failure waits with full jitter. It never stops by itself, and says how long it has heard nothing, because a
// watch that silently stands still is worse than one that fails. Kubernetes API concepts: "Efficient detection of
// changes", "Retrieving large results sets in chunks".

import type { Clock } from '../base/clock.ts'
import { isJsonObject, type JsonObject } from '../base/strict-json.ts'
import { createBackoff } from './backoff.ts'
import { ClusterFault, faultOf } from './cluster-fault.ts'
import type { Connection } from './connection.ts'
import { createJsonLines, objectAt, textAt } from './json-lines.ts'

export interface FollowOptions {
  /** the collection, `/api/v1/namespaces/agents/services` */
  readonly path: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  /** everything there is, after each list */
  readonly onList: (objects: readonly JsonObject[]) => void
  readonly onChange: (kind: 'ADDED' | 'MODIFIED' | 'DELETED', object: JsonObject) => void
  /** told of each failure, for the log; following goes on */
  readonly onProblem?: (fault: ClusterFault) => void
}

export interface Following {
  /** a list has been had, and nothing has gone wrong since that was not mended */
  readonly isInStep: boolean
  /** since the last list, event or bookmark; Infinity before the first. For a metric, and for readiness. */
  lastEventAgeMs(): number
  stop(): void
}

export interface FollowParts {
  readonly connection: Connection
  readonly clock: Clock
  readonly random: () => number
  /** waits, or less when it is stopped */
  readonly pause?: (ms: number, stopped: AbortSignal) => Promise<void>
}

const pageSize = 500 // bound: objects on one page of a Kubernetes list
const maxPageBytes = 32 * 1024 * 1024 // bound: one page of a Kubernetes list
const maxObjects = 100_000 // bound: objects in one Kubernetes list
const shortestWatchSeconds = 240
const longestWatchSeconds = 300 // bound: one watch of a Kubernetes list, in seconds
/** an API server that does not end a watch when it said it would is taken for dead */
const graceMs = 30_000

export function follow(options: FollowOptions, parts: FollowParts): Following {
  const follower = new Follower(options, parts)
  void follower.run()
  return follower
}

class Follower implements Following {
  isInStep = false
  readonly #options: FollowOptions
  readonly #parts: FollowParts
  readonly #stopped = new AbortController()
  #lastEventMs = -Infinity
  /** where to go on watching; undefined when only a list can tell */
  #version: string | undefined

  constructor(options: FollowOptions, parts: FollowParts) {
    this.#options = options
    this.#parts = parts
  }

  lastEventAgeMs(): number {
    return this.#parts.clock.monotonicMs() - this.#lastEventMs
  }

  stop(): void {
    this.isInStep = false
    this.#stopped.abort()
  }

  async run(): Promise<void> {
    const backoff = createBackoff(this.#parts.random)
    const wait = this.#parts.pause ?? pause
    while (!this.#stopped.signal.aborted) {
      try {
        if (this.#version === undefined) await this.#list()
        const heard = await this.#watch()
        // a watch that ends at once, again and again, must not become a loop without a pause
        if (heard) backoff.reset()
        else await wait(backoff.next(), this.#stopped.signal)
      } catch (error) {
        if (this.#stopped.signal.aborted) return
        const fault = faultOf(error)
        this.isInStep = false
        this.#options.onProblem?.(fault)
        if (fault.status === 410) this.#version = undefined
        else if (fault.status === 401) this.#reread()
        await wait(Math.max(backoff.next(), fault.retryAfterMs ?? 0), this.#stopped.signal)
      }
    }
  }

  #reread(): void {
    try {
      this.#parts.connection.reread()
    } catch {
      // the next attempt finds out by itself
    }
  }

  #pathWith(query: Readonly<Record<string, string | undefined>>): string {
    const { path, labelSelector, fieldSelector } = this.#options
    const written = new URLSearchParams()
    for (const [name, value] of Object.entries({ labelSelector, fieldSelector, ...query }))
      if (value !== undefined) written.set(name, value)
    return `${path}?${written.toString()}`
  }

  /** Page by page; pages of one list are of one moment, so a token that has expired spoils all of them (410). */
  async #list(): Promise<void> {
    const { connection } = this.#parts
    const objects: JsonObject[] = []
    let next: string | undefined
    do {
      const path = this.#pathWith({ limit: String(pageSize), continue: next })
      const page = await connection.askJson({ method: 'GET', path, maxBytes: maxPageBytes })
      const { items } = page
      if (!Array.isArray(items) || !items.every(isJsonObject)) throw new ClusterFault('GARBAGE', 'a list without items')
      objects.push(...items)
      if (objects.length > maxObjects) throw new ClusterFault('GARBAGE', `more than ${maxObjects} objects`)
      const metadata = objectAt(page, 'metadata')
      next = textAt(metadata, 'continue') || undefined
      this.#version = textAt(metadata, 'resourceVersion') || undefined
      this.#heard()
    } while (next !== undefined && !this.#stopped.signal.aborted)
    if (this.#version === undefined) throw new ClusterFault('GARBAGE', 'a list without a resourceVersion')
    if (this.#stopped.signal.aborted) return
    this.#options.onList(objects)
  }

  /** Resolves when the API server ended the watch; true when it said something before that. */
  #watch(): Promise<boolean> {
    const { clock, connection, random } = this.#parts
    const seconds = shortestWatchSeconds + Math.floor(random() * (longestWatchSeconds - shortestWatchSeconds + 1))
    const path = this.#pathWith({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: this.#version,
      timeoutSeconds: String(seconds),
    })
    const beganMs = clock.monotonicMs()
    return new Promise((resolve, reject) => {
      let heard = false
      const lines = createJsonLines((event) => {
        this.#take(event)
        heard = true
      })
      const settle = (end: () => void): void => {
        clearTimeout(overdue)
        this.#stopped.signal.removeEventListener('abort', stopped)
        end()
      }
      const giveUp = (fault: ClusterFault): void => {
        open.abort()
        settle(() => reject(fault))
      }
      const stopped = (): void => giveUp(new ClusterFault('UNREACHABLE', 'stopped'))
      const late = (): void => giveUp(new ClusterFault('TIMEOUT', 'the watch did not end when it should have'))
      // nothing is called back before this has returned
      const open = connection.stream(path, {
        onOpen: () => {
          this.isInStep = true
          this.#heard()
        },
        onChunk: (chunk) => lines.push(chunk),
        onEnd: () =>
          settle(() => {
            try {
              lines.end()
              resolve(heard || clock.monotonicMs() - beganMs >= shortestWatchSeconds * 500)
            } catch (error) {
              reject(faultOf(error))
            }
          }),
        onFault: (fault) => settle(() => reject(fault)),
      })
      const overdue = setTimeout(late, seconds * 1_000 + graceMs)
      overdue.unref()
      this.#stopped.signal.addEventListener('abort', stopped, { once: true })
    })
  }

  #take(event: JsonObject): void {
    const kind = textAt(event, 'type')
    const object = objectAt(event, 'object')
    if (object === undefined) throw new ClusterFault('GARBAGE', 'an event without an object')
    if (kind === 'ERROR') {
      const { code } = object
      throw new ClusterFault('STATUS', `the watch failed: ${textAt(object, 'reason') ?? 'no reason given'}`, {
        status: typeof code === 'number' ? code : 0,
      })
    }
    const version = textAt(objectAt(object, 'metadata'), 'resourceVersion')
    if (version === undefined) throw new ClusterFault('GARBAGE', 'an event without a resourceVersion')
    if (kind === 'ADDED' || kind === 'MODIFIED' || kind === 'DELETED') this.#options.onChange(kind, object)
    else if (kind !== 'BOOKMARK') throw new ClusterFault('GARBAGE', 'an event of an unknown type')
    this.#version = version
    this.#heard()
  }

  #heard(): void {
    this.#lastEventMs = this.#parts.clock.monotonicMs()
  }
}

function pause(ms: number, stopped: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stopped.aborted) return resolve()
    const timer = setTimeout(end, ms)
    timer.unref()
    stopped.addEventListener('abort', end, { once: true })
    function end(): void {
      clearTimeout(timer)
      stopped.removeEventListener('abort', end)
      resolve()
    }
  })
}
