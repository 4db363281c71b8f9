import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { createSourceReader } from './source-address.ts'

const proxies = ['10.0.0.0/8', '192.0.2.1', 'fd00::/8']
const read = (
  remote: string | undefined,
  headers: Record<string, string>,
  trustedProxies: readonly string[] = proxies,
): string => {
  const proxyHeader = headers['forwarded'] === undefined ? 'x-forwarded-for' : 'forwarded'
  return createSourceReader({ trustedProxies, proxyHeader }).read(remote, new Map(Object.entries(headers)))
}

test('believes nobody where no proxy is declared', () => {
  assert.equal(read('10.1.1.1', { 'x-forwarded-for': '203.0.113.9', forwarded: 'for=203.0.113.9' }, []), '10.1.1.1')
})

test('ignores what a client says that is no declared proxy', () => {
  assert.equal(read('198.51.100.7', { 'x-forwarded-for': '203.0.113.9' }), '198.51.100.7')
  assert.equal(read('198.51.100.7', { forwarded: 'for=203.0.113.9' }), '198.51.100.7')
  assert.equal(read('11.0.0.1', { 'x-forwarded-for': '10.0.0.1, 203.0.113.9' }), '11.0.0.1')
  assert.equal(read('fe80::1', { 'x-forwarded-for': '203.0.113.9' }), 'fe80::1')
})

test('ignores other fields that some proxies set', () => {
  assert.equal(
    read('10.1.1.1', {
      'x-real-ip': '203.0.113.9',
      'cf-connecting-ip': '203.0.113.9',
      'true-client-ip': '203.0.113.9',
    }),
    'unknown',
  )
})

test('takes the right-most address that is not a proxy, whatever a client wrote before it', () => {
  assert.equal(read('10.1.1.1', { 'x-forwarded-for': '203.0.113.9' }), '203.0.113.9')
  assert.equal(read('10.1.1.1', { 'x-forwarded-for': '127.0.0.1, 203.0.113.9' }), '203.0.113.9')
  assert.equal(read('10.1.1.1', { 'x-forwarded-for': '127.0.0.1, 203.0.113.9, 10.2.2.2, 192.0.2.1' }), '203.0.113.9')
  assert.equal(
    read('10.1.1.1', { forwarded: 'for=127.0.0.1, for=203.0.113.9;proto=https, for=10.2.2.2' }),
    '203.0.113.9',
  )
})

test('a chain of nothing but proxies ends at its left end', () => {
  assert.equal(read('10.1.1.1', { 'x-forwarded-for': '10.3.3.3, 10.2.2.2' }), '10.3.3.3')
})

test('a hop that is no address makes the source unknown', () => {
  for (const junk of [
    'unknown',
    '_hidden',
    '',
    ' ',
    '203.0.113.999',
    'localhost',
    '203.0.113.9/24',
    '0x7f.1',
    '1.2.3',
    '<script>',
    '203.0.113.9 198.51.100.1',
  ]) {
    assert.equal(read('10.1.1.1', { 'x-forwarded-for': `203.0.113.9, ${junk}` }), 'unknown', junk)
  }
  for (const junk of [
    'for=unknown',
    'for=_hidden',
    'proto=https',
    'for=',
    'by=203.0.113.9',
    'xfor=203.0.113.9',
    'for="',
    'for="[',
    'for="[]"',
  ]) {
    assert.equal(read('10.1.1.1', { forwarded: `for=203.0.113.9, ${junk}` }), 'unknown', junk)
  }
})

test('reads IPv6, quotes and ports as RFC 7239 writes them', () => {
  assert.equal(read('10.1.1.1', { forwarded: 'for="[2001:db8::1]:8080"' }), '2001:db8::1')
  assert.equal(read('10.1.1.1', { forwarded: 'For="[2001:db8::1]";proto=https' }), '2001:db8::1')
  assert.equal(read('10.1.1.1', { forwarded: 'proto=https; for=203.0.113.9:80' }), '203.0.113.9')
  assert.equal(read('fd00::5', { 'x-forwarded-for': '2001:db8::1' }), '2001:db8::1')
  assert.equal(read('10.1.1.1', { 'x-forwarded-for': '203.0.113.9:4711' }), '203.0.113.9')
})

test('an IPv4 address mapped into IPv6 is the IPv4 address', () => {
  assert.equal(read('::ffff:10.1.1.1', { 'x-forwarded-for': '203.0.113.9' }), '203.0.113.9')
  assert.equal(read('::ffff:198.51.100.7', { 'x-forwarded-for': '203.0.113.9' }), '198.51.100.7')
  assert.equal(read('10.1.1.1', { 'x-forwarded-for': '::ffff:203.0.113.9' }), '203.0.113.9')
  assert.equal(read('10.1.1.1', { 'x-forwarded-for': '[::FFFF:203.0.113.9]:1' }), '203.0.113.9')
})

test('a socket that is already gone has no source', () => {
  assert.equal(read(undefined, { 'x-forwarded-for': '203.0.113.9' }), '')
})

test('a zone says nothing of the address', () => {
  assert.equal(read('fe80::1%eth0', {}, ['fe80::/10']), 'unknown')
  assert.equal(read('fe80::1%eth0', {}, []), 'fe80::1')
})

test('what a client prepends never changes the answer', () => {
  fc.assert(
    fc.property(fc.string(), (prefix) => {
      assert.equal(read('10.1.1.1', { 'x-forwarded-for': `${prefix}, 203.0.113.9` }), '203.0.113.9')
      assert.equal(read('10.1.1.1', { forwarded: `${prefix}, for=203.0.113.9` }), '203.0.113.9')
    }),
    { numRuns: 300 },
  )
})
