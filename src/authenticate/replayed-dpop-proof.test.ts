// Somebody on the way has seen a request with its token and its proof, and shows both again: the same proof, or one
// made for something else. RFC 9449 §4.3, §11.1.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectPassed, expectRefusedProof } from '../../test/fakes/expect.ts'
import { makeBoundWorld, makeProofKey, proofUrl, publicJwk, thumbprintOf } from '../../test/fakes/dpop.ts'

test('a proof is taken once, as long as it could be taken at all', async () => {
  const { world, proof, showProof } = makeBoundWorld()
  const first = proof()
  expectPassed(await showProof(first))
  for (let passed = 0; passed <= 180_000; passed += 10_000) {
    expectRefusedProof(await showProof(first))
    world.clock.advance(10_000)
  }
  expectPassed(await showProof(proof()))
})

test('of many who show one proof at once, one passes', async () => {
  const { proof, showProof } = makeBoundWorld()
  const first = proof()
  const outcomes = await Promise.all(Array.from({ length: 50 }, () => showProof(first)))
  assert.equal(outcomes.filter((outcome) => !('kind' in outcome)).length, 1)
})

test('a proof made for another method or URL is refused', async () => {
  const { show } = makeBoundWorld()
  for (const htm of ['GET', 'post', 'PUT', '', 7, null, undefined, ['POST']])
    expectRefusedProof(await show({ claims: { htm } }))
  for (const htu of [
    'https://agents.example.com/agents/concierge',
    'https://agents.example.com/agents/calculator/',
    'https://agents.example.com/agents/Calculator',
    'https://agents.example.com/',
    'http://agents.example.com/agents/calculator',
    'https://agents.example.com:8443/agents/calculator',
    'https://evil.example.com/agents/calculator',
    'https://agents.example.com@evil.example.com/agents/calculator',
    'https://a:b@agents.example.com/agents/calculator',
    'https://calculator.example.com/agents/calculator',
    '/agents/calculator',
    '//agents.example.com/agents/calculator',
    'javascript:https://agents.example.com/agents/calculator',
    '',
    undefined,
    [proofUrl],
  ])
    expectRefusedProof(await show({ claims: { htu } }))
  for (const htu of ['HTTPS://Agents.Example.com:443/agents/calculator', `${proofUrl}?a=b`, `${proofUrl}#x`])
    expectPassed(await show({ claims: { htu } }))
})

test('a proof for the gateway’s name is none for an agent’s own, and the other way round', async () => {
  const { world, token, proof } = makeBoundWorld()
  const at = async (host: string, htu: string): Promise<unknown> => {
    const received = world.receive({ authorization: `DPoP ${token}`, dpop: proof({ claims: { htu } }) })
    return await world.authenticate(Object.assign(received, { host }))
  }
  expectPassed(await at('calculator.example.com', 'https://calculator.example.com/agents/calculator'))
  expectRefusedProof(await at('calculator.example.com', proofUrl))
  expectRefusedProof(await at('agents.example.com', 'https://calculator.example.com/agents/calculator'))
  expectRefusedProof(await at('evil.example.com', 'https://evil.example.com/agents/calculator'))
})

test('a proof made for another token is refused, though of the same key', async () => {
  const { world, key, proof, showProof } = makeBoundWorld()
  const other = world.token({ sub: 'other', cnf: { jkt: thumbprintOf(key) } })
  expectRefusedProof(await showProof(proof(), other))
  expectPassed(await showProof(proof({}, other), other))
  for (const ath of ['', undefined, 7, 'A'.repeat(43)]) expectRefusedProof(await showProof(proof({ claims: { ath } })))
})

test('a proof by another key is refused, whichever key it shows', async () => {
  const { key, show } = makeBoundWorld()
  const thief = makeProofKey()
  expectRefusedProof(await show({ key: thief }))
  expectRefusedProof(await show({ key: thief, header: { jwk: publicJwk(key) } }))
  expectRefusedProof(await show({ header: { jwk: publicJwk(thief) } }))
  for (const jwk of [undefined, null, {}, [], 'x', { kty: 'EC' }, { kty: 'oct', k: 'AAAA' }])
    expectRefusedProof(await show({ header: { jwk } }))
})

test('a proof from another time is refused', async () => {
  const { world, show } = makeBoundWorld()
  expectPassed(await show())
  world.clock.advance(600_000)
  const nowSeconds = world.clock.nowMs() / 1000
  for (const iat of [nowSeconds - 91, nowSeconds + 31, 0, -1, 1e300, String(nowSeconds), null, undefined])
    expectRefusedProof(await show({ claims: { iat } }))
  for (const iat of [nowSeconds - 90, nowSeconds + 30, nowSeconds]) expectPassed(await show({ claims: { iat } }))
})

test('a proof from before this process remembers any is refused', async () => {
  const { world, show } = makeBoundWorld()
  const nowSeconds = world.clock.nowMs() / 1000
  expectRefusedProof(await show({ claims: { iat: nowSeconds - 1 } }))
  expectPassed(await show({ claims: { iat: nowSeconds } }))
})
