// A cache that never holds more than it was told to. Two generations stand in for a list of least recent use:
// when the young one is full it becomes the old one, and what was not asked for since is dropped with the next
// turn. A read costs one or two map lookups and no reordering.

export interface BoundedCache<Value> {
  get(key: string): Value | undefined
  set(key: string, value: Value): void
  delete(key: string): void
  clear(): void
  readonly size: number
}

/** Holds at most `capacity` entries, and at least the latest half of them. */
export function createBoundedCache<Value extends object>(capacity: number): BoundedCache<Value> {
  const generation = Math.max(1, Math.floor(capacity / 2))
  let young = new Map<string, Value>()
  let old = new Map<string, Value>()

  const set = (key: string, value: Value): void => {
    young.set(key, value)
    if (young.size < generation) return
    old = young
    young = new Map()
  }

  return {
    get: (key) => {
      const recent = young.get(key)
      if (recent !== undefined) return recent
      const aged = old.get(key)
      if (aged !== undefined) set(key, aged)
      return aged
    },
    set,
    delete: (key) => {
      young.delete(key)
      old.delete(key)
    },
    clear: () => {
      young = new Map()
      old = new Map()
    },
    get size() {
      return young.size + old.size
    },
  }
}
