// Behind a place that cannot be read somebody lays copies of the log's own old checkpoints, or of one with a forged
// size, by the gigabyte. Looking for later checkpoints there costs a look at each, not a verification of each.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { sampleOrigin, sampleSigningKey } from '../../test/fakes/sample-ledger.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { createCheckpointSigner, type Verifier } from '../tlog/checkpoint.ts'
import { emptyRoot } from '../tlog/merkle.ts'
import { nodeFiles } from './files.ts'
import { findLaterNotes } from './segment.ts'

const signer = createCheckpointSigner(sampleOrigin, sampleSigningKey())
const note = (size: number): string => signer.sign(size, emptyRoot)

/** What is found behind the start of a file, and how many signatures were verified for it. */
async function look(text: string, size: number): Promise<{ readonly sizes: readonly number[]; readonly cost: number }> {
  const path = join(temporaryFolder(), 'segment')
  writeFileSync(path, text)
  let cost = 0
  const verifier: Verifier = {
    name: signer.name,
    keyHash: signer.keyHash,
    vkey: signer.vkey,
    get publicKey() {
      cost += 1
      return signer.publicKey
    },
  }
  const file = await nodeFiles.open(path, 'read')
  try {
    const found = await findLaterNotes(file, 0, { origin: sampleOrigin, size, verifiers: [verifier] })
    return { sizes: found.map((each) => each.size), cost }
  } finally {
    await file.close()
  }
}

test('copies of notes that are not later are never verified', async () => {
  const copies = `${note(7)}\n`.repeat(20_000)
  assert.deepEqual(await look(copies, 7), { sizes: [], cost: 0 })
})

test('a later note among them is found, once', async () => {
  const copies = `${note(7)}\n`.repeat(5_000)
  assert.deepEqual(await look(`${copies}${`${note(9)}\n`.repeat(5_000)}`, 7), { sizes: [9], cost: 1 })
  assert.deepEqual(await look(`${copies}${note(9)}${copies}${note(12)}${copies}`, 7), { sizes: [9, 12], cost: 2 })
})

test('a later note that the log never signed is none', async () => {
  const forged = note(9).replace('\n9\n', '\n99\n')
  assert.deepEqual((await look(`${forged}${note(8)}`, 7)).sizes, [8])
})
