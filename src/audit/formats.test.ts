// The parsers of what lies on disk, given anything: they answer, stay within bounds and never throw.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { createBodySealer, deriveBodySecret, openBody, parseBody } from './body.ts'
import { commitTo, createFieldNames, toFieldName } from './commitment.ts'
import { createCheckpointSigner } from '../tlog/checkpoint.ts'
import { createTimeFormatter, formatEnvelope, formatField, parseEnvelope } from './envelope.ts'
import { frameHeadBytes, readGroup, sealFrame } from './frame.ts'
import { createEdge, emptyRoot, leafHash } from '../tlog/merkle.ts'
import { createOffsetIndex } from './offset-index.ts'
import { formatSegmentHeader, isHeaderProven, parseSegmentHeader, segmentIndex, segmentName } from './segment.ts'
import { createKeyWrapper, parseSubjectLine } from './subject-line.ts'
import { sampleSigningKey } from '../../test/fakes/sample-ledger.ts'
import { canonicalJson } from '../base/canonical-json.ts'

const briefly = { interruptAfterTimeLimit: 500 }

test('no bytes make the readers of frames, headers, envelopes, bodies and key lines throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (array) => {
      const bytes = Buffer.from(array)
      readGroup(bytes, 0, bytes.length, 0)
      parseSegmentHeader(bytes)
      parseEnvelope(bytes)
      parseBody(bytes)
      parseSubjectLine(bytes.toString('latin1'))
      assert.equal(typeof segmentIndex(bytes.toString('latin1')) === 'number', false)
    }),
    briefly,
  )
})

function frame(type: number, payload: Buffer): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(frameHeadBytes), payload])
  sealFrame(bytes, 0, type, payload.length)
  return bytes
}

const commit = (hashes: readonly Buffer[], note = 'note'): Buffer => {
  const count = Buffer.alloc(4)
  count.writeUInt32LE(hashes.length)
  return frame(3, Buffer.concat([count, ...hashes, Buffer.from(note)]))
}

test('reads a group back as it was framed', () => {
  const leaf = leafHash(Buffer.from('{}'))
  const bytes = Buffer.concat([
    frame(1, Buffer.from('{}')),
    frame(2, Buffer.from('body')),
    frame(1, Buffer.from('{}')),
    commit([leaf, leaf]),
  ])
  const group = readGroup(bytes, 0, bytes.length, 1_000)
  assert.equal(group.kind, 'group')
  assert.deepEqual(
    group.records.map(({ envelope, body, offset }) => [String(envelope), body && String(body), offset]),
    [
      ['{}', 'body', 1_000],
      ['{}', undefined, 1_024],
    ],
  )
  assert.equal(group.end, 1_000 + bytes.length)
  assert.equal(group.commitDamaged, false)
})

for (const [name, bytes, reason] of [
  ['nothing', Buffer.alloc(0), 'end'],
  ['half a frame head', Buffer.alloc(5), 'incomplete'],
  ['half a frame', frame(1, Buffer.from('{"a":1}')).subarray(0, -1), 'incomplete'],
  ['a group without its commit', frame(1, Buffer.from('{}')), 'incomplete'],
  ['a frame of type 0', frame(0, Buffer.from('{}')), 'damaged'],
  ['a frame of an unknown type', frame(4, Buffer.from('{}')), 'damaged'],
  ['a body without an envelope', frame(2, Buffer.from('{}')), 'damaged'],
  [
    'two bodies',
    Buffer.concat([frame(1, Buffer.from('{}')), frame(2, Buffer.from('a')), frame(2, Buffer.from('b'))]),
    'damaged',
  ],
  ['an envelope beyond 8 KiB', frame(1, Buffer.alloc(8_193)), 'damaged'],
  ['a commit of nothing', commit([]), 'damaged'],
  ['a commit of 257 records', commit(Array.from({ length: 257 }, () => emptyRoot)), 'damaged'],
  ['257 records', Buffer.concat(Array.from({ length: 257 }, () => frame(1, Buffer.from('{}')))), 'damaged'],
] as const) {
  test(`stops at ${name}: ${reason}`, () => {
    const stop = readGroup(bytes, 0, bytes.length, 0)
    assert.equal(stop.kind === 'stop' && stop.reason, reason)
  })
}

test('a segment header reads back, and no changed byte of it is accepted', () => {
  const signer = createCheckpointSigner('sallyport.local/0011aabb', sampleSigningKey())
  const edge = createEdge()
  for (let number = 0; number < 11; number += 1) edge.append(leafHash(Buffer.from(String(number))))
  const note = Buffer.from(signer.sign(11, edge.root()))
  const bytes = formatSegmentHeader({ firstIndex: 11, origin: signer.name, edge, note })
  const header = parseSegmentHeader(bytes) ?? assert.fail()
  assert.equal(header.firstIndex, 11)
  assert.ok(isHeaderProven(header, [signer]))
  assert.ok(!isHeaderProven({ ...header, note: Buffer.from(signer.sign(11, emptyRoot)) }, [signer]))
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] ?? 0) ^ 4
    assert.equal(parseSegmentHeader(changed), undefined)
    assert.equal(parseSegmentHeader(bytes.subarray(0, at)), undefined)
  }
})

test('segment names are twenty digits and nothing else', () => {
  assert.equal(segmentIndex(segmentName(42)), 42)
  for (const name of [
    '42.seg',
    `${'9'.repeat(20)}.seg`,
    '0000000000000000000a.seg',
    '00000000000000000042.seg.tmp',
    '+0000000000000000042.seg',
  ]) {
    assert.equal(segmentIndex(name), undefined)
  }
})

test('an envelope is canonical JSON, whatever it holds', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string(), fc.nat(), (agent, code, index) => {
      if (!agent.isWellFormed() || !code.isWellFormed()) return
      const value = {
        actor: 'AAAA',
        body: 'BBBB',
        call: 'c1',
        kind: 'decision',
        operation: 'GetTask',
        outcome: 'allowed',
        snapshot: 's',
        time: '2026-11-14T09:00:00.000Z',
      } as const
      const { head, tail } = formatEnvelope({ ...value, agent, code }, formatField('a"b', 'CCCC'))
      const text = `${head}${index}${tail}`
      assert.equal(text, canonicalJson({ ...value, agent, code, index, v: 1, fields: { 'a"b': 'CCCC' } }))
      assert.deepEqual(parseEnvelope(Buffer.from(text)), {
        ...value,
        agent,
        code,
        index,
        v: 1,
        fields: { 'a"b': 'CCCC' },
      })
    }),
    briefly,
  )
})

for (const [name, change] of [
  ['another version', { v: 2 }],
  ['an index that is no integer', { index: 1.5 }],
  ['an unknown kind', { kind: 'rumour' }],
  ['an unknown outcome', { outcome: 'maybe' }],
  ['fields that are no texts', { fields: { a: 1 } }],
  ['a missing member', { call: undefined }],
] as const) {
  test(`refuses an envelope with ${name}`, () => {
    const good = {
      v: 1,
      index: 1,
      time: 't',
      kind: 'decision',
      call: '',
      actor: '',
      agent: '',
      operation: '',
      outcome: 'done',
      code: '',
      snapshot: '',
      fields: {},
      body: '',
    }
    assert.notEqual(parseEnvelope(Buffer.from(JSON.stringify(good))), undefined)
    assert.equal(parseEnvelope(Buffer.from(JSON.stringify({ ...good, ...change }))), undefined)
  })
}

test('writes times as RFC 3339 with milliseconds, also across seconds and for fractions', () => {
  const format = createTimeFormatter()
  for (const ms of [0, 1, 999, 1_000, 1_794_646_800_007, 1_794_646_799_999.75, 1_794_646_800_007])
    assert.equal(format(ms), new Date(ms).toISOString())
})

test('a commitment tells names and values apart, and depends on its salt', () => {
  const salts = randomBytes(64)
  const commitment = commitTo(salts, 0, toFieldName('ab'), 'c')
  assert.notEqual(commitment, commitTo(salts, 0, toFieldName('a'), 'bc'))
  assert.notEqual(commitment, commitTo(salts, 32, toFieldName('ab'), 'c'))
  assert.equal(commitment, commitTo(salts, 0, toFieldName('ab'), 'c'))
  assert.equal(commitTo(salts, 0, toFieldName('ab'), 'x'.repeat(100_000)).length, 43)
})

test('field names are put in order once and found again', () => {
  const names = createFieldNames()
  const first = names(['b', 'a'])
  assert.deepEqual(
    first.map(({ name }) => name),
    ['a', 'b'],
  )
  assert.equal(names(['b', 'a']), first)
  for (let count = 0; count < 20; count += 1) assert.equal(names([`x${count}`, 'a']).length, 2)
})

const epoch = randomBytes(16)
const bodyKey = { id: randomBytes(8), secret: deriveBodySecret(randomBytes(32), epoch) }

test('a body opens only with its key, its call and every byte', () => {
  const sealer = createBodySealer(epoch)
  const payload = sealer.seal(bodyKey, '{"event":{"ü":1}}', 'call1')
  const body = parseBody(payload) ?? assert.fail()
  assert.equal(openBody(body, bodyKey.secret, 'call1'), '{"event":{"ü":1}}')
  assert.equal(openBody(body, bodyKey.secret, 'call2'), undefined)
  assert.equal(openBody(body, deriveBodySecret(randomBytes(32), epoch), 'call1'), undefined)
  for (let at = 0; at < payload.length; at += 1) {
    const changed = Buffer.from(payload)
    changed[at] = (changed[at] ?? 0) ^ 1
    const parsed = parseBody(changed)
    assert.ok(parsed === undefined || openBody(parsed, bodyKey.secret, 'call1') === undefined, `byte ${at}`)
  }
})

test('the same text is never encrypted to the same bytes', () => {
  const sealer = createBodySealer(epoch)
  assert.notDeepEqual(sealer.seal(bodyKey, 'x', ''), sealer.seal(bodyKey, 'x', ''))
  assert.equal(
    openBody(parseBody(sealer.seal(bodyKey, 'y'.repeat(200_000), '')) ?? assert.fail(), bodyKey.secret, ''),
    'y'.repeat(200_000),
  )
})

test('a key line opens only with the key-encryption key, the origin and every byte of it', () => {
  const kek = randomBytes(32)
  const wrapper = createKeyWrapper(kek, 'sallyport.local/1')
  const secret = { subject: 'user:corp/ä', dataKey: randomBytes(32), pseudonym: randomBytes(16) }
  const text = wrapper
    .formatLine(
      { index: 7, month: '2026-11', keyId: randomBytes(8), tag: wrapper.tagOf(secret.subject) },
      secret,
      randomBytes(16),
    )
    .trimEnd()
  const line = parseSubjectLine(text) ?? assert.fail()
  assert.deepEqual(wrapper.unwrap(line), secret)
  assert.equal(createKeyWrapper(randomBytes(32), 'sallyport.local/1').unwrap(line), undefined)
  assert.equal(createKeyWrapper(kek, 'sallyport.local/2').unwrap(line), undefined)
  assert.equal(wrapper.unwrap({ ...line, head: line.head.replace('2026-11', '2026-12') }), undefined)
  for (let at = 0; at < text.length; at += 1) {
    assert.equal(
      parseSubjectLine(`${text.slice(0, at)}${text[at] === 'a' ? 'b' : 'a'}${text.slice(at + 1)}`),
      undefined,
      `byte ${at}`,
    )
  }
})

test('a hundred thousand offsets are found again', () => {
  const index = createOffsetIndex()
  const keys = randomBytes(8 * 100_000)
  for (let at = 0; at < 100_000; at += 1) index.set(keys, 8 * at, at)
  index.set(keys, 0, 123_456)
  assert.equal(index.size, 100_000)
  assert.equal(index.get(keys, 0), 123_456)
  for (let at = 1; at < 100_000; at += 1) assert.equal(index.get(keys, 8 * at), at)
  assert.equal(index.get(Buffer.alloc(8)), -1)
})
