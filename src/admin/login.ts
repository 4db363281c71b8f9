// Login of people by OpenID Connect: authorization code with PKCE (S256), `state`, `nonce`, one exact redirect URI, the
// `iss` of the answer (RFC 9207) and a signed ID token for this client. The protocol is oauth4webapi's; ours are the
// pending logins: few, short, for one use, and each of the one browser that began it. What the provider answers is not
// believed before all of that holds, and no address of it ever says where the browser goes next.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import * as oauth from 'oauth4webapi'
import type { Clock } from '../base/clock.ts'
import type { JsonObject } from '../base/strict-json.ts'
import { pendingMs } from './pending-life.ts'
import { problem, type Problem } from './problem.ts'

/** How the provider is asked: the dialler's bounds, its TLS and no redirects. */
export interface LoginFetch {
  get(url: string): Promise<Buffer>
  post(
    url: string,
    body: Buffer,
    fields: { readonly contentType: string; readonly authorization: string | undefined },
  ): Promise<{ readonly status: number; readonly contentType: string; readonly body: Buffer }>
}

export interface LoginOptions {
  readonly clock: Clock
  readonly issuer: string
  readonly clientId: string
  /** undefined for a public client */
  readonly clientSecret: string | undefined
  readonly scopes: readonly string[]
  /** a provider on this very machine may do without TLS */
  readonly mayBePlain: boolean
  readonly fetch: LoginFetch
  /** From the claims of a verified ID token; a text says why they make nobody. */
  readonly personOf: (claims: JsonObject) => Person | string
  /** of the callback */
  readonly redirectUri: () => string
}

export interface Person {
  readonly id: string
  readonly display: string
  readonly groups: readonly string[]
}

export interface Login {
  /** Where the browser goes, and what it brings back in a cookie. */
  begin(): Promise<{ readonly location: string; readonly browser: string } | Problem>
  /** `parameters` and `browser` are what came back, unproven. */
  finish(parameters: Readonly<Record<string, string>>, browser: string | undefined): Promise<Person | Problem>
}

interface Pending {
  readonly browserHash: Buffer
  readonly verifier: string
  readonly nonce: string
  readonly endsAt: number
}

const maxPending = 100 // bound: logins that wait for the provider
const metadataMs = 600_000
/** the provider's keys are public: nothing that a key could be shared for */
const algorithms: ReadonlySet<string> = new Set([
  'ES256',
  'ES384',
  'ES512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'EdDSA',
  'Ed25519',
])

export function createLogin(options: LoginOptions): Login {
  const { clock, clientId, clientSecret } = options
  /** by state, oldest first */
  const pending = new Map<string, Pending>()
  const client: oauth.Client = { client_id: clientId, [oauth.clockTolerance]: 30 }
  const requests = { [oauth.customFetch]: adapt(options.fetch), [oauth.allowInsecureRequests]: options.mayBePlain }
  let known: { readonly server: oauth.AuthorizationServer; readonly atMs: number } | undefined

  const discover = async (): Promise<oauth.AuthorizationServer> => {
    if (known !== undefined && clock.monotonicMs() - known.atMs < metadataMs) return known.server
    const issuer = new URL(options.issuer)
    const answer = await oauth.discoveryRequest(issuer, { ...requests, algorithm: 'oidc' })
    const server = await oauth.processDiscoveryResponse(issuer, answer)
    // what the provider offers beyond these is not taken, and where it says nothing RS256 is meant
    const offered = server.id_token_signing_alg_values_supported ?? ['RS256']
    const kept = { ...server, id_token_signing_alg_values_supported: offered.filter((each) => algorithms.has(each)) }
    known = { server: kept, atMs: clock.monotonicMs() }
    return kept
  }

  /** The one that waits under this state, used up by asking. */
  const take = (state: string | undefined, browser: string | undefined): Pending | string => {
    const found = state === undefined ? undefined : pending.get(state)
    if (state === undefined || found === undefined) return 'no login waits under this state'
    pending.delete(state)
    if (clock.monotonicMs() >= found.endsAt) return 'the login took too long'
    if (browser === undefined || !timingSafeEqual(hashOf(browser), found.browserHash))
      return 'the login was begun in another browser'
    return found
  }

  const redeem = async (query: URLSearchParams, { verifier, nonce }: Pending): Promise<JsonObject> => {
    const server = await discover()
    const validated = oauth.validateAuthResponse(server, client, query, query.get('state') ?? '')
    const proof = clientSecret === undefined ? oauth.None() : authenticateClient(server, clientSecret)
    const answer = await oauth.authorizationCodeGrantRequest(
      server,
      client,
      proof,
      validated,
      options.redirectUri(),
      verifier,
      requests,
    )
    const tokens = await oauth.processAuthorizationCodeResponse(server, client, answer, {
      expectedNonce: nonce,
      requireIdToken: true,
    })
    await oauth.validateApplicationLevelSignature(server, answer, requests)
    // the access token is of no use here, and is dropped; JSON as the library has parsed it
    return (oauth.getValidatedIdTokenClaims(tokens) ?? {}) as unknown as JsonObject
  }

  return {
    async begin() {
      let server: oauth.AuthorizationServer
      try {
        server = await discover()
      } catch (error) {
        return unavailable(error)
      }
      if (server.authorization_endpoint === undefined) return unavailable('no authorization endpoint')
      const [state, nonce, browser] = [oauth.generateRandomState(), oauth.generateRandomNonce(), randomText()]
      const verifier = oauth.generateRandomCodeVerifier()
      const location = new URL(server.authorization_endpoint)
      const parameters = {
        response_type: 'code',
        client_id: clientId,
        redirect_uri: options.redirectUri(),
        scope: options.scopes.join(' '),
        state,
        nonce,
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      }
      for (const [name, value] of Object.entries(parameters)) location.searchParams.set(name, value)
      for (const [key, { endsAt }] of pending) {
        if (endsAt > clock.monotonicMs() && pending.size < maxPending) break
        pending.delete(key)
      }
      pending.set(state, { browserHash: hashOf(browser), verifier, nonce, endsAt: clock.monotonicMs() + pendingMs })
      return { location: location.href, browser }
    },
    async finish(parameters, browser) {
      const waiting = take(parameters['state'], browser)
      if (typeof waiting === 'string') return refused(waiting)
      let claims: JsonObject
      try {
        claims = await redeem(new URLSearchParams(parameters), waiting)
      } catch (error) {
        return error instanceof LoginFetchError ? unavailable(error) : refused(reasonOf(error))
      }
      const person = options.personOf(claims)
      return typeof person === 'string' ? refused(person) : person
    },
  }
}

const refused = (detail: string): Problem => problem('ADMIN_LOGIN_REFUSED', detail)

const unavailable = (error: unknown): Problem =>
  problem('ADMIN_LOGIN_UNAVAILABLE', reasonOf(error), { headers: { 'retry-after': '10' } })

/** Private: what went wrong, without what the provider wrote. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code: unknown = Reflect.get(error, 'code')
  return typeof code === 'string' ? `${code}: ${error.message}` : error.message
}

function authenticateClient(server: oauth.AuthorizationServer, secret: string): oauth.ClientAuth {
  const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
  return methods.includes('client_secret_basic') ? oauth.ClientSecretBasic(secret) : oauth.ClientSecretPost(secret)
}

/** The provider did not answer: nobody's fault who logs in. */
class LoginFetchError extends Error {
  override readonly name = 'LoginFetchError'
}

type Fetch = NonNullable<
  oauth.HttpRequestOptions<'GET' | 'POST', URLSearchParams | undefined>[typeof oauth.customFetch]
>

function adapt(port: LoginFetch): Fetch {
  return async (url, { method, headers, body }) => {
    try {
      if (method === 'GET') return new Response(new Uint8Array(await port.get(url)), jsonHead)
      const fields = new Headers(headers)
      const answer = await port.post(url, Buffer.from(body?.toString() ?? ''), {
        contentType: fields.get('content-type') ?? 'application/x-www-form-urlencoded',
        authorization: fields.get('authorization') ?? undefined,
      })
      return new Response(new Uint8Array(answer.body), {
        status: answer.status,
        headers: { 'content-type': answer.contentType },
      })
    } catch (cause) {
      throw new LoginFetchError(`${new URL(url).origin} did not answer`, { cause })
    }
  }
}

/** The dialler says no more than that it was a 200; that it is JSON shows when it is read. */
const jsonHead = { status: 200, headers: { 'content-type': 'application/json' } }

const randomText = (): string => randomBytes(32).toString('base64url')
const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest()
