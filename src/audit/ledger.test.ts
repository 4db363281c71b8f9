// Appending: what is acknowledged is on the disk, in order, readable with the right key and silent without it.

import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  collect,
  countedRandom,
  createSample,
  sampleKeyEncryptionKey,
  sampleRecord,
  sampleSigningKey,
} from '../../test/fakes/sample-ledger.ts'
import { Fault } from '../base/fault.ts'
import { Bug } from '../base/invariant.ts'
import { parseBody } from './body.ts'
import { leafHash, rootOf } from '../tlog/merkle.ts'
import { readLedger, type LedgerRecord } from './read-ledger.ts'
import { verifyLedger } from './verify-ledger.ts'

async function readAll(dir: string, keyEncryptionKey?: Buffer): Promise<LedgerRecord[]> {
  return collect(readLedger(dir, keyEncryptionKey === undefined ? {} : { keyEncryptionKey }))
}
const refusedWith =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof Fault && error.code === code

test('the first record of a log says that it was created and commits to the key that signs it', async () => {
  const sample = createSample()
  const ledger = await sample.open()
  const [first] = await readAll(sample.dir)
  assert.equal(first?.envelope.operation, 'ledger-created')
  assert.equal(first.envelope.kind, 'lifecycle')
  assert.equal(first.envelope.fields['signing-key'], hash('sha256', ledger.vkey, 'base64url'))
  await ledger.close()
})

test('gives every record the index and leaf hash that the receipt says, in the order of appending', async () => {
  const sample = createSample()
  const ledger = await sample.open()
  const receipts = await Promise.all(Array.from({ length: 700 }, (_, number) => ledger.append(sampleRecord(number))))
  const records = await readAll(sample.dir)
  let before = 0
  for (const [number, receipt] of receipts.entries()) {
    const record = records[receipt.index] ?? assert.fail()
    assert.ok(receipt.index > before)
    before = receipt.index
    assert.equal(record.leafHash, receipt.leafHash)
    assert.equal(record.envelope.call, sampleRecord(number).call)
    assert.equal(receipt.origin, ledger.origin)
  }
  assert.equal(ledger.size, records.length)
  assert.equal(ledger.root(), rootOf(records.map((record) => leafHash(record.envelopeBytes))).toString('base64'))
  assert.equal(ledger.stats.groups, 4) // the creation, and 704 records in groups of at most 256
  await ledger.close()
})

test('records that arrive in one turn share one sync; one that arrives later has its own', async () => {
  const sample = createSample()
  const ledger = await sample.open()
  const groups = ledger.stats.groups
  await Promise.all([0, 1, 2].map((number) => ledger.append(sampleRecord(number))))
  assert.equal(ledger.stats.groups, groups + 1)
  await ledger.append(sampleRecord(3))
  assert.equal(ledger.stats.groups, groups + 2)
  await ledger.close()
})

test('what is acknowledged is verified on the disk at that moment, without closing', async () => {
  const sample = createSample()
  const ledger = await sample.open({ checkpointIntervalMs: 0 })
  for (let number = 0; number < 20; number += 1) {
    const { index } = await ledger.append(sampleRecord(number))
    const report = await verifyLedger(sample.root)
    assert.deepEqual(report.problems, [])
    assert.equal(report.size, index + 1)
    assert.equal(report.root, ledger.root())
  }
  await ledger.close()
})

test('goes on where it stopped, over many segments', async () => {
  const sample = createSample()
  for (let run = 0; run < 4; run += 1) {
    const ledger = await sample.open()
    for (let number = 0; number < 30; number += 1) await ledger.append(sampleRecord(number))
    await ledger.close()
    assert.equal(ledger.status, 'closed')
  }
  const records = await readAll(sample.dir)
  assert.ok(readdirSync(join(sample.dir, 'segments')).length > 3)
  assert.deepEqual(
    records.map((record) => record.index),
    Array.from(records.keys()),
  )
  assert.equal((await verifyLedger(sample.root)).ok, true)
})

test('gives back event, salts and values to whoever has the key-encryption key', async () => {
  const sample = createSample()
  const ledger = await sample.open()
  const odd = {
    sensitive: { zeta: 'only here', caller: 'key:ci', é: 'ü\ud800"\\\n', empty: '' },
    event: { caller: 'key:ci', deep: { list: [1, null] } },
  }
  const { index } = await ledger.append(sampleRecord(1, odd))
  await ledger.close()
  const record = (await readAll(sample.dir, sampleKeyEncryptionKey))[index] ?? assert.fail()
  assert.deepEqual(record.event, odd.event)
  assert.deepEqual(Object.keys(record.envelope.fields), ['caller', 'empty', 'event', 'zeta', 'é'])
  const texts: Record<string, string> = { ...odd.sensitive, event: JSON.stringify(odd.event) }
  for (const [name, commitment] of Object.entries(record.envelope.fields)) {
    const { salt, value } = record.committed?.[name] ?? assert.fail()
    assert.equal(value, texts[name])
    const length = (text: string): Buffer => {
      const bytes = Buffer.alloc(4)
      bytes.writeUInt32LE(Buffer.byteLength(text))
      return bytes
    }
    const input = Buffer.concat([
      Buffer.from(salt, 'base64url'),
      length(name),
      Buffer.from(name),
      length(value),
      Buffer.from(value),
    ])
    assert.equal(input.length >= 40, true)
    assert.equal(hash('sha256', input, 'base64url'), commitment)
  }
})

test('without the key-encryption key, and with another, there is no event', async () => {
  const sample = createSample()
  const ledger = await sample.open()
  await ledger.append(sampleRecord(1))
  await ledger.close()
  for (const record of await readAll(sample.dir)) assert.equal(record.event, undefined)
  for (const record of await readAll(sample.dir, Buffer.alloc(32, 9))) assert.equal(record.event, undefined)
})

test('no file says in clear who called, from where, or about which task', async () => {
  const sample = createSample()
  const ledger = await sample.open()
  for (let number = 0; number < 12; number += 1) await ledger.append(sampleRecord(number))
  await ledger.close()
  for (const entry of readdirSync(sample.dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const { name } = entry
    const bytes = readFileSync(join(entry.parentPath, name))
    for (const secret of ['corp/4f1c', 'key:ci', 'agent:concierge', 'secret-task', '192.0.2']) {
      for (const form of [secret, Buffer.from(secret).toString('base64'), Buffer.from(secret).toString('base64url')]) {
        assert.equal(bytes.indexOf(form.slice(0, -2)), -1, `${secret} in ${name}`)
      }
    }
  }
})

test('a subject keeps its pseudonym over months and restarts, with a data key per month', async () => {
  const sample = createSample()
  const month = 31 * 86_400_000
  for (let run = 0; run < 3; run += 1) {
    const ledger = await sample.open()
    await ledger.append(sampleRecord(1, { timeMs: sample.clock.nowMs() }))
    await ledger.append(sampleRecord(1, { timeMs: sample.clock.nowMs() }))
    await ledger.append(sampleRecord(2, { timeMs: sample.clock.nowMs() }))
    await ledger.close()
    sample.clock.advance(month)
  }
  const records = await readAll(sample.dir, sampleKeyEncryptionKey)
  const actorsOf = (subject: string): Set<string> =>
    new Set(records.filter((record) => record.event?.['caller'] === subject).map((record) => record.envelope.actor))
  assert.equal(actorsOf('key:ci').size, 1)
  assert.equal(actorsOf('agent:concierge').size, 1)
  assert.notDeepEqual(actorsOf('key:ci'), actorsOf('agent:concierge'))
  assert.equal(records.filter((record) => record.envelope.kind === 'subject-key').length, 6)
  const lines = readFileSync(join(sample.dir, 'subjects.keys'), 'latin1').trimEnd().split('\n')
  assert.deepEqual(new Set(lines.map((line) => line.split(' ')[2])), new Set(['2026-11', '2026-12', '2027-01']))
})

test('a clock that goes back does not bring an old key back to use', async () => {
  const sample = createSample()
  const ledger = await sample.open()
  await ledger.append(sampleRecord(1, { timeMs: sample.clock.nowMs() }))
  await ledger.append(sampleRecord(1, { timeMs: sample.clock.nowMs() - 40 * 86_400_000 }))
  await ledger.close()
  assert.equal(readFileSync(join(sample.dir, 'subjects.keys'), 'latin1').trimEnd().split('\n').length, 1)
})

test('the gateway itself has no pseudonym', async () => {
  const sample = createSample()
  const ledger = await sample.open()
  const { index } = await ledger.append(sampleRecord(1, { kind: 'lifecycle', subject: '', sensitive: {} }))
  await ledger.close()
  assert.equal((await readAll(sample.dir))[index]?.envelope.actor, '')
})

test('never uses a nonce twice under a key, not even with the same epoch-less random source', async () => {
  const sample = createSample()
  const seen = new Set<string>()
  for (let run = 0; run < 3; run += 1) {
    const ledger = await sample.open({ random: countedRandom(`run ${run}`) })
    await Promise.all(Array.from({ length: 200 }, (_, number) => ledger.append(sampleRecord(number))))
    await ledger.close()
  }
  let bodies = 0
  for (const name of readdirSync(join(sample.dir, 'segments'))) {
    for (const body of findBodies(readFileSync(join(sample.dir, 'segments', name)))) {
      bodies += 1
      const { keyId, epoch } = parseBody(body) ?? assert.fail()
      seen.add(Buffer.concat([keyId, epoch, body.subarray(25, 33)]).toString('hex'))
    }
  }
  assert.equal(bodies, 600)
  assert.equal(seen.size, 600)
})

// frames read by hand, from the documented layout alone
function* findBodies(bytes: Buffer): Generator<Buffer> {
  for (let at = bytes.readUInt32LE(12); at < bytes.length;) {
    const length = bytes.readUInt32LE(at)
    if (bytes[at + 8] === 2) yield bytes.subarray(at + 9, at + 9 + length)
    at += 9 + length
  }
}

test('a second writer is refused while the first one lives', async () => {
  const sample = createSample()
  const ledger = await sample.open()
  await assert.rejects(sample.open(), refusedWith('LEDGER_LOCKED'))
  await ledger.close()
  await (await sample.open()).close()
})

test('a lock that a killed process left is taken over', async () => {
  const sample = createSample()
  await (await sample.open()).close()
  for (const left of ['999999999 1', `${process.pid} 1`, 'rubbish', '']) {
    writeFileSync(join(sample.dir, 'lock'), left)
    await (await sample.open()).close()
  }
})

test('a log that another key signed is refused, and so is a key-encryption key that does not fit', async () => {
  const sample = createSample()
  const ledger = await sample.open()
  await ledger.append(sampleRecord(1))
  await ledger.close()
  await assert.rejects(sample.open({ signingKey: sampleSigningKey('other') }), refusedWith('LEDGER_CORRUPT'))
  await assert.rejects(sample.open({ keyEncryptionKey: Buffer.alloc(32) }), refusedWith('KEY_UNREADABLE'))
  await (await sample.open()).close()
})

test('refuses records after it was closed', async () => {
  const sample = createSample()
  const ledger = await sample.open()
  const last = ledger.append(sampleRecord(1))
  const closing = ledger.close()
  await assert.rejects(ledger.append(sampleRecord(2)), refusedWith('LEDGER_UNWRITABLE'))
  assert.equal((await last).index, 2)
  await closing
})

for (const [name, changes] of [
  ['an envelope that would be too large', { agent: 'a'.repeat(9_000) }],
  ['a call id without bound', { call: 'c'.repeat(300) }],
  ['a subject without bound', { subject: `user:${'u'.repeat(3_000)}` }],
  ['a lone surrogate in the envelope', { agent: '\ud800' }],
  ['a field name that is the ledger’s own', { sensitive: { 'signing-key': 'x' } }],
  ['a body that would be too large', { event: { text: 'x'.repeat(8_400_000) } }],
] as const) {
  test(`rejects ${name}, and goes on`, async () => {
    const sample = createSample()
    const ledger = await sample.open()
    await assert.rejects(ledger.append(sampleRecord(1, changes)), Bug)
    await ledger.append(sampleRecord(1))
    await ledger.close()
    assert.equal((await verifyLedger(sample.root)).ok, true)
  })
}

test('large bodies do not make a group that a reader would refuse', async () => {
  const sample = createSample()
  const ledger = await sample.open({ segmentSize: 1_000_000 })
  const event = { text: 'x'.repeat(3_000_000) }
  await Promise.all(Array.from({ length: 8 }, (_, number) => ledger.append(sampleRecord(number, { event }))))
  await ledger.close()
  assert.equal((await verifyLedger(sample.root)).ok, true)
  assert.equal((await readAll(sample.dir, sampleKeyEncryptionKey)).at(-1)?.event?.['text'], event.text)
})

test('a queue without end is refused, not remembered', async () => {
  const sample = createSample()
  const ledger = await sample.open()
  const event = { text: 'x'.repeat(4_000_000) }
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, (_, number) => ledger.append(sampleRecord(number, { event }))),
  )
  assert.ok(results.some((result) => result.status === 'rejected'))
  assert.ok(
    results
      .filter((result) => result.status === 'rejected')
      .every((result) => refusedWith('LEDGER_UNWRITABLE')(result.reason)),
  )
  await ledger.append(sampleRecord(21))
  await ledger.close()
})
