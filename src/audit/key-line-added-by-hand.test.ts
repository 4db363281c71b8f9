// Somebody who may write the ledger's folder, but has none of its keys, changes the list of its keys: adds one of
// their own, takes an old one away, swaps two. The list is what the records commit to, or it is a finding.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createRotatingSample, type RotatingSample } from '../../test/fakes/rotating-ledger.ts'
import { sampleOrigin, sampleRecord, sampleSigningKey } from '../../test/fakes/sample-ledger.ts'
import { createCheckpointSigner } from '../tlog/checkpoint.ts'
import { verifyLedger } from './verify-ledger.ts'

const stranger = createCheckpointSigner(sampleOrigin, sampleSigningKey('stranger'))

async function makeRotated(rotations: number): Promise<RotatingSample> {
  const sample = createRotatingSample()
  const ledger = await sample.open()
  for (let round = 0; round < rotations; round += 1) {
    await ledger.rotateKey(0)
    await ledger.append(sampleRecord(round))
    await ledger.tick()
  }
  await ledger.append(sampleRecord(9))
  await ledger.close()
  return sample
}

function changeLines(sample: RotatingSample, change: (lines: string[]) => string[]): void {
  const path = join(sample.dir, 'key.vkey')
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  writeFileSync(
    path,
    change(lines)
      .map((line) => `${line}\n`)
      .join(''),
  )
}

const changes: readonly [string, number, (lines: string[]) => string[]][] = [
  ['a key of their own at the end', 0, (lines) => [...lines, stranger.vkey]],
  ['a key of their own at the end, after a rotation', 2, (lines) => [...lines, stranger.vkey]],
  ['a key of their own at the beginning', 1, (lines) => [stranger.vkey, ...lines]],
  ['a key of their own in the place of an old one', 2, (lines) => [stranger.vkey, ...lines.slice(1)]],
  ['a key of their own in the place of the newest', 2, (lines) => [...lines.slice(0, -1), stranger.vkey]],
  ['the oldest key taken away', 2, (lines) => lines.slice(1)],
  ['one in the middle taken away', 2, (lines) => lines.filter((_, at) => at !== 1)],
  ['the newest taken away', 2, (lines) => lines.slice(0, -1)],
  ['two keys swapped', 2, (lines) => [lines[1] ?? '', lines[0] ?? '', ...lines.slice(2)]],
  ['a key listed twice', 1, (lines) => [...lines, lines.at(-1) ?? '']],
]

for (const [what, rotations, change] of changes) {
  test(`finds ${what}`, async () => {
    const sample = await makeRotated(rotations)
    assert.deepEqual((await verifyLedger(sample.root)).problems, [])
    changeLines(sample, change)
    assert.equal((await verifyLedger(sample.root)).ok, false)
  })
}

test('a key that is only listed, and has signed nothing, makes no log trusted', async () => {
  const sample = createRotatingSample()
  const ledger = await sample.open()
  const { vkey } = await ledger.rotateKey(1_000)
  // no more is recorded: the new key has vouched for nothing yet
  await ledger.close()
  assert.equal((await verifyLedger(sample.root, { trustedKeys: [vkey] })).ok, false)
  const again = await sample.open()
  await again.append(sampleRecord(1))
  await again.close()
  assert.equal((await verifyLedger(sample.root, { trustedKeys: [vkey] })).ok, true)
})

test('a key of another log that was given as trusted is not asked of this one', async () => {
  const sample = await makeRotated(1)
  const first = readFileSync(join(sample.dir, 'key.vkey'), 'utf8').split('\n')[0] ?? ''
  const other = createCheckpointSigner('sallyport.local/00000000', sampleSigningKey('stranger')).vkey
  assert.equal((await verifyLedger(sample.root, { trustedKeys: [first, other] })).ok, true)
  assert.equal((await verifyLedger(sample.root, { trustedKeys: [other] })).ok, false)
  assert.equal((await verifyLedger(sample.root, { trustedKeys: [first, stranger.vkey] })).ok, false)
})
