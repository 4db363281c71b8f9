// Disclosure opens what was chosen and nothing else: salts and values of other fields are not in the file in any
// spelling, no value can be put under another name, and what was erased or never committed to cannot be opened.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sampleKeyEncryptionKey } from '../../test/fakes/sample-ledger.ts'
import { writeLedger } from '../../test/fakes/written-ledger.ts'
import { formatProof, parseProof } from '../tlog/proof-file.ts'
import { openFields, readRecordAt } from './disclose.ts'
import { formatExtra, parseExtra, type OpenedField } from './proof-extra.ts'
import { formatRecordProof, proveRecord } from './prove.ts'
import type { LedgerRecord } from './read-ledger.ts'
import { verifyProof } from './verify-proof.ts'

const { dir, trusted, receipts } = await writeLedger(30)
const index = receipts[6]?.index ?? assert.fail()
const record = (await readRecordAt(dir, index, sampleKeyEncryptionKey)) ?? assert.fail()
const proof = (await proveRecord(dir, index)) ?? assert.fail()
const committed = record.committed ?? assert.fail()

const all = Object.keys(committed)

const salts = ({ salt }: OpenedField): string[] => [salt, Buffer.from(salt, 'base64url').toString('base64')]
const values = ({ value }: OpenedField): string[] => [value, JSON.stringify(value).slice(1, -1)]

test('every field of a record can be opened, and is proven', () => {
  assert.deepEqual(all.toSorted(), ['caller', 'event', 'origin', 'source', 'task'])
  const bytes = formatRecordProof(proof, openFields(record, all))
  const verdict = verifyProof(bytes, trusted)
  assert.ok(verdict.ok)
  assert.equal(verdict.value.disclosed['task'], 'secret-task-6')
  assert.deepEqual(JSON.parse(verdict.value.disclosed['event'] ?? ''), record.event)
})

for (const chosen of all.filter((name) => name !== 'event')) {
  test(`opening ${chosen} leaves the others secret`, () => {
    const bytes = formatRecordProof(proof, openFields(record, [chosen]))
    const extra = parseProof(bytes)?.extra?.toString() ?? assert.fail()
    for (const [name, field] of Object.entries(committed)) {
      if (name === chosen) continue
      for (const text of salts(field)) assert.ok(!extra.includes(text), `the salt of ${name}`)
      // caller and origin are the same here: opening one tells the other's value, and nothing proves it
      if (field.value === committed[chosen]?.value) continue
      for (const text of values(field)) assert.ok(!extra.includes(text), `the value of ${name}`)
    }
    const verdict = verifyProof(bytes, trusted)
    assert.ok(verdict.ok)
    assert.deepEqual(Object.keys(verdict.value.disclosed), [chosen])
  })
}

test('a proof without disclosure holds neither salt nor value', () => {
  const extra = parseProof(formatRecordProof(proof))?.extra?.toString() ?? assert.fail()
  for (const field of Object.values(committed))
    for (const text of [...salts(field), ...values(field)]) assert.ok(!extra.includes(text), text)
})

const longer = (salt: string): string =>
  Buffer.concat([Buffer.from(salt, 'base64url'), Buffer.alloc(1)]).toString('base64url')
const opened = openFields(record, ['caller', 'task'])
const caller = opened['caller'] ?? assert.fail()
const task = opened['task'] ?? assert.fail()
for (const [name, disclosed] of [
  ['another value', { caller: { ...caller, value: 'key:other' } }],
  ['another salt', { caller: { ...caller, salt: task.salt } }],
  ['a value under another name', { origin: caller }],
  ['a name that the record does not commit to', { colour: caller }],
  ['a salt with something behind it', { caller: { ...caller, salt: longer(caller.salt) } }],
  ['a salt in another length', { caller: { ...caller, salt: caller.salt.slice(4) } }],
  ['a part of the value moved into the name', { calle: { ...caller, value: `r${caller.value}` } }],
  ['one that is true and one that is not', { caller, task: { ...task, value: 'secret-task-7' } }],
] as const) {
  test(`refuses ${name}`, () => {
    const extra = parseExtra(parseProof(formatRecordProof(proof))?.extra ?? assert.fail()) ?? assert.fail()
    const { index: at, path, note } = proof
    const verdict = verifyProof(
      formatProof({ index: at, path, note, extra: formatExtra({ ...extra, disclosed }) }),
      trusted,
    )
    assert.ok(!verdict.ok)
    assert.match(verdict.why, /does not commit to what is disclosed/)
  })
}

test('says which fields there are when another is asked for', () => {
  assert.throws(() => openFields(record, ['caler']), {
    code: 'CONFIG_INVALID',
    hint: 'it has: caller, event, origin, source, task',
  })
})

test('opens nothing without the key, and nothing of what the ledger says about itself', async () => {
  const locked = (await readRecordAt(dir, index, undefined)) ?? assert.fail()
  assert.throws(() => openFields(locked, ['caller']), { code: 'KEY_UNREADABLE' })
  const own = (await readRecordAt(dir, 0, sampleKeyEncryptionKey)) ?? assert.fail()
  assert.throws(() => openFields(own, ['signing-key']), { code: 'CONFIG_INVALID' })
  const erased: LedgerRecord = { ...record, event: undefined, committed: undefined }
  assert.throws(() => openFields(erased, ['caller']), { code: 'KEY_UNREADABLE' })
  assert.equal(await readRecordAt(dir, 10_000, undefined), undefined)
})
