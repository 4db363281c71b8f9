// A million callers whom nobody knows, from fifty thousand addresses, while the disk even fails for a moment: the disk
// stays small, the memory flat, the counts come out exact, and those who are known notice nothing (invariant 2).

import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createSample, sampleKeyEncryptionKey } from '../../test/fakes/sample-ledger.ts'
import type { JsonValue } from '../base/strict-json.ts'
import { messageParams, startFakeWalk, type FakeWalk } from '../pipeline/fake-walk.ts'
import { createAuditTrail } from './audit.ts'
import { nodeFiles, type FileSystem } from './files.ts'
import { readLedger } from './read-ledger.ts'
import { verifyLedger } from './verify-ledger.ts'

const refusals = 1_000_000
const batch = 500
const addresses = 50_000
const perMinute = 300
const batchMs = 300
const minutes = ((refusals / batch) * batchMs) / 60_000
const megabyte = 1024 * 1024

/** A disk that takes no writes while it is full. */
function fullDisk(): FileSystem & { isFull: boolean } {
  const disk = {
    ...nodeFiles,
    isFull: false,
    async open(path: string, mode: 'create' | 'replace' | 'update' | 'read') {
      const file = await nodeFiles.open(path, mode)
      return {
        ...file,
        write: (bytes: Buffer, position: number) =>
          disk.isFull
            ? Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' }))
            : file.write(bytes, position),
      }
    },
  }
  return disk
}

function collectGarbage(): number {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  assert.ok(typeof collect === 'function')
  collect()
  return process.memoryUsage().heapUsed
}

const bytesUnder = (folder: string): number =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)

const numberOf = (value: JsonValue | undefined): number => (typeof value === 'number' ? value : 0)

async function flood(world: FakeWalk, from: number): Promise<number[]> {
  const asked = Array.from({ length: batch }, (_, n) => {
    const address = ((from + n) * 7_919) % addresses
    return world.ask({
      as: '',
      source: `10.${address >> 16}.${(address >> 8) & 255}.${address & 255}`,
      call: `u${from + n}`,
    })
  })
  const replies = await Promise.all(asked)
  world.clock.advance(batchMs)
  // what the fake remembers of every call would be the largest of all
  for (const list of [world.log, world.stages, world.counted]) list.length = 0
  return replies.map(({ status }) => status)
}

test('a flood of a million unknown callers fills no disk, loses no count, and is nobody else’s matter', async (t) => {
  const sample = createSample()
  const disk = fullDisk()
  const ledger = await sample.open({ fs: disk, segmentSize: 64 * megabyte, checkpointIntervalMs: 200 })
  const world = await startFakeWalk({
    audit: (clock) => createAuditTrail({ ledger, clock, snapshotDigest: () => 'd', unknownPerMinute: perMinute }),
  })
  t.after(() => world.close())

  const statuses = new Map<number, number>()
  let known = 0
  let before = 0
  for (let done = 0; done < refusals; done += batch) {
    // ten of the two thousand batches find the disk full, just where a new minute begins
    disk.isFull = done >= 400_000 && done < 405_000
    const asked = flood(world, done)
    if (!disk.isFull) {
      const reply = await world.rpc('SendMessage', messageParams, { call: `k${done}` })
      assert.equal(reply.status, 200)
      known += 1
    }
    for (const status of await asked) statuses.set(status, (statuses.get(status) ?? 0) + 1)
    if (done === 100_000) before = collectGarbage()
  }
  const grown = collectGarbage() - before
  assert.ok(grown < 24 * megabyte, `${Math.round(grown / megabyte)} MiB more`)
  await world.parts.audit.close()

  const told = { singles: 0, folded: 0, gaps: 0, known: 0, records: 0 }
  for await (const { envelope, event } of readLedger(sample.dir, { keyEncryptionKey: sampleKeyEncryptionKey })) {
    told.records += 1
    const { kind, code } = envelope
    if (kind === 'decision' && code.startsWith('AUTHN_')) told.singles += 1
    if (kind === 'completion' && envelope.outcome === 'completed') told.known += 1
    told.folded += numberOf(event?.['folded'])
    const gap = event?.['gap']
    if (typeof gap === 'object' && gap !== null && !Array.isArray(gap)) told.gaps += numberOf(gap['count'])
  }
  assert.equal(told.singles + told.folded + told.gaps, refusals)
  assert.ok(told.singles <= perMinute * (minutes + 1), `${told.singles} single records`)
  assert.ok(told.gaps > 0, 'the full disk was felt')
  assert.equal(told.known, known)
  assert.ok(told.records < told.singles + 2 * known + 10 * minutes + 50, `${told.records} records`)
  const bytes = bytesUnder(sample.dir)
  assert.ok(bytes < 4_096 * told.records, `${bytes} bytes of ${told.records} records`)
  assert.ok(bytes < 40 * megabyte, `${bytes} bytes`)
  assert.ok((statuses.get(401) ?? 0) + (statuses.get(429) ?? 0) + (statuses.get(503) ?? 0) === refusals)
  assert.equal((await verifyLedger(sample.root)).ok, true)
  t.diagnostic(JSON.stringify({ ...told, bytes, grown, statuses: Object.fromEntries(statuses) }))
})
