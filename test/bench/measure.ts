// The measurements, each a function from running proxies to figures. Rounds go round all proxies before they are
// repeated, so that a slow minute of the machine hits all alike; medians of the rounds are kept.

import { closeSync, fdatasyncSync, openSync, statfsSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { CallFigures, Target, Work } from './orders.ts'
import { readMostDescriptors } from './processes.ts'
import { readResidentKiB } from './procfs.ts'
import type { Proxy } from './proxies.ts'
import type { Backend, Load } from './workers.ts'

export interface CallRow {
  readonly proxy: string
  readonly work: Work
  readonly callsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly cpuMicrosPerCall: number | null
  /** share of its core that the proxy used: well below 1 it was waiting for others, or for the disk */
  readonly busy: number | null
  /** share of its core that others took from it */
  readonly others: number | null
}

export interface LatencyRow {
  readonly proxy: string
  readonly work: Work
  readonly p50Ms: number
  readonly p99Ms: number
  /** over the same calls straight to the backend */
  readonly addedP50Ms: number
  readonly addedP99Ms: number
}

export interface StreamRow {
  readonly proxy: string
  readonly streams: number
  readonly alive: number
  readonly residentKiBPerStream: number | null
  readonly openedPerSecond: number
}

export interface DiskFigures {
  readonly fdatasyncP50Ms: number
  readonly fdatasyncP99Ms: number
  /** a memory file system syncs nothing: figures of sends are worthless there */
  readonly isMemory: boolean
}

export const works: readonly Work[] = ['read', 'send-message', 'send-task']

/** Lets every proxy carry the same number of calls first: compilers need some ten thousand to settle. */
export async function warmUp(load: Load, proxies: readonly Proxy[], calls: number): Promise<void> {
  for (const { target, process } of proxies) {
    for (const work of works) {
      let carried = 0
      for (let turn = 0; turn < 20 && carried < calls / works.length; turn++) {
        const order = { kind: 'closed', target, work, connections: 64, warmMs: 0, ms: 250, pid: process.pid } as const
        carried += (await load.run(order)).calls
      }
    }
  }
}

export async function measureCalls(
  load: Load,
  proxies: readonly Proxy[],
  options: { readonly rounds: number; readonly ms: number; readonly warmMs: number; readonly connections: number },
): Promise<CallRow[]> {
  const rows: CallRow[] = []
  const { rounds, ...order } = options
  for (const work of works) {
    const found = new Map<string, CallFigures[]>(proxies.map(({ target }) => [target.name, []]))
    for (let round = 0; round < rounds; round++) {
      for (const { target, process } of proxies) {
        found.get(target.name)?.push(await load.run({ kind: 'closed', target, work, pid: process.pid, ...order }))
      }
    }
    for (const [proxy, figures] of found) rows.push(callRow(proxy, work, figures))
  }
  return rows
}

function callRow(proxy: string, work: Work, figures: readonly CallFigures[]): CallRow {
  // Where the system does not tell, nothing is known; and a round without an answer has no cost per call.
  const known = (value: (figure: CallFigures) => number): number | null =>
    orNull(medianOf(figures.map(value).filter(Number.isFinite)))
  return {
    proxy,
    work,
    callsPerSecond: medianOf(figures.map(({ calls, seconds }) => calls / seconds)),
    p50Ms: medianOf(figures.map(({ p50Ms }) => p50Ms).filter(Number.isFinite)),
    p99Ms: medianOf(figures.map(({ p99Ms }) => p99Ms).filter(Number.isFinite)),
    cpuMicrosPerCall: known(({ cpuMs = Number.NaN, calls }) => (cpuMs * 1000) / calls),
    busy: known(({ cpuMs = Number.NaN, seconds }) => cpuMs / 1000 / seconds),
    others: known(({ othersMs = Number.NaN, seconds }) => othersMs / 1000 / seconds),
  }
}

export async function measureLatency(
  load: Load,
  direct: Target,
  proxies: readonly Proxy[],
  options: { readonly rounds: number; readonly rate: number; readonly ms: number; readonly warmMs: number },
): Promise<LatencyRow[]> {
  const rows: LatencyRow[] = []
  const { rounds, ...order } = options
  const targets = [direct, ...proxies.map(({ target }) => target)]
  for (const work of ['read', 'send-task'] as const) {
    const found = new Map<string, CallFigures[]>(targets.map(({ name }) => [name, []]))
    for (let round = 0; round < rounds; round++) {
      for (const target of targets)
        found.get(target.name)?.push(await load.run({ kind: 'open', target, work, ...order }))
    }
    const [base = { p50Ms: 0, p99Ms: 0 }, ...rest] = [...found.entries()].map(([proxy, figures]) => ({
      proxy,
      work,
      p50Ms: medianOf(figures.map(({ p50Ms }) => p50Ms)),
      p99Ms: medianOf(figures.map(({ p99Ms }) => p99Ms)),
    }))
    for (const row of [{ proxy: direct.name, work, p50Ms: base.p50Ms, p99Ms: base.p99Ms }, ...rest]) {
      rows.push({ ...row, addedP50Ms: row.p50Ms - base.p50Ms, addedP99Ms: row.p99Ms - base.p99Ms })
    }
  }
  return rows
}

/** How many streams one process can proxy here: two descriptors each, some left for itself. */
export function clampStreams(wanted: number): number {
  return Math.min(wanted, Math.floor((readMostDescriptors() - 500) / 2))
}

/** Opens streams in steps on a proxy that was just started, lets it settle, and asks the agent for one more event. */
export async function measureStreams(
  load: Load,
  backend: Backend,
  proxy: Proxy,
  options: { readonly counts: readonly number[]; readonly settleMs: number; readonly silenceMs: number },
): Promise<StreamRow[]> {
  const { pid } = proxy.process
  const rows: StreamRow[] = []
  await pause(options.settleMs)
  const baseline = readResidentKiB(pid)
  let open = 0
  for (const count of options.counts) {
    const startedMs = performance.now()
    await load.stream({ kind: 'streams', target: proxy.target, count })
    const openedPerSecond = ((count - open) * 1000) / (performance.now() - startedMs)
    open = count
    await pause(options.settleMs + (count === options.counts.at(-1) ? options.silenceMs : 0))
    const resident = readResidentKiB(pid)
    const heard = load.stream({ kind: 'await-events', ms: 10_000 })
    backend.tell({ kind: 'event-to-every-stream' })
    const { reached } = await heard
    const residentKiBPerStream = baseline === undefined || resident === undefined ? null : (resident - baseline) / count
    rows.push({ proxy: proxy.target.name, streams: count, alive: reached, residentKiBPerStream, openedPerSecond })
  }
  await load.stream({ kind: 'close-streams' })
  return rows
}

/** What one durable append costs this disk when nothing else is asked of it. */
export function measureDisk(dir: string): DiskFigures {
  const file = openSync(join(dir, 'sync'), 'w')
  const record = Buffer.alloc(1024, 'x')
  const tookMs: number[] = []
  for (let turn = 0; turn < 300; turn++) {
    writeSync(file, record)
    const startedMs = performance.now()
    fdatasyncSync(file)
    tookMs.push(performance.now() - startedMs)
  }
  closeSync(file)
  tookMs.sort((a, b) => a - b)
  return {
    fdatasyncP50Ms: tookMs[150] ?? 0,
    fdatasyncP99Ms: tookMs[297] ?? 0,
    isMemory: statfsSync(dir).type === 0x01021994,
  }
}

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  if (sorted.length % 2 === 1) return sorted[middle] ?? Number.NaN
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value
}
