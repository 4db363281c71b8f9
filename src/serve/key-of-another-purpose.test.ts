// The gateway publishes keys for assertions and for receipts. Whoever takes one for the other, by mistake or by design,
// must get nowhere: not with an assertion "signed" by the log's key, not with a receipt by the key of assertions, and
// not with a token of one type in the place of the other.

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { createLocalJWKSet, jwtVerify, SignJWT, type JSONWebKeySet } from 'jose'
import { expectRefusal } from '../../test/fakes/expect.ts'
import { assertionRequest, craftToken, makeWorld } from '../../test/fakes/identity.ts'
import { createCheckpointSigner } from '../tlog/checkpoint.ts'
import { formatKeySet } from './published-keys.ts'

const log = generateKeyPairSync('ed25519')
const vkey = createCheckpointSigner('sallyport.local/5a11e001', log.privateKey).vkey
const world = makeWorld()
const keySet = JSON.parse(formatKeySet({ assertions: world.signer.jwks().keys, receipts: vkey })) as JSONWebKeySet

test('each key says what it is for, and has a kid of its own', () => {
  assert.deepEqual(
    keySet.keys.map((key) => [key.kty, key.crv, key.alg, key.use, Reflect.get(key, 'purpose')]),
    [
      ['EC', 'P-256', 'ES256', 'sig', 'assertion'],
      ['OKP', 'Ed25519', 'Ed25519', 'sig', 'receipt'],
    ],
  )
  assert.equal(new Set(keySet.keys.map(({ kid }) => kid)).size, 2)
  for (const key of keySet.keys) assert.equal('d' in key, false)
  const without = JSON.parse(
    formatKeySet({ assertions: world.signer.jwks().keys, receipts: undefined }),
  ) as JSONWebKeySet
  assert.equal(without.keys.length, 1)
})

test("an assertion by the log's key is none, for the gateway and for agents", async () => {
  const [, receipt] = keySet.keys
  const good = world.signer.mint(assertionRequest(world))
  const claims = JSON.parse(Buffer.from(good.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>
  const { key } = world.admin.create({ name: 'concierge' })
  const rules = { algorithms: ['ES256'], typ: 'sallyport-assertion+jwt', currentDate: new Date(world.clock.nowMs()) }
  await jwtVerify(good, createLocalJWKSet(keySet), rules)
  for (const alg of ['EdDSA', 'Ed25519']) {
    const header = { alg, kid: receipt?.kid ?? '', typ: rules.typ }
    const forged = await new SignJWT(claims).setProtectedHeader(header).sign(log.privateKey)
    await assert.rejects(jwtVerify(forged, createLocalJWKSet(keySet), rules))
    expectRefusal(
      await world.call({ authorization: `Bearer ${key}`, 'sallyport-caller-assertion': forged }),
      'AUTHN_INVALID',
    )
  }
})

test('a token of another type, signed by the right key, is no assertion', async () => {
  const { key } = world.admin.create({ name: 'concierge' })
  const good = world.signer.mint(assertionRequest(world))
  const claims = JSON.parse(Buffer.from(good.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>
  for (const typ of ['JWT', 'sallyport-card+jws', 'sallyport-exchange+jwt', 'application/at+jwt', undefined]) {
    const other = craftToken({ alg: 'ES256', kid: world.signer.kid, typ }, claims, world.assertionKey)
    expectRefusal(
      await world.call({ authorization: `Bearer ${key}`, 'sallyport-caller-assertion': other }),
      'AUTHN_INVALID',
    )
  }
})
