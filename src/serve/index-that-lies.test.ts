// Somebody who can write audit.db would have a search show other records than the ledger holds. Rows are only hints:
// what a row says is held against the record it points to, and the record against its hash.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { createSearchedLedger, fill, search, type SearchedLedger } from '../../test/fakes/searched-ledger.ts'
import { systemClock } from '../base/clock.ts'
import { reindexLedger } from './audit-search.ts'

async function searched(): Promise<SearchedLedger> {
  const ledger = createSearchedLedger()
  await fill(ledger.open(), 0, 30)
  await search(ledger.dataDir, {})
  return ledger
}

function spoil({ dataDir }: SearchedLedger, sql: string): void {
  const database = new DatabaseSync(join(dataDir, 'audit.db'))
  database.exec(sql)
  database.close()
}

const wordOf = (word: string): string => `(SELECT id FROM word WHERE word = '${word}')`
const someTask = '(SELECT name FROM mention WHERE record = (SELECT record FROM mention LIMIT 1 OFFSET 4) LIMIT 1)'

test('a row that says what its record does not is left out, and said', async () => {
  const refused = { outcome: 'refused' } as const
  const honest = (await search((await searched()).dataDir, refused)).numbers
  const lies: readonly string[] = [
    `UPDATE record SET outcome = ${wordOf('refused')}`,
    `UPDATE record SET outcome = ${wordOf('refused')}, code = ${wordOf('AUTHZ_DENIED')}`,
    `UPDATE record SET time = time + 1, outcome = ${wordOf('refused')} WHERE outcome = ${wordOf('allowed')}`,
    `UPDATE record SET offset = 0 WHERE outcome = ${wordOf('completed')}; UPDATE record SET outcome = ${wordOf('refused')}`,
    `UPDATE record SET position = 200, outcome = ${wordOf('refused')} WHERE outcome = ${wordOf('allowed')}`,
    `UPDATE record SET segment = 77, outcome = ${wordOf('refused')} WHERE outcome = ${wordOf('allowed')}`,
    `UPDATE record SET offset = -5, outcome = ${wordOf('refused')} WHERE outcome = ${wordOf('allowed')}`,
    `UPDATE record SET offset = 1000000000000, outcome = ${wordOf('refused')} WHERE outcome = ${wordOf('allowed')}`,
    `UPDATE record SET agent = 99, outcome = ${wordOf('refused')} WHERE outcome = ${wordOf('allowed')}`,
    `UPDATE record SET agent = 0, outcome = ${wordOf('refused')} WHERE outcome = ${wordOf('allowed')}`,
  ]
  for (const sql of lies) {
    const ledger = await searched()
    spoil(ledger, sql)
    const { numbers, found, said } = await search(ledger.dataDir, refused)
    assert.ok(
      found.every(({ record }) => record.envelope.outcome === 'refused'),
      sql,
    )
    assert.ok(
      numbers.every((number) => honest.includes(number)),
      sql,
    )
    assert.match(said.join(), /do(es)? not fit the ledger and (was|were) left out; run sallyport audit reindex/, sql)
  }
})

test('a record is not found by a task that it does not speak of', async () => {
  const ledger = await searched()
  spoil(ledger, `UPDATE OR IGNORE mention SET name = ${someTask}`)
  for (let number = 0; number < 30; number += 1) {
    const { numbers } = await search(ledger.dataDir, { task: `secret-task-${number}` })
    assert.ok(numbers.length === 0 || (numbers.length === 1 && numbers[0] === number))
  }
})

test('a record is not found by a caller who did not call', async () => {
  const ledger = await searched()
  spoil(ledger, 'UPDATE record SET actor = 1')
  const callers = ['user:corp/4f1c', 'key:ci', 'agent:concierge', 'anonymous']
  for (const [place, caller] of callers.entries()) {
    const { found } = await search(ledger.dataDir, { caller })
    assert.ok(
      found.every(({ record }) => record.event?.['caller'] === caller),
      `${place}`,
    )
  }
})

test('`audit reindex` puts right what a lie had spoilt', async () => {
  const ledger = await searched()
  const honest = await search(ledger.dataDir, { outcome: 'refused' })
  spoil(ledger, `UPDATE record SET outcome = ${wordOf('allowed')}, offset = 7; DELETE FROM mention; DELETE FROM actor`)
  await reindexLedger({
    dataDir: ledger.dataDir,
    loaded: undefined,
    clock: systemClock,
    warn: (message) => assert.fail(message),
    damage: (message) => assert.fail(message),
    onProgress: () => undefined,
  })
  const { numbers, said } = await search(ledger.dataDir, { outcome: 'refused' })
  assert.deepEqual([numbers, said], [honest.numbers, []])
  assert.deepEqual((await search(ledger.dataDir, { task: 'secret-task-7' })).numbers, [7])
})

test('an index of another log with the same name is not believed', async () => {
  const [ledger, other] = [await searched(), createSearchedLedger()]
  await fill(other.open(), 500, 540)
  await search(other.dataDir, {})
  const source = new DatabaseSync(join(other.dataDir, 'audit.db'))
  source.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  source.close()
  spoil(
    ledger,
    `ATTACH '${join(other.dataDir, 'audit.db')}' AS other;
    DELETE FROM record; INSERT INTO record SELECT * FROM other.record;
    DELETE FROM log; INSERT INTO log SELECT * FROM other.log`,
  )
  const { numbers, said } = await search(ledger.dataDir, { operation: 'SendMessage' })
  assert.deepEqual([numbers, said], [Array.from({ length: 30 }, (_, number) => number), []])
})
