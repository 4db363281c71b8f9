// Bodies that a legal hold kept are taken out of a segment and called expired, by somebody who is not the writer, below
// the very index that retention named. The record of an expiry says which bodies went, so the others must be there.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { copySample, createSample, sampleRecord, sampleStartMs, type Sample } from '../../test/fakes/sample-ledger.ts'
import { nodeFiles, type FileSystem } from './files.ts'
import { parseEnvelope } from './envelope.ts'
import { frameHeadBytes, frameType, sealFrame } from './frame.ts'
import { verifyLedger } from './verify-ledger.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const rules = { bodiesMs: { decision: dayMs } }

async function filled(): Promise<Sample> {
  const sample = createSample()
  const ledger = await sample.open()
  for (let number = 0; number < 120; number += 1) {
    await ledger.append(sampleRecord(number, { timeMs: sampleStartMs + number * hourMs }))
    sample.clock.advance(hourMs)
  }
  await ledger.close()
  return sample
}

async function retain(sample: Sample, heldSubjects: readonly string[], fs: FileSystem = nodeFiles): Promise<number> {
  const ledger = await sample.open({ fs })
  try {
    return (await ledger.applyRetention({ rules, heldSubjects, isDryRun: false })).bodies
  } finally {
    await ledger.close().catch(() => undefined)
  }
}

/** Takes bodies of decisions out of one segment, at most so many; counts them. */
function removeBodies(sample: Sample, name: string, atMost: number): number {
  const path = join(sample.dir, 'segments', name)
  const bytes = readFileSync(path)
  const parts = [bytes.subarray(0, bytes.readUInt32LE(12))]
  let [count, isDecision] = [0, false]
  for (let at = bytes.readUInt32LE(12); at < bytes.length;) {
    const end = at + frameHeadBytes + bytes.readUInt32LE(at)
    const type = bytes[at + 8]
    if (type === frameType.envelope) isDecision = parseEnvelope(bytes.subarray(at + 9, end))?.kind === 'decision'
    if (type === frameType.body && isDecision && count < atMost) {
      const empty = Buffer.alloc(frameHeadBytes)
      sealFrame(empty, 0, frameType.expiredBody, 0)
      parts.push(empty)
      count += 1
    } else parts.push(bytes.subarray(at, end))
    at = end
  }
  writeFileSync(path, Buffer.concat(parts))
  return count
}

const segments = (sample: Sample): string[] => readdirSync(join(sample.dir, 'segments')).toSorted()
const messages = async (sample: Sample): Promise<string[]> =>
  (await verifyLedger(sample.root)).problems.map(({ message }) => message)
const others = 'the bodies that are gone from here are not those that a record says expired'

test('one held body that is gone is found, in whichever segment, and so are all', async () => {
  const sample = await filled()
  assert.ok((await retain(sample, ['key:ci'])) > 0)
  assert.deepEqual(await messages(sample), [])
  for (const name of segments(sample).slice(0, 2))
    for (const atMost of [1, 100]) {
      const copy = copySample(sample)
      assert.ok(removeBodies(copy, name, atMost) > 0)
      assert.deepEqual(await messages(copy), [others])
    }
})

test('several expiries add up, and what is held then is still missed', async () => {
  const sample = await filled()
  await retain(sample, ['key:ci', 'anonymous'])
  await retain(sample, ['key:ci'])
  assert.deepEqual(await messages(sample), [])
  const [first = ''] = segments(sample)
  assert.equal(removeBodies(sample, first, 1), 1)
  assert.deepEqual(await messages(sample), [others])
})

test('a segment that was put back from before its expiry is no finding, one of its bodies that is gone is', async () => {
  const sample = await filled()
  const [name = ''] = segments(sample)
  const whole = readFileSync(join(sample.dir, 'segments', name))
  await retain(sample, ['key:ci'])
  writeFileSync(join(sample.dir, 'segments', name), whole)
  assert.deepEqual(await messages(sample), [])
  assert.equal(removeBodies(sample, name, 1), 1)
  assert.deepEqual(await messages(sample), [others])
})

test('an expiry that a failing disk ended verifies, and the next one goes on', async () => {
  const sample = await filled()
  let left = 2
  const failing: FileSystem = {
    ...nodeFiles,
    async rename(from, to) {
      if (to.endsWith('.seg') && from.endsWith('rewrite.tmp') && (left -= 1) < 0)
        throw Object.assign(new Error('EIO'), { code: 'EIO' })
      await nodeFiles.rename(from, to)
    },
  }
  await assert.rejects(retain(sample, ['key:ci'], failing))
  assert.deepEqual(await messages(sample), [])
  assert.ok((await retain(sample, ['key:ci'])) > 0)
  assert.deepEqual(await messages(sample), [])
  const name = segments(sample)[3] ?? ''
  assert.equal(removeBodies(sample, name, 1), 1)
  assert.deepEqual(await messages(sample), [others])
})
