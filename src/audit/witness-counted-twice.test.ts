// Cosignatures in a proof: they count only for witnesses whose keys the reader brought, each witness once, whatever
// lines, names or times stand in the file.

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { sampleSigningKey, sampleStartMs } from '../../test/fakes/sample-ledger.ts'
import { trust, writeLedger } from '../../test/fakes/written-ledger.ts'
import { parseCheckpoint } from '../tlog/checkpoint.ts'
import { createCosigningKey, type CosigningKey } from '../tlog/cosignature.ts'
import { formatRecordProof, proveRecord } from './prove.ts'
import { verifyProof } from './verify-proof.ts'

const nowSeconds = sampleStartMs / 1_000
const { dir, vkey } = await writeLedger(20)
const note = readFileSync(join(dir, 'checkpoint'))
const checkpoint = parseCheckpoint(note) ?? assert.fail()
const first = createCosigningKey('witness.example/one', sampleSigningKey('one'))
const firstAgain = createCosigningKey('witness.example/alias', sampleSigningKey('one'))
const firstOther = createCosigningKey('witness.example/one', generateKeyPairSync('ml-dsa-44').privateKey)
const second = createCosigningKey('witness.example/two', sampleSigningKey('two'))

async function proofWith(...lines: readonly string[]): Promise<Buffer> {
  writeFileSync(join(dir, 'witnessed'), note.toString() + lines.join(''))
  const proof = (await proveRecord(dir, 7)) ?? assert.fail()
  assert.ok(proof.isWitnessed)
  return formatRecordProof(proof)
}
const reader = (witnesses: readonly CosigningKey[], requireWitnesses: number): ReturnType<typeof trust> =>
  trust([vkey], { witnesses, requireWitnesses, nowSeconds })
const line = (key: CosigningKey, after = 0): string => key.cosign(checkpoint, nowSeconds + after)

test('a proof carries the cosignatures of the newest witnessed checkpoint', async () => {
  const bytes = await proofWith(line(first), line(second))
  const verdict = verifyProof(bytes, reader([first, second], 2))
  assert.ok(verdict.ok)
  const seen = verdict.value.checkpoint.witnesses.map(({ cosigner, timeSeconds }) => `${cosigner.name} ${timeSeconds}`)
  assert.deepEqual(new Set(seen), new Set([`witness.example/one ${nowSeconds}`, `witness.example/two ${nowSeconds}`]))
  assert.ok(verifyProof(bytes, trust([vkey])).ok, 'and holds for those who ask no witness')
})

for (const [name, lines, witnesses] of [
  ['the same line twice', [line(first), line(first)], [first, second]],
  ['two times of one witness', [line(first), line(first, -60)], [first, second]],
  ['one key under two names', [line(first), line(firstAgain)], [first, firstAgain]],
  ['two keys of one witness', [line(first), line(firstOther)], [first, firstOther]],
  ['a witness whose key was not given', [line(first), line(second)], [first]],
  ['no cosignature at all', [], [first, second]],
] as const) {
  test(`${name}: not two witnesses`, async () => {
    const verdict = verifyProof(await proofWith(...lines), reader(witnesses, 2))
    assert.ok(!verdict.ok)
    assert.match(verdict.why, /2 of the given witnesses must have cosigned its checkpoint, and (only 1|none) did/)
  })
}

for (const [name, bad] of [
  [
    'of another tree',
    first.cosign({ ...checkpoint, size: 19, text: checkpoint.text.replace('\n20\n', '\n19\n') }, nowSeconds),
  ],
  ['from the future', line(first, 3_600)],
  ['without a time', first.cosign(checkpoint, 0)],
] as const) {
  test(`a cosignature ${name} spoils the proof for those who know the witness`, async () => {
    const bytes = await proofWith(bad, line(second))
    const verdict = verifyProof(bytes, reader([first, second], 1))
    assert.ok(!verdict.ok)
    assert.match(verdict.why, /a cosignature of a witness is false, or from the future/)
    assert.ok(verifyProof(bytes, reader([second], 1)).ok, 'and is nothing to those who do not')
  })
}

test('a record that the witnesses have not seen yet is proven by the published checkpoint', async () => {
  writeFileSync(join(dir, 'witnessed'), note)
  const small = await writeLedger(20)
  const older = createCosigningKey('witness.example/one', sampleSigningKey('one'))
  const proof = (await proveRecord(small.dir, 19)) ?? assert.fail()
  assert.equal(proof.isWitnessed, false)
  const verdict = verifyProof(
    formatRecordProof(proof),
    trust([small.vkey], { witnesses: [older], requireWitnesses: 1 }),
  )
  assert.ok(!verdict.ok)
})
