// Service accounts as callers, for tests: a verifier with clusters whose answers the test writes, a clock moved by hand,
// and tokens shaped like the real ones. `beat` is what the heartbeat does to open streams.

import { createManualClock, type ManualClock } from '../../src/base/clock.ts'
import type { JsonObject } from '../../src/base/strict-json.ts'
import { buildSnapshot, configSchema, type ConfigInput, type Snapshot } from '../../src/config/config.ts'
import type { Caller } from '../../src/exchange/exchange.ts'
import { isRefusal, type Refusal } from '../../src/refusal/refusal.ts'
import {
  createServiceAccountVerifier,
  type ServiceAccountVerifier,
} from '../../src/authenticate/verify-service-account.ts'
import { base64url } from './identity.ts'

export const clusterIssuer = 'https://kubernetes.default.svc.cluster.local'
export const clusterInput = {
  name: 'prod',
  issuer: clusterIssuer,
  audience: 'sallyport',
  server: 'https://127.0.0.1:1',
  token: 'file:token',
}

export interface Accounts {
  readonly clock: ManualClock
  readonly verifier: ServiceAccountVerifier
  snapshot: Snapshot
  /** what the clusters were asked: the cluster's name and the audiences */
  readonly asked: {
    readonly cluster: string
    readonly audiences: readonly string[]
    readonly isUrgent: boolean
    readonly connection: string
  }[]
  /** answers for the API server of a cluster; may throw, and may take its time */
  answer: (token: string, cluster: string) => JsonObject | Promise<JsonObject>
  keySet: () => Promise<Buffer>
  /** by which connection the clusters are asked from now on */
  connection: string
  verify(token: string, source?: string): Promise<Caller | Refusal | undefined>
  passes(token: string, source?: string): Promise<Caller>
  /** the private detail of a refusal */
  refuses(token: string, source?: string): Promise<string>
  token(changed?: Record<string, unknown>): string
}

/** A good answer, changed as given. */
export function goodStatus(changed: JsonObject = {}, user: JsonObject = {}): JsonObject {
  return {
    authenticated: true,
    audiences: ['sallyport'],
    user: {
      username: 'system:serviceaccount:team-a:planner',
      uid: 'account-uid',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:team-a', 'system:authenticated'],
      extra: {
        'authentication.kubernetes.io/credential-id': ['JTI=1'],
        'authentication.kubernetes.io/pod-name': ['planner-0'],
        'authentication.kubernetes.io/pod-uid': ['pod-uid'],
        'authentication.kubernetes.io/node-name': ['node-1'],
      },
      ...user,
    },
    ...changed,
  }
}

export function makeAccounts(clusters: NonNullable<ConfigInput['identity']>['kubernetes'] = [clusterInput]): Accounts {
  const clock = createManualClock()
  const accounts: Accounts = {
    clock,
    snapshot: snapshotWith(clusters),
    asked: [],
    answer: () => goodStatus(),
    connection: 'first',
    keySet: () => Promise.reject(new Error('no keys')),
    verifier: createServiceAccountVerifier({
      clock,
      reviewerOf: (snapshot, cluster) => {
        const { connection } = accounts
        return snapshot.config.identity.kubernetes.some(({ name }) => name === cluster)
          ? {
              reviewToken: async (token, audiences, isUrgent) => {
                accounts.asked.push({ cluster, audiences, isUrgent, connection })
                return await accounts.answer(token, cluster)
              },
              keySet: () => accounts.keySet(),
            }
          : undefined
      },
      fetchJwks: () => accounts.keySet(),
      readJwks: () => accounts.keySet(),
    }),
    verify: async (token, source = '192.0.2.7') => await accounts.verifier.verify(token, accounts.snapshot, source),
    async passes(token, source) {
      const proven = await accounts.verify(token, source)
      if (proven === undefined || isRefusal(proven)) throw new Error(`not proven: ${JSON.stringify(proven)}`)
      return proven
    },
    async refuses(token, source) {
      const refused = await accounts.verify(token, source)
      if (!isRefusal(refused)) throw new Error(`not refused: ${JSON.stringify(refused)}`)
      if (refused.code !== 'AUTHN_INVALID') throw new Error(`refused with ${refused.code}`)
      return refused.detail
    },
    token(changed = {}) {
      const nowSeconds = Math.floor(clock.nowMs() / 1_000)
      const claims = {
        iss: clusterIssuer,
        aud: ['sallyport'],
        iat: nowSeconds,
        exp: nowSeconds + 3_600,
        sub: 'system:serviceaccount:team-a:planner',
        'kubernetes.io': { namespace: 'team-a', serviceaccount: { name: 'planner', uid: 'account-uid' } },
        ...changed,
      }
      return `${base64url({ alg: 'RS256', kid: 'k' })}.${base64url(claims)}.${base64url('signature')}`
    },
  }
  return accounts
}

export function snapshotWith(clusters: NonNullable<ConfigInput['identity']>['kubernetes']): Snapshot {
  return buildSnapshot(configSchema.parse({ identity: { kubernetes: clusters } }))
}
