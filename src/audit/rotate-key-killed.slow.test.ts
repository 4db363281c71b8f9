// A process that rotates a signing key is killed before or after any single change of the disk. Whatever is left
// opens, verifies, holds every acknowledged record, and is signed by exactly the keys that its records name.

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createDyingDisk, createRotatingSample } from '../../test/fakes/rotating-ledger.ts'
import { sampleName, sampleRecord } from '../../test/fakes/sample-ledger.ts'
import { nodeFiles } from './files.ts'
import { verifyLedger } from './verify-ledger.ts'

const signaturesOf = (note: string): number => note.split('\n— ').length - 1

for (const how of ['before', 'after'] as const) {
  test(`a kill ${how} any change of the disk leaves a log that opens and verifies`, async () => {
    let [changes, isOver, kills] = [1, false, 0]
    const ends = new Set<string>()
    while (!isOver) {
      const sample = createRotatingSample()
      const ledger = await sample.open()
      await Promise.all([ledger.append(sampleRecord(0)), ledger.append(sampleRecord(1))])
      await ledger.close()
      const dying = await sample.open({ fs: createDyingDisk(nodeFiles, changes, how) }).catch(() => undefined)
      let acknowledged = 3
      try {
        await dying?.rotateKey(1_000)
        acknowledged = (await dying?.append(sampleRecord(1)))?.index ?? acknowledged
        sample.clock.advance(1_000)
        await dying?.tick()
        acknowledged = (await dying?.append(sampleRecord(2)))?.index ?? acknowledged
        isOver = !existsSync(join(sample.dataDir, 'keys', `ledger-${sampleName}.pem`))
      } catch {
        // the disk was gone: what is on it is looked at below
        kills += 1
      }
      const left = sample.copy()
      await dying?.close().catch(() => undefined)
      assert.deepEqual((await verifyLedger(left.root)).problems, [], `change ${changes}`)
      const reopened = await left.open()
      assert.ok(reopened.size > acknowledged, `change ${changes}`)
      const receipt = await reopened.append(sampleRecord(3))
      ends.add(`${(await left.signers()).length} keys, ${signaturesOf(reopened.checkpoint())} signatures`)
      left.clock.advance(2_000)
      await reopened.tick()
      await reopened.append(sampleRecord(4))
      assert.equal(signaturesOf(reopened.checkpoint()), 1)
      assert.equal((await left.signers()).length, 1)
      assert.equal(existsSync(join(left.dataDir, 'keys', `ledger-${sampleName}.retiring`)), false)
      assert.ok(receipt.index > acknowledged)
      await reopened.close()
      assert.deepEqual((await verifyLedger(left.root)).problems, [])
      changes += 1
    }
    assert.ok(kills >= 6)
    assert.deepEqual([...ends].toSorted(), ['1 keys, 1 signatures', '2 keys, 2 signatures'])
  })
}
