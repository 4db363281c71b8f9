// An export that was tampered with by somebody who can make its closing sum anew: records left out, added, moved,
// exchanged, shortened ranges, false counts, false filters, events put under other records. Each has its own reason.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { exportText, verifyText } from '../../test/fakes/exported-ledger.ts'
import { sampleSigningKey } from '../../test/fakes/sample-ledger.ts'
import { trust, writeLedger } from '../../test/fakes/written-ledger.ts'
import { createCheckpointSigner } from '../tlog/checkpoint.ts'
import { describeFilter } from './export-filter.ts'
import { formatEnd } from './export-format.ts'

const { dir, vkey, trusted } = await writeLedger(60)
const { text } =
  (await exportText(dir, { filter: { fromIndex: 10, toIndex: 40, agent: 'calculator' }, withEvents: true })) ??
  assert.fail()
const lines = text.trimEnd().split('\n').slice(0, -1)
const [header = '', ...records] = lines
const shownAt = records.findIndex((line) => line.startsWith('{"entry"'))
const shown = records[shownAt] ?? assert.fail()
const laterShown = records.findLast((line) => line.startsWith('{"entry"')) ?? assert.fail()
const hiddenAt = records.findIndex((line) => line.startsWith('{"leaf"'))
const hidden = records[hiddenAt] ?? assert.fail()

/** With a closing line that fits. */
function close(all: readonly string[]): string {
  const body = all.map((line) => `${line}\n`).join('')
  return body + formatEnd(all.length, createHash('sha256').update(body).digest('hex'))
}
const withHeader = (change: (value: Record<string, object>) => object): string =>
  close([JSON.stringify(change(JSON.parse(header))), ...records])
const withRecords = (changed: readonly string[]): string => close([header, ...changed])
const replaced = (from: string, to: string): string => withRecords(records.map((line) => (line === from ? to : line)))
const changedEvent = (line: string, change: (event: Record<string, object>) => object): string => {
  const { entry, event } = JSON.parse(line)
  return JSON.stringify({ entry, event: change(event) })
}
const withFilter = (value: Record<string, object>, filter: object): object => {
  const query = value['query'] as { filter: object } // as the file has it
  return { ...value, query: { ...query, filter: { ...query.filter, ...filter } } }
}
const leafOf = (line: string): string =>
  createHash('sha256').update('\0').update(JSON.parse(line).entry).digest('base64url')
const origin = vkey.split('+')[0] ?? ''
const stranger = createCheckpointSigner(origin, sampleSigningKey('a stranger'))
const zeros = Buffer.alloc(Buffer.from(JSON.parse(header).from.edge, 'base64').length).toString('base64')
const ownFork = createCheckpointSigner(origin, sampleSigningKey()).sign(60, Buffer.alloc(32))

test('is whole before it is touched', async () => {
  assert.equal(close(lines), text)
  assert.ok((await verifyText(text, trusted)).ok)
})

for (const [name, changed, why] of [
  ['a record left out', withRecords(records.toSpliced(shownAt, 1)), /is not the envelope of record|it holds/],
  ['a hidden record left out', withRecords(records.toSpliced(hiddenAt, 1)), /is not the envelope of record/],
  ['the last record left out', withRecords(records.slice(0, -1)), /it holds \d+ of \d+ records/],
  ['a record twice', withRecords([shown, ...records]), /is not the envelope of record|more records/],
  ['two records exchanged', replaced(shown, laterShown), /is not the envelope of record/],
  ['a record behind the last', withRecords([...records, hidden]), /more records than its checkpoints/],
  ['a matching record hidden', replaced(shown, `{"leaf":"${leafOf(shown)}"}`), /claims \d+ matching records and shows/],
  [
    'a record changed',
    replaced(shown, shown.replace('SendMessage', 'GetTask')),
    /OCSF event is not how the record reads|not those between its two checkpoints/,
  ],
  [
    'an OCSF event of its own making',
    replaced(
      shown,
      changedEvent(shown, (event) => ({ ...event, ocsf: { forged: true } })),
    ),
    /OCSF event is not how the record reads/,
  ],
  [
    'a query that begins before its first record',
    withHeader((value) => withFilter(value, { fromIndex: 0 })),
    /asks for records from 0 on/,
  ],
  ['a hidden record exchanged for another', replaced(hidden, `{"leaf":"${'A'.repeat(43)}"}`), /not those between/],
  [
    'an event of another record',
    replaced(
      shown,
      changedEvent(shown, () => JSON.parse(laterShown).event),
    ),
    /not the one that the record commits to/,
  ],
  [
    'an event changed',
    replaced(
      shown,
      changedEvent(shown, (event) => ({ ...event, text: '{}' })),
    ),
    /not the one that the record commits to/,
  ],
  [
    'an event without its salt',
    replaced(
      shown,
      changedEvent(shown, ({ text, fields }) => ({ text, fields })),
    ),
    /not the one that the record commits to/,
  ],
  [
    'a field with another value',
    replaced(
      shown,
      changedEvent(shown, (event) => ({
        ...event,
        fields: { ...event['fields'], caller: { salt: 'A'.repeat(43), value: 'x' } },
      })),
    ),
    /does not commit to its "caller"/,
  ],
  [
    'a record that does not match the query',
    withHeader((value) => ({ ...value, query: { text: '', filter: { agent: 'concierge' } } })),
    /does not match the query/,
  ],
  [
    'a range that the records are not in',
    withHeader((value) => ({ ...value, query: { text: '', filter: { fromIndex: 30 } } })),
    /does not match the query/,
  ],
  [
    'a caller that the events do not name',
    withHeader((value) => ({ ...value, query: { text: '', filter: { caller: 'key:nobody' } } })),
    /caller is not the one of the query/,
  ],
  [
    'an unknown filter',
    withHeader((value) => ({ ...value, query: { text: '', filter: { colour: 'red' } } })),
    /header of an export/,
  ],
  ['events that the header denies', withHeader((value) => ({ ...value, withEvents: false })), /says that none do/],
  ['another population', withHeader((value) => ({ ...value, population: 7 })), /claims 7/],
  ['another count of matches', withHeader((value) => ({ ...value, matching: 1 })), /claims 1 matching records/],
  [
    'the name of another log',
    withHeader((value) => ({ ...value, origin: 'sallyport.local/00000000' })),
    /not of the log/,
  ],
  [
    'edge hashes of another tree',
    withHeader((value) => ({ ...value, from: { ...value['from'], edge: zeros } })),
    /edge hashes/,
  ],
  [
    'a witnessed checkpoint of another history of the log',
    withHeader((value) => ({ ...value, witnessed: { checkpoint: ownFork, consistency: [] } })),
    /witnessed checkpoint is not of the same tree/,
  ],
  ['other edge hashes', withHeader((value) => ({ ...value, from: { ...value['from'], edge: '' } })), /edge hashes/],
  ['no consistency proof', withHeader((value) => ({ ...value, consistency: [] })), /consistency proof/],
  ['a consistency proof of rubbish', withHeader((value) => ({ ...value, consistency: ['x'] })), /consistency proof/],
  [
    'a checkpoint signed by a stranger',
    withHeader((value) => ({ ...value, to: { checkpoint: stranger.sign(60, Buffer.alloc(32)) } })),
    /checkpoint behind its records: its checkpoint is not signed by a key that was given/,
  ],
  [
    'its checkpoints exchanged',
    withHeader((value) => ({
      ...value,
      to: value['from'],
      from: { ...value['from'], ...value['to'] },
    })),
    /lie -?\d+ records apart/,
  ],
  [
    'a witnessed checkpoint of a stranger',
    withHeader((value) => ({
      ...value,
      witnessed: { checkpoint: stranger.sign(60, Buffer.alloc(32)), consistency: [] },
    })),
    /witnessed checkpoint/,
  ],
  ['no header', close(records), /header of an export/],
  ['a line of something else', replaced(hidden, '{"hello":1}'), /no line of an export/],
  ['a line with a key twice', replaced(hidden, hidden.replace('{', '{"leaf":"x",')), /no line of an export/],
  ['an empty line', withRecords(['', ...records]), /no line of an export/],
] as const) {
  test(`refuses ${name}`, async () => {
    const verdict = await verifyText(changed, trusted)
    assert.ok(!verdict.ok)
    assert.match(verdict.why, why)
  })
}

for (const [name, changed, why] of [
  ['an end that is missing', lines.map((line) => `${line}\n`).join(''), /its end is missing/],
  ['an end that is cut', text.slice(0, -1), /is cut off/],
  ['something behind the end', `${text}{}\n`, /something follows/],
  ['an end in another spelling', text.replace('{"end":{', '{"end": {'), /the sum at the end/],
  ['nothing', '', /header of an export/],
  ['an endless header', 'x'.repeat(3_000_000), /header of an export/],
] as const) {
  test(`refuses ${name}`, async () => {
    const verdict = await verifyText(changed, trusted)
    assert.ok(!verdict.ok)
    assert.match(verdict.why, why)
  })
}

test('proves nothing without the key of the log', async () => {
  for (const keys of [[], [stranger.vkey]]) assert.ok(!(await verifyText(text, trust(keys))).ok)
})

test('says where records that the query asks for could still lie, and never what somebody typed', async () => {
  const whole = await verifyText(text, trusted)
  assert.deepEqual(whole.ok && whole.value.openEnds, [])
  const wider = await verifyText(
    withHeader((value) => withFilter(value, { toIndex: 9_999 })),
    trusted,
  )
  assert.deepEqual(wider.ok && wider.value.openEnds, ['after'])
  const { text: timed } =
    (await exportText(dir, { filter: { fromMs: 0, toMs: 4_000_000_000_000 }, withEvents: false })) ?? assert.fail()
  const open = await verifyText(timed, trusted)
  assert.ok(open.ok)
  assert.deepEqual(open.value.openEnds, ['after'])
  assert.match(describeFilter(open.value.header.query.filter), /^--from 1970-01-01T00:00:00.000Z --to 2096-/)
})
