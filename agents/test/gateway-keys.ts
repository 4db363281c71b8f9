// Stands in for the gateway's signing side in tests: publishes a JWKS and mints assertions, good and bad.

import { createServer } from 'node:http'
import { SignJWT, exportJWK, generateKeyPair, type JWTPayload } from 'jose'
import { listen } from '../src/listen.ts'

export const issuer = 'https://gateway.test'

export interface Claims {
  readonly sub?: string
  readonly aud?: string | string[]
  readonly iss?: string
  readonly act?: unknown
  readonly typ?: string
  readonly issuedSecondsAgo?: number
  readonly lifeSeconds?: number
  readonly without?: string
}

export interface GatewayKeys {
  readonly jwksUrl: string
  readonly issuer: string
  mint(claims?: Claims): Promise<string>
  /** the same claims, signed by a key the gateway never published */
  forge(claims?: Claims): Promise<string>
  close(): void
}

export async function startGatewayKeys(): Promise<GatewayKeys> {
  const own = await generateKeyPair('ES256')
  const foreign = await generateKeyPair('ES256')
  const kid = 'test'
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(own.publicKey)), kid, alg: 'ES256', use: 'sig' }] })
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json')
    response.end(jwks)
  })
  const port = await listen(server, 0, '127.0.0.1')
  const sign = (key: CryptoKey, claims: Claims): Promise<string> =>
    new SignJWT(payloadOf(claims))
      .setProtectedHeader({ alg: 'ES256', kid, typ: claims.typ ?? 'sallyport-assertion+jwt' })
      .sign(key)
  return {
    jwksUrl: `http://127.0.0.1:${port}/.well-known/jwks.json`,
    issuer,
    mint: (claims = {}) => sign(own.privateKey, claims),
    forge: (claims = {}) => sign(foreign.privateKey, claims),
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

export function payloadOf(claims: Claims): JWTPayload {
  const iat = Math.floor(Date.now() / 1000) - (claims.issuedSecondsAgo ?? 0)
  const payload: JWTPayload = {
    iss: claims.iss ?? issuer,
    sub: claims.sub ?? 'key:alice',
    aud: claims.aud ?? 'agent:calculator',
    iat,
    exp: iat + (claims.lifeSeconds ?? 60),
    jti: crypto.randomUUID(),
  }
  if (claims.act !== undefined) payload['act'] = claims.act
  if (claims.without !== undefined) delete payload[claims.without]
  return payload
}
