import test from 'node:test'
import { expectRefusal } from '../../test/fakes/expect.ts'
import { makePeerWorld } from '../../test/fakes/peer.ts'

const id = 'spiffe://example.org/ns/a/sa/planner'
const other = 'spiffe://example.org/ns/a/sa/other'

test('a certificate with a SPIFFE id and any other URI is nobody, in whichever order', async () => {
  const world = makePeerWorld()
  for (const names of [
    [id, other],
    [other, id],
    [id, id],
    [id, 'https://example.org/'],
    ['https://example.org/', id],
    [id, ''],
    ['', id],
    [id, 'SPIFFE://example.org/x'],
    [{ dns: 'x.example' }, id, { dns: 'y.example' }, other],
  ])
    expectRefusal(await world.present(names), 'AUTHN_INVALID')
})

test('nor is one whose second URI hides in another extension of the same kind', async () => {
  const world = makePeerWorld()
  expectRefusal(await world.present([id], { secondNames: [other] }), 'AUTHN_INVALID')
  expectRefusal(await world.present([{ dns: 'x.example' }], { secondNames: [id] }), 'AUTHN_INVALID')
})
