// A caller behind a trusted proxy adds a second field, or a hop that cannot be read, so that the gateway gives up and
// takes the proxy's own, inner address for the caller's.

import assert from 'node:assert/strict'
import test from 'node:test'
import { createSourceReader } from './source-address.ts'

const proxies = ['10.0.0.0/8', 'fd00::/8']
const read = (proxyHeader: 'forwarded' | 'x-forwarded-for', headers: Record<string, string>): string =>
  createSourceReader({ trustedProxies: proxies, proxyHeader }).read('10.1.1.1', new Map(Object.entries(headers)))

test('a field that the proxy does not write says nothing, whatever it says', () => {
  for (const forwarded of ['for=127.0.0.1', 'for=10.2.2.2', 'for=198.51.100.1', 'for=unknown', '', 'for="', 'x'])
    assert.equal(read('x-forwarded-for', { forwarded, 'x-forwarded-for': '203.0.113.9' }), '203.0.113.9', forwarded)
  for (const forwardedFor of ['127.0.0.1', '10.2.2.2', 'unknown', '', ','])
    assert.equal(read('forwarded', { forwarded: 'for=203.0.113.9', 'x-forwarded-for': forwardedFor }), '203.0.113.9')
})

test('a caller is known by the address and port that the proxy wrote', () => {
  for (const hop of ['[2001:db8::1]:4711', '[2001:db8::1]', '2001:db8::1'])
    assert.equal(read('x-forwarded-for', { 'x-forwarded-for': `10.9.9.9, ${hop}` }), '2001:db8::1', hop)
  assert.equal(read('x-forwarded-for', { 'x-forwarded-for': '10.9.9.9, 203.0.113.9:4711' }), '203.0.113.9')
  assert.equal(read('forwarded', { forwarded: 'for=10.9.9.9, for="[2001:db8::1]:4711"' }), '2001:db8::1')
  assert.equal(read('forwarded', { forwarded: 'for=10.9.9.9, for="203.0.113.9:4711"' }), '203.0.113.9')
})

test('a hop that cannot be read, or none at all, makes the caller unknown: never the proxy', () => {
  for (const hop of [
    '',
    ' ',
    'unknown',
    '_hidden',
    '[2001:db8::1',
    '[203.0.113.9]',
    '203.0.113.9:',
    '1.2.3.4:port',
    '[]:1',
  ])
    assert.equal(read('x-forwarded-for', { 'x-forwarded-for': `10.9.9.9, ${hop}` }), 'unknown', hop)
  assert.equal(read('forwarded', { forwarded: 'for=10.9.9.9, for=_hidden' }), 'unknown')
  assert.equal(read('x-forwarded-for', {}), 'unknown')
  assert.equal(read('forwarded', {}), 'unknown')
  assert.equal(read('x-forwarded-for', { forwarded: 'for=127.0.0.1' }), 'unknown')
  assert.equal(read('forwarded', { 'x-forwarded-for': '127.0.0.1' }), 'unknown')
})
