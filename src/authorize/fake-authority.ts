// For tests of this folder: an authority over a cluster whose RBAC objects the test writes, decided as an API server
// decides them, and a clock moved by hand. `answer` replaces what the cluster says.

import { createManualClock, type ManualClock } from '../base/clock.ts'
import type { JsonObject } from '../base/strict-json.ts'
import type { Caller, Principal } from '../exchange/exchange.ts'
import { decideByRbac, type RbacObject } from '../../test/fakes/kubernetes-rbac.ts'
import { callerOf, principal, snapshotOf } from '../../test/fakes/walk.ts'
import {
  createAccessAuthority,
  type AccessAuthority,
  type AuthorityOptions,
  type ReviewedCall,
} from './review-access.ts'

export interface FakeAuthority {
  readonly clock: ManualClock
  readonly authority: AccessAuthority
  readonly rbac: RbacObject[]
  /** specs as the cluster was asked */
  readonly asked: JsonObject[]
  answer: ((spec: JsonObject) => JsonObject | Promise<JsonObject>) | undefined
  /** may call it be: a role with these verbs on these agents, bound to these subjects, in a namespace */
  grant(grant: Grant): void
  /** '' when allowed, the private detail of the refusal otherwise */
  ask(call: ReviewedCall): Promise<string>
}

export interface Grant {
  readonly name: string
  readonly namespace?: string
  readonly agents?: readonly string[]
  readonly verbs?: readonly string[]
  readonly subjects: readonly { readonly kind: string; readonly name: string; readonly namespace?: string }[]
}

export function makeAuthority(changed: Partial<AuthorityOptions> = {}): FakeAuthority {
  const clock = createManualClock()
  const fake: FakeAuthority = {
    clock,
    rbac: [],
    asked: [],
    answer: undefined,
    authority: createAccessAuthority({
      clock,
      reviewer: {
        reviewAccess: async (spec) => {
          fake.asked.push(spec)
          return await (fake.answer?.(spec) ?? decide(fake.rbac, spec))
        },
      },
      config: { cluster: 'prod', namespace: 'agents', prefix: 'sallyport:', cache: 10_000 },
      mode: 'tokenReview',
      isAlias: () => false,
      namespaceOf: (agent) => (agent === 'elsewhere' ? 'other' : undefined),
      ...changed,
    }),
    grant({ name, namespace = 'agents', agents, verbs = ['send'], subjects }) {
      const rule = { apiGroups: ['agents.sallyport.dev'], resources: ['agents'], verbs }
      const rules = [{ ...rule, ...(agents && { resourceNames: agents }) }]
      fake.rbac.push({ kind: 'Role', metadata: { name, namespace }, rules })
      fake.rbac.push({ kind: 'RoleBinding', metadata: { name, namespace }, roleRef: { kind: 'Role', name }, subjects })
    },
    ask: async (call) => {
      const refusal = await fake.authority.review(call)
      if (refusal === undefined) return ''
      if (refusal.code !== 'AUTHZ_DENIED') throw new Error(`refused with ${refusal.code}`)
      return refusal.detail
    },
  }
  return fake
}

function decide(rbac: readonly RbacObject[], spec: JsonObject): JsonObject {
  const { user, groups, resourceAttributes } = spec as unknown as {
    user: string
    groups: string[]
    resourceAttributes: { verb: string }
  }
  return { ...decideByRbac(rbac, { user, groups, ...resourceAttributes }) }
}

/** A service account as its cluster's TokenReview made it. */
export function accountOf(
  cluster = 'prod',
  namespace = 'team-a',
  name = 'planner',
  groups?: readonly string[],
): Caller {
  const names = groups ?? ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated']
  const username = `system:serviceaccount:${namespace}:${name}`
  return {
    ...callerOf(`serviceaccount:${cluster}/${namespace}/${name}`),
    method: 'service-account',
    credential: cluster,
    groups: names.map((group) => `group:${cluster}/${group}`),
    reviewed: { cluster, username, uid: 'account-uid', groups: names, extra: { 'example.org/pod-uid': ['p'] } },
  }
}

export function personOf(id: string, groups: readonly string[] = []): Caller {
  return { ...callerOf(id), groups, method: 'jwt', credential: 'corp' }
}

export function callBy(caller: Caller, changed: Partial<ReviewedCall> & { agentName?: string } = {}): ReviewedCall {
  const { agentName = 'calculator', ...rest } = changed
  const agent = snapshotOf({ agents: [{ name: agentName, url: 'http://127.0.0.1:9' }] }).config.agents[0]
  if (agent === undefined) throw new Error('no agent')
  return { caller, origin: caller, operation: 'SendMessage', inlinePush: false, agent, policyInput: {}, ...rest }
}

export const originOf = (id: string, groups: readonly string[] = []): Principal => ({ ...principal(id), groups })
