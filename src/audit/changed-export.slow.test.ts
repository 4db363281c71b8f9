// Two thousand exports with one change each, at random: a byte flipped, left out, doubled, the end cut. All are found.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exportText, verifyText } from '../../test/fakes/exported-ledger.ts'
import { writeLedger } from '../../test/fakes/written-ledger.ts'

/** The same numbers at every run. */
function createDice(seed: number): (sides: number) => number {
  let state = seed
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 4_294_967_296) * sides)
  }
}

function change(bytes: Buffer, roll: (sides: number) => number): { bytes: Buffer; what: string } {
  const at = roll(bytes.length)
  const kind = roll(10)
  if (kind === 0) return { bytes: bytes.subarray(0, at), what: `cut at ${at}` }
  if (kind === 1)
    return { bytes: Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]), what: `without ${at}` }
  if (kind === 2) return { bytes: Buffer.concat([bytes.subarray(0, at + 1), bytes.subarray(at)]), what: `${at} twice` }
  const changed = Buffer.from(bytes)
  changed[at] = (changed[at] ?? 0) ^ (1 + roll(255))
  return { bytes: changed, what: `another byte at ${at}` }
}

test('every one of 2,000 changes is found', async () => {
  const { dir, trusted } = await writeLedger(24)
  const { text } = (await exportText(dir, { filter: { agent: 'calculator' }, withEvents: true })) ?? assert.fail()
  const bytes = Buffer.from(text)
  const roll = createDice(20_261_124)
  for (let count = 0; count < 2_000; count += 1) {
    const changed = change(bytes, roll)
    if (changed.bytes.equals(bytes)) continue
    const verdict = await verifyText(changed.bytes, trusted)
    assert.ok(!verdict.ok, changed.what)
  }
})
