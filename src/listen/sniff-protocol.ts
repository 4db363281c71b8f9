// Which HTTP a connection in cleartext speaks, by its first bytes (RFC 9113 §3.3, prior knowledge alone: an upgrade
// from HTTP/1 is never offered). The preface of HTTP/2 begins like a request of HTTP/1, so it is either there whole
// or the bytes are HTTP/1, with all that follows from it; one byte that differs is enough. Nothing is answered here.

import type { Socket } from 'node:net'

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

const nothing: Buffer = Buffer.alloc(0)

export type Sniffed =
  /** the bytes are in the socket again */
  | { readonly kind: 'HTTP/1' | 'HTTP/2' }
  /** the other side ended before it had said enough; `bytes` of a preface had come */
  | { readonly kind: 'ended'; readonly bytes: number }

export interface Sniffing {
  /** makes it HTTP/1 at once; only while nobody has been called back */
  settle(): void
}

/** Calls back once, unless the socket closes before. */
export function sniffProtocol(socket: Socket, onKnown: (sniffed: Sniffed) => void): Sniffing {
  let seen = nothing
  const tell = (sniffed: Sniffed): void => {
    socket.off('readable', read).off('end', onEnd)
    if (sniffed.kind !== 'ended' && seen.length > 0) socket.unshift(seen)
    // the connection may live for hours, and this with it
    seen = nothing
    onKnown(sniffed)
  }
  const read = (): void => {
    for (let chunk: unknown = socket.read(); Buffer.isBuffer(chunk); chunk = socket.read())
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk])
    if (seen.length === 0) return
    const length = Math.min(seen.length, preface.length)
    const isPreface = preface.compare(seen, 0, length, 0, length) === 0
    if (!isPreface) tell({ kind: 'HTTP/1' })
    else if (length === preface.length) tell({ kind: 'HTTP/2' })
  }
  const onEnd = (): void => tell({ kind: 'ended', bytes: seen.length })
  socket.on('readable', read).once('end', onEnd)
  return { settle: () => tell({ kind: 'HTTP/1' }) }
}
