// A body is taken out of a segment and called expired, as retention leaves it, by somebody who is not the writer: what
// a call said is to be gone, and nobody is to ask. Only a record of the log can vouch for a body that is gone, by its
// kind and its index.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createSample, sampleRecord, sampleStartMs, type Sample } from '../../test/fakes/sample-ledger.ts'
import { parseEnvelope } from './envelope.ts'
import { frameHeadBytes, frameType, sealFrame } from './frame.ts'
import { verifyLedger } from './verify-ledger.ts'

const hourMs = 3_600_000

/** Completions older than ten hours have expired; `before` is where those that stay begin. */
async function retained(): Promise<{ sample: Sample; before: number }> {
  const sample = createSample()
  const ledger = await sample.open()
  for (let number = 0; number < 60; number += 1)
    await ledger.append(sampleRecord(number, { timeMs: sampleStartMs + number * hourMs }))
  sample.clock.advance(60 * hourMs)
  const rules = { bodiesMs: { completion: 10 * hourMs } }
  await ledger.applyRetention({ rules, heldSubjects: [], isDryRun: false })
  await ledger.close()
  const before = readdirSync(join(sample.dir, 'segments')).toSorted().at(-1)
  return { sample, before: Number(before?.slice(0, 20)) }
}

/** Replaces bodies of records that are chosen by an empty frame of another type; counts them. */
function remove(sample: Sample, type: number, isChosen: (index: number, kind: string) => boolean): number {
  let count = 0
  for (const name of readdirSync(join(sample.dir, 'segments'))) {
    const path = join(sample.dir, 'segments', name)
    const bytes = readFileSync(path)
    const parts = [bytes.subarray(0, bytes.readUInt32LE(12))]
    let isGoing = false
    for (let at = bytes.readUInt32LE(12); at < bytes.length;) {
      const end = at + frameHeadBytes + bytes.readUInt32LE(at)
      const envelope = bytes[at + 8] === frameType.envelope ? parseEnvelope(bytes.subarray(at + 9, end)) : undefined
      if (bytes[at + 8] === frameType.body && isGoing) {
        const empty = Buffer.alloc(frameHeadBytes)
        sealFrame(empty, 0, type, 0)
        if (type !== 0) parts.push(empty)
        count += 1
      } else parts.push(bytes.subarray(at, end))
      isGoing = envelope !== undefined && isChosen(envelope.index, envelope.kind)
      at = end
    }
    writeFileSync(path, Buffer.concat(parts))
  }
  return count
}

async function problemsOf(sample: Sample): Promise<string[]> {
  const { ok, problems } = await verifyLedger(sample.root)
  assert.equal(ok, false)
  return problems.map(({ kind, index, message }) => `${kind} ${index}: ${message}`)
}

const unvouched = (index: number): string => `body ${index}: the body is gone, and no record says that it expired`

test('what retention took is no finding', async () => {
  const { sample } = await retained()
  assert.deepEqual((await verifyLedger(sample.root)).problems, [])
})

test('the body of a kind that has not expired is found', async () => {
  const { sample } = await retained()
  assert.equal(
    remove(sample, frameType.expiredBody, (index, kind) => index === 4 && kind === 'decision'),
    1,
  )
  assert.deepEqual(await problemsOf(sample), [unvouched(4)])
})

test('the body of a younger record is found', async () => {
  const { sample, before } = await retained()
  let first = -1
  const count = remove(sample, frameType.expiredBody, (index, kind) => {
    const isGoing = index >= before && kind === 'completion'
    if (isGoing && first < 0) first = index
    return isGoing
  })
  assert.ok(count > 0)
  assert.deepEqual(await problemsOf(sample), [unvouched(first)])
})

test('a body that is gone without a trace is found, whatever has expired', async () => {
  const { sample } = await retained()
  assert.equal(
    remove(sample, 0, (index) => index === 4),
    1,
  )
  assert.deepEqual(await problemsOf(sample), ['body 4: the body is not the one that was recorded'])
})

test('no log vouches for bodies before it has said anything', async () => {
  const sample = createSample()
  const ledger = await sample.open()
  for (let number = 0; number < 6; number += 1) await ledger.append(sampleRecord(number))
  await ledger.close()
  assert.equal(
    remove(sample, frameType.expiredBody, (index) => index === 2),
    1,
  )
  assert.deepEqual(await problemsOf(sample), [unvouched(2)])
})
