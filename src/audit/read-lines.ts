// Lines of a file with the offsets at which they begin, in bounded memory. A line longer than the bound, and the
// last one if no newline ends it, are given as they are and marked: the file's owner decides what they mean.

import type { OpenFile } from './files.ts'

export interface FileLine {
  readonly offset: number
  /** without its newline; latin1, so that every byte is one character */
  readonly text: string
  readonly isWhole: boolean
}

/** `from` is where a line begins. */
export async function* readLines(
  file: OpenFile,
  maxBytes: number,
  from: number = 0,
): AsyncGenerator<FileLine, void, undefined> {
  const buffer = Buffer.allocUnsafe(Math.max(65_536, 2 * maxBytes))
  let offset = from
  for (;;) {
    const count = await file.read(buffer, offset)
    let start = 0
    for (let end = buffer.indexOf(10, start); end >= 0 && end < count; end = buffer.indexOf(10, start)) {
      yield { offset: offset + start, text: buffer.toString('latin1', start, end), isWhole: true }
      start = end + 1
    }
    if (count < buffer.length) {
      if (start < count) yield { offset: offset + start, text: buffer.toString('latin1', start, count), isWhole: false }
      return
    }
    if (start === 0) {
      yield { offset, text: buffer.toString('latin1', 0, count), isWhole: false }
      start = count
    }
    offset += start
  }
}
