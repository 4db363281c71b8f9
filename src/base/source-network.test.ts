import assert from 'node:assert/strict'
import test from 'node:test'
import { sourceNetwork } from './source-network.ts'

test('addresses of one IPv6 network are one source, however they are written', () => {
  for (const address of ['2001:db8:0:7::1', '2001:DB8:0:7:ffff:ffff:ffff:ffff', '2001:0db8:0000:0007::9%eth0'])
    assert.equal(sourceNetwork(address), '2001:db8:0:7::/64', address)
  assert.notEqual(sourceNetwork('2001:db8:0:8::1'), sourceNetwork('2001:db8:0:7::1'))
  assert.equal(sourceNetwork('::1'), '0:0:0:0::/64')
})

test('an IPv4 address is itself, mapped or not', () => {
  assert.equal(sourceNetwork('192.0.2.7'), '192.0.2.7')
  assert.equal(sourceNetwork('::ffff:192.0.2.7'), '192.0.2.7')
  assert.notEqual(sourceNetwork('192.0.2.8'), sourceNetwork('192.0.2.7'))
})
