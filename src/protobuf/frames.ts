// Length-prefixed messages of gRPC over HTTP/2: one byte of flags, four of length, the message. A length beyond the bound
// is refused before a byte of the message is kept, and a compressed message always: it could be a bomb, and it would be
// something that nobody has looked into. What a reader holds grows with what has come, not with what was announced.

export type FrameReason = 'compressed' | 'flag' | 'too-large'

export type Frames =
  | { readonly ok: true; readonly messages: readonly Buffer[] }
  /** nothing more is read; `messages` had ended before */
  | { readonly ok: false; readonly reason: FrameReason; readonly messages: readonly Buffer[] }

export interface FrameReader {
  /** The messages that end in this chunk, in order. */
  push(chunk: Uint8Array): Frames
  /** true while a message has begun and not ended: a stream that closes now was cut */
  readonly isPartial: boolean
}

const headerBytes = 5

/** The message behind its prefix, uncompressed. */
export function frameMessage(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(headerBytes + message.length)
  framed[0] = 0
  framed.writeUInt32BE(message.length, 1)
  framed.set(message, headerBytes)
  return framed
}

export function createFrameReader(maxBytes: number): FrameReader {
  return new Reader(maxBytes)
}

const firstRoom = 4096

class Reader implements FrameReader {
  readonly maxBytes: number
  readonly header: Buffer = Buffer.alloc(headerBytes)
  headerFilled = 0
  /** of the message that has begun */
  length = 0
  filled = 0
  room: Buffer = Buffer.alloc(0)
  broken: FrameReason | undefined

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  get isPartial(): boolean {
    return this.headerFilled > 0
  }

  push(chunk: Uint8Array): Frames {
    const messages: Buffer[] = []
    let position = 0
    while (this.broken === undefined) {
      position += this.takeHeader(chunk, position)
      if (this.broken !== undefined || this.headerFilled < headerBytes) break
      position += this.takeBody(chunk, position)
      if (this.filled < this.length) break
      messages.push(this.room.subarray(0, this.length))
      this.headerFilled = 0
    }
    return this.broken === undefined ? { ok: true, messages } : { ok: false, reason: this.broken, messages }
  }

  /** How much of the chunk went into the header; a header that is complete begins a message. */
  takeHeader(chunk: Uint8Array, from: number): number {
    if (this.headerFilled === headerBytes) return 0
    const taken = Math.min(headerBytes - this.headerFilled, chunk.length - from)
    this.header.set(chunk.subarray(from, from + taken), this.headerFilled)
    this.headerFilled += taken
    // a flag is refused as soon as it is there
    if (this.headerFilled > 0 && this.header[0] !== 0) this.broken = this.header[0] === 1 ? 'compressed' : 'flag'
    if (this.broken !== undefined || this.headerFilled < headerBytes) return taken
    this.length = this.header.readUInt32BE(1)
    this.filled = 0
    if (this.length > this.maxBytes) this.broken = 'too-large'
    // a message is given away when it ends, so each begins with room of its own
    else this.room = Buffer.allocUnsafeSlow(Math.min(this.length, firstRoom))
    return taken
  }

  takeBody(chunk: Uint8Array, from: number): number {
    const taken = Math.min(this.length - this.filled, chunk.length - from)
    this.makeRoom(this.filled + taken)
    this.room.set(chunk.subarray(from, from + taken), this.filled)
    this.filled += taken
    return taken
  }

  makeRoom(bytes: number): void {
    if (bytes <= this.room.length) return
    const larger = Buffer.allocUnsafeSlow(Math.min(this.length, Math.max(bytes, this.room.length * 2)))
    larger.set(this.room.subarray(0, this.filled))
    this.room = larger
  }
}
