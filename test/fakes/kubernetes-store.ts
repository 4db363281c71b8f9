// Objects of an API server with its semantics of change: one counter for resource versions, lists in pages that are of
// one moment, watches that replay what came after a version, and a history that is compacted, after which old versions
// and old pages are gone (410).

import { randomUUID } from 'node:crypto'

export interface StoredObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly uid?: string
    readonly resourceVersion?: string
    readonly creationTimestamp?: string
    readonly labels?: Readonly<Record<string, string>>
  }
  readonly [field: string]: unknown
}

export interface StoredEvent {
  readonly version: number
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly collection: string
  readonly object: StoredObject
}

export interface Page {
  readonly objects: readonly StoredObject[]
  readonly version: number
  readonly next: string | undefined
  readonly remaining: number
}

export interface Store {
  readonly version: number
  apply(collection: string, object: Omit<StoredObject, 'metadata'> & { metadata: object }): StoredObject
  remove(collection: string, name: string, namespace?: string): void
  find(collection: string, name: string, namespace?: string): StoredObject | undefined
  all(): readonly StoredObject[]
  /** 'gone' when the token's moment was compacted away */
  list(
    collection: string,
    namespace: string | undefined,
    limit: number,
    next: string | undefined,
    isWanted: (object: StoredObject) => boolean,
  ): Page | 'gone'
  /** 'gone' when what came after this version is not known any more */
  since(version: number): readonly StoredEvent[] | 'gone'
  compact(): void
  onEvent(listener: (event: StoredEvent) => void): () => void
}

export function createStore(): Store {
  const objects = new Map<string, { collection: string; object: StoredObject }>()
  const moments = new Map<string, { version: number; rest: readonly StoredObject[] }>()
  const listeners = new Set<(event: StoredEvent) => void>()
  let events: StoredEvent[] = []
  let version = 1_000
  let compactedAt = version
  const keyOf = (collection: string, name: string, namespace = ''): string => `${collection} ${namespace} ${name}`
  const happen = (type: StoredEvent['type'], collection: string, object: StoredObject): void => {
    const event = { version, type, collection, object }
    events.push(event)
    for (const listener of listeners) listener(event)
  }
  const store: Store = {
    get version() {
      return version
    },
    apply(collection, given) {
      // the caller gives at least a name
      const metadata = given.metadata as StoredObject['metadata']
      const key = keyOf(collection, metadata.name, metadata.namespace)
      const before = objects.get(key)?.object
      version += 1
      const object = {
        ...given,
        metadata: {
          uid: before?.metadata.uid ?? randomUUID(),
          creationTimestamp: before?.metadata.creationTimestamp ?? '2026-11-28T00:00:00Z',
          ...metadata,
          resourceVersion: String(version),
        },
      } as StoredObject
      objects.set(key, { collection, object })
      happen(before === undefined ? 'ADDED' : 'MODIFIED', collection, object)
      return object
    },
    remove(collection, name, namespace) {
      const key = keyOf(collection, name, namespace)
      const before = objects.get(key)?.object
      if (before === undefined) return
      objects.delete(key)
      version += 1
      happen('DELETED', collection, { ...before, metadata: { ...before.metadata, resourceVersion: String(version) } })
    },
    find: (collection, name, namespace) => objects.get(keyOf(collection, name, namespace))?.object,
    all: () => [...objects.values()].map(({ object }) => object),
    list(collection, namespace, limit, next, isWanted) {
      let moment: { version: number; rest: readonly StoredObject[] } | undefined
      if (next === undefined) {
        const rest = [...objects.values()]
          .filter((each) => each.collection === collection)
          .map(({ object }) => object)
          .filter((object) => (namespace === undefined || object.metadata.namespace === namespace) && isWanted(object))
        moment = { version, rest }
      } else moment = moments.get(next)
      if (moment === undefined) return 'gone'
      const page = limit === 0 ? moment.rest : moment.rest.slice(0, limit)
      const rest = moment.rest.slice(page.length)
      if (rest.length === 0) return { objects: page, version: moment.version, next: undefined, remaining: 0 }
      const token = Buffer.from(`${moment.version} ${randomUUID()}`).toString('base64url')
      moments.set(token, { version: moment.version, rest })
      return { objects: page, version: moment.version, next: token, remaining: rest.length }
    },
    since: (from) => (from < compactedAt ? 'gone' : events.filter((event) => event.version > from)),
    compact() {
      compactedAt = version
      events = []
      moments.clear()
    },
    onEvent(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
  return store
}
