// The things under test, each started in front of the same backend on the core of its own: nginx, the bare
// pass-through, and Sallyport with everything on. Each start is timed until the first call was served.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Target } from './orders.ts'
import { findFreePort, start } from './processes.ts'
import type { Started } from './processes.ts'

export type ProxyName = 'nginx' | 'pass-through' | 'sallyport'
export const proxyNames: readonly ProxyName[] = ['nginx', 'pass-through', 'sallyport']

export interface Proxy {
  readonly target: Target
  readonly process: Started
  /** from starting the process to the end of the first answer, polled every few milliseconds */
  readonly startMs: number
}

export interface Surroundings {
  /** an empty directory on the disk to be measured */
  readonly dir: string
  readonly backendPort: number
  /** folder for a profile of Sallyport, when one is wanted */
  readonly profileDir: string | undefined
}

const root = fileURLToPath(new URL('../..', import.meta.url))
const launcher = join(root, 'bin/sallyport')
const path = '/agents/bench'
const noKey = `sp_bench_${'0'.repeat(12)}_${'0'.repeat(43)}000000`

/** Why a proxy cannot be measured here, or undefined. */
export function whyMissing(name: ProxyName): string | undefined {
  if (name === 'nginx' && nginxVersion() === undefined) return 'nginx is not installed'
  if (name === 'sallyport' && !existsSync(launcher)) return 'bin/sallyport is not there'
  return undefined
}

export function nginxVersion(): string | undefined {
  const found = spawnSync('nginx', ['-v'], { encoding: 'utf8' })
  return found.status === 0 ? found.stderr.trim().replace(/^.*nginx\//, '') : undefined
}

export async function startProxy(name: ProxyName, around: Surroundings): Promise<Proxy> {
  const port = await findFreePort()
  const dir = mkdtempSync(join(around.dir, `${name}-`))
  const { command, key } = await prepare(name, { ...around, dir }, port)
  const target = { name, port, path, key }
  const startedMs = performance.now()
  const process = start(command, { cpu: 0 })
  await awaitFirstCall(target, process)
  return { target, process, startMs: performance.now() - startedMs }
}

async function prepare(
  name: ProxyName,
  around: Surroundings,
  port: number,
): Promise<{ command: string[]; key: string }> {
  if (name === 'sallyport') return prepareSallyport(around, port)
  if (name === 'nginx') {
    return { command: ['nginx', '-p', around.dir, '-c', writeNginxConfig(around, port)], key: noKey }
  }
  const passThrough = join(import.meta.dirname, 'pass-through.ts')
  return {
    command: [process.execPath, passThrough, String(port), `http://127.0.0.1:${around.backendPort}`],
    key: noKey,
  }
}

/** One worker in the foreground; keep-alive on both sides without a count that would close it; no log. */
function writeNginxConfig({ dir, backendPort }: Surroundings, port: number): string {
  const file = join(dir, 'nginx.conf')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `  ${kind}_temp_path ${dir}/${kind};`,
  )
  writeFileSync(
    file,
    `daemon off;
master_process off;
worker_processes 1;
pid ${dir}/nginx.pid;
error_log ${dir}/error.log crit;
events { worker_connections 20000; }
http {
${temporary.join('\n')}
  access_log off;
  keepalive_timeout 3600s;
  keepalive_requests 100000000;
  upstream agent {
    server 127.0.0.1:${backendPort};
    keepalive 256;
    keepalive_requests 100000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://agent;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_read_timeout 3600s;
    }
  }
}
`,
  )
  return file
}

/** Everything on: a key, a role with a condition, ownership, limits that are counted but not reached, the ledger. */
async function prepareSallyport(
  { dir, backendPort, profileDir }: Surroundings,
  port: number,
): Promise<{ command: string[]; key: string }> {
  const config = join(dir, 'sallyport.yaml')
  writeFileSync(
    config,
    `gateway: { listen: 127.0.0.1:${port}, bounds: { streamSilence: 1h } }
admin: { listen: 127.0.0.1:${await findFreePort()} }
dataDir: ./state
agents:
  - { name: bench, url: 'http://127.0.0.1:${backendPort}/' }
policy:
  roles:
    - name: user
      rules:
        - { agents: [bench], operations: [SendMessage, SendStreamingMessage], when: 'size(message.parts) < 20' }
        - { agents: [bench], operations: [GetTask, ListTasks, CancelTask, SubscribeToTask], owner: self }
  bindings:
    - { role: user, callers: ['key:bench'] }
  denies:
    - { name: no-files, agents: ['*'], operations: [SendMessage, SendStreamingMessage], when: 'message.parts.exists(p, p.kind != "text")' }
limits:
  - { per: [caller], requests: 1000000/s, burst: 1000000, concurrentStreams: 20000 }
  - { per: [caller, agent], requests: 1000000/s, burst: 1000000 }
`,
  )
  const created = spawnSync(launcher, ['key', 'create', 'bench', '--config', config], { encoding: 'utf8' })
  if (created.status !== 0) throw new Error(`no key could be made: ${created.stderr}`)
  const serve = ['serve', '--config', config]
  if (profileDir === undefined) return { command: [launcher, ...serve], key: created.stdout.trim() }
  mkdirSync(profileDir, { recursive: true })
  const profiled = [process.execPath, '--cpu-prof', `--cpu-prof-dir=${profileDir}`, join(root, 'src/cli/main.ts')]
  return { command: [...profiled, ...serve], key: created.stdout.trim() }
}

async function awaitFirstCall(target: Target, started: Started): Promise<void> {
  const untilMs = performance.now() + 60_000
  let last: number | string = 'nothing'
  while (performance.now() < untilMs) {
    last = await callOnce(target)
    if (last === 200) return
    if (started.child.exitCode !== null || started.child.signalCode !== null) break
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error(`${target.name} did not serve a call; last: ${last}; it said: ${started.output()}`)
}

function callOnce(target: Target): Promise<number | string> {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 'first',
    method: 'SendMessage',
    params: {
      message: { messageId: 'first', role: 'ROLE_USER', parts: [{ text: 'hello' }], metadata: { answer: 'message' } },
    },
  })
  return new Promise((resolve) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': body.length,
      'a2a-version': '1.0',
      authorization: `Bearer ${target.key}`,
    }
    const call = request(
      { host: '127.0.0.1', port: target.port, path: target.path, method: 'POST', headers, agent: false },
      (response) => {
        response.resume().on('end', () => resolve(response.statusCode ?? 0))
      },
    )
    call.on('error', (error) => resolve(error.message))
    call.end(body)
  })
}
