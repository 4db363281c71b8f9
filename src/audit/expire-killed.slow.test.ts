// Retention is killed at each of its steps: the log verifies as it was left, opens, and what was begun is finished when
// retention next runs.

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createFaultyDisk } from '../../test/fakes/faulty-disk.ts'
import {
  collect,
  copySample,
  createSample,
  sampleRecord,
  sampleStartMs,
  type Sample,
} from '../../test/fakes/sample-ledger.ts'
import type { RetentionRules } from './expire.ts'
import type { FileSystem } from './files.ts'
import { readLedger } from './read-ledger.ts'
import { verifyLedger } from './verify-ledger.ts'

const hourMs = 3_600_000
const count = 48
const segmentSize = 12_288

async function filled(): Promise<Sample> {
  const sample = createSample()
  const ledger = await sample.open({ segmentSize })
  for (let first = 0; first < count; first += 8) {
    const some = Array.from({ length: 8 }, (_, at) =>
      sampleRecord(first + at, { timeMs: sampleStartMs + (first + at) * hourMs }),
    )
    await Promise.all(some.map((record) => ledger.append(record)))
  }
  await ledger.close()
  return sample
}

/** Dies at its nth change of what retention touches, and does nothing from then on. */
function dyingDisk(): { fs: FileSystem; begin: (lastCall: number) => void; isDead: () => boolean } {
  const disk = createFaultyDisk()
  let calls = Number.NEGATIVE_INFINITY
  let lastCall = 0
  const isDead = (): boolean => {
    calls += 1
    return calls > lastCall
  }
  disk.plan = () => (isDead() ? 'EIO' : undefined)
  const remove = (path: string): Promise<void> => {
    if (isDead()) throw Object.assign(new Error('EIO'), { code: 'EIO' })
    return disk.remove(path)
  }
  const begin = (last: number): void => {
    ;[calls, lastCall] = [0, last]
  }
  return { fs: { ...disk, remove }, begin, isDead: () => calls > lastCall }
}

for (const [what, rules] of Object.entries<RetentionRules>({
  bodies: { bodiesMs: { decision: 20 * hourMs, completion: 10 * hourMs } },
  records: { bodiesMs: {}, recordsMs: 20 * hourMs },
})) {
  test(`a kill at any step of removing ${what} leaves a log that verifies, and can be finished`, async () => {
    const origin = await filled()
    let hasDied = true
    for (let step = 0; hasDied; step += 1) {
      const sample = copySample(origin)
      sample.clock.advance(count * hourMs)
      const disk = dyingDisk()
      const ledger = await sample.open({ fs: disk.fs })
      disk.begin(step)
      const result = await ledger
        .applyRetention({ rules, heldSubjects: [], isDryRun: false })
        .catch((error: unknown) => error)
      hasDied = disk.isDead()
      const killed = copySample(sample)
      killed.clock.advance(count * hourMs)
      await ledger.close().catch(() => undefined)
      const where = `step ${step}: ${String(result)}`
      assert.deepEqual((await verifyLedger(killed.root)).problems, [], where)
      const again = await killed.open()
      await again.applyRetention({ rules, heldSubjects: [], isDryRun: false })
      await again.close()
      assert.deepEqual((await verifyLedger(killed.root)).problems, [], where)
      const records = await collect(readLedger(killed.dir))
      assert.ok(what === 'bodies' ? records.some((record) => record.expired) : (records[0]?.index ?? 0) > 0, where)
      assert.equal(existsSync(join(killed.dir, 'segments', 'rewrite.tmp')), false)
    }
  })
}
