// A writer under load is killed (SIGKILL) again and again, at random moments, also while it opens; then its last
// files are torn as a power cut would: the last group cut off where nothing of it was acknowledged, garbage behind
// it, tiles and temporary files damaged. After each kill the log must verify as it lies, open by itself, verify
// again, and hold every record that was acknowledged. `npm run soak:ledger -- --kills 1000`.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { appendFileSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nodeFiles } from '../../src/audit/files.ts'
import { readLedger } from '../../src/audit/read-ledger.ts'
import { createGroupScanner, readSegmentHeader } from '../../src/audit/segment.ts'
import { verifyLedger } from '../../src/audit/verify-ledger.ts'
import { systemClock } from '../../src/base/clock.ts'
import { parseCheckpoint } from '../../src/tlog/checkpoint.ts'
import { createSample, type Sample } from '../fakes/sample-ledger.ts'
import { temporaryFolder } from '../fakes/temporary-folder.ts'

const program = join(import.meta.dirname, '../fakes/append-forever.ts')
/** kills of one log before the next is begun, so that verifying it stays quick */
const killsPerLog = 20

export interface Soaked {
  readonly kills: number
  readonly acknowledged: number
  /** by what was done to the files after the kill */
  readonly torn: Readonly<Record<string, number>>
}

/** Throws as soon as a log does not verify, does not open, or has lost an acknowledged record. */
export async function soakLedger(options: {
  kills: number
  seed: string
  onKill?: (kill: number) => void
}): Promise<Soaked> {
  const torn: Record<string, number> = {}
  let acknowledged = 0
  for (let kill = 0; kill < options.kills;) {
    const sample = createSample(temporaryFolder())
    const known = new Map<number, string>()
    for (let round = 0; round < killsPerLog && kill < options.kills; round += 1, kill += 1) {
      const draw = createHash('sha256').update(`${options.seed} ${kill}`).digest()
      const where = `kill ${kill} of seed ${options.seed}`
      const from = await killOnce(sample, draw, known)
      if (known.size === 0 && !hasBegun(sample)) continue
      assert.deepEqual((await verifyLedger(sample.root)).problems, [], where)
      const what = await tear(sample, draw, Math.max(-1, ...known.keys()))
      torn[what] = (torn[what] ?? 0) + 1
      await (await sample.open({ clock: systemClock, segmentSize: 200_000 })).close()
      assert.deepEqual((await verifyLedger(sample.root)).problems, [], `${where}, ${what}`)
      await assertKept(sample, known, from, where)
      options.onKill?.(kill + 1)
    }
    await assertKept(sample, known, 0, `seed ${options.seed}`)
    acknowledged += known.size
    rmSync(sample.root, { recursive: true })
  }
  return { kills: options.kills, acknowledged, torn }
}

/** Returns the first index that was acknowledged in this life, or a large number. */
async function killOnce(sample: Sample, draw: Buffer, known: Map<number, string>): Promise<number> {
  const child = spawn(process.execPath, [program, sample.root], { stdio: ['ignore', 'pipe', 'inherit'] })
  const isTimed = (draw[0] ?? 0) % 4 === 0
  // a moment in the first half second, which holds start and opening, or a number of acknowledgements
  const timer = isTimed ? setTimeout(() => child.kill('SIGKILL'), draw.readUInt16LE(1) % 500) : undefined
  const enough = 1 + (draw.readUInt32LE(3) % 40_000)
  let text = ''
  for await (const chunk of child.stdout) {
    text += String(chunk)
    if (text.length >= enough) child.kill('SIGKILL')
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  clearTimeout(timer)
  assert.equal(child.signalCode, 'SIGKILL')
  let first = Number.MAX_SAFE_INTEGER
  // the last line may be cut off by the kill
  for (const line of text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .slice(0, -1)) {
    const [index = '', leafHash = ''] = line.split(' ')
    known.set(Number(index), leafHash)
    first = Math.min(first, Number(index))
  }
  return first
}

function hasBegun(sample: Sample): boolean {
  return segmentsOf(sample).length > 0
}

function segmentsOf({ dir }: Sample): string[] {
  try {
    return readdirSync(join(dir, 'segments'))
      .filter((name) => name.endsWith('.seg'))
      .toSorted()
  } catch {
    // killed before there was a folder
    return []
  }
}

async function assertKept(
  sample: Sample,
  known: ReadonlyMap<number, string>,
  from: number,
  where: string,
): Promise<void> {
  const missing = new Set([...known.keys()].filter((index) => index >= from))
  if (missing.size === 0) return
  for await (const record of readLedger(sample.dir, { from: Math.min(...missing) })) {
    if (!missing.delete(record.index)) continue
    assert.equal(record.leafHash, known.get(record.index), `record ${record.index}, ${where}`)
  }
  assert.deepEqual([...missing], [], where)
}

/** Damages only what a power cut could have damaged: nothing that was acknowledged, nothing that a checkpoint promised. */
async function tear(sample: Sample, draw: Buffer, lastAcknowledged: number): Promise<string> {
  const segment = join(sample.dir, 'segments', segmentsOf(sample).at(-1) ?? '')
  const random = draw.readUInt32LE(8)
  switch ((draw[7] ?? 0) % 5) {
    case 0:
      appendFileSync(segment, draw.subarray(0, 1 + (random % 31)))
      return 'garbage behind the last group'
    case 1: {
      const group = await lastGroup(segment)
      const promised = parseCheckpoint(readFileSync(join(sample.dir, 'checkpoint')))?.size ?? 0
      if (group === undefined || group.first <= Math.max(lastAcknowledged, promised - 1))
        return 'nothing: all was promised'
      truncateSync(segment, group.offset + (random % (group.end - group.offset)))
      return 'the last group torn'
    }
    case 2: {
      const tile = newestPartialTile(sample.dir)
      if (tile === undefined) return 'nothing: no partial tile'
      writeFileSync(tile, readFileSync(tile).subarray(0, random % 32))
      return 'a partial tile torn'
    }
    case 3:
      for (const name of ['checkpoint.tmp', 'segments/next.tmp', 'subjects.keys.tmp'])
        writeFileSync(join(sample.dir, name), draw.subarray(0, random % 32))
      return 'temporary files left'
    default:
      return 'nothing more'
  }
}

async function lastGroup(path: string): Promise<{ first: number; offset: number; end: number } | undefined> {
  const file = await nodeFiles.open(path, 'read')
  try {
    const header = await readSegmentHeader(file)
    if (header === undefined) return undefined
    const scanner = createGroupScanner(file, header.bytes)
    let index = header.firstIndex
    let last: { first: number; offset: number; end: number } | undefined
    for (;;) {
      const item = scanner.take()
      if (item === undefined) await scanner.fill()
      else if (item.kind === 'stop') return last
      else {
        last = { first: index, offset: item.offset, end: item.end }
        index += item.records.length
      }
    }
  } finally {
    await file.close()
  }
}

function newestPartialTile(dir: string): string | undefined {
  const names = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /^tile\/.*\.p\/\d+$/.test(name),
  )
  const name = names.toSorted().at(-1)
  return name === undefined ? undefined : join(dir, name)
}

if (import.meta.main) {
  const { values } = await import('node:util').then(({ parseArgs }) =>
    parseArgs({
      options: { kills: { type: 'string', default: '1000' }, seed: { type: 'string', default: String(Date.now()) } },
    }),
  )
  const startedMs = performance.now()
  const soaked = await soakLedger({
    kills: Number(values.kills),
    seed: values.seed,
    onKill: (kill) => {
      if (kill % 50 === 0) process.stderr.write(`${kill} kills\n`)
    },
  })
  const seconds = Number(((performance.now() - startedMs) / 1_000).toFixed(1))
  process.stdout.write(`${JSON.stringify({ ...soaked, seed: values.seed, seconds })}\n`)
}
