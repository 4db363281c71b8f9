// The bench's figures as tables for people; the same figures are one JSON document for machines. Ratios are to
// the controls of the same run: absolute figures of shared machines say little.

import type { CallRow, DiskFigures, LatencyRow, StreamRow } from './measure.ts'

export interface StartRow {
  readonly proxy: string
  readonly firstCallMs: number
  readonly idleMiB: number | null
}

export interface Report {
  readonly command: string
  readonly machine: {
    readonly cores: number
    readonly model: string
    readonly system: string
    readonly node: string
    readonly nginx: string | null
    readonly isPinned: boolean
  }
  readonly disk: DiskFigures
  readonly skipped: readonly string[]
  readonly starts: readonly StartRow[]
  readonly calls: readonly CallRow[]
  readonly latency: readonly LatencyRow[]
  readonly streams: readonly StreamRow[]
}

export function renderReport(report: Report): string {
  const { machine, disk } = report
  const head = [
    `${machine.cores} × ${machine.model}, ${machine.system}, Node ${machine.node}, nginx ${machine.nginx ?? 'not installed'}`,
    machine.isPinned
      ? 'proxy on core 0; load and agent on core 1'
      : 'NOT PINNED to cores: compare nothing with pinned runs',
    `fdatasync of 1 KiB: p50 ${fixed(disk.fdatasyncP50Ms, 2)} ms, p99 ${fixed(disk.fdatasyncP99Ms, 2)} ms${disk.isMemory ? ' (IN MEMORY: use --dir)' : ''}`,
    ...report.skipped,
  ]
  const tables = [
    renderCalls(report.calls),
    renderLatency(report.latency),
    renderStreams(report.streams),
    renderStarts(report.starts),
  ]
  return `${[head.join('\n'), ...tables.filter((table) => table !== '')].join('\n\n')}\n`
}

function renderCalls(rows: readonly CallRow[]): string {
  return renderTable(
    'Calls, 64 connections, one core for the proxy',
    [
      'proxy',
      'call',
      'calls/s',
      '× nginx',
      '× bare',
      'p50 ms',
      'p99 ms',
      'CPU µs',
      'CPU × nginx',
      'CPU × bare',
      'core',
      'others',
    ],
    rows.map((row) => {
      const nginx = rows.find(({ proxy, work }) => proxy === 'nginx' && work === row.work)
      const bare = rows.find(({ proxy, work }) => proxy === 'pass-through' && work === row.work)
      return [
        row.proxy,
        row.work,
        fixed(row.callsPerSecond, 0),
        ratio(row.callsPerSecond, nginx?.callsPerSecond),
        ratio(row.callsPerSecond, bare?.callsPerSecond),
        fixed(row.p50Ms, 2),
        fixed(row.p99Ms, 2),
        fixed(row.cpuMicrosPerCall, 0),
        ratio(row.cpuMicrosPerCall, nginx?.cpuMicrosPerCall),
        ratio(row.cpuMicrosPerCall, bare?.cpuMicrosPerCall),
        percent(row.busy),
        percent(row.others),
      ]
    }),
  )
}

function renderLatency(rows: readonly LatencyRow[]): string {
  return renderTable(
    'Latency at 500 calls/s, from when a call was due',
    ['proxy', 'call', 'p50 ms', 'p99 ms', 'added p50', 'added p99'],
    rows.map((row) => [
      row.proxy,
      row.work,
      fixed(row.p50Ms, 2),
      fixed(row.p99Ms, 2),
      fixed(row.addedP50Ms, 2),
      fixed(row.addedP99Ms, 2),
    ]),
  )
}

function renderStreams(rows: readonly StreamRow[]): string {
  return renderTable(
    'Idle SSE streams; alive: got one more event at the end',
    ['proxy', 'streams', 'alive', 'KiB each', 'opened/s'],
    rows.map((row) => [
      row.proxy,
      String(row.streams),
      String(row.alive),
      fixed(row.residentKiBPerStream, 1),
      fixed(row.openedPerSecond, 0),
    ]),
  )
}

function renderStarts(rows: readonly StartRow[]): string {
  return renderTable(
    'Start',
    ['proxy', 'first call served, ms', 'resident when idle, MiB'],
    rows.map((row) => [row.proxy, fixed(row.firstCallMs, 0), fixed(row.idleMiB, 0)]),
  )
}

function renderTable(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return ''
  const widths = head.map((cell, column) => Math.max(cell.length, ...rows.map((row) => row[column]?.length ?? 0)))
  // Names stand left, numbers right.
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (/^[a-z]/.test(rows[0]?.[column] ?? '') ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return [`${title}:`, '', line(head), rule, ...rows.map(line)].join('\n')
}

function fixed(value: number | null, digits: number): string {
  return value === null || Number.isNaN(value) ? '-' : value.toFixed(digits)
}

function percent(share: number | null): string {
  return share === null ? '-' : `${fixed(share * 100, 0)} %`
}

function ratio(value: number | null, control: number | null | undefined): string {
  return value === null || control === null || control === undefined ? '-' : (value / control).toFixed(2)
}
