// Tells ids that were never claimed from those that may have been, in two bytes each: most look-ups are of ids that
// nobody has seen, and asking SQLite for every one of them would cost more than deciding the call. A Bloom filter that
// grows by appending: it never says that an id is missing which was added, and forgets none.

const hashes = 6
const bitsPerId = 16
const leastIds = 1 << 16
/** beyond it the filter only gets less sure, and SQLite is asked more often: some sixteen million ids */
const mostBytes = 32 * 1024 * 1024

/** One stretch of the filter, made to hold so many ids. */
export class FilterPart {
  readonly bits: Uint8Array<ArrayBuffer>
  readonly #size: number

  constructor(bits: Uint8Array<ArrayBuffer>) {
    this.bits = bits
    this.#size = bits.length * 8
  }

  static for(ids: number): FilterPart {
    return new FilterPart(new Uint8Array(Math.min(mostBytes, Math.ceil((Math.max(ids, leastIds) * bitsPerId) / 8))))
  }

  get capacity(): number {
    return this.#size / bitsPerId
  }

  /** Says whether anything was new. */
  add(hash: Hash): boolean {
    let isNew = false
    for (let i = 0, at = hash.first; i < hashes; i++, at = (at + hash.second) >>> 0) {
      const bit = at % this.#size
      const before = this.bits[bit >>> 3] ?? 0
      const mask = 1 << (bit & 7)
      if ((before & mask) !== 0) continue
      this.bits[bit >>> 3] = before | mask
      isNew = true
    }
    return isNew
  }

  mayHave(hash: Hash): boolean {
    for (let i = 0, at = hash.first; i < hashes; i++, at = (at + hash.second) >>> 0) {
      const bit = at % this.#size
      if (((this.bits[bit >>> 3] ?? 0) & (1 << (bit & 7))) === 0) return false
    }
    return true
  }
}

interface Hash {
  readonly first: number
  readonly second: number
}

/** What the hash of an id is kept in, so that a look-up allocates nothing: good until the next call. */
const hashed = { first: 0, second: 0 }

export type IdKind = 'task' | 'context' | 'pushConfig'
const kinds = { task: 1, context: 2, pushConfig: 3 } as const

/** Of the id alone: whether it is this agent's and tenant's is for the tables to say. */
export function hashOf(kind: IdKind, id: string, seed: number): Hash {
  let first = seed ^ kinds[kind]
  let second = ~first
  for (let i = 0; i < id.length; i++) {
    const unit = id.charCodeAt(i)
    first = Math.imul(first ^ unit, 0x9e3779b1)
    first ^= first >>> 15
    second = Math.imul(second ^ unit, 0x85ebca77)
  }
  hashed.first = mix(first ^ id.length)
  hashed.second = mix(second) | 1
  return hashed
}

function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x7feb352d)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

export class IdFilter {
  readonly seed: number
  #parts: FilterPart[]
  #room: number
  #capacity: number
  /** false until what was there before is in it: till then nothing is known to be missing */
  #isComplete: boolean

  constructor(seed: number, isComplete: boolean) {
    const first = FilterPart.for(0)
    this.seed = seed
    this.#parts = [first]
    this.#room = first.capacity
    this.#capacity = first.capacity
    this.#isComplete = isComplete
  }

  get isComplete(): boolean {
    return this.#isComplete
  }

  /** Everything that was there when this filter was made; what came later was added one by one. */
  complete(bits: Uint8Array<ArrayBuffer>): void {
    const part = new FilterPart(bits)
    this.#parts = [...this.#parts, part]
    this.#capacity += part.capacity
    this.#isComplete = true
  }

  add(kind: IdKind, id: string): void {
    if (this.#room <= 0) this.#grow()
    if (this.#parts[0]?.add(hashOf(kind, id, this.seed)) === true) this.#room -= 1
  }

  isMissing(kind: IdKind, id: string): boolean {
    if (!this.#isComplete) return false
    const hash = hashOf(kind, id, this.seed)
    for (const part of this.#parts) if (part.mayHave(hash)) return false
    return true
  }

  /** By half of what there is: few parts to look through, and little room that is not used. */
  #grow(): void {
    const ids = Math.max(leastIds, this.#capacity / 2)
    if (((this.#capacity + ids) * bitsPerId) / 8 > mostBytes) return
    const part = FilterPart.for(ids)
    this.#parts = [part, ...this.#parts]
    this.#room = part.capacity
    this.#capacity += part.capacity
  }
}
