// Door of kubernetes: one cluster's API server, as far as this gateway needs it: who holds this token (TokenReview),
// may they do that (SubjectAccessReview), by which keys are its tokens signed, and what is there (list and watch).
// A thin client over the one dialler. It judges nothing: what an answer means is for authenticate and authorize to
// say, and where there is no answer it throws, so that they refuse.

import type { Clock } from '../base/clock.ts'
import type { Secret } from '../base/secret.ts'
import type { JsonObject } from '../base/strict-json.ts'
import type { Dialler } from '../forward/forward.ts'
import { ClusterFault, faultOf } from './cluster-fault.ts'
import { createConnection, type Connection } from './connection.ts'
import { createCredentialSource, type CredentialReferences } from './credential.ts'
import { follow, type Following, type FollowOptions } from './follow.ts'
import { createGate } from './gate.ts'
import { objectAt, textAt } from './json-lines.ts'

export { ClusterFault } from './cluster-fault.ts'
export type { CredentialReferences } from './credential.ts'
export type { Following, FollowOptions } from './follow.ts'

export interface ClusterOptions {
  /** short name */
  readonly name: string
  /** `https://host:port` */
  readonly server: string
  readonly references: CredentialReferences
  /** reads what a reference names */
  readonly resolve: (reference: string) => Secret
  readonly dialler: Dialler
  readonly clock: Clock
  /** of one question, waiting for room included */
  readonly timeoutMs: number
  /** most questions at once */
  readonly concurrency: number
  readonly random: () => number
}

/** What was asked of a cluster and how it went, for metrics. */
export interface ClusterCounts {
  readonly tokenReviews: number
  readonly accessReviews: number
  readonly failures: number
  /** wall clock; 0 for never */
  readonly lastSuccessMs: number
  readonly lastProblem: string | undefined
}

export interface Cluster {
  readonly name: string
  /** `status` of a TokenReview, unjudged. Urgent is what an open stream waits for. Throws ClusterFault. */
  reviewToken(token: string, audiences: readonly string[], isUrgent?: boolean): Promise<JsonObject>
  /** `status` of a SubjectAccessReview, unjudged. Throws ClusterFault. */
  reviewAccess(spec: JsonObject, isUrgent?: boolean): Promise<JsonObject>
  /** the keys by which the cluster signs service account tokens: a JWK set, unread. Throws ClusterFault. */
  keySet(): Promise<Buffer>
  follow(options: FollowOptions): Following
  counts(): ClusterCounts
  /** for when no call can use it any more */
  release(): void
}

export function connectCluster(options: ClusterOptions): Cluster {
  const { clock, name } = options
  const credential = createCredentialSource(options.references, options.resolve, clock)
  const { server, dialler, timeoutMs, concurrency } = options
  const connection: Connection = createConnection({ server, credential, dialler, clock, timeoutMs, concurrency })
  const followed = new Set<Following>()
  const counts = {
    tokenReviews: 0,
    accessReviews: 0,
    failures: 0,
    lastSuccessMs: 0,
    lastProblem: undefined as string | undefined,
  }

  const counted = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      const answer = await work()
      counts.lastSuccessMs = clock.nowMs()
      counts.lastProblem = undefined
      return answer
    } catch (error) {
      const fault = faultOf(error)
      counts.failures += 1
      counts.lastProblem = `${fault.code}: ${fault.message}`
      throw fault
    }
  }
  // rooms of their own: a flood of tokens must not stand in the way of those who are known
  const gates = { TokenReview: createGate(concurrency), SubjectAccessReview: createGate(concurrency) }
  const review = (kind: keyof typeof gates, path: string, spec: JsonObject, isUrgent: boolean): Promise<JsonObject> =>
    counted(async () => {
      const apiVersion = path.split('/').slice(2, 4).join('/')
      const body = { apiVersion, kind, metadata: {}, spec }
      const answer = await connection.askJson({ method: 'POST', path, body, isUrgent, gate: gates[kind] })
      const status = objectAt(answer, 'status')
      if (textAt(answer, 'kind') !== kind || textAt(answer, 'apiVersion') !== apiVersion || status === undefined)
        throw new ClusterFault('GARBAGE', `the answer is not a ${kind}`)
      return status
    })

  return {
    name,
    reviewToken(token, audiences, isUrgent = false) {
      counts.tokenReviews += 1
      const spec = { token, audiences: [...audiences] }
      return review('TokenReview', '/apis/authentication.k8s.io/v1/tokenreviews', spec, isUrgent)
    },
    reviewAccess(spec, isUrgent = false) {
      counts.accessReviews += 1
      return review('SubjectAccessReview', '/apis/authorization.k8s.io/v1/subjectaccessreviews', spec, isUrgent)
    },
    keySet: () => counted(() => connection.ask({ method: 'GET', path: '/openid/v1/jwks', accept: '*/*' })),
    follow(asked) {
      const following = follow(asked, { connection, clock, random: options.random })
      followed.add(following)
      return following
    },
    counts: () => ({ ...counts }),
    release() {
      for (const each of followed) each.stop()
      connection.release()
    },
  }
}
