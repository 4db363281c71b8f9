import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createManualClock } from '../base/clock.ts'
import { createKeyUseBook, type KeyUse } from './key-use.ts'

function make(before: [string, KeyUse][] = []) {
  const clock = createManualClock()
  const saved: string[][] = []
  const written = new Map<string, KeyUse>(before)
  const store = {
    load: () => written,
    save: (uses: ReadonlyMap<string, KeyUse>) => {
      saved.push([...uses.keys()])
      for (const [id, use] of uses) written.set(id, { ...use })
    },
  }
  return { clock, saved, written, book: createKeyUseBook({ clock, store }) }
}

test('a use is told at once and written once a minute, however many there are', () => {
  const { clock, saved, book } = make()
  const beganMs = clock.nowMs()
  for (let second = 0; second < 120; second += 1) {
    book.used('k', '10.1.2.3')
    book.flush()
    clock.advance(1_000)
  }
  assert.equal(book.of('k').lastUsedMs, beganMs + 119_000)
  assert.equal(saved.length, 2)
})

test('another network is written soon', () => {
  const { saved, written, book } = make()
  book.used('k', '10.1.2.3')
  book.flush()
  book.used('k', '10.1.2.4')
  book.flush()
  assert.equal(saved.length, 1)
  book.used('k', '10.9.2.4')
  book.flush()
  assert.equal(written.get('k')?.network, '10.9.2.0/24')
})

test('no address is kept whole', () => {
  const { written, book } = make()
  book.used('k', '203.0.113.77')
  book.used('l', '2001:db8:1:2::77')
  while (book.flush());
  assert.deepEqual([written.get('k')?.network, written.get('l')?.network], ['203.0.113.0/24', '2001:db8:1::/48'])
})

test('goes on counting after a restart', () => {
  const first = make()
  first.book.failed('wrong-secret', 'k')
  first.book.failed('wrong-secret', 'k')
  first.book.flush()
  first.clock.advance(5_000)
  const second = make([...first.written])
  second.book.failed('wrong-secret', 'k')
  assert.equal(second.book.of('k').wrongSecrets, 3)
  assert.equal(second.book.of('k').wrongSinceMs, first.book.of('k').wrongSinceMs)
})

test('ids that nobody has cost nothing but a number', () => {
  const { book } = make()
  for (let index = 0; index < 1_000; index += 1) book.failed('unknown', undefined)
  assert.equal(book.failures.get('unknown'), 1_000)
  assert.equal(book.flush(), false)
})

test('a batch is bounded, and what the store does not take is tried again', () => {
  const { saved, book } = make()
  for (let index = 0; index < 1_200; index += 1) book.used(`k${index}`, '10.0.0.1')
  assert.equal(book.flush(), true)
  while (book.flush());
  assert.deepEqual(
    saved.map((batch) => batch.length),
    [500, 500, 200],
  )
  let isBroken = true
  const taken: string[] = []
  const store = {
    load: () => new Map<string, KeyUse>(),
    save: (uses: ReadonlyMap<string, KeyUse>) => {
      if (isBroken) throw new Error('disk')
      taken.push(...uses.keys())
    },
  }
  const other = createKeyUseBook({ clock: createManualClock(), store })
  other.used('k', '10.0.0.1')
  assert.throws(() => other.flush())
  isBroken = false
  other.flush()
  assert.deepEqual(taken, ['k'])
})
