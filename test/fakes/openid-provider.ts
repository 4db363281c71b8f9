// A real OpenID provider (oidc-provider) on loopback, whose signing key can be changed while it runs, and clients
// that obtain tokens from it: to be read, opaque, bound to a key.

import { generateKeyPairSync, hash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Provider } from 'oidc-provider'
import { craftToken, type TestKey } from './identity.ts'

export interface OpenIdProvider {
  readonly issuer: string
  /** requests by path, so that floods can be counted */
  readonly asked: Map<string, number>
  /** signs with a new key from now on; the key set has that one alone, or the old ones too */
  rotate(options: { readonly keepOld: boolean }): void
  /** answers nothing any more, or again */
  isDown: boolean
  /** a token for the client `client`, of the given resource; with a key a bound one */
  token(options?: TokenOptions): Promise<string>
  revoke(token: string): Promise<void>
  close(): Promise<void>
}

export interface TokenOptions {
  readonly client?: string
  readonly resource?: string
  readonly key?: TestKey
}

/** Resource whose tokens can be read, and one whose tokens say nothing. */
export const readable = 'https://agents.example.com'
export const opaque = 'https://opaque.example.com'
const secret = 'a-secret-of-at-least-32-characters'

export async function startOpenIdProvider(): Promise<OpenIdProvider> {
  const asked = new Map<string, number>()
  let keys = [makeKey()]
  let current: Provider | undefined
  let isDown = false
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? ''
    asked.set(path, (asked.get(path) ?? 0) + 1)
    if (isDown || current === undefined) response.destroy()
    else current.callback()(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const open = (): void => {
    current = new Provider(issuer, configuration(keys))
  }
  open()

  const post = async (
    path: string,
    form: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<unknown> => {
    const client = form['client_id'] ?? 'planner'
    const response = await fetch(`${issuer}${path}`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${client}:${secret}`).toString('base64')}`, ...headers },
      body: new URLSearchParams(form),
    })
    const text = await response.text()
    if (response.status !== 200) throw new Error(`${response.status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }

  return {
    issuer,
    asked,
    get isDown() {
      return isDown
    },
    set isDown(down) {
      isDown = down
    },
    rotate({ keepOld }) {
      keys = [makeKey(), ...(keepOld ? keys : [])]
      open()
    },
    async token({ client = 'planner', resource = readable, key } = {}) {
      const form = { grant_type: 'client_credentials', client_id: client, resource, scope: 'call' }
      const answer = await post('/token', form, key && { dpop: proofFor(key, 'POST', `${issuer}/token`) })
      return (answer as { access_token: string }).access_token
    },
    async revoke(token) {
      await post('/token/revocation', { token, client_id: 'planner' })
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

let made = 0

/** RFC 9449 §4.2 */
export function proofFor(key: TestKey, method: string, url: string, token?: string): string {
  const ath = token === undefined ? {} : { ath: hash('sha256', token, 'base64url') }
  const claims = {
    jti: `p${made++}-${Math.random()}`,
    htm: method,
    htu: url,
    iat: Math.floor(Date.now() / 1000),
    ...ath,
  }
  const jwk = key.publicKey.export({ format: 'jwk' })
  return craftToken({ typ: 'dpop+jwt', alg: 'ES256', jwk }, claims, key)
}

function makeKey(): object {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { ...privateKey.export({ format: 'jwk' }), kid: `key-${made++}`, alg: 'ES256', use: 'sig' }
}

function configuration(keys: readonly object[]): object {
  const client = (client_id: string): object => ({
    client_id,
    client_secret: secret,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  })
  return {
    clients: [client('planner'), client('gateway')],
    jwks: { keys },
    scopes: ['call'],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    ttl: { ClientCredentials: 600 },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true, allowedPolicy: () => true },
      dPoP: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context: unknown, resource: string) => ({
          scope: 'call',
          audience: resource,
          accessTokenTTL: 600,
          accessTokenFormat: resource === readable ? 'jwt' : 'opaque',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  }
}
