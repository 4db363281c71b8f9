// A writer killed under load (kill -9) 200 times, its last files torn: whatever it acknowledged is in the ledger,
// and the ledger verifies. The seed is new at every run and named when something fails.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { soakLedger } from '../../test/soak/kill-ledger.ts'

test('200 kills under load lose no acknowledged record', async () => {
  const { kills, acknowledged } = await soakLedger({ kills: 200, seed: randomUUID() })
  assert.equal(kills, 200)
  assert.ok(acknowledged > 20_000, `${acknowledged} records were acknowledged`)
})
