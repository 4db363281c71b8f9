// A thief of the disk reads audit.db beside the ledger. It holds no name, id, address or key that the envelopes do not
// say in clear, in the file and in its write-ahead log, whatever was searched for.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { createSearchedLedger, search, secondName } from '../../test/fakes/searched-ledger.ts'
import { sampleKeyEncryptionKey, sampleRecord } from '../../test/fakes/sample-ledger.ts'
import { openAuditIndex } from '../store/store.ts'

const secrets = {
  caller: 'user:corp/alice-in-person',
  origin: 'user:corp/bob-in-person',
  source: '203.0.113.77',
  task: 'task-that-nobody-knows',
  context: 'context-that-nobody-knows',
  credential: 'credential-4711',
}

test('the index holds nothing of callers, tasks and addresses', async () => {
  const ledger = createSearchedLedger()
  const call = 'call-id-in-clear-0001'
  const { caller, task, context } = secrets
  for (const name of [undefined, secondName]) {
    const log = await ledger.open(name)
    const claims = [{ kind: 'task', taskId: task, contextId: context, owner: { caller, origin: secrets.origin } }]
    for (let number = 0; number < 50; number += 1) {
      const event = { ...secrets, tenant: 'tenant-secret', claims, number }
      await log.append(sampleRecord(number, { subject: caller, call, sensitive: secrets, event }))
    }
    await log.close()
  }
  const path = join(ledger.dataDir, 'audit.db')
  // held open, so that the write-ahead log stays
  const held = openAuditIndex(path)
  const queries = [{}, { caller }, { task }, { context, agent: 'concierge' }, { origin: secrets.origin }, { call }]
  for (const query of queries) assert.ok((await search(ledger.dataDir, query)).found.length > 0)
  const { found } = await search(ledger.dataDir, {})
  const bytes = Buffer.concat(['', '-wal', '-shm'].map((end) => readFileSync(path + end)))
  assert.ok(bytes.includes('calculator') && readFileSync(`${path}-wal`).length > 0)
  const values = [...Object.values(secrets), 'alice', 'tenant-secret', call, 'nobody-knows']
  for (const value of values) {
    const plain = createHash('sha256').update(value).digest().subarray(0, 12)
    for (const form of [Buffer.from(value), Buffer.from(value, 'utf16le'), plain])
      assert.ok(!bytes.includes(form), `${value} as ${form.toString('hex')}`)
  }
  const keys = readFileSync(join(ledger.sample.dir, 'subjects.keys'), 'latin1').trim().split('\n')
  for (const line of keys) for (const part of line.split(' ').slice(3)) assert.ok(!bytes.includes(part), part)
  assert.ok(!bytes.includes(sampleKeyEncryptionKey))
  for (const { record } of found) {
    const { committed = {} } = record
    for (const { salt } of Object.values(committed)) assert.ok(!bytes.includes(Buffer.from(salt, 'base64url')))
  }
  held.close()
})

test('one task has another name in every log, and another than a context of the same id', async () => {
  const ledger = createSearchedLedger()
  for (const name of [undefined, secondName]) {
    const log = await ledger.open(name)
    await log.append(sampleRecord(1, { event: { task: 'same', context: 'same' } }))
    await log.close()
  }
  await search(ledger.dataDir, {})
  const database = new DatabaseSync(join(ledger.dataDir, 'audit.db'))
  const rows = database.prepare('SELECT hex(name) AS name FROM mention').all()
  assert.equal(new Set(rows.map((row) => row['name'])).size, 4)
  database.close()
})
