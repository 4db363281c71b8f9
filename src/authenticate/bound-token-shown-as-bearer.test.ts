// A token that is bound to a key or a certificate was stolen, and is shown by somebody who has neither: as a bearer
// token, without proof, with another certificate. Or a token that is bound to nobody is shown where binding is
// required. RFC 9449 §7.1, RFC 8705 §3.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Authenticated, PeerCertificate } from '../exchange/exchange.ts'
import { expectPassed, expectRefusedProof } from '../../test/fakes/expect.ts'
import { makeBoundWorld, thumbprintOf } from '../../test/fakes/dpop.ts'
import type { World } from '../../test/fakes/identity.ts'
import type { Refusal } from '../refusal/refusal.ts'

const x5t = 'x'.repeat(43)
const other = 'y'.repeat(43)

const peerOf = (thumbprint: string): PeerCertificate => ({
  der: Buffer.alloc(0),
  thumbprint,
  problem: () => undefined,
  isVouchedBy: () => false,
})

/** Shows a token over a connection with this client certificate. */
async function over(
  world: World,
  token: string,
  thumbprint?: string,
  scheme = 'Bearer',
): Promise<Authenticated | Refusal> {
  const received = world.receive({ authorization: `${scheme} ${token}` })
  const peer = thumbprint === undefined ? undefined : peerOf(thumbprint)
  return await world.authenticate(Object.assign(received, { peer }))
}

test('a token that is bound to nobody stays a bearer credential', async () => {
  const { world } = makeBoundWorld({ senderConstraint: 'none' })
  assert.equal(expectPassed(await world.bearer(world.token())).caller.senderConstrained, undefined)
})

test('a token bound to a key is nothing to a bearer, also where binding is not required', async () => {
  for (const senderConstraint of ['none', 'dpop', 'any']) {
    const { world, token, show, proof } = makeBoundWorld({ senderConstraint })
    assert.equal(expectPassed(await show()).caller.senderConstrained, 'dpop')
    expectRefusedProof(await world.bearer(token))
    expectRefusedProof(await world.call({ authorization: `Bearer ${token}`, dpop: proof() }))
    expectRefusedProof(await world.call({ authorization: `DPoP ${token}` }))
    // proven before, and still nothing without its proof
    expectRefusedProof(await world.bearer(token))
  }
})

test('a token bound to a certificate is nothing without it, also where binding is not required', async () => {
  for (const senderConstraint of ['none', 'mtls', 'any']) {
    const { world } = makeBoundWorld({ senderConstraint })
    const token = world.token({ cnf: { 'x5t#S256': x5t } })
    assert.equal(expectPassed(await over(world, token, x5t)).caller.senderConstrained, 'mtls')
    expectRefusedProof(await over(world, token))
    expectRefusedProof(await over(world, token, other))
    expectRefusedProof(await over(world, token, x5t, 'DPoP'))
    expectRefusedProof(await over(world, token))
  }
})

test('where binding is required, an unbound token is refused, and one that is bound otherwise', async () => {
  for (const senderConstraint of ['dpop', 'mtls', 'any']) {
    const { world, token } = makeBoundWorld({ senderConstraint })
    expectRefusedProof(await world.bearer(world.token()))
    expectRefusedProof(await over(world, world.token(), x5t))
    if (senderConstraint === 'mtls') expectRefusedProof(await over(world, token, x5t, 'DPoP'))
    if (senderConstraint === 'dpop')
      expectRefusedProof(await over(world, world.token({ cnf: { 'x5t#S256': x5t } }), x5t))
  }
})

test('a token bound to both needs both', async () => {
  const { world, key, showProof, proof } = makeBoundWorld({ senderConstraint: 'any' })
  const token = world.token({ cnf: { jkt: thumbprintOf(key), 'x5t#S256': x5t } })
  expectRefusedProof(await showProof(proof({}, token), token))
  expectRefusedProof(await over(world, token, x5t))
  const received = world.receive({ authorization: `DPoP ${token}`, dpop: proof({}, token) })
  expectPassed(await world.authenticate(Object.assign(received, { peer: peerOf(x5t) })))
})

test('a binding that we cannot check refuses the token', async () => {
  const { world } = makeBoundWorld({ senderConstraint: 'none' })
  for (const cnf of [
    {},
    null,
    'x',
    [],
    { jwk: {} },
    { kid: 'x' },
    { jkt: 7 },
    { jkt: 'short' },
    { jkt: '' },
    { 'x5t#S256': null },
    { 'x5t#S256': x5t, jwk: {} },
    { x5t: x5t },
    { JKT: x5t },
  ]) {
    expectRefusedProof(await over(world, world.token({ cnf }), x5t))
    expectRefusedProof(await over(world, world.token({ cnf }), x5t, 'DPoP'))
  }
})

test('an unbound token and an API key are not shown by DPoP', async () => {
  const { world } = makeBoundWorld({ senderConstraint: 'none' })
  const { key } = world.admin.create({ name: 'ci' })
  expectPassed(await world.bearer(world.token()))
  expectRefusedProof(await over(world, world.token(), undefined, 'DPoP'))
  expectRefusedProof(await over(world, key, undefined, 'DPoP'))
  expectPassed(await world.bearer(key))
})

test('a server’s nonce is asked for where it is configured, told to who holds the token alone, and ages', async () => {
  const { world, token, proof, show, showProof } = makeBoundWorld({ dpop: { nonce: true } })
  const asked = await show()
  assert.ok('kind' in asked)
  const nonce = asked.headers?.['dpop-nonce'] ?? ''
  assert.match(String(asked.headers?.['www-authenticate']), /error="use_dpop_nonce"/)
  expectPassed(await show({ claims: { nonce } }))
  for (const wrong of ['', `${nonce}x`, nonce.slice(1), 'x.y', 7, undefined]) {
    const outcome = await show({ claims: { nonce: wrong } })
    assert.ok('kind' in outcome && outcome.headers?.['dpop-nonce'] === nonce)
  }
  const refused = await showProof(proof({ claims: { nonce, htm: 'GET' } }))
  assert.ok('kind' in refused && refused.headers?.['dpop-nonce'] === undefined)
  const stranger = await world.call({ authorization: `DPoP ${token.slice(0, -4)}AAAA`, dpop: proof() })
  assert.ok('kind' in stranger && stranger.headers?.['dpop-nonce'] === undefined)
  world.clock.advance(300_000)
  const aged = await show({ claims: { nonce } })
  assert.ok('kind' in aged && aged.headers?.['dpop-nonce'] !== nonce)
})

test('a token that is bound to a certificate ends with it, on open streams too', async () => {
  const { world } = makeBoundWorld({ senderConstraint: 'mtls' })
  const token = world.token({ cnf: { 'x5t#S256': x5t } })
  const problems: string[] = []
  const peer = { ...peerOf(x5t), problem: () => problems[0] }
  const show = (): Promise<Authenticated | Refusal> =>
    world.authenticate(Object.assign(world.receive({ authorization: `Bearer ${token}` }), { peer }))
  const open = expectPassed(await show())
  assert.equal(open.caller.isRevoked(), false)
  problems.push('revoked')
  assert.equal(open.caller.isRevoked(), true)
  assert.equal(open.originIsRevoked(), true)
  expectRefusedProof(await show())
})
