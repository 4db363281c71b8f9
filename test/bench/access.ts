// What it costs to know a caller and to decide: `npm run bench:access`. Authentication and authorization of a warm
// caller, in process, as keys, bindings and rules grow; against a bare SHA-256 of the credential in the same run, which
// is the least that anybody could do who looks it up. Prints a JSON line and a table.

import { hash } from 'node:crypto'
import { parseArgs } from 'node:util'
import { authenticate } from '../../src/authenticate/authenticate.ts'
import { authorize, compilePolicy } from '../../src/authorize/authorize.ts'
import type { CompiledPolicy } from '../../src/authorize/compile-policy.ts'
import { fakeSources } from '../../src/authorize/fake-call.ts'
import { configSchema, type ConfigInput } from '../../src/config/config.ts'
import type { Authenticated, Validated } from '../../src/exchange/exchange.ts'
import { isRefusal } from '../../src/refusal/refusal.ts'
import { makeWorld, type World } from '../fakes/identity.ts'

const { values } = parseArgs({ options: { calls: { type: 'string', default: '200000' } } })
const calls = Number(values.calls)

interface Size {
  readonly keys: number
  readonly bindings: number
}
interface Row extends Size {
  readonly credential: string
  readonly p50Us: number
  readonly p99Us: number
  /** median of authentication and authorization, by median of hashing the credential once */
  readonly timesHash: number
}

function configOf({ bindings }: Size): ConfigInput {
  const roles = Math.max(1, Math.floor(bindings / 10))
  const rules = [
    { agents: ['calculator'], operations: ['SendMessage', 'SendStreamingMessage'], when: 'size(message.parts) < 20' },
    { agents: ['calculator'], operations: ['GetTask', 'ListTasks', 'CancelTask', 'SubscribeToTask'] },
  ]
  return {
    gateway: { publicUrl: 'https://agents.example.com' },
    identity: {
      jwt: [
        {
          name: 'corp',
          issuer: 'https://idp.example.com',
          audience: 'https://agents.example.com',
          algorithms: ['ES256'],
          jwks: 'https://idp.example.com/jwks.json',
          groups: 'groups',
        },
      ],
    },
    agents: [{ name: 'calculator', url: 'http://127.0.0.1:8002' }],
    policy: {
      roles: Array.from({ length: roles }, (_, at) => ({ name: `role-${at}`, rules })),
      bindings: Array.from({ length: bindings }, (_, at) => ({
        role: `role-${at % roles}`,
        callers: [`key:client-${at}`, `group:corp/team-${at}`],
      })),
      denies: [
        { name: 'no-files', operations: ['SendMessage'], when: 'message.parts.exists(p, p.kind != "text")' },
        { name: 'banned', callers: ['key:banned'] },
      ],
    },
  }
}

function policyOf(input: ConfigInput): CompiledPolicy {
  const compiled = compilePolicy(configSchema.parse(input).policy, ['calculator'])
  if (!compiled.ok) throw new Error(compiled.problems[0]?.message)
  return compiled.policy
}

const message = {
  messageId: 'm-1',
  taskId: '',
  contextId: '',
  role: 'ROLE_USER',
  parts: [{ kind: 'text', size: 12, mediaType: '', filename: '', host: '' }],
  referenceTaskIds: [],
  extensions: [],
  metadataKeys: [],
} as const

/** As route and validate leave it; a bench stands where they would. */
function validated(call: Authenticated): Validated {
  const agent = call.snapshot.agents.get('calculator')
  const fields = {
    agent,
    binding: 'JSONRPC',
    operation: 'SendMessage',
    version: '1.0',
    tenant: '',
    taskId: '',
    contextId: '',
    configId: '',
    inlinePush: false,
    message,
  }
  return Object.assign(call, fields) as unknown as Validated
}

async function measure(size: Size, credential: 'API key' | 'JWT'): Promise<Row> {
  const input = configOf(size)
  const world: World = makeWorld(input)
  const policy = policyOf(input)
  const keys = Array.from(
    { length: size.keys },
    (_, at) => world.admin.create({ name: `client-${at % size.bindings}` }).key,
  )
  const secret = credential === 'API key' ? (keys.at(-1) ?? '') : world.token({ groups: ['team-0', 'team-1'] })
  const headers = { authorization: `Bearer ${secret}` }
  const sources = fakeSources()
  await world.call(headers) // the first time a signature is verified
  const once = (): void => {
    const known = authenticate(world.receive(headers), world.authenticator)
    if (known instanceof Promise || isRefusal(known)) throw new Error('the caller is not warm')
    const decided = authorize(validated(known), policy, sources)
    if (isRefusal(decided)) throw new Error(decided.detail)
  }
  const timesOf = (work: () => unknown): number[] => {
    const times = new Float64Array(calls)
    for (let at = 0; at < calls + 20_000; at += 1) {
      const startedMs = performance.now()
      work()
      if (at >= 20_000) times[at - 20_000] = (performance.now() - startedMs) * 1_000
    }
    return [...times.sort()]
  }
  const at = (times: readonly number[], share: number): number => times[Math.floor(times.length * share)] ?? 0
  const times = timesOf(once)
  const hashing = timesOf(() => hash('sha256', secret, 'latin1'))
  const round = (number: number): number => Number(number.toFixed(2))
  const p50Us = round(at(times, 0.5))
  return { ...size, credential, p50Us, p99Us: round(at(times, 0.99)), timesHash: round(p50Us / at(hashing, 0.5)) }
}

const sizes: readonly Size[] = [
  { keys: 10, bindings: 10 },
  { keys: 1_000, bindings: 100 },
  { keys: 10_000, bindings: 1_000 },
]
const rows: Row[] = []
for (const credential of ['API key', 'JWT'] as const)
  for (const size of sizes) rows.push(await measure(size, credential))
process.stdout.write(`${JSON.stringify({ command: 'npm run bench:access', node: process.version, calls, rows })}\n\n`)
const cells = [
  ['credential', 'keys', 'bindings', 'p50 µs', 'p99 µs', '× hash', 'growth'],
  ...rows.map((row) => {
    const first = rows.find(({ credential }) => credential === row.credential) ?? row
    return [
      row.credential,
      row.keys,
      row.bindings,
      row.p50Us,
      row.p99Us,
      row.timesHash,
      (row.p50Us / first.p50Us).toFixed(2),
    ]
  }),
].map((line) => line.map(String))
const widths = cells[0]?.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0))) ?? []
for (const line of cells)
  process.stdout.write(`${line.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  ')}\n`)
