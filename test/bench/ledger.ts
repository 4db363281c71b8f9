// What the ledger costs: `npm run bench:ledger [-- --records 10000000 --dir DIR]`. Durable appends through the public
// interface with encryption on, against a bare loop of hash, tree and sync over the same disk in the same run;
// acknowledgement times, verification, start-up of a long log, memory while it grows, bytes on disk. Prints JSON
// lines and a table.

import { spawnSync } from 'node:child_process'
import { hash } from 'node:crypto'
import { closeSync, fdatasyncSync, mkdtempSync, openSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Ledger, NewRecord } from '../../src/audit/ledger.ts'
import { verifyLedger } from '../../src/audit/verify-ledger.ts'
import { systemClock } from '../../src/base/clock.ts'
import { createEdge, leafHash } from '../../src/tlog/merkle.ts'
import { createSample } from '../fakes/sample-ledger.ts'

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '200000' },
    dir: { type: 'string', default: tmpdir() },
    open: { type: 'string' },
  },
})
const settings = { clock: systemClock, segmentSize: 67_108_864, checkpointIntervalMs: 200 }

// what a decision about a send looks like, with 200 callers
function decision(number: number): NewRecord {
  const caller = `key:client-${number % 200}`
  const [task, context] = [`task-${number}`, 'context-1234567890']
  const input = {
    operation: 'SendMessage',
    agent: 'calculator',
    caller: { id: caller, groups: ['group:corp/analysts'] },
    message: { parts: [{ kind: 'text', size: 14 }] },
  }
  const request = hash('sha256', task, 'base64url')
  return {
    kind: 'decision',
    call: 'k3j4h5g6f7d8s9a0q1w2e3r4t5',
    timeMs: Date.now(),
    snapshot: 'b5bb9d8014a0f9b1d61e21e796d78dcc',
    subject: caller,
    agent: 'calculator',
    operation: 'SendMessage',
    outcome: 'allowed',
    code: '',
    sensitive: { caller, origin: caller, source: '127.0.0.1', task, context, request },
    event: {
      caller,
      origin: caller,
      source: '127.0.0.1',
      task,
      context,
      chain: [],
      binding: 'JSONRPC',
      version: '1.0',
      requestBytes: 412,
      rules: ['analyst#0'],
      input,
    },
  }
}

const percentile = (sorted: readonly number[], share: number): number =>
  Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(2))

async function appendAll(ledger: Ledger, total: number, lanes: number): Promise<number[]> {
  const times: number[] = []
  let number = 0
  const lane = async (): Promise<void> => {
    while (number < total) {
      const startedMs = performance.now()
      await ledger.append(decision(number++))
      if (times.length < 200_000) times.push(performance.now() - startedMs)
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return times.toSorted((a, b) => a - b)
}

/** Leaf hash, growing tree, one write and one sync a batch: what no audit log of this kind can do without. */
function bareLoop(path: string, batch: number): number {
  const file = openSync(path, 'w')
  const edge = createEdge()
  const record = Buffer.alloc(650, 'r')
  const bytes = Buffer.alloc(batch * record.length)
  const [startedMs, runMs] = [performance.now(), 2_000]
  let count = 0
  while (performance.now() - startedMs < runMs) {
    for (let at = 0; at < batch; at += 1) {
      record.writeUInt32LE(count, 0)
      edge.append(leafHash(record))
      record.copy(bytes, at * record.length)
      count += 1
    }
    writeSync(file, bytes)
    fdatasyncSync(file)
  }
  closeSync(file)
  return count / ((performance.now() - startedMs) / 1_000)
}

function bytesBelow(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
}

const megabytes = (bytes: number): number => Math.round(bytes / 1_048_576)
const print = (row: object): void => void process.stdout.write(`${JSON.stringify(row)}\n`)

/** In a process of its own, so that nothing is warm: milliseconds to open the log, and what it takes in memory. */
async function openOnce(root: string): Promise<void> {
  const startedMs = performance.now()
  const ledger = await createSample(root).open(settings)
  print({
    openMs: Math.round(performance.now() - startedMs),
    size: ledger.size,
    residentMegabytes: megabytes(process.memoryUsage.rss()),
  })
  await ledger.close()
}

async function bench(): Promise<void> {
  const total = Number(values.records)
  const root = mkdtempSync(join(values.dir, 'sallyport-bench-'))
  print({ node: process.version, processors: availableParallelism(), records: total })
  const ledger = await createSample(root).open(settings)
  await appendAll(ledger, 20_000, 64)
  for (const lanes of [1, 64, 256]) {
    const bare = bareLoop(join(root, '..', `${root.split('/').at(-1)}.bare`), lanes)
    const groups = ledger.stats.groups
    const count = lanes === 1 ? 2_000 : 60_000
    const [cpu, startedMs] = [process.cpuUsage(), performance.now()]
    const times = await appendAll(ledger, count, lanes)
    const { user, system } = process.cpuUsage(cpu)
    const perSecond = count / ((performance.now() - startedMs) / 1_000)
    print({
      lanes,
      appendsPerSecond: Math.round(perSecond),
      bareLoopPerSecond: Math.round(bare),
      ratioToBareLoop: Number((perSecond / bare).toFixed(2)),
      acknowledgedMs: { p50: percentile(times, 0.5), p99: percentile(times, 0.99) },
      cpuMicrosecondsPerAppend: Number(((user + system) / count).toFixed(1)),
      recordsPerGroup: Number((count / (ledger.stats.groups - groups)).toFixed(1)),
    })
  }
  rmSync(join(root, '..', `${root.split('/').at(-1)}.bare`))
  for (const share of [0.25, 0.5, 0.75, 1]) {
    await appendAll(ledger, Math.max(0, Math.round(total * share) - ledger.size), 256)
    print({ size: ledger.size, residentMegabytes: megabytes(process.memoryUsage.rss()) })
  }
  const size = ledger.size
  await ledger.close()
  const dir = createSample(root).dir
  const perRecord = (folder: string): number => Math.round(bytesBelow(join(dir, folder)) / size)
  print({ bytesPerRecord: { segments: perRecord('segments'), tilesAndBundles: perRecord('tile') } })
  const opened = spawnSync(process.execPath, [import.meta.filename, '--open', root], { encoding: 'utf8' })
  process.stdout.write(opened.stdout)
  process.stderr.write(opened.stderr)
  const startedMs = performance.now()
  const report = await verifyLedger(root)
  const perSecond = Math.round(report.size / ((performance.now() - startedMs) / 1_000))
  print({ ok: report.ok, verifiedPerSecond: perSecond, residentMegabytes: megabytes(process.memoryUsage.rss()) })
  rmSync(root, { recursive: true })
}

await (values.open === undefined ? bench() : openOnce(values.open))
