import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNetworkSet, findNetworkProblem, surroundingNetwork } from './networks.ts'

test('an address lies in the networks that hold it and in no other', () => {
  const set = createNetworkSet(['10.0.0.0/8', '192.0.2.7', '2001:db8:1::/48', '::ffff:172.16.0.0/108'])
  for (const source of [
    '10.0.0.0',
    '10.255.255.255',
    '192.0.2.7',
    '2001:db8:1:ffff::1',
    '::ffff:10.1.2.3',
    '172.31.0.1',
  ])
    assert.equal(set.has(source), true, source)
  for (const source of ['11.0.0.0', '9.255.255.255', '192.0.2.8', '2001:db8:2::', '::10.1.2.3', '172.32.0.1', '::1'])
    assert.equal(set.has(source), false, source)
})

test('what is no address is in no network, not even in all of them', () => {
  const all = createNetworkSet(['0.0.0.0/0', '::/0'])
  assert.equal(all.has('203.0.113.9'), true)
  assert.equal(all.has('2001:db8::1'), true)
  for (const source of ['unknown', '', '10.0.0', '10.0.0.1:443', '[::1]', 'fe80::1%eth0', ' 10.0.0.1', '010.0.0.1'])
    assert.equal(all.has(source), false, source)
})

test('all of IPv6 holds no IPv4 address, mapped or not', () => {
  const v6 = createNetworkSet(['::/0'])
  assert.equal(v6.has('10.0.0.1'), false)
  assert.equal(v6.has('::ffff:10.0.0.1'), false)
})

test('an empty list, or one of nothing that can be read, holds nobody', () => {
  assert.equal(createNetworkSet([]).has('10.0.0.1'), false)
  assert.equal(createNetworkSet(['10.0.0.0/99', 'here']).has('10.0.0.1'), false)
})

test('says what is wrong with a network', () => {
  for (const good of [
    '10.0.0.0/8',
    '10.1.2.3',
    '10.1.2.3/32',
    '0.0.0.0/0',
    '::/0',
    'fd00::/8',
    '::1',
    '::ffff:10.0.0.0/104',
  ])
    assert.equal(findNetworkProblem(good), undefined, good)
  for (const bad of [
    '',
    'here',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    'fd00::/129',
    '10.0.0.0/8/8',
    '*',
  ])
    assert.notEqual(findNetworkProblem(bad), undefined, bad)
  assert.match(findNetworkProblem('10.1.2.3/8') ?? '', /10\.0\.0\.0\/8$/)
  assert.match(findNetworkProblem('2001:db8::1/32') ?? '', /2001:db8::\/32$/)
})

test('of an address its surroundings are told, never the host', () => {
  assert.equal(surroundingNetwork('203.0.113.77'), '203.0.113.0/24')
  assert.equal(surroundingNetwork('::ffff:203.0.113.77'), '203.0.113.0/24')
  assert.equal(surroundingNetwork('2001:db8:1:2:3:4:5:6'), '2001:db8:1::/48')
  assert.equal(surroundingNetwork('::1'), '::/48')
  assert.equal(surroundingNetwork('unknown'), 'unknown')
})
