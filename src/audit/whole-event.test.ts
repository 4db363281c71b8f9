// The commitment to a whole event: whoever is given the event's JSON and its salt can hold both against the leaf,
// without any other field being given away.

import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { collect, createSample, sampleKeyEncryptionKey, sampleRecord } from '../../test/fakes/sample-ledger.ts'
import type { JsonObject } from '../base/strict-json.ts'
import { readLedger } from './read-ledger.ts'

/** As docs/ledger.md has it, and not as the code does. */
function commitment(salt: string, name: string, value: string): string {
  const sized = (text: string): Buffer => {
    const bytes = Buffer.from(text)
    const length = Buffer.alloc(4)
    length.writeUInt32LE(bytes.length)
    return Buffer.concat([length, bytes])
  }
  return hash('sha256', Buffer.concat([Buffer.from(salt, 'base64url'), sized(name), sized(value)]), 'base64url')
}

async function readBack(...events: JsonObject[]): Promise<Awaited<ReturnType<typeof readAll>>> {
  const sample = createSample()
  const ledger = await sample.open()
  await Promise.all(events.map((event, number) => ledger.append(sampleRecord(number, { event }))))
  await ledger.close()
  return readAll(sample.dir)
}
const readAll = async (dir: string) =>
  (await collect(readLedger(dir, { keyEncryptionKey: sampleKeyEncryptionKey }))).filter(
    ({ event }) => event !== undefined,
  )

test('every record with an event commits to all of it, empty or not', async () => {
  const records = await readBack({}, { a: 1 }, { text: '☺'.repeat(10_000) })
  assert.equal(records.length, 3)
  for (const { envelope, event, committed } of records) {
    const { salt, value } = committed?.['event'] ?? assert.fail()
    assert.equal(value, JSON.stringify(event))
    assert.equal(commitment(salt, 'event', value), envelope.fields['event'])
  }
})

test('whatever JSON an event holds, what is read back is what was committed to', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { minLength: 1, maxLength: 8 }),
      async (values) => {
        // a record's event came from JSON, or was made of what JSON has
        const events = JSON.parse(JSON.stringify(values)) as JsonObject[]
        for (const { envelope, committed } of await readBack(...events)) {
          const { salt, value } = committed?.['event'] ?? assert.fail()
          assert.equal(commitment(salt, 'event', value), envelope.fields['event'])
        }
      },
    ),
    { numRuns: 25 },
  )
})

test('an event that was altered, or under the salt of another field, is not what was committed to', async () => {
  const [record] = await readBack({ task: 'secret-task-0', n: 1 })
  const { salt, value } = record?.committed?.['event'] ?? assert.fail()
  const fields = record?.envelope.fields ?? {}
  assert.notEqual(commitment(salt, 'event', value.replace('1', '2')), fields['event'])
  assert.notEqual(commitment(salt, 'event', `${value} `), fields['event'])
  assert.notEqual(commitment(salt, 'task', value), fields['event'])
  assert.notEqual(commitment(record?.committed?.['task']?.salt ?? '', 'event', value), fields['event'])
})

test('no field may take the name of the whole event', async () => {
  const ledger = await createSample().open()
  await assert.rejects(ledger.append(sampleRecord(1, { sensitive: { event: '{}' } })), /whole event/)
  await ledger.close()
})
