import test from 'node:test'
import { expectRefusal } from '../../test/fakes/expect.ts'
import { makePeerWorld } from '../../test/fakes/peer.ts'

test('an id that could be written another way is nobody', async () => {
  const world = makePeerWorld()
  for (const uri of [
    'spiffe://example.org/ns/a/sa/plann%65r',
    'spiffe://example.org/ns/a/sa/planner%00',
    'spiffe://example.org/ns/a%2Fsa/planner',
    'spiffe://example%2Eorg/ns/a/sa/planner',
    'spiffe://example.org/ns/a//sa/planner',
    'spiffe://example.org/ns/a/./sa/planner',
    'spiffe://example.org/ns/b/../a/sa/planner',
    'spiffe://example.org/ns/a/sa/planner/',
    'spiffe://example.org/ns/a/sa/planner?x',
    'spiffe://example.org/ns/a/sa/planner#x',
    'spiffe://example.org/ns/a/sa/planner ',
    ' spiffe://example.org/ns/a/sa/planner',
    'spiffe://example.org/ns/a/sa/planner\n',
    'spiffe://example.org/ns/a/sa/planner\u0000',
    'spiffe://example.org/ns/a/sa/plannér',
    'spiffe://example.org/ns/a/sa/planner;x',
    'spiffe://example.org\\ns\\a',
    'spiffe:/example.org/ns/a',
    'spiffe:example.org/ns/a',
    // the trust domain itself is no workload
    'spiffe://example.org',
    'spiffe://example.org/',
    'spiffe://example.org/..',
    `spiffe://example.org/${'a'.repeat(2_028)}`,
  ])
    expectRefusal(await world.present([uri]), 'AUTHN_INVALID')
})
