import test from 'node:test'
import { expectPassed, expectRefusal } from '../../test/fakes/expect.ts'
import { makePeerWorld } from '../../test/fakes/peer.ts'

const names = ['spiffe://example.org/ns/a/sa/planner']

test('an authority is nobody, nor is a key that signs certificates or lists, or signs nothing', async () => {
  const world = makePeerWorld()
  for (const changed of [
    { isCa: true },
    { isCa: true, usages: ['digitalSignature', 'keyCertSign'] },
    { isCa: true, usages: ['digitalSignature'] },
    { usages: ['digitalSignature', 'keyCertSign'] },
    { usages: ['digitalSignature', 'cRLSign'] },
    { usages: ['keyEncipherment'] },
    { usages: ['nonRepudiation'] },
    { usages: [] },
  ] as const)
    expectRefusal(await world.present(names, changed), 'AUTHN_INVALID')
  expectPassed(await world.present(names, { usages: ['digitalSignature', 'keyEncipherment'] }))
})
