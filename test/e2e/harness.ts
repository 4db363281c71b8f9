// The real process under test: `bin/sallyport serve` on loopback with free ports and a data directory of its own.
// Whoever stops it gets the ledger verified on the way out, and learns of any call that a bug denied.

import assert from 'node:assert/strict'
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { readLedger, verifyLedger, type LedgerRecord } from '../../src/audit/audit.ts'
import type { Binding } from '../../src/a2a/operations.ts'
import type { ConfigInput } from '../../src/config/config.ts'
import { catalogue, type RefusalCode } from '../../src/refusal/refusal.ts'
import { createClient, say, type Answer, type Client, type OperationCall } from './client.ts'
import { eventually } from '../fakes/eventually.ts'
import { temporaryFolder } from '../fakes/temporary-folder.ts'

export { eventually } from '../fakes/eventually.ts'

export const launcher: string = join(import.meta.dirname, '../../bin/sallyport')
const run = promisify(execFile)

type AgentInput = NonNullable<ConfigInput['agents']>[number]

export interface GatewayOptions {
  /** name → base URL, or settings beside the name */
  readonly agents: Readonly<Record<string, string | Omit<AgentInput, 'name'>>>
  /** keys to make; default alice and bob, who may do everything, and nobody, who may do nothing */
  readonly callers?: readonly string[]
  readonly identity?: ConfigInput['identity']
  readonly aliases?: ConfigInput['aliases']
  readonly policy?: ConfigInput['policy']
  readonly limits?: ConfigInput['limits']
  readonly bounds?: NonNullable<ConfigInput['gateway']>['bounds']
  /** TLS, for instance; a public URL needs a port that is known */
  readonly gateway?: ConfigInput['gateway']
  readonly unauthenticated?: ConfigInput['unauthenticated']
  /** beside API keys */
  readonly kubernetes?: NonNullable<ConfigInput['identity']>['kubernetes']
  /** files to lay beside the configuration: name → content */
  readonly files?: Readonly<Record<string, string>>
  /** variables beside those of this process */
  readonly environment?: Readonly<Record<string, string>>
  /** a directory to work in, left alone at the end; a fresh one that is removed when absent */
  readonly home?: string
}

export interface Gateway extends Client {
  readonly url: string
  readonly adminUrl: string
  readonly port: number
  readonly dataDir: string
  readonly configFile: string
  readonly pid: number
  readonly keys: Readonly<Record<string, string>>
  /** what the process wrote to standard error so far */
  log(): string
  /** a good call by alice to `agent`, which must succeed */
  good(agent: string): Promise<Answer>
  as(caller: string, call: Omit<OperationCall, 'key'>): Promise<Answer>
  createKey(name: string): Promise<string>
  command(...args: string[]): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>
  /** everything in the ledgers, decrypted, oldest first */
  records(): Promise<LedgerRecord[]>
  /** the record that an answer names in Sallyport-Record */
  recordOf(answer: { readonly headers: Answer['headers'] }): Promise<LedgerRecord>
  /** the completion that belongs to the same call; waits for it a little */
  completionOf(answer: { readonly headers: Answer['headers'] }): Promise<LedgerRecord>
  readonly ended: Promise<number>
  kill(signal: NodeJS.Signals): void
  /** SIGTERM, exit code 0, a ledger that verifies */
  stop(): Promise<void>
}

const everything: ConfigInput['policy'] = {
  roles: [{ name: 'user', rules: [{ agents: ['*'], operations: ['*'] }] }],
  bindings: [{ role: 'user', callers: ['key:alice', 'key:bob'] }],
}

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const home = options.home ?? temporaryFolder()
  const configFile = join(home, 'sallyport.yaml')
  await writeFile(configFile, JSON.stringify(configOf(options), null, 2), { mode: 0o600 })
  for (const [name, content] of Object.entries(options.files ?? {}))
    await writeFile(join(home, name), content, { mode: 0o600 })
  const child = spawn(launcher, ['serve', '--config', configFile, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.environment },
  })
  const ended = new Promise<number>((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? (signal === 'SIGKILL' ? 137 : 128)))
  })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text))
  const ready = await readyLine(child, ended, () => log)
  const client = createClient(ready.gateway)
  const command: Gateway['command'] = async (...args) => {
    try {
      return { code: 0, ...(await run(launcher, [...args, '--config', configFile])) }
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
      return { code, stdout, stderr }
    }
  }
  const createKey = async (name: string): Promise<string> => {
    const { code, stdout, stderr } = await command('key', 'create', name)
    assert.equal(code, 0, stderr)
    return stdout.trim()
  }
  let asked = false
  const keys: Record<string, string> = {}
  const keyFile = join(home, 'keys.json')
  if (existsSync(keyFile)) Object.assign(keys, JSON.parse(readFileSync(keyFile, 'utf8')))
  const missing = (options.callers ?? ['alice', 'bob', 'nobody']).filter((name) => keys[name] === undefined)
  await Promise.all(missing.map(async (name) => (keys[name] = await createKey(name))))
  if (options.home !== undefined) await writeFile(keyFile, JSON.stringify(keys), { mode: 0o600 })

  const records = (): Promise<LedgerRecord[]> => readRecords(ready.dataDir)
  const recordOf: Gateway['recordOf'] = async (answer) => findRecord(await records(), receiptOf(answer))
  const gateway: Gateway = {
    ...client,
    url: ready.gateway,
    adminUrl: ready.admin,
    port: Number(new URL(ready.gateway).port),
    dataDir: ready.dataDir,
    configFile,
    pid: ready.pid,
    keys,
    log: () => log,
    as: (caller, call) => client.call({ ...call, key: keys[caller] ?? '' }),
    async good(agent) {
      const call = {
        binding: 'JSONRPC',
        agent,
        operation: 'SendMessage',
        params: say('message good'),
        key: keys['alice'] ?? '',
      } as const
      const answer = await client.call(call)
      assert.equal(answer.status, 200, `a good call failed: ${answer.text}`)
      assert.ok(answer.result['message'], `a good call failed: ${answer.text}`)
      return answer
    },
    createKey,
    command,
    records,
    recordOf,
    async completionOf(answer) {
      const { call } = (await recordOf(answer)).envelope
      return await eventually(`a completion of ${call}`, async () =>
        (await records()).find(({ envelope }) => envelope.call === call && envelope.kind === 'completion'),
      )
    },
    ended,
    kill: (signal) => {
      asked = true
      child.kill(signal)
    },
    async stop() {
      client.close()
      // a second signal would end it without draining
      if (!asked) child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), 30_000)
      const code = await ended
      clearTimeout(timer)
      try {
        assert.equal(code, 0, `the gateway ended with ${code}: ${log.slice(-2_000)}`)
        await verify(ready.dataDir)
        assert.doesNotMatch(log, /a bug denied a call/, log.slice(-2_000))
      } finally {
        if (options.home === undefined) await rm(home, { recursive: true, force: true })
      }
    },
  }
  return gateway
}

function configOf(options: GatewayOptions): ConfigInput {
  return {
    gateway: {
      listen: '127.0.0.1:0',
      ...(options.bounds && { bounds: options.bounds }),
      ...options.gateway,
    },
    admin: { listen: '127.0.0.1:0' },
    dataDir: './data',
    identity: { apiKeys: { environment: 'test' }, kubernetes: options.kubernetes ?? [], ...options.identity },
    agents: Object.entries(options.agents).map(([name, agent]) => ({
      name,
      // hostile agents fail all the time: the circuit has a test of its own
      breaker: { failures: 1_000_000 },
      health: { interval: '0s' },
      ...(typeof agent === 'string' ? { url: agent } : agent),
    })),
    ...(options.aliases && { aliases: options.aliases }),
    policy: options.policy ?? everything,
    limits: options.limits ?? [{ per: ['caller'], requests: '1000000/m', concurrentStreams: 1_000 }],
    unauthenticated: options.unauthenticated ?? { requests: '100000/m' },
  }
}

interface Ready {
  readonly gateway: string
  readonly admin: string
  readonly dataDir: string
  readonly pid: number
}

async function readyLine(child: ChildProcess, ended: Promise<number>, log: () => string): Promise<Ready> {
  let out = ''
  const line = new Promise<string>((resolve) => {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      out += text
      if (out.includes('\n')) resolve(out)
    })
  })
  const first = await Promise.race([line, ended])
  if (typeof first === 'number') throw new Error(`the gateway ended with ${first} before it was ready: ${log()}`)
  return JSON.parse(first) as Ready
}

/** Every record under a data directory, decrypted, log by log. */
export async function readRecords(dataDir: string): Promise<LedgerRecord[]> {
  const keyEncryptionKey = Buffer.from(readFileSync(`${dataDir}.kek`, 'latin1').trim(), 'base64url')
  const found: LedgerRecord[] = []
  for (const name of readdirSync(join(dataDir, 'ledger'))) {
    const dir = join(dataDir, 'ledger', name)
    for await (const record of readLedger(dir, { keyEncryptionKey })) found.push(record)
  }
  return found
}

/** Fails unless the ledgers of a data directory verify. */
export async function verify(dataDir: string): Promise<void> {
  const report = await verifyLedger(join(dataDir, 'ledger'))
  assert.ok(report.ok, `the ledger does not verify: ${JSON.stringify(report.problems)}`)
  assert.ok(report.size > 0)
}

interface ReceiptText {
  readonly index: number
  readonly leafHash: string
}

/** Index and leaf hash of Sallyport-Record: `<origin>/<index>/<leaf hash>`. */
export function receiptOf(answer: { readonly headers: Answer['headers'] }): ReceiptText {
  const header = answer.headers['sallyport-record']
  const match = /^sallyport\.local\/[0-9a-f]{8}\/(\d+)\/([A-Za-z0-9_-]{43}=?)$/.exec(String(header))
  assert.ok(match, `the answer names no record: ${String(header)}`)
  return { index: Number(match[1]), leafHash: match[2] ?? '' }
}

function findRecord(records: readonly LedgerRecord[], { index, leafHash }: ReceiptText): LedgerRecord {
  const found = records.find((record) => record.index === index && record.leafHash === leafHash)
  assert.ok(found, `no record ${index} with leaf hash ${leafHash}`)
  return found
}

/** Asserts that an answer is exactly this refusal in its binding, and that nothing private is in it. */
export function assertRefused(answer: Answer, code: RefusalCode, binding: Binding): void {
  const row = catalogue[code]
  const shown = `${answer.status} ${answer.text.slice(0, 400)}`
  assert.equal(answer.status, binding === 'JSONRPC' ? row.jsonRpcHttp : row.http, `expected ${code}: ${shown}`)
  assert.equal(answer.error.code, binding === 'JSONRPC' ? row.jsonRpc : row.http, `expected ${code}: ${shown}`)
  assert.equal(answer.error.reason, row.reason, `expected ${code}: ${shown}`)
  assert.equal(answer.headers['content-type'], 'application/json')
  assert.doesNotMatch(answer.text, /POISON/, 'bytes of the agent leaked into a refusal')
}

/** The address of a port where nobody listens. */
export async function deadUrl(): Promise<string> {
  const { createServer } = await import('node:net')
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return `http://127.0.0.1:${port}/a2a`
}

export const repositoryRoot: string = dirname(dirname(import.meta.dirname))
