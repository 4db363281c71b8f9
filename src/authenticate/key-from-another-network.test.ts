// A key that is for one network is shown from elsewhere, with every field in which a client can claim to be somebody.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import { makeWorld, pepper, type World } from '../../test/fakes/identity.ts'
import { createSourceReader } from '../listen/source-address.ts'
import { authenticate, createApiKeyVerifier, createKeyUseBook } from './authenticate.ts'
import type { Authenticated } from '../exchange/exchange.ts'
import { isRefusal, type Refusal } from '../refusal/refusal.ts'

/** An API key is answered at once. */
function from(world: World, key: string, source: string): Authenticated | Refusal {
  const answer = authenticate(Object.assign(world.receive({ 'x-api-key': key }), { source }), world.authenticator)
  assert.ok(!(answer instanceof Promise))
  return answer
}

test('a key is good from its networks and from nowhere else, also when it was proven a moment ago', () => {
  const world = makeWorld()
  const { key } = world.admin.create({ name: 'ci', networks: ['10.0.0.0/8', '2001:db8:1::/48'] })
  for (const source of ['10.1.2.3', '2001:db8:1::9', '10.1.2.3']) expectPassed(from(world, key, source))
  for (const source of ['11.1.2.3', '2001:db8:2::9', '::1', '127.0.0.1', 'unknown', '', '10.1.2.3, 11.1.2.3'])
    expectRefusal(from(world, key, source), 'AUTHN_INVALID')
  expectPassed(from(world, key, '10.1.2.3'))
})

test('an empty list is for nobody', () => {
  const world = makeWorld()
  const { key } = world.admin.create({ name: 'ci', networks: [] })
  for (const source of ['10.1.2.3', '127.0.0.1', '::1', 'unknown'])
    expectRefusal(from(world, key, source), 'AUTHN_INVALID')
})

test('what the client writes into its head is nobody’s word', () => {
  const world = makeWorld()
  const { key } = world.admin.create({ name: 'ci', networks: ['10.0.0.0/8'] })
  const direct = createSourceReader({ trustedProxies: [], proxyHeader: 'x-forwarded-for' })
  const behind = createSourceReader({ trustedProxies: ['192.0.2.1'], proxyHeader: 'x-forwarded-for' })
  const inner = createSourceReader({ trustedProxies: ['10.0.0.1'], proxyHeader: 'forwarded' })
  const tries: [string, string][] = [
    ['x-forwarded-for', '10.1.2.3'],
    ['x-forwarded-for', '10.1.2.3, 203.0.113.9'],
    ['x-forwarded-for', '10.1.2.3,203.0.113.9,'],
    ['x-forwarded-for', '::ffff:10.1.2.3%0'],
    ['forwarded', 'for=10.1.2.3'],
    ['x-real-ip', '10.1.2.3'],
    ['client-ip', '10.1.2.3'],
  ]
  for (const [name, value] of tries) {
    const headers = new Map([[name, value]])
    expectRefusal(from(world, key, direct.read('203.0.113.9', headers)), 'AUTHN_INVALID')
    // from somebody who only claims to be behind the proxy
    expectRefusal(from(world, key, behind.read('203.0.113.9', headers)), 'AUTHN_INVALID')
  }
  // the proxy's own last word counts, not what came before it
  expectRefusal(
    from(world, key, behind.read('192.0.2.1', new Map([['x-forwarded-for', '10.1.2.3, 203.0.113.9']]))),
    'AUTHN_INVALID',
  )
  // a proxy inside of the network that does not say whom it speaks for is not in it
  expectRefusal(from(world, key, inner.read('10.0.0.1', new Map([['x-forwarded-for', '10.1.2.3']]))), 'AUTHN_INVALID')
  expectRefusal(from(world, key, inner.read('10.0.0.1', new Map())), 'AUTHN_INVALID')
  expectPassed(from(world, key, behind.read('192.0.2.1', new Map([['x-forwarded-for', '203.0.113.9, 10.1.2.3']]))))
})

test('such a try is counted for the key, and is no use of it', () => {
  const world = makeWorld()
  const keyUse = createKeyUseBook({ clock: world.clock, store: { load: () => new Map(), save: () => undefined } })
  const verifier = createApiKeyVerifier({ clock: world.clock, keys: world.store, pepper, keyUse })
  const { key, record } = world.admin.create({ name: 'ci', networks: ['10.0.0.0/8'] })
  assert.ok(isRefusal(verifier.verify(key, world.snapshot, '203.0.113.9')))
  assert.equal(keyUse.of(record.id).wrongNetworks, 1)
  assert.equal(keyUse.of(record.id).lastUsedMs, undefined)
  assert.ok(!isRefusal(verifier.verify(key, world.snapshot, '10.0.0.77')))
  assert.equal(keyUse.of(record.id).network, '10.0.0.0/24')
})
