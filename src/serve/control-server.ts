// Listens on dataDir/control.sock (mode 0600) for commands of the same user: one JSON line in, one out. Bounds what a
// line may hold and how many may be open, checks every parameter, and never answers with a stack or a secret of ours.

import { chmodSync, mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { Fault } from '../base/fault.ts'
import type { ControlMethod, ControlMethods } from '../cli/ports.ts'

/** A request names a method and a key; none is longer. */
const maxLineBytes = 64 * 1024 // bound: a request on the control socket
const maxConnections = 16 // bound: connections to the control socket
/** for a request to arrive whole; commands send theirs with the connection */
const lineMs = 2_000 // bound: time for a request on the control socket
/** an answer that nobody takes */
const idleMs = 30_000 // bound: time to take an answer from the control socket
/** sun_path holds 104 bytes on macOS, 108 on Linux, the closing NUL included. */
const maxSocketPathBytes = 103

const name = z.string().min(1).max(512)
const none = z.strictObject({})
const secretName = z.string().regex(/^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/)
const subject = z.string().min(1).max(2_048)
const reason = z.string().max(1_024)
const names = z.array(name).max(64).optional()
const keyRequest = {
  name,
  expiresInMs: z.number().int().positive().nullable(),
  agents: names,
  operations: names,
  networks: names,
}
const blockRequest = { kind: z.enum(['caller', 'agent']), id: subject, reason }
const paramSchemas = {
  ping: none,
  'key.create': z.strictObject(keyRequest),
  'key.import': z.strictObject({ ...keyRequest, key: name }),
  'key.list': none,
  'key.rotate': z.strictObject({ name, overlapMs: z.number().int().nonnegative() }),
  'key.revoke': z.strictObject({ name }),
  'block.add': z.strictObject({ ...blockRequest, forMs: z.number().int().positive().nullable() }),
  'block.remove': z.strictObject(blockRequest),
  'block.list': none,
  'policy.reload': none,
  'secret.set': z.strictObject({ name: secretName, value: z.base64() }),
  'secret.list': none,
  'secret.remove': z.strictObject({ name: secretName }),
  'secrets.rotate': z.strictObject({ kek: z.string().min(1).max(4_096).nullable(), goOn: z.boolean() }),
  'audit.taken': z.strictObject({
    action: z.enum(['audit.disclose', 'audit.export']),
    what: z.record(name, z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])),
  }),
  'admin.bootstrap': none,
  'admin.sessions': none,
  'admin.logout': z.strictObject({ id: name }),
  'token.revoke': z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('token'), issuer: name, jti: name }),
    z.strictObject({ kind: z.literal('subject'), subject, beforeMs: z.number().int().nullable() }),
  ]),
  'token.revocations': none,
  'audit.erase': z.strictObject({
    subject: subject.nullable(),
    reason,
    dryRun: z.boolean(),
    approver: z.string().max(1_024).nullable(),
    approve: name.nullable(),
  }),
  'audit.hold': z.strictObject({ name, subject: subject.nullable(), reason }),
  'audit.holds': none,
  'audit.release': z.strictObject({ name, reason }),
  'audit.prune': z.strictObject({ dryRun: z.boolean(), althoughClockJumped: z.boolean().optional() }),
  'approval.list': none,
  'approval.grant': z.strictObject({ id: name, reason, approver: z.string().max(1_024) }),
  'approval.deny': z.strictObject({ id: name, reason, approver: z.string().max(1_024) }),
  'assertion.rotate-key': z.strictObject({ now: z.boolean(), reason }),
  'ledger.rotate-key': z.strictObject({
    role: z.enum(['gateway', 'cli']),
    overlapMs: z.number().int().nonnegative(),
    reason: z.string().max(1_024),
  }),
} satisfies Record<ControlMethod, z.ZodType>

const requestSchema = z.strictObject({
  id: z.union([z.number(), z.string().max(64)]),
  method: z.enum(Object.keys(paramSchemas) as [ControlMethod, ...ControlMethod[]]), // keys of the table above
  params: z.unknown(),
})

export interface ControlServer {
  /** where it really listens */
  readonly path: string
  close(): Promise<void>
}

/** `methods` is the implementation that commands use without a process too; `onBug` hears what no method may throw. */
export async function startControlServer(
  dataDir: string,
  methods: ControlMethods,
  onBug: (error: unknown) => void,
): Promise<ControlServer> {
  const place = choosePlace(dataDir)
  await removeStale(place.path)
  const open = new Map<Socket, Connection>()
  const server = createServer((socket) => {
    if (open.size >= maxConnections) makeRoom(open)
    if (open.size >= maxConnections) {
      socket.destroy()
      return
    }
    socket.on('close', () => open.delete(socket))
    open.set(
      socket,
      serveConnection(socket, (line) => answerLine(line, methods, onBug)),
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new Fault('CONTROL_FAILED', `the control socket ${place.path} cannot be opened`, {
          cause,
          hint: `check who owns ${dirname(place.path)}`,
        }),
      ),
    )
    server.listen({ path: place.path, readableAll: false, writableAll: false }, resolve)
  })
  chmodSync(place.path, 0o600)
  place.announce()
  return {
    path: place.path,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of open.keys()) socket.destroy()
      await closed
      place.clear()
    },
  }
}

interface Place {
  readonly path: string
  announce(): void
  clear(): void
}

/** Beside the data where the name fits; else in a private folder whose path is written down beside the data. */
function choosePlace(dataDir: string): Place {
  const note = join(dataDir, 'control.path')
  const usual = join(dataDir, 'control.sock')
  // A note left behind by a process that was killed would send clients to nowhere.
  rmSync(note, { force: true })
  if (Buffer.byteLength(usual) <= maxSocketPathBytes)
    return { path: usual, announce: () => undefined, clear: () => rmSync(usual, { force: true }) }
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-'))
  return {
    path: join(folder, 'control.sock'),
    announce: () => writeFileSync(note, `${join(folder, 'control.sock')}\n`, { mode: 0o600 }),
    clear: () => {
      rmSync(note, { force: true })
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A socket file that nobody answers on is left from a killed process; one that answers is somebody else's. */
function removeStale(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createConnection(path)
    probe.once('connect', () => {
      probe.destroy()
      reject(
        new Fault('CONTROL_FAILED', `another process answers on ${path}`, {
          hint: 'stop it, or use another --data-dir',
        }),
      )
    })
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') unlinkSync(path)
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve()
      else
        reject(
          new Fault('CONTROL_FAILED', `${path} is in the way: ${error.code ?? 'unknown reason'}`, {
            cause: error,
            hint: 'remove it',
          }),
        )
    })
  })
}

interface Connection {
  /** a request is being answered */
  readonly isBusy: boolean
}

/** The one that has said nothing for longest gives way, so that those who only connect keep nobody out. */
function makeRoom(open: Map<Socket, Connection>): void {
  for (const [socket, connection] of open) {
    if (connection.isBusy) continue
    open.delete(socket)
    socket.destroy()
    return
  }
}

function serveConnection(socket: Socket, answer: (line: string) => Promise<Answer>): Connection {
  let pending = ''
  let isBusy = false
  let timer: NodeJS.Timeout | undefined
  const awaitLine = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => (socket.writableLength > 0 ? awaitLine() : socket.destroy()), lineMs)
  }
  awaitLine()
  socket.on('close', () => clearTimeout(timer))
  socket.setEncoding('utf8')
  // whoever waits for an answer that takes long is not idle
  socket.setTimeout(idleMs, () => isBusy || socket.destroy())
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk: string) => {
    pending += chunk
    if (Buffer.byteLength(pending) > maxLineBytes) {
      socket.end(`${JSON.stringify({ error: { code: 'CONTROL_FAILED', message: 'the request is too long' } })}\n`)
      pending = ''
      socket.pause()
      return
    }
    if (!isBusy && pending.includes('\n')) void takeLines()
  })

  // One request after the other, answers in order.
  const takeLines = async (): Promise<void> => {
    isBusy = true
    clearTimeout(timer)
    for (let end = pending.indexOf('\n'); end >= 0; end = pending.indexOf('\n')) {
      const line = pending.slice(0, end)
      pending = pending.slice(end + 1)
      const answered = await answer(line)
      if (!socket.writable) break
      socket.write(`${JSON.stringify(answered)}\n`)
    }
    isBusy = false
    if (!socket.destroyed) awaitLine()
  }

  return {
    get isBusy() {
      return isBusy
    },
  }
}

type Answer =
  | { id: unknown; result: unknown }
  | { id: unknown; error: { code: string; message: string; hint?: string } }

async function answerLine(line: string, methods: ControlMethods, onBug: (error: unknown) => void): Promise<Answer> {
  const request = parseRequest(line)
  if (request === undefined) return { id: null, error: { code: 'CONTROL_FAILED', message: 'the request is not valid' } }
  const { id, method } = request
  const params = paramSchemas[method].safeParse(request.params)
  if (!params.success)
    return { id, error: { code: 'CONTROL_FAILED', message: `the parameters of ${method} are not valid` } }
  try {
    // The schema of this method's parameters has just accepted them.
    const call = methods[method] as (params: unknown) => Promise<unknown>
    return { id, result: (await call.call(methods, params.data)) ?? null }
  } catch (error) {
    if (!(error instanceof Fault)) {
      onBug(error)
      return { id, error: { code: 'INTERNAL', message: 'internal error', hint: 'see what the running process logs' } }
    }
    return {
      id,
      error: { code: error.code, message: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) },
    }
  }
}

function parseRequest(line: string): z.infer<typeof requestSchema> | undefined {
  try {
    return requestSchema.safeParse(JSON.parse(line)).data
  } catch {
    // Not JSON: the same answer as for JSON that is no request.
    return undefined
  }
}
