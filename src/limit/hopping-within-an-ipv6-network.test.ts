// One host has 2^64 IPv6 addresses and many spellings of each. They count as one source.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createManualClock } from '../base/clock.ts'
import { createSourceLimiter } from './limit.ts'

function takes(sources: readonly string[]): boolean[] {
  const limiter = createSourceLimiter({ clock: createManualClock(), rate: { count: 1, periodMs: 60_000 } })
  return sources.map((source) => limiter.take(source))
}

describe('addresses of one host', () => {
  for (const others of [
    ['2001:db8:1:2::1', '2001:db8:1:2::2', '2001:db8:1:2:ffff:ffff:ffff:ffff'],
    ['2001:db8:1:2::1', '2001:0db8:0001:0002:0000:0000:0000:0009', '2001:DB8:1:2::A'],
    ['2001:db8::1', '2001:db8:0:0:5::', '2001:db8:0:0::7'],
    ['::1', '0:0:0:0:0:0:0:1', '::'],
    ['192.0.2.1', '::ffff:192.0.2.1', '::FFFF:192.0.2.1'],
    ['fe80::1%eth0', 'fe80::2%eth1'],
    ['2001:db8:1:2::192.0.2.1', '2001:db8:1:2::5'],
  ]) {
    it(`count as one: ${others.join(', ')}`, () => {
      assert.deepEqual(
        takes(others),
        others.map((_, index) => index === 0),
      )
    })
  }
  it('in different networks count by themselves', () => {
    assert.deepEqual(takes(['2001:db8:1:2::1', '2001:db8:1:3::1', '192.0.2.1', '192.0.2.2', '::ffff:192.0.2.3']), [
      true,
      true,
      true,
      true,
      true,
    ])
  })
})
