// Service account tokens as a cluster issues them, and what its API server says of one: signature, times, audience, and
// whether account and pod are still there. Claims and answers have the shape of the real ones.

import { createPublicKey, generateKeyPairSync, randomUUID, sign, verify, type KeyObject } from 'node:crypto'

export interface TokenRequest {
  readonly namespace: string
  readonly account: string
  readonly audiences: readonly string[]
  readonly pod?: { readonly name: string; readonly uid: string }
  readonly node?: { readonly name: string; readonly uid: string }
  /** default one hour */
  readonly lifeSeconds?: number
}

export interface UserInfo {
  readonly username: string
  readonly uid: string
  readonly groups: readonly string[]
  readonly extra: Readonly<Record<string, readonly string[]>>
}

export interface TokenAuthority {
  readonly issuer: string
  issue(request: TokenRequest): string
  /** the user and the token's own audiences, or why not */
  examine(token: string): { readonly user: UserInfo; readonly audiences: readonly string[] } | string
  /** uid of a service account, made on first use */
  accountUid(namespace: string, name: string): string
  deleteAccount(namespace: string, name: string): void
  jwks(): object
  readonly privateKey: KeyObject
}

export interface AuthorityOptions {
  readonly issuer: string
  readonly nowMs: () => number
  /** uid of a living pod, undefined when there is none of this name */
  readonly podUid: (namespace: string, name: string) => string | undefined
}

interface Claims {
  readonly iss: string
  readonly aud: readonly string[]
  readonly exp: number
  readonly nbf: number
  readonly jti: string
  readonly sub: string
  readonly 'kubernetes.io': {
    readonly namespace: string
    readonly pod?: { readonly name: string; readonly uid: string }
    readonly node?: { readonly name: string; readonly uid: string }
    readonly serviceaccount: { readonly name: string; readonly uid: string }
  }
}

const extraPrefix = 'authentication.kubernetes.io'

export function createTokenAuthority(options: AuthorityOptions): TokenAuthority {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const kid = randomUUID()
  const accounts = new Map<string, string>()
  const nowSeconds = (): number => Math.floor(options.nowMs() / 1_000)
  const accountUid = (namespace: string, name: string): string => {
    const key = `${namespace}/${name}`
    const uid = accounts.get(key) ?? randomUUID()
    accounts.set(key, uid)
    return uid
  }
  return {
    issuer: options.issuer,
    privateKey,
    accountUid,
    deleteAccount: (namespace, name) => void accounts.delete(`${namespace}/${name}`),
    jwks: () => ({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' }] }),
    issue({ namespace, account, audiences, pod, node, lifeSeconds = 3_600 }) {
      const iat = nowSeconds()
      const claims: Claims & { iat: number } = {
        aud: audiences,
        exp: iat + lifeSeconds,
        iat,
        iss: options.issuer,
        jti: randomUUID(),
        'kubernetes.io': {
          namespace,
          ...(node && { node }),
          ...(pod && { pod }),
          serviceaccount: { name: account, uid: accountUid(namespace, account) },
        },
        nbf: iat,
        sub: `system:serviceaccount:${namespace}:${account}`,
      }
      const signed = [{ alg: 'ES256', kid }, claims].map((part) =>
        Buffer.from(JSON.stringify(part)).toString('base64url'),
      )
      const text = signed.join('.')
      return `${text}.${sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
    },
    examine(token) {
      const [header = '', payload = '', signature = '', more] = token.split('.')
      const key = {
        key: createPublicKey(publicKey.export({ format: 'pem', type: 'spki' })),
        dsaEncoding: 'ieee-p1363',
      } as const
      const isSigned =
        more === undefined &&
        verify('sha256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url'))
      if (!isSigned) return 'invalid bearer token'
      // we signed it
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims
      if (claims.exp <= nowSeconds()) return 'service account token has expired'
      const { namespace, pod, node, serviceaccount } = claims['kubernetes.io']
      if (accounts.get(`${namespace}/${serviceaccount.name}`) !== serviceaccount.uid)
        return 'service account UID does not match claim'
      if (pod !== undefined && options.podUid(namespace, pod.name) !== pod.uid)
        return 'service account token has been invalidated'
      const extra = {
        [`${extraPrefix}/credential-id`]: [`JTI=${claims.jti}`],
        ...(pod && { [`${extraPrefix}/pod-name`]: [pod.name], [`${extraPrefix}/pod-uid`]: [pod.uid] }),
        ...(node && { [`${extraPrefix}/node-name`]: [node.name], [`${extraPrefix}/node-uid`]: [node.uid] }),
      }
      const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated']
      return { user: { username: claims.sub, uid: serviceaccount.uid, groups, extra }, audiences: claims.aud }
    },
  }
}
