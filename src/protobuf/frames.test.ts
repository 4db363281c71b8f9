import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createFrameReader, frameMessage, type Frames } from './frames.ts'

const header = (flag: number, length: number): Buffer => {
  const bytes = Buffer.alloc(5)
  bytes[0] = flag
  bytes.writeUInt32BE(length, 1)
  return bytes
}
const texts = ({ messages }: Frames): string[] => messages.map((message) => message.toString())
const reasonOf = (frames: Frames): string => (frames.ok ? 'read' : frames.reason)

test('a message has a flag and a length before it', () => {
  assert.deepEqual(frameMessage(Buffer.from('abc')), Buffer.from([0, 0, 0, 0, 3, 0x61, 0x62, 0x63]))
  assert.deepEqual(frameMessage(Buffer.alloc(0)), Buffer.alloc(5))
})

test('reads several messages of one chunk, in order, empty ones too', () => {
  const reader = createFrameReader(100)
  const chunk = Buffer.concat(['a', '', 'bc', ''].map((each) => frameMessage(Buffer.from(each))))
  assert.deepEqual(texts(reader.push(chunk)), ['a', '', 'bc', ''])
  assert.equal(reader.isPartial, false)
})

test('says when a message was cut', () => {
  const framed = frameMessage(Buffer.from('abc'))
  for (let cut = 1; cut < framed.length; cut++) {
    const reader = createFrameReader(100)
    assert.deepEqual(texts(reader.push(framed.subarray(0, cut))), [])
    assert.equal(reader.isPartial, true)
    assert.deepEqual(texts(reader.push(framed.subarray(cut))), ['abc'])
    assert.equal(reader.isPartial, false)
  }
})

test('refuses compressed messages by their first byte', () => {
  assert.equal(reasonOf(createFrameReader(100).push(Buffer.of(1))), 'compressed')
  for (const length of [0, 1, 2 ** 32 - 1])
    assert.equal(reasonOf(createFrameReader(100).push(header(1, length))), 'compressed')
})

test('refuses every other flag', () => {
  for (let flag = 2; flag < 256; flag++) assert.equal(reasonOf(createFrameReader(100).push(Buffer.of(flag))), 'flag')
})

test('refuses a length beyond the bound before anything of it has come', () => {
  assert.equal(reasonOf(createFrameReader(100).push(header(0, 101))), 'too-large')
  assert.equal(reasonOf(createFrameReader(100).push(header(0, 2 ** 32 - 1))), 'too-large')
  assert.equal(reasonOf(createFrameReader(100).push(header(0, 100))), 'read')
})

test('gives what had ended before something was refused, and nothing after', () => {
  const reader = createFrameReader(100)
  const frames = reader.push(
    Buffer.concat([frameMessage(Buffer.from('a')), header(1, 1), frameMessage(Buffer.from('b'))]),
  )
  assert.equal(reasonOf(frames), 'compressed')
  assert.deepEqual(texts(frames), ['a'])
  assert.deepEqual(reader.push(frameMessage(Buffer.from('c'))), { ok: false, reason: 'compressed', messages: [] })
})

test('what is kept grows with what came, not with what was announced', () => {
  const reader = createFrameReader(2 ** 31)
  const before = process.memoryUsage().arrayBuffers
  reader.push(header(0, 2 ** 31))
  reader.push(Buffer.alloc(1_000))
  assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 20)
})

test('however the bytes are cut into chunks, the messages are the same', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 9_000, size: 'max' }), { maxLength: 4 }),
      fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1 }),
      (messages, cuts) => {
        const all = Buffer.concat(messages.map(frameMessage))
        const reader = createFrameReader(9_000)
        const read: Buffer[] = []
        for (let at = 0, turn = 0; at < all.length; turn++) {
          const size = cuts[turn % cuts.length] ?? 1
          read.push(...reader.push(all.subarray(at, at + size)).messages)
          at += size
        }
        assert.deepEqual(
          read.map((each) => each.toString('hex')),
          messages.map((each) => Buffer.from(each).toString('hex')),
        )
      },
    ),
    { numRuns: 50, interruptAfterTimeLimit: 2_000 },
  )
})
