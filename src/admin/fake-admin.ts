// An admin listener on a free port of loopback, with methods that only say that they were called, a ledger that is a
// list, and a client that sends what no browser would.

import { connect } from 'node:net'
import { createManualClock, type ManualClock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import type { JsonObject } from '../base/strict-json.ts'
import type { ControlMethods, TailRecord } from '../cli/ports.ts'
import { buildSnapshot, configSchema, type AdminRole, type ConfigInput } from '../config/config.ts'
import { createAdmin, machineToken, type AdminListener, type AdminOptions, type MachineToken } from './admin.ts'
import type { Readiness, Status } from './contract.ts'

const status: Status = {
  version: '0',
  configDigest: 'd',
  startedAt: '',
  ledger: { origin: 'o', size: 1, root: 'r', status: 'writable' },
  openStreams: 0,
  connections: 0,
  agents: [{ name: 'calculator', isUp: true, circuitOpen: false }],
}

export interface FakeAdminOptions {
  readonly tokens?: readonly MachineToken[]
  readonly readiness?: () => Promise<Readiness>
  readonly expose?: () => Promise<string>
  readonly publicUrl?: string
  readonly config?: ConfigInput
  /** failures of one source before it is told to slow down */
  readonly failures?: number
  readonly login?: AdminOptions['login']
  /** newest first */
  readonly records?: readonly Omit<TailRecord, 'ocsf'>[]
}

export interface Answer {
  readonly status: number
  /** the whole answer as it came */
  readonly text: string
  readonly headers: Readonly<Record<string, readonly string[]>>
  readonly body: JsonObject
}

export interface FakeAdmin {
  readonly admin: AdminListener
  readonly port: number
  readonly origin: string
  readonly clock: ManualClock
  /** what was recorded, in order */
  readonly acts: { action: string; subject: string; event: JsonObject }[]
  readonly unknown: { code: string; detail: string }[]
  /** methods that were called, in order, with what */
  readonly called: { method: string; params: unknown; by: string }[]
  readonly bugs: unknown[]
  /** from now on nothing can be recorded */
  readonly breakLedger: (isBroken: boolean) => void
  readonly configure: (config: ConfigInput) => void
  /** principals that are blocked */
  readonly blocked: string[]
  /** one raw request */
  readonly send: (
    path: string,
    fields?: Readonly<Record<string, string>>,
    method?: string,
    body?: string,
  ) => Promise<Answer>
  /** bytes as they are, until the connection is closed */
  readonly sendRaw: (bytes: string) => Promise<string>
  /** a POST of JSON */
  readonly post: (path: string, body: unknown, fields?: Readonly<Record<string, string>>) => Promise<Answer>
  /** a bootstrap session: what its browser sends along */
  readonly logIn: () => Promise<{
    readonly cookie: string
    readonly csrf: string
    readonly fields: Record<string, string>
  }>
  readonly close: () => Promise<void>
}

/** A bearer token of every role, `token-of-viewer` and so on. */
export const roleTokens: readonly MachineToken[] = (['viewer', 'auditor', 'operator', 'admin'] as const).map((role) =>
  machineToken(role, role, tokenOf(role)),
)
export function tokenOf(role: AdminRole): string {
  return `token-of-${role}`
}
export const bearer = (role: AdminRole): Record<string, string> => ({ authorization: `Bearer ${tokenOf(role)}` })

const summary = {
  id: 'abc',
  name: 'ci',
  environment: 'live',
  createdAtMs: 1,
  expiresAtMs: null,
  revokedAtMs: null,
  previousUntilMs: null,
  agents: null,
  operations: null,
  networks: null,
  lastUsedMs: null,
  lastNetwork: null,
  wrongSecrets: 0,
  wrongSinceMs: null,
  wrongNetworks: 0,
}
const approval = {
  id: 'a',
  state: 'granted',
  caller: 'key:ci',
  origin: 'key:ci',
  chain: [],
  agent: 'calculator',
  operation: 'SendMessage',
  task: '',
  rules: ['r#0'],
  parts: [],
  createdAtMs: 1,
  expiresAtMs: 2,
  decidedBy: '',
} as const
const block = { kind: 'caller', id: 'key:ci', reason: '', sinceMs: 1, untilMs: null } as const
const revocation = { kind: 'token', issuer: 'corp', id: 'j', beforeMs: 1, untilMs: 2 } as const
const erased = { kind: 'erased', logs: [], ownershipRows: 0, unreachable: [] } as const

/** What a method answers; any other answers nothing of use. */
const results: Readonly<Record<string, unknown>> = {
  'key.create': { key: 'sp_live_secret', summary },
  'key.rotate': { key: 'sp_live_secret', summary },
  'key.import': summary,
  'key.revoke': [summary],
  'key.list': [summary],
  'policy.reload': { digest: 'd', changed: false, problems: [] },
  'audit.hold': { kind: 'done', hold: { name: 'h', subject: null, reason: 'r', sinceMs: 1 } },
  'audit.release': { kind: 'done', hold: { name: 'h', subject: null, reason: 'r', sinceMs: 1 } },
  'audit.holds': [],
  'approval.list': [approval],
  'block.list': [block],
  'block.add': block,
  'block.remove': block,
  'token.revocations': [revocation],
  'token.revoke': revocation,
  'assertion.rotate-key': { kid: 'k', signsFromMs: 1, retiring: 'r' },
  'audit.prune': { heldBy: '', clockAheadMs: 0, logs: [] },
  'ledger.rotate-key': { origin: 'o', vkey: 'v', retiring: 'r', retiresAtMs: 1 },
  'secret.list': [],
  'secret.set': { existed: false, usedAt: [], needRestart: [] },
  'secret.remove': { existed: false, usedAt: [], needRestart: [] },
  'secrets.rotate': { finished: true, total: 0, done: 0, kekId: '', isNewKek: false },
  'admin.sessions': [],
  'admin.logout': { ended: false },
}

export async function startAdmin(options: FakeAdminOptions = {}): Promise<FakeAdmin> {
  const clock = createManualClock()
  const acts: FakeAdmin['acts'] = []
  const unknown: FakeAdmin['unknown'] = []
  const called: FakeAdmin['called'] = []
  const bugs: unknown[] = []
  const blocked: string[] = []
  let isBroken = false
  let acting = ''
  let taken = 0
  let snapshot = buildSnapshot(configSchema.parse(options.config ?? {}))
  const write = <T>(list: T[], entry: T): Promise<{ origin: string; index: number; leafHash: string }> => {
    if (isBroken) return Promise.reject(new Fault('LEDGER_FULL', 'full'))
    list.push(entry)
    return Promise.resolve({ origin: 'o', index: 0, leafHash: 'h' })
  }
  // whatever the contract grows: every method is there, and says that it was called
  const methods = new Proxy({} as ControlMethods, {
    get: (_, method: string) => (params: unknown) => {
      called.push({ method, params, by: acting })
      return Promise.resolve(results[method] ?? {})
    },
  })
  const admin = createAdmin({
    clock,
    readiness: options.readiness ?? (() => Promise.resolve({ ready: true, checks: [] })),
    expose: options.expose ?? (() => Promise.resolve('metric 1\n')),
    publicUrl: options.publicUrl,
    idleMs: snapshot.config.admin.sessions.idle,
    login: options.login,
    api: {
      snapshot: () => snapshot,
      status: () => status,
      methods,
      people: {
        erase: (request, who) => {
          called.push({ method: 'erase', params: request, by: who.id })
          return Promise.resolve(erased)
        },
        decide: (decision, who) => {
          called.push({ method: 'decide', params: decision, by: who.id })
          return Promise.resolve({ kind: 'done', approval })
        },
      },
      ledger: {
        search: (query, limit) => {
          called.push({ method: 'search', params: { query, limit }, by: acting })
          const { untilMs = Infinity } = query
          const found = (options.records ?? []).filter(({ time }) => Date.parse(time) < untilMs)
          return Promise.resolve({ records: found.slice(0, limit), warnings: [] })
        },
        prove: () => Promise.resolve({ proofs: [] }),
      },
      tokens: () => options.tokens ?? roleTokens,
      findBlock: ({ id }) => blocked.find((each) => each === id),
      failures: { take: () => (taken += 1) <= (options.failures ?? 1_000_000), retryAfterSeconds: () => 7 },
      audit: {
        administered: (action, subject, event) => write(acts, { action, subject, event }),
        refusedUnknown: (_, { code, detail }) => write(unknown, { code, detail }),
      },
      as: async (who, work) => {
        acting = who
        return await work()
      },
      onBug: (error) => bugs.push(error),
    },
  })
  const port = await admin.listen('127.0.0.1', 0)
  const sendRaw: FakeAdmin['sendRaw'] = (bytes) =>
    new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1')
      let text = ''
      socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      socket.on('error', reject).on('close', () => resolve(text))
      socket.write(bytes)
    })
  const send: FakeAdmin['send'] = async (path, fields = {}, method = 'GET', body = '') => {
    const lines = Object.entries({
      ...(fields['host'] === undefined && { host: `127.0.0.1:${port}` }),
      connection: 'close',
      ...(body !== '' && { 'content-length': String(Buffer.byteLength(body)) }),
      ...fields,
    })
    const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
    return readAnswer(await sendRaw(`${method} ${path} HTTP/1.1\r\n${head}\r\n${body}`))
  }
  const post: FakeAdmin['post'] = (path, body, fields = {}) =>
    send(path, { 'content-type': 'application/json', ...fields }, 'POST', JSON.stringify(body))
  return {
    admin,
    port,
    origin: admin.origin,
    clock,
    acts,
    unknown,
    called,
    bugs,
    blocked,
    breakLedger: (broken) => (isBroken = broken),
    configure: (config) => (snapshot = buildSnapshot(configSchema.parse(config))),
    send,
    sendRaw,
    post,
    logIn: async () => {
      const { token } = await admin.bootstrap.make(() => Promise.resolve())
      const answer = await post('/api/v1/session/bootstrap', { token })
      const cookie = (answer.headers['set-cookie']?.[0] ?? '').split(';', 1)[0] ?? ''
      const session = Object(answer.body['session']) as { csrfToken?: string }
      const csrf = session.csrfToken ?? ''
      return { cookie, csrf, fields: { cookie, origin: admin.origin, 'sallyport-csrf': csrf } }
    },
    close: () => admin.close(),
  }
}

function readAnswer(text: string): Answer {
  const end = text.indexOf('\r\n\r\n')
  const [first = '', ...lines] = text.slice(0, end < 0 ? text.length : end).split('\r\n')
  const headers: Record<string, string[]> = {}
  for (const line of lines) {
    const colon = line.indexOf(':')
    ;(headers[line.slice(0, colon).toLowerCase()] ??= []).push(line.slice(colon + 1).trim())
  }
  return { status: Number(first.split(' ')[1] ?? 0), text, headers, body: readBody(text.slice(end + 4)) }
}

function readBody(text: string): JsonObject {
  try {
    return JSON.parse(text) as JsonObject
  } catch {
    // a page, or nothing at all
    return {}
  }
}
