// The degraded way to prove a service account's token, for clusters that are configured so: signature, audience and
// times are verified here against the cluster's keys, and nobody is asked. It cannot see that a pod, an account or a
// token was deleted, and says so in a metric and at every start. The proof is that of any other token; only who it
// makes of its claims differs, and what it makes is not what an API server vouched for.

import type { Clock } from '../base/clock.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../base/strict-json.ts'
import { buildSnapshot, configSchema, type ClusterConfig, type Snapshot } from '../config/config.ts'
import type { Caller } from '../exchange/exchange.ts'
import { isRefusal, type Refusal } from '../refusal/refusal.ts'
import { ownValue } from './compact-form.ts'
import { describeAccount } from './describe-account.ts'
import { refuseInvalid } from './unauthenticated.ts'
import type { TokenReviewer } from './verify-service-account.ts'
import { createTokenVerifier, type TokenVerifier } from './verify-token.ts'

export interface LocalVerifier {
  /** `claims` are those of the token, unproven as yet */
  verify(token: string, claims: JsonObject, cluster: ClusterConfig, reviewer: TokenReviewer): Promise<Caller | Refusal>
}

interface Local {
  readonly verifier: TokenVerifier
  readonly snapshot: Snapshot
  reviewer: TokenReviewer
}

const maxClusters = 128

export function createLocalVerifier(options: {
  readonly clock: Clock
  readonly fetchJwks: (url: string) => Promise<Buffer>
  readonly readJwks: (reference: string) => Promise<Buffer>
}): LocalVerifier {
  const { clock } = options
  const known = new Map<string, Local>()

  const open = (cluster: ClusterConfig, reviewer: TokenReviewer): Local => {
    const { name, issuer, audience, algorithms, jwks } = cluster
    // read once: the same bounds and defaults as for every other issuer of tokens
    const keys = jwks ?? 'https://kubernetes.default.svc/openid/v1/jwks'
    const written = { name, issuer, audience, algorithms, jwks: keys, maxTokenLife: `${cluster.maxTokenLife}ms` }
    const local: Local = {
      reviewer,
      snapshot: buildSnapshot(configSchema.parse({ identity: { jwt: [written] } })),
      verifier: createTokenVerifier({
        clock,
        // never asked for: what is bound is refused below
        nonces: { current: () => '', isFresh: () => false },
        // a cluster's tokens are not among those
        revocations: { isTokenRevoked: () => false, isSubjectRevoked: () => false, isOriginRevoked: () => false },
        spent: { spend: () => Promise.resolve('full') },
        introspect: () => Promise.reject(new Error('not an issuer of opaque tokens')),
        fetchJwks: (url) => (jwks === undefined ? local.reviewer.keySet() : options.fetchJwks(url)),
        readJwks: options.readJwks,
      }),
    }
    return local
  }

  return {
    async verify(token, claims, cluster, reviewer) {
      const key = JSON.stringify(cluster)
      const local = known.get(key) ?? open(cluster, reviewer)
      if (known.size >= maxClusters) known.clear()
      known.set(key, local)
      // the connection that the configuration in force has
      local.reviewer = reviewer
      const proven = await local.verifier.verify(token, local.snapshot, '')
      if (isRefusal(proven)) return proven
      if (proven.confirmation !== undefined) return refuseInvalid('service account: bound to a key or a certificate')
      const described = describeAccount(identityOf(claims, cluster.name))
      if (typeof described === 'string') return refuseInvalid(`service account: ${described}`)
      // no API server vouched for it, so nothing is passed on as if one had
      const evidence = { ...described.evidence, verified: 'locally' }
      return {
        ...described,
        evidence,
        reviewed: undefined,
        expiresAtMs: proven.caller.expiresAtMs,
        isRevoked: () => proven.caller.isRevoked(),
      }
    },
  }
}

/** What the API server would have said of these claims, which are proven by now. */
function identityOf(claims: JsonObject, cluster: string): Parameters<typeof describeAccount>[0] {
  const username = textOf(ownValue(claims, 'sub'))
  const bound = objectOf(ownValue(claims, 'kubernetes.io'))
  const namespace = textOf(ownValue(bound, 'namespace'))
  const extra: Record<string, string[]> = {}
  for (const kind of ['pod', 'node'] as const) {
    const named = objectOf(ownValue(bound, kind))
    for (const field of ['name', 'uid'] as const) {
      const value = textOf(ownValue(named, field))
      if (value !== '') extra[`authentication.kubernetes.io/${kind}-${field}`] = [value]
    }
  }
  const id = textOf(ownValue(claims, 'jti'))
  if (id !== '') extra['authentication.kubernetes.io/credential-id'] = [`JTI=${id}`]
  const uid = textOf(ownValue(objectOf(ownValue(bound, 'serviceaccount')), 'uid'))
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated']
  return { cluster, username, uid, groups, extra }
}

const textOf = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '')
const objectOf = (value: JsonValue | undefined): JsonObject => (isJsonObject(value) ? value : {})
