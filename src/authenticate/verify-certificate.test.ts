import assert from 'node:assert/strict'
import test from 'node:test'
import { foundAuthority } from '../../test/fakes/certificates.ts'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import { makeSnapshot } from '../../test/fakes/identity.ts'
import { makePeerWorld, peerOf } from '../../test/fakes/peer.ts'

const id = 'spiffe://example.org/ns/a/sa/planner'

test('a certificate of a configured trust domain is a caller', async () => {
  const world = makePeerWorld()
  const issued = world.issue([id])
  const { caller, origin, autonomous } = expectPassed(await world.show(peerOf(issued)))
  assert.equal(caller.id, id)
  assert.equal(caller.method, 'mtls')
  assert.equal(caller.credential, issued.thumbprint.slice(0, 16))
  assert.deepEqual(caller.evidence, {
    subject: id,
    serial: issued.serial.toString('hex'),
    thumbprint: issued.thumbprint,
  })
  assert.equal(caller.expiresAtMs, Math.floor((world.clock.nowMs() + 3_600_000) / 1_000) * 1_000)
  assert.equal(origin, caller)
  assert.equal(autonomous, false)
})

test('a DNS name beside the SPIFFE id changes nothing', async () => {
  const world = makePeerWorld()
  assert.equal(expectPassed(await world.present([id, { dns: 'planner.example.org' }])).caller.id, id)
})

test('an agent is known by its SPIFFE id', async () => {
  const world = makePeerWorld()
  const { caller, autonomous } = expectPassed(await world.present(['spiffe://example.org/ns/a/sa/planner-agent']))
  assert.equal(caller.id, 'agent:planner')
  assert.equal(caller.evidence?.['subject'], 'spiffe://example.org/ns/a/sa/planner-agent')
  assert.equal(autonomous, true)
})

test('it ends with its time, and with its chain', async () => {
  const world = makePeerWorld()
  const peer = peerOf(world.issue([id]))
  const { caller } = expectPassed(await world.show(peer))
  assert.equal(caller.isRevoked(), false)
  peer.trouble = 'revoked'
  assert.equal(caller.isRevoked(), true)
  expectRefusal(await world.show(peer), 'AUTHN_INVALID')
  peer.trouble = undefined
  expectPassed(await world.show(peer))
  world.clock.advance(3_600_001)
  expectRefusal(await world.show(peer), 'AUTHN_INVALID')
})

test('another configuration judges the same connection anew', async () => {
  const world = makePeerWorld()
  const peer = peerOf(world.issue([id]))
  expectPassed(await world.show(peer))
  world.snapshot = makeSnapshot({ identity: { mtls: { spiffe: [{ trustDomain: 'other.example' }] } } })
  expectRefusal(await world.show(peer), 'AUTHN_INVALID')
  world.snapshot = makeSnapshot({ identity: {} })
  expectRefusal(await world.show(peer), 'AUTHN_MISSING')
})

test('a bearer credential comes first: the caller is its, and a bad one is not made good', async () => {
  const world = makePeerWorld()
  const { key } = world.admin.create({ name: 'ci' })
  const peer = peerOf(world.issue([id]))
  const { caller } = expectPassed(await world.show(peer, { 'x-api-key': key }))
  assert.equal(caller.id, 'key:ci')
  const wrong = key.slice(0, -1) + (key.endsWith('x') ? 'y' : 'x')
  for (const authorization of [`Bearer ${wrong}`, 'Bearer x', 'Basic x', ''])
    expectRefusal(await world.show(peer, { authorization }), 'AUTHN_INVALID')
  expectRefusal(await world.show(peer, { 'x-api-key': '' }), 'AUTHN_INVALID')
})

test('no credential outlives the certificate of its connection', async () => {
  const world = makePeerWorld()
  const { key } = world.admin.create({ name: 'ci' })
  const peer = peerOf(world.issue([id]))
  const { caller } = expectPassed(await world.show(peer, { 'x-api-key': key }))
  peer.trouble = 'revoked'
  assert.equal(caller.isRevoked(), true)
  expectRefusal(await world.show(peer, { 'x-api-key': key }), 'AUTHN_INVALID')
})

test('subjects that are not SPIFFE are known by one exact name', async () => {
  const world = makePeerWorld({
    subjects: [
      {
        name: 'partners',
        certificates: [
          { dns: 'billing.partner.example', subject: 'billing' },
          { uri: 'urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6', subject: 'robot' },
        ],
      },
    ],
  })
  const callerOf = async (...names: Parameters<typeof world.present>[0] & object): Promise<string> =>
    expectPassed(await world.present(names)).caller.id
  assert.equal(await callerOf({ dns: 'billing.partner.example' }), 'user:partners/billing')
  assert.equal(await callerOf({ dns: 'x.example' }, { dns: 'billing.partner.example' }), 'user:partners/billing')
  assert.equal(await callerOf('urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6'), 'user:partners/robot')
  for (const names of [
    [],
    [{ dns: 'BILLING.partner.example' }],
    [{ dns: '*.partner.example' }],
    [{ dns: 'billing.partner.example.' }],
    [{ dns: 'a.billing.partner.example' }],
    [{ email: 'billing.partner.example' }],
    ['billing.partner.example'],
    ['urn:uuid:F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6'],
    // those of two subjects
    [{ dns: 'billing.partner.example' }, 'urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6'],
    // a SPIFFE id is never anything else
    [{ dns: 'billing.partner.example' }, id],
  ])
    expectRefusal(await world.present(names), 'AUTHN_INVALID')
  // the common name counts for nothing
  expectRefusal(await world.present([], { name: 'billing.partner.example' }), 'AUTHN_INVALID')
})

test('a certificate that is valid for longer than maxLife is refused', async () => {
  const hourMs = 3_600_000
  const world = makePeerWorld({ spiffe: [{ trustDomain: 'example.org' }], maxLife: '24h' })
  const nowMs = Math.floor(world.clock.nowMs() / 1_000) * 1_000
  const notBeforeMs = nowMs - hourMs
  expectPassed(await world.present([id], { notBeforeMs, notAfterMs: notBeforeMs + 24 * hourMs }))
  expectRefusal(
    await world.present([id], { notBeforeMs, notAfterMs: notBeforeMs + 24 * hourMs + 1_000 }),
    'AUTHN_INVALID',
  )
})

test('an authority that was added later does not make a caller of an earlier certificate', async () => {
  const world = makePeerWorld({ spiffe: [{ trustDomain: 'example.org', ca: 'file:ca.pem' }] })
  const peer = peerOf(world.issue([id]))
  expectRefusal(await world.show(peer), 'AUTHN_INVALID')
  peer.vouchers.add('spiffe://example.org')
  const { caller } = expectPassed(await world.show(peer))
  peer.vouchers.delete('spiffe://example.org')
  assert.equal(caller.isRevoked(), true)
})

test('bytes that are no certificate are nobody', async () => {
  const world = makePeerWorld()
  const { der } = foundAuthority()
  for (const bad of [Buffer.alloc(0), Buffer.from('x'), der.subarray(0, 50), Buffer.alloc(1_000, 0x30)])
    expectRefusal(await world.show({ ...peerOf(world.issue([id])), der: bad }), 'AUTHN_INVALID')
})
