import test from 'node:test'
import { expectRefusal } from '../../test/fakes/expect.ts'
import { makePeerWorld } from '../../test/fakes/peer.ts'

const id = 'spiffe://example.org/ns/a/sa/planner'

test('a name that holds the separators of a formatted list is one name, and not the one within it', async () => {
  const world = makePeerWorld({
    spiffe: [{ trustDomain: 'example.org' }],
    subjects: [{ name: 'partners', certificates: [{ dns: 'billing.partner.example', subject: 'billing' }] }],
  })
  for (const names of [
    [{ dns: `x.example, URI:${id}` }],
    [{ dns: `x.example", URI:"${id}` }],
    [{ dns: `x.example\u0000, URI:${id}` }],
    [{ email: `a@x.example, URI:${id}` }],
    [`https://x.example/, URI:${id}`],
    [`${id}, DNS:x.example`],
    [`"${id}"`],
    [`URI:${id}`],
    [{ dns: id }],
    [{ email: id }],
    [{ dns: 'x.example, DNS:billing.partner.example' }],
    [{ dns: 'billing.partner.example\u0000.evil.example' }],
    ['https://x.example/, DNS:billing.partner.example'],
  ])
    expectRefusal(await world.present(names), 'AUTHN_INVALID')
  expectRefusal(await world.present([], { name: id }), 'AUTHN_INVALID')
  expectRefusal(await world.present([], { name: `x, URI:${id}` }), 'AUTHN_INVALID')
})
