// HTTP/2 by hand, for attacks that no client library would send: frames as bytes, fields as HPACK literals that are
// never indexed (RFC 7541 §6.2.3), and what came back, frame by frame.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

export const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const
export type FrameType = keyof typeof frameTypes

export const flags = { endStream: 1, ack: 1, endHeaders: 4, padded: 8 } as const

export interface Frame {
  readonly type: FrameType
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

export function frame(type: FrameType, flag: number, stream: number, payload: Buffer | string = ''): Buffer {
  const body = Buffer.from(payload)
  const head = Buffer.alloc(9)
  head.writeUIntBE(body.length, 0, 3)
  head.writeUInt8(frameTypes[type], 3)
  head.writeUInt8(flag, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, body])
}

export const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export const rstStream = (stream: number, code = 8): Buffer => frame('rstStream', 0, stream, uint32(code))

export const settings = (...pairs: readonly (readonly [id: number, value: number])[]): Buffer =>
  frame(
    'settings',
    0,
    0,
    Buffer.concat(
      pairs.map(([id, value]) => {
        const bytes = Buffer.alloc(6)
        bytes.writeUInt16BE(id)
        bytes.writeUInt32BE(value, 2)
        return bytes
      }),
    ),
  )
export const initialWindowSize = 4

/** Names and values as given, whatever they are. */
export const encodeFields = (fields: readonly (readonly [name: string, value: string])[]): Buffer =>
  Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0x10]), encodeText(name), encodeText(value)]))

function encodeText(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1')
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes])
  const length = [127]
  let rest = bytes.length - 127
  for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128)
  return Buffer.concat([Buffer.from([...length, rest]), bytes])
}

export type Field = readonly [name: string, value: string]

export const requestFields = (...more: readonly Field[]): Field[] => [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':authority', 'a'],
  [':path', '/agents/x'],
  ...more,
]

/** One head in one frame; `endStream` unless a body follows. */
export const headers = (stream: number, fields: readonly Field[], endStream = true): Buffer =>
  frame('headers', flags.endHeaders + (endStream ? flags.endStream : 0), stream, encodeFields(fields))

export interface RawHttp2 {
  readonly socket: Socket
  readonly frames: readonly Frame[]
  /** all that came, as bytes of one text */
  readonly text: string
  readonly closed: Promise<void>
  send(...pieces: readonly Buffer[]): void
  /** the first frame, past or to come, for which this holds; undefined when the connection ends before */
  frame(is: (frame: Frame) => boolean): Promise<Frame | undefined>
}

/** Connects; sends what it is told and nothing else, not even acknowledgements. */
export async function connectRaw(port: number, greets = true): Promise<RawHttp2> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  const frames: Frame[] = []
  let text = ''
  let rest = Buffer.alloc(0)
  let isClosed = false
  const watchers = new Set<() => void>()
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const end = 9 + rest.readUIntBE(0, 3)
      const number = rest.readUInt8(3)
      const type = Object.entries(frameTypes).find(([, each]) => each === number)?.[0] as FrameType | undefined
      if (type !== undefined)
        frames.push({
          type,
          flags: rest.readUInt8(4),
          stream: rest.readUInt32BE(5) & 0x7fffffff,
          payload: rest.subarray(9, end),
        })
      rest = rest.subarray(end)
    }
    for (const watch of watchers) watch()
  })
  const closed = new Promise<void>((resolve) =>
    socket.once('close', () => {
      isClosed = true
      for (const watch of watchers) watch()
      resolve()
    }),
  )
  await once(socket, 'connect')
  if (greets) socket.write(Buffer.concat([preface, settings()]))
  return {
    socket,
    frames,
    get text() {
      return text
    },
    closed,
    send: (...pieces) => void socket.write(Buffer.concat(pieces)),
    frame: (is) =>
      new Promise((resolve) => {
        const watch = (): void => {
          const found = frames.find(is)
          if (found === undefined && !isClosed) return
          watchers.delete(watch)
          resolve(found)
        }
        watchers.add(watch)
        watch()
      }),
  }
}

export const errorCode = (frame: Frame | undefined): number | undefined =>
  frame?.type === 'rstStream'
    ? frame.payload.readUInt32BE(0)
    : frame?.type === 'goaway'
      ? frame.payload.readUInt32BE(4)
      : undefined
