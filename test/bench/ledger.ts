// How many appends a second the ledger takes and what one costs in processor time: `node test/bench/ledger.ts`.
// Durable, on the disk under the system's temporary folder (or the folder given): the disk's sync is part of it.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Ledger, NewRecord } from '../../src/audit/ledger.ts'
import { verifyLedger } from '../../src/audit/verify-ledger.ts'
import { systemClock } from '../../src/base/clock.ts'
import { createSample } from '../fakes/sample-ledger.ts'

const root = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'sallyport-bench-'))
const ledger = await createSample(root).open({ clock: systemClock, segmentSize: 67_108_864, checkpointIntervalMs: 200 })

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
    sensitive: { caller, origin: caller, source: '127.0.0.1', task, context },
    event: {
      caller,
      origin: caller,
      source: '127.0.0.1',
      task,
      context,
      chain: [],
      binding: 'JSONRPC',
      requestBytes: 412,
      rules: ['analyst#0'],
      input,
    },
  }
}

async function appendAll(target: Ledger, total: number, lanes: number): Promise<void> {
  let number = 0
  const lane = async (): Promise<void> => {
    while (number < total) await target.append(decision(number++))
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}

await appendAll(ledger, 20_000, 64)
for (const [lanes, total] of [
  [1, 2_000],
  [64, 60_000],
  [256, 60_000],
] as const) {
  const groups = ledger.stats.groups
  const [cpu, startedMs] = [process.cpuUsage(), performance.now()]
  await appendAll(ledger, total, lanes)
  const { user, system } = process.cpuUsage(cpu)
  const seconds = (performance.now() - startedMs) / 1_000
  const row = {
    lanes,
    appendsPerSecond: Math.round(total / seconds),
    cpuMicrosecondsPerAppend: Number(((user + system) / total).toFixed(1)),
    recordsPerGroup: Number((total / (ledger.stats.groups - groups)).toFixed(1)),
  }
  process.stdout.write(`${JSON.stringify(row)}\n`)
}
await ledger.close()
const startedMs = performance.now()
const { ok, size } = await verifyLedger(root)
process.stdout.write(
  `${JSON.stringify({ ok, verifiedPerSecond: Math.round(size / ((performance.now() - startedMs) / 1_000)) })}\n`,
)
rmSync(root, { recursive: true })
