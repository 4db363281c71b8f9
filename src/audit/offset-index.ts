// Where in a file something lies, by eight bytes of its identifier: an open-addressed table in typed arrays,
// 16 bytes a slot, so that a hundred thousand subjects cost a few megabytes and no objects. Two identifiers with
// the same eight bytes share a slot: whoever reads the place checks the whole identifier there.

export interface OffsetIndex {
  /** the offset last set for the identifier that stands at `bytes[at, at + 8)`; -1 when there is none */
  get(bytes: Buffer, at?: number): number
  set(bytes: Buffer, at: number, offset: number): void
  readonly size: number
}

export function createOffsetIndex(): OffsetIndex {
  let capacity = 1_024
  let keys = new Uint32Array(2 * capacity)
  let offsets = new Float64Array(capacity).fill(-1)
  let size = 0

  const slotOf = (high: number, low: number): number => {
    let slot = (high ^ Math.imul(low, 0x9e3779b1)) & (capacity - 1)
    while (offsets[slot] !== -1 && (keys[2 * slot] !== high || keys[2 * slot + 1] !== low))
      slot = (slot + 1) & (capacity - 1)
    return slot
  }
  const put = (high: number, low: number, offset: number): void => {
    const slot = slotOf(high, low)
    if (offsets[slot] === -1) size += 1
    keys[2 * slot] = high
    keys[2 * slot + 1] = low
    offsets[slot] = offset
  }
  const grow = (): void => {
    const [oldKeys, oldOffsets] = [keys, offsets]
    capacity *= 2
    keys = new Uint32Array(2 * capacity)
    offsets = new Float64Array(capacity).fill(-1)
    size = 0
    oldOffsets.forEach((offset, slot) => {
      if (offset !== -1) put(oldKeys[2 * slot] ?? 0, oldKeys[2 * slot + 1] ?? 0, offset)
    })
  }

  return {
    get: (bytes, at = 0) => offsets[slotOf(bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4))] ?? -1,
    set(bytes, at, offset) {
      if (2 * size >= capacity) grow()
      put(bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4), offset)
    },
    get size() {
      return size
    },
  }
}
