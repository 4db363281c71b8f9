// Server-sent events from an agent, cut into events without buffering more than one (WHATWG HTML §9.2).
// Stricter than the standard where two parsers could disagree: a lone CR, a BOM or bad UTF-8 ends the stream.
// Comments, `id` and `retry` go no further: A2A defines no replay.

import { isUtf8 } from 'node:buffer'
import type { Binding } from '../a2a/operations.ts'
import type { GrpcFailure } from '../faces/grpc-error.ts'

export interface RawEvent {
  /** '' for a plain message */
  readonly name: string
  /** data lines joined by LF */
  readonly data: string
  /** on gRPC, instead of both: a message, or with what the agent ended its stream */
  readonly grpc?: Buffer | GrpcFailure
}

export type SseProblem = 'event-too-large' | 'malformed'

/** Of a stream in the binding of an agent. */
export function createEventReader(binding: Binding, maxEventBytes: number): SseParser {
  return binding === 'GRPC' ? createMessageReader(maxEventBytes) : createSseParser(maxEventBytes)
}

/** On gRPC a chunk is an event. */
function createMessageReader(maxEventBytes: number): SseParser {
  let problem: SseProblem | undefined
  return {
    push(message) {
      if (problem === undefined && message.length > maxEventBytes) problem = 'event-too-large'
      return problem === undefined ? [{ name: '', data: '', grpc: message }] : []
    },
    get problem() {
      return problem
    },
  }
}

export interface SseParser {
  /** Events completed by this chunk, up to the first problem. */
  push(chunk: Buffer): RawEvent[]
  /** set once the bytes made no sense or an event was too large; nothing is parsed after that */
  readonly problem: SseProblem | undefined
}

const LF = 10
const CR = 13

export function createSseParser(maxEventBytes: number): SseParser {
  // pieces of an unfinished line: joined once, so that a drip of single bytes is not quadratic
  let pieces: Buffer[] = []
  let largePieces = 0
  let eventBytes = 0
  let name = ''
  let data: string[] = []
  let first = true
  let problem: SseProblem | undefined

  const takeLine = (chunk: Buffer, start: number, end: number): Buffer => {
    const tail = chunk.subarray(start, end)
    if (pieces.length === 0) return tail
    const line = Buffer.concat([...pieces, tail])
    pieces = []
    largePieces = 0
    return line
  }
  // a Buffer of one byte weighs a hundred: small pieces are joined now and then
  const keepPiece = (piece: Buffer): void => {
    pieces.push(piece)
    if (pieces.length - largePieces < 256) return
    pieces.push(Buffer.concat(pieces.splice(largePieces)))
    largePieces += 1
  }
  const takeField = (line: Buffer): boolean => {
    const text = line.toString('utf8')
    if (text.startsWith('data:')) data.push(text.startsWith('data: ') ? text.slice(6) : text.slice(5))
    else if (text.startsWith('event:')) name = text.startsWith('event: ') ? text.slice(7) : text.slice(6)
    // anything but a known field or a comment is refused: another parser might know it
    else return text.startsWith(':') || text.startsWith('id:') || text.startsWith('retry:') || text === 'data'
    return true
  }

  /** One whole line; false when it makes no sense. */
  const takeLineOf = (line: Buffer, events: RawEvent[]): boolean => {
    if (line.length > 0) {
      if (line.includes(CR) || !isUtf8(line) || (first && line[0] === 0xef)) return false
      first = false
      return takeField(line)
    }
    if (data.length > 0) events.push({ name, data: data.length === 1 ? (data[0] ?? '') : data.join('\n') })
    data = []
    name = ''
    eventBytes = 0
    return true
  }

  return {
    get problem() {
      return problem
    },
    push(chunk) {
      const events: RawEvent[] = []
      let start = 0
      for (let end = chunk.indexOf(LF); end >= 0 && problem === undefined; end = chunk.indexOf(LF, start)) {
        eventBytes += end - start + 1
        if (eventBytes > maxEventBytes) problem = 'event-too-large'
        else {
          const line = takeLine(chunk, start, end)
          start = end + 1
          const ended = line.length > 0 && line[line.length - 1] === CR ? line.subarray(0, -1) : line
          if (!takeLineOf(ended, events)) problem = 'malformed'
        }
      }
      if (problem === undefined && start < chunk.length) {
        eventBytes += chunk.length - start
        if (eventBytes > maxEventBytes) problem = 'event-too-large'
        else keepPiece(start === 0 ? chunk : chunk.subarray(start))
      }
      return events
    },
  }
}
