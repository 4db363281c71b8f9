// Replies where there is no request, only a connection: one answer in HTTP/1 and its end, or nothing at all.

import type { Socket } from 'node:net'
import type { Reply } from '../exchange/exchange.ts'

/** One answer, then the connection closes. */
export function createSocketReply(socket: Socket): Reply {
  let begun = false
  const before = socket.bytesWritten
  return {
    get begun() {
      return begun
    },
    get gone() {
      return socket.destroyed
    },
    bytesSent: 0,
    hasRoomFor: () => true,
    onGone: (callback) => void socket.once('close', callback),
    send(status, headers, body) {
      // the walk of a request whose body broke may have answered while this was being recorded
      if (socket.destroyed || socket.writableEnded || socket.bytesWritten > before) return
      begun = true
      const lines = Object.entries({
        ...headers,
        connection: 'close',
        'content-length': String(Buffer.byteLength(body)),
      })
      const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
      socket.end(`HTTP/1.1 ${status} Refused\r\n${head}\r\n${String(body)}`)
      setTimeout(() => socket.destroy(), 1_000).unref()
    },
    begin: () => undefined,
    write: () => true,
    drained: () => Promise.resolve(),
    end: () => undefined,
    destroy: () => void socket.destroy(),
  }
}

/**
 * For what must be recorded but not answered: someone else's answer is still on its way, or the protocol has said
 * why by itself.
 */
export function createMuteReply(socket: Socket): Reply {
  return { ...createSocketReply(socket), send: () => undefined, destroy: () => undefined }
}
