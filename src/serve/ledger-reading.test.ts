import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { Fault } from '../base/fault.ts'
import { home, open } from './fake-state.ts'
import { createLedgerReading } from './ledger-reading.ts'

test('a search and a proof are made beside the gateway, of the ledger that it writes', async () => {
  const dataDir = home()
  const state = await open(dataDir)
  try {
    await state.audit.administered('key.create', 'key:ci', { name: 'ci' })
    await state.audit.administered('key.revoke', 'key:ci', { name: 'ci' })
    const reading = createLedgerReading({ dataDir, file: join(dataDir, 'no.yaml') })
    const { records, warnings } = await reading.search({ operation: 'key.*' }, 10)
    assert.deepEqual(
      records.map(({ operation }) => operation),
      ['key.revoke', 'key.create'],
    )
    assert.deepEqual(warnings, [])
    const [record] = records
    const { proofs } = await reading.prove(`${record?.log}/${record?.index}`)
    assert.match(proofs[0]?.proof ?? '', /^c2sp\.org\/tlog-proof@v1\n/)
    await assert.rejects(reading.prove('0a0b0c0d/99'), (error) => error instanceof Fault)
    const [one, two, three] = await Promise.allSettled([1, 2, 3].map(() => reading.search({}, 1)))
    assert.deepEqual([one?.status, two?.status, three?.status], ['fulfilled', 'fulfilled', 'rejected'])
  } finally {
    await state.close()
  }
})
