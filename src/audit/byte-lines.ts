// Lines of a file as bytes, in memory that grows with the longest line and no further than the bound. The buffers
// given out are views: use them before the next is asked for.

import type { OpenFile } from './files.ts'

export interface ByteLine {
  /** without its newline */
  readonly bytes: Buffer
  /** false: no newline ends it, or it is longer than the bound, and nothing follows */
  readonly isWhole: boolean
}

const usualBytes = 1_048_576

export async function* readByteLines(file: OpenFile, maxBytes: number): AsyncGenerator<ByteLine, void, undefined> {
  let buffer = Buffer.allocUnsafe(usualBytes)
  let [start, end, searched, offset] = [0, 0, 0, 0]
  for (;;) {
    const newline = buffer.subarray(0, end).indexOf(10, searched)
    if (newline >= 0) {
      yield { bytes: buffer.subarray(start, newline), isWhole: newline - start <= maxBytes }
      if (newline - start > maxBytes) return
      start = searched = newline + 1
      continue
    }
    const rest = end - start
    if (rest > maxBytes) {
      yield { bytes: buffer.subarray(start, end), isWhole: false }
      return
    }
    // a line longer than what is here: twice the room; otherwise only what is left moves to the front
    const next = rest > buffer.length / 2 ? Buffer.allocUnsafe(2 * buffer.length) : buffer
    buffer.copy(next, 0, start, end)
    buffer = next
    const count = await file.read(buffer.subarray(rest), offset)
    offset += count
    ;[start, end, searched] = [0, rest + count, rest]
    if (count > 0) continue
    if (rest > 0) yield { bytes: buffer.subarray(0, rest), isWhole: false }
    return
  }
}
