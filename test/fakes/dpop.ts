// A client that holds a key and makes proofs with it (RFC 9449), good ones and others.

import { generateKeyPairSync, hash } from 'node:crypto'
import type { Authenticated } from '../../src/exchange/exchange.ts'
import type { Refusal } from '../../src/refusal/refusal.ts'
import { audience, craftToken, issuerUrl, jwksUrl, makeWorld, type TestKey, type World } from './identity.ts'

export const proofUrl = `${audience}/agents/calculator`

export function makeProofKey(): TestKey {
  return { kid: 'client', alg: 'ES256', ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) }
}

export function publicJwk(key: TestKey): Record<string, unknown> {
  return { ...key.publicKey.export({ format: 'jwk' }) }
}

export function thumbprintOf(key: TestKey): string {
  const { crv, kty, x, y } = key.publicKey.export({ format: 'jwk' })
  return hash('sha256', JSON.stringify({ crv, kty, x, y }), 'base64url')
}

let proofs = 0

export interface ProofChanges {
  readonly header?: object
  readonly claims?: object
  readonly key?: TestKey
}

/** A world whose one issuer binds tokens, and a client of it. */
export function makeBoundWorld(changed: object = {}): {
  readonly world: World
  readonly key: TestKey
  /** a token bound to the client's key */
  readonly token: string
  readonly proof: (changes?: ProofChanges, token?: string) => string
  /** shows the token with a proof, good unless changed */
  readonly show: (changes?: ProofChanges) => Promise<Authenticated | Refusal>
  readonly showProof: (proof: string, token?: string) => Promise<Authenticated | Refusal>
} {
  const issuer = { name: 'corp', issuer: issuerUrl, audience, algorithms: ['ES256' as const], jwks: jwksUrl }
  const world = makeWorld({
    gateway: { publicUrl: audience },
    identity: { jwt: [{ ...issuer, senderConstraint: 'dpop', ...changed }] },
    agents: [{ name: 'calculator', url: 'http://127.0.0.1:8002', hosts: ['calculator.example.com'] }],
  })
  const key = makeProofKey()
  const bound = world.token({ cnf: { jkt: thumbprintOf(key) } })
  const proof = ({ header = {}, claims = {}, key: signer = key }: ProofChanges = {}, token = bound): string =>
    craftToken(
      { typ: 'dpop+jwt', alg: 'ES256', jwk: publicJwk(signer), ...header },
      {
        jti: `proof-${proofs++}`,
        htm: 'POST',
        htu: proofUrl,
        iat: Math.floor(world.clock.nowMs() / 1000),
        ath: hash('sha256', token, 'base64url'),
        ...claims,
      },
      signer,
    )
  const showProof = (dpop: string, token = bound): Promise<Authenticated | Refusal> =>
    world.call({ authorization: `DPoP ${token}`, dpop })
  return { world, key, token: bound, proof, show: (changes) => showProof(proof(changes)), showProof }
}
