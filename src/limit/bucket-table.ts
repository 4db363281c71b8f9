// Buckets by key, bounded. A bucket that has refilled and holds no stream is worth nothing and may be forgotten;
// one in use never is: when all are in use, a new key gets none and its call is refused (closed by default).

export interface Bucket {
  /** monotonic time at which the bucket is empty again */
  emptyMs: number
  streams: number
  /** calls of which a task may come, and has not yet */
  opening: number
}

export interface BucketTable {
  /** the bucket of this key, or undefined when there is no room for another */
  get(key: string, nowMs: number): Bucket | undefined
  /** the bucket of this key if there is one; makes none */
  peek(key: string): Bucket | undefined
  readonly size: number
}

/** Entries looked at when room is needed; the search goes on where the last one ended. */
const sweepSteps = 64

export function createBucketTable(maxKeys: number): BucketTable {
  const buckets = new Map<string, Bucket>()
  let hand = buckets.entries()

  const sweep = (nowMs: number): void => {
    for (let step = 0; step < sweepSteps; step++) {
      let entry = hand.next()
      if (entry.done === true) {
        hand = buckets.entries()
        entry = hand.next()
        if (entry.done === true) return
      }
      const [key, bucket] = entry.value
      if (bucket.streams === 0 && bucket.opening === 0 && bucket.emptyMs <= nowMs) buckets.delete(key)
    }
  }

  return {
    get(key, nowMs) {
      const known = buckets.get(key)
      if (known !== undefined) return known
      if (buckets.size >= maxKeys) sweep(nowMs)
      if (buckets.size >= maxKeys) return undefined
      const made: Bucket = { emptyMs: nowMs, streams: 0, opening: 0 }
      buckets.set(key, made)
      return made
    },
    peek(key) {
      return buckets.get(key)
    },
    get size() {
      return buckets.size
    },
  }
}
