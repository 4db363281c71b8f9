// Starts the bench's processes on the core they belong to and ends them all when the bench ends, however it ends.
// Nothing outlives it, nothing listens beyond loopback.

import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { availableParallelism } from 'node:os'

export interface Started {
  readonly pid: number
  readonly child: ChildProcess
  /** what it has written to standard error and, without ipc, to standard output */
  readonly output: () => string
  readonly stop: () => Promise<void>
}

const running = new Set<ChildProcess>()

/** To be called once, before the first start. */
export function endAllWithUs(): void {
  process.on('exit', () => {
    for (const child of running) child.kill('SIGKILL')
  })
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.on(signal, () => process.exit(code))
  }
}

let pinning: boolean | undefined

/** Whether processes can be given a core each. */
export function canPin(): boolean {
  pinning ??= availableParallelism() >= 2 && spawnSync('taskset', ['-c', '0,1', 'true']).status === 0
  return pinning
}

/** Descriptors a process may open: its soft limit is raised to this when it starts. */
export function readMostDescriptors(): number {
  return Number(spawnSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).stdout) || Infinity
}

export function start(command: readonly string[], options: { readonly cpu: 0 | 1; readonly ipc?: boolean }): Started {
  // `exec` all the way, so that the process we know is the process that works.
  const pinned = canPin() ? ['taskset', '-c', String(options.cpu), ...command] : command
  const child = spawn('sh', ['-c', 'ulimit -n "$(ulimit -Hn)"; exec "$@"', 'sh', ...pinned], {
    stdio: ['ignore', options.ipc ? 'inherit' : 'pipe', 'pipe', ...(options.ipc ? (['ipc'] as const) : [])],
  })
  running.add(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-10_000)))
  }
  const ended = new Promise<void>((resolve) => {
    child.once('error', () => resolve())
    child.once('exit', () => resolve())
  }).then(() => void running.delete(child))
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    const late = setTimeout(() => child.kill('SIGKILL'), 10_000)
    await ended
    clearTimeout(late)
  }
  return { pid: child.pid ?? 0, child, output: () => output, stop }
}

export async function findFreePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
