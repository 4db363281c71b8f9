// `npm run bench`: what Sallyport costs, as ratios to nginx `proxy_pass` and to a bare `node:http` + undici
// pass-through measured in the same run, in front of the same agent. The proxy under test has core 0 to itself, load
// and agent share core 1. Every answer is checked: a wrong one fails the bench. It writes nothing but a temporary
// directory, listens on loopback only, and leaves no process behind.
//
//   node test/bench/bench.ts [--quick] [--json] [--only NAME]… [--dir DIR] [--silence SECONDS] [--profile DIR]
//
// NAME is a part (calls, latency, streams, start) or a proxy (nginx, pass-through, sallyport). `--dir` chooses the disk
// that the ledger lies on, `--silence` keeps the streams silent for longer, `--profile` writes a CPU profile of Sallyport.

import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  clampStreams,
  measureCalls,
  measureDisk,
  measureLatency,
  measureStreams,
  medianOf,
  pause,
  warmUp,
} from './measure.ts'
import type { CallRow, LatencyRow, StreamRow } from './measure.ts'
import { canPin, endAllWithUs } from './processes.ts'
import { readResidentKiB } from './procfs.ts'
import { nginxVersion, proxyNames, startProxy, whyMissing } from './proxies.ts'
import type { Proxy, ProxyName, Surroundings } from './proxies.ts'
import { renderReport } from './report.ts'
import type { Report, StartRow } from './report.ts'
import { startBackend, startLoad } from './workers.ts'
import type { Backend, Load } from './workers.ts'

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    dir: { type: 'string', default: tmpdir() },
    silence: { type: 'string', default: '0' },
    profile: { type: 'string' },
  },
})
const parts = ['calls', 'latency', 'streams', 'start'] as const
type Part = (typeof parts)[number]

// Rounds are many and short: a shared machine changes its mind within seconds.
const size = options.quick
  ? {
      warmCalls: 1500,
      calls: { rounds: 2, ms: 400, warmMs: 100 },
      latency: { rounds: 1, ms: 800, warmMs: 300 },
      streams: [200],
      starts: 1,
      settleMs: 500,
    }
  : {
      warmCalls: 24_000,
      calls: { rounds: 5, ms: 1200, warmMs: 200 },
      latency: { rounds: 3, ms: 1600, warmMs: 400 },
      streams: [1000, 9000],
      starts: 3,
      settleMs: 2500,
    }

endAllWithUs()
process.exitCode = await main()
// The helpers stay connected; ending ends them too.
process.exit()

async function main(): Promise<number> {
  const unknown = options.only.filter((name) => ![...parts, ...proxyNames].some((known) => known === name))
  if (unknown.length > 0 || !/^\d{1,5}$/.test(options.silence)) {
    process.stderr.write(
      `error: cannot do ${unknown.join(', ') || `--silence ${options.silence}`}\nhint: --only takes ${[...parts, ...proxyNames].join(', ')}\n`,
    )
    return 2
  }
  const dir = mkdtempSync(join(options.dir, 'sallyport-bench-'))
  // Also when a signal ends us, after the processes that write there.
  process.on('exit', () => rmSync(dir, { recursive: true, force: true }))
  try {
    const report = await measure(dir)
    process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : renderReport(report))
    // A lost stream shows in the table; it is a failure all the same.
    return report.streams.every(({ streams, alive }) => alive === streams) ? 0 : 1
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  }
}

async function measure(dir: string): Promise<Report> {
  const skipped: string[] = []
  const names = chosen(proxyNames).filter((name) => {
    const why = whyMissing(name)
    if (why !== undefined) skipped.push(`${name} was left out: ${why}`)
    return why === undefined
  })
  const backend = await startBackend()
  const around = { dir, backendPort: backend.port, profileDir: options.profile }
  const load = startLoad()
  const wanted = chosen(parts)
  const disk = measureDisk(dir)
  const starts = wanted.includes('start') ? await measureStarts(names, around) : []
  const { calls, latency } = await measureCallsAndLatency(names, around, load, wanted)
  const streams = wanted.includes('streams') ? await measureAllStreams(names, around, load, backend) : []
  return {
    command: ['bench', ...process.argv.slice(2)].join(' '),
    machine: describeMachine(),
    disk,
    skipped,
    starts,
    calls,
    latency,
    streams,
  }
}

/** Those of `all` that were asked for; all of them when none was. */
function chosen<Name extends string>(all: readonly Name[]): readonly Name[] {
  const some = all.filter((name) => options.only.includes(name))
  return some.length > 0 ? some : all
}

async function measureStarts(names: readonly ProxyName[], around: Surroundings): Promise<StartRow[]> {
  tell('start to first served call')
  const rows: StartRow[] = []
  for (const name of names) {
    const tookMs: number[] = []
    let idleMiB: number | null = null
    for (let turn = 0; turn < size.starts; turn++) {
      const proxy = await startProxy(name, { ...around, profileDir: undefined })
      tookMs.push(proxy.startMs)
      if (turn === size.starts - 1) {
        await pause(size.settleMs)
        const resident = readResidentKiB(proxy.process.pid)
        idleMiB = resident === undefined ? null : resident / 1024
      }
      await proxy.process.stop()
    }
    rows.push({ proxy: name, firstCallMs: medianOf(tookMs), idleMiB })
  }
  return rows
}

async function measureCallsAndLatency(
  names: readonly ProxyName[],
  around: Surroundings,
  load: Load,
  wanted: readonly Part[],
): Promise<{ calls: CallRow[]; latency: LatencyRow[] }> {
  if (!wanted.includes('calls') && !wanted.includes('latency')) return { calls: [], latency: [] }
  const proxies: Proxy[] = []
  for (const name of names) proxies.push(await startProxy(name, around))
  const direct = { name: 'direct', port: around.backendPort, path: '/', key: proxies[0]?.target.key ?? '' }
  tell('warming up')
  await warmUp(load, proxies, size.warmCalls)
  if (wanted.includes('calls')) tell('calls with 64 connections')
  const calls = wanted.includes('calls') ? await measureCalls(load, proxies, { ...size.calls, connections: 64 }) : []
  if (wanted.includes('latency')) tell('latency at 500 calls/s')
  const latency = wanted.includes('latency')
    ? await measureLatency(load, direct, proxies, { ...size.latency, rate: 500 })
    : []
  for (const proxy of proxies) await proxy.process.stop()
  return { calls, latency }
}

async function measureAllStreams(
  names: readonly ProxyName[],
  around: Surroundings,
  load: Load,
  backend: Backend,
): Promise<StreamRow[]> {
  const rows: StreamRow[] = []
  const counts = [...new Set(size.streams.map(clampStreams))]
  for (const name of names) {
    tell(`idle streams through ${name}`)
    // A process of its own each time: what it held before would count as the streams' memory, or hide it.
    const proxy = await startProxy(name, { ...around, profileDir: undefined })
    rows.push(
      ...(await measureStreams(load, backend, proxy, {
        counts,
        settleMs: size.settleMs,
        silenceMs: Number(options.silence) * 1000,
      })),
    )
    await proxy.process.stop()
  }
  return rows
}

function describeMachine(): Report['machine'] {
  const all = cpus()
  return {
    cores: all.length,
    model: all[0]?.model ?? 'unknown',
    system: `${process.platform} ${release()} ${process.arch}`,
    node: process.versions.node,
    nginx: nginxVersion() ?? null,
    isPinned: canPin(),
  }
}

/** Progress, for people who wait; the report alone is on standard output. */
function tell(text: string): void {
  process.stderr.write(`${text} …\n`)
}
