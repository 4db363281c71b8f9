// The certified OpenID provider of node-oidc-provider on a free port of loopback, with one confidential client and
// logins that need nobody: whoever comes is the account that the test names.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { generateKeyPairSync } from 'node:crypto'

interface Interaction {
  readonly prompt: { readonly name: string }
}
interface Grant {
  addOIDCScope(scope: string): void
  save(): Promise<string>
}
/** The part of it that is used; it comes without types. */
interface ProviderInstance {
  readonly callback: () => (request: IncomingMessage, response: ServerResponse) => void
  readonly Grant: new (of: { accountId: string; clientId: string }) => Grant
  interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<Interaction>
  interactionFinished(request: IncomingMessage, response: ServerResponse, result: object): Promise<void>
}
type ProviderClass = new (issuer: string, configuration: object) => ProviderInstance

export interface LoginProvider {
  readonly issuer: string
  /** who comes next */
  account: string
  readonly close: () => Promise<void>
}

export const loginClient = { id: 'sallyport', secret: 'secret-of-the-client-0123456789' }

export async function startLoginProvider(redirectUri: () => string): Promise<LoginProvider> {
  const packageName = 'oidc-provider'
  const { default: Provider } = (await import(packageName)) as { default: ProviderClass }
  let handle: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => void response.end()
  const server: Server = createServer((request, response) => handle(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const signing = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' })
  const found: LoginProvider = {
    issuer,
    account: 'alice',
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: loginClient.id,
        client_secret: loginClient.secret,
        redirect_uris: [redirectUri()],
        grant_types: ['authorization_code'],
        response_types: ['code'],
      },
    ],
    jwks: { keys: [{ ...signing, kid: 'signing', use: 'sig', alg: 'RS256' }] },
    cookies: { keys: ['only-for-tests'] },
    claims: { openid: ['sub', 'groups', 'name'] },
    conformIdTokenClaims: false,
    features: { devInteractions: { enabled: false } },
    pkce: { required: () => true },
    interactions: { url: () => '/interaction' },
    findAccount: (_: unknown, accountId: string) => ({
      accountId,
      claims: () => ({ sub: accountId, groups: ['operators', 'everyone'], name: `Name of ${accountId}` }),
    }),
  })
  const serve = provider.callback()
  handle = (request, response) => {
    if (request.url?.startsWith('/interaction') !== true) return serve(request, response)
    void (async () => {
      const grant = new provider.Grant({ accountId: found.account, clientId: loginClient.id })
      grant.addOIDCScope('openid')
      await provider.interactionDetails(request, response)
      await provider.interactionFinished(request, response, {
        login: { accountId: found.account },
        consent: { grantId: await grant.save() },
      })
    })().catch((error: unknown) => response.writeHead(500).end(String(error)))
  }
  return found
}

/** A browser as far as logins need one: a jar per origin, and no redirect that it does not see. */
export function createBrowser(): { readonly open: (url: string, origin?: string) => Promise<Response> } {
  const jars = new Map<string, Map<string, string>>()
  return {
    async open(url) {
      const { origin } = new URL(url)
      const jar = jars.get(origin) ?? new Map<string, string>()
      jars.set(origin, jar)
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
      const answer = await fetch(url, { redirect: 'manual', headers: cookie === '' ? {} : { cookie } })
      for (const set of answer.headers.getSetCookie()) {
        const [pair = ''] = set.split(';', 1)
        const at = pair.indexOf('=')
        if (/max-age=0|expires=thu, 01 jan 1970/i.test(set)) jar.delete(pair.slice(0, at))
        else jar.set(pair.slice(0, at), pair.slice(at + 1))
      }
      return answer
    },
  }
}
