import test from 'node:test'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import { makePeerWorld, peerOf } from '../../test/fakes/peer.ts'

test('a trust domain is the configured one letter for letter', async () => {
  const world = makePeerWorld()
  for (const domain of [
    'other.example',
    'example.org.evil.example',
    'evil-example.org',
    'sub.example.org',
    'example.orgx',
    'example.or',
    'EXAMPLE.ORG',
    'Example.org',
    'example.org.',
    '.example.org',
    'example.org:443',
    'user@example.org',
    'example.org@evil.example',
    'example.org,evil',
    '',
    'a'.repeat(256),
  ])
    expectRefusal(await world.present([`spiffe://${domain}/ns/a/sa/planner`]), 'AUTHN_INVALID')
  for (const scheme of ['SPIFFE', 'Spiffe', 'https', 'spiffes'])
    expectRefusal(await world.present([`${scheme}://example.org/ns/a/sa/planner`]), 'AUTHN_INVALID')
})

test('the authorities of one trust domain do not speak for another', async () => {
  const world = makePeerWorld({
    spiffe: [
      { trustDomain: 'example.org', ca: 'file:ours.pem' },
      { trustDomain: 'partner.example', ca: 'file:theirs.pem' },
    ],
    subjects: [{ name: 'machines', ca: 'file:machines.pem', certificates: [{ dns: 'm.example', subject: 'm' }] }],
  })
  const bundles = ['spiffe://example.org', 'spiffe://partner.example', 'user:machines']
  const names = ['spiffe://example.org/a', 'spiffe://partner.example/a', { dns: 'm.example' }]
  for (const [at, name] of names.entries())
    for (const bundle of bundles) {
      const peer = peerOf(world.issue([name]), [bundle])
      if (bundle === bundles[at]) expectPassed(await world.show(peer))
      else expectRefusal(await world.show(peer), 'AUTHN_INVALID')
    }
})
