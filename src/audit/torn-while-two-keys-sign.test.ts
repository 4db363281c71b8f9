// While one signing key takes over from another a group ends in two signatures. One that is cut off after the first of
// them was never committed: that is what a crash leaves, not what somebody changed. A whole one still is.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createRotatingSample, type RotatingSample } from '../../test/fakes/rotating-ledger.ts'
import { sampleRecord } from '../../test/fakes/sample-ledger.ts'
import { frameHeadBytes } from './frame.ts'
import { verifyLedger } from './verify-ledger.ts'

/** As a kill leaves it: its last group is signed by two keys, its checkpoint lags behind. */
async function killedLog(): Promise<{ sample: RotatingSample; path: string; size: number }> {
  const live = createRotatingSample()
  const ledger = await live.open()
  await ledger.append(sampleRecord(0))
  await ledger.rotateKey(60_000)
  await ledger.append(sampleRecord(1))
  const { size } = ledger
  await ledger.append(sampleRecord(1))
  const sample = live.copy()
  await ledger.close()
  const folder = join(sample.dir, 'segments')
  return { sample, path: join(folder, readdirSync(folder)[0] ?? ''), size }
}

test('a group cut off anywhere in its signatures was not finished, and nothing else', async () => {
  const { sample, path, size } = await killedLog()
  const whole = readFileSync(path)
  const note = whole.lastIndexOf('\n\n')
  assert.ok(whole.length - note > 200)
  for (let end = note; end < whole.length; end += 1) {
    writeFileSync(path, whole.subarray(0, end))
    const report = await verifyLedger(sample.root)
    assert.deepEqual(report.problems, [], `cut at ${end}`)
    assert.equal(report.size, size)
    assert.ok(report.notes.some(({ message }) => message.includes('not finished')))
  }
})

test('a whole group whose last frame says that it is longer is a finding', async () => {
  const { sample, path } = await killedLog()
  const whole = readFileSync(path)
  const places = Array.from({ length: whole.length - frameHeadBytes }, (_, at) => at)
  const commit = places.find((at) => at + frameHeadBytes + whole.readUInt32LE(at) === whole.length) ?? assert.fail()
  for (const more of [1, 8, 100, 1_000]) {
    const changed = Buffer.from(whole)
    changed.writeUInt32LE(whole.readUInt32LE(commit) + more, commit)
    writeFileSync(path, changed)
    const [problem] = (await verifyLedger(sample.root)).problems
    assert.equal(problem?.kind, 'frame', `${more} more`)
  }
})

test('a note of a later group behind one that is cut off is a finding', async () => {
  const { sample, path } = await killedLog()
  const whole = readFileSync(path)
  const origin = Buffer.from('sallyport.local/5a11e001\n')
  const last = whole.lastIndexOf(origin)
  const before = whole.lastIndexOf(origin, last - 1)
  // the group before the last one loses its second signature
  const lost = whole.indexOf('\n', whole.indexOf('\n\n', before) + 2) + 1
  writeFileSync(path, Buffer.concat([whole.subarray(0, lost), whole.subarray(lost + 60)]))
  assert.ok((await verifyLedger(sample.root)).problems.length > 0)
})
