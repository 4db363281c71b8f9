// An identity provider in memory that can lie in every way that matters: what it says of itself, what it sends the
// browser back with, and what stands in its ID tokens, under which key. Tests change it; it never checks anything.

import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { exportJWK, SignJWT, UnsecuredJWT } from 'jose'
import type { JsonObject } from '../base/strict-json.ts'
import type { LoginFetch } from './login.ts'

export interface Lies {
  /** members of the metadata */
  metadata?: JsonObject
  claims?: JsonObject
  header?: JsonObject
  key?: KeyObject
  unsigned?: boolean
  /** the whole ID token */
  idToken?: string
  status?: number
  silent?: boolean
}

export interface FakeProvider {
  readonly issuer: string
  readonly fetch: LoginFetch
  /** what it says otherwise from now on */
  lies: Lies
  /** As a browser that went to `location` and comes back: the query of the callback. */
  readonly authorize: (location: string, subject?: string) => Record<string, string>
  /** bodies of token requests */
  readonly redeemed: URLSearchParams[]
  readonly authorizations: (string | undefined)[]
}

export const otherKey: KeyObject = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

export function createFakeProvider(issuer = 'https://idp.example.com'): FakeProvider {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  /** code → what it was given for */
  const codes = new Map<string, { subject: string; nonce: string; challenge: string; redirectUri: string }>()
  const provider: FakeProvider = {
    issuer,
    lies: {},
    redeemed: [],
    authorizations: [],
    fetch: {
      async get(url) {
        if (provider.lies.silent === true) throw new Error('nobody answers')
        if (url.endsWith('/keys'))
          return json({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256', use: 'sig' }] })
        return json({
          issuer,
          authorization_endpoint: `${issuer}/auth`,
          token_endpoint: `${issuer}/token`,
          jwks_uri: `${issuer}/keys`,
          response_types_supported: ['code'],
          subject_types_supported: ['public'],
          id_token_signing_alg_values_supported: ['ES256', 'none', 'HS256'],
          authorization_response_iss_parameter_supported: true,
          ...provider.lies.metadata,
        })
      },
      async post(_url, body, { authorization }) {
        if (provider.lies.silent === true) throw new Error('nobody answers')
        const form = new URLSearchParams(body.toString())
        provider.redeemed.push(form)
        provider.authorizations.push(authorization)
        const given = codes.get(form.get('code') ?? '')
        codes.delete(form.get('code') ?? '')
        const challenge = createHash('sha256')
          .update(form.get('code_verifier') ?? '')
          .digest('base64url')
        if (given === undefined || given.challenge !== challenge || given.redirectUri !== form.get('redirect_uri'))
          return { status: 400, contentType: 'application/json', body: json({ error: 'invalid_grant' }) }
        const answer = { access_token: 'a', token_type: 'Bearer', id_token: await mint(given) }
        return { status: provider.lies.status ?? 200, contentType: 'application/json', body: json(answer) }
      },
    },
    authorize(location, subject = 'alice') {
      const asked = new URL(location).searchParams
      const code = `code-${codes.size}-${asked.get('state')}`
      codes.set(code, {
        subject,
        nonce: asked.get('nonce') ?? '',
        challenge: asked.get('code_challenge') ?? '',
        redirectUri: asked.get('redirect_uri') ?? '',
      })
      return { code, state: asked.get('state') ?? '', iss: issuer }
    },
  }
  const mint = async ({ subject, nonce }: { subject: string; nonce: string }): Promise<string> => {
    const { claims, header, key, unsigned, idToken } = provider.lies
    if (idToken !== undefined) return idToken
    const seconds = Math.floor(Date.now() / 1_000)
    const payload = {
      iss: issuer,
      aud: 'sallyport',
      sub: subject,
      nonce,
      iat: seconds,
      exp: seconds + 60,
      groups: ['ops'],
      ...claims,
    }
    if (unsigned === true) return new UnsecuredJWT(payload).encode()
    return await new SignJWT(payload)
      .setProtectedHeader({ alg: 'ES256', kid: 'k', ...header })
      .sign(key ?? privateKey, { crit: { x: true } })
  }
  return provider
}

const json = (value: object): Buffer => Buffer.from(JSON.stringify(value))
