import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBoundedCache } from './bounded-cache.ts'

test('never holds more than its capacity and keeps the latest half', () => {
  const cache = createBoundedCache<{ n: number }>(10)
  for (let n = 0; n < 1000; n++) {
    cache.set(String(n), { n })
    assert.ok(cache.size <= 10)
  }
  for (let n = 996; n < 1000; n++) assert.equal(cache.get(String(n))?.n, n)
  assert.equal(cache.get('0'), undefined)
})

test('keeps what is asked for again and again', () => {
  const cache = createBoundedCache<{ n: number }>(10)
  cache.set('often', { n: -1 })
  for (let n = 0; n < 1000; n++) {
    cache.set(String(n), { n })
    assert.equal(cache.get('often')?.n, -1)
  }
})

test('forgets what was deleted, also when it lies in the old generation', () => {
  const cache = createBoundedCache<{ n: number }>(4)
  cache.set('a', { n: 1 })
  cache.set('b', { n: 2 })
  cache.set('c', { n: 3 })
  cache.delete('a')
  cache.delete('c')
  assert.equal(cache.get('a'), undefined)
  assert.equal(cache.get('c'), undefined)
  assert.equal(cache.get('b')?.n, 2)
  cache.clear()
  assert.equal(cache.size, 0)
})
