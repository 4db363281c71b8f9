// Who is this person, and may they approve this: decided here alone, for whoever shows an API key, for whoever logged
// in, and again for what they approved before. A person is everybody that aliases say they are; an agent is nobody.
// Blocked approves nothing, and neither does a key with a scope or with source networks, which is for calls. Nobody
// approves with one hand what they ask for with another: of approver and asker none may have made a key of the other.

import { findBlockedPerson, isPartyTo, type Approval, type DecidedAs } from '../authorize/authorize.ts'
import { createApiKeyVerifier } from '../authenticate/authenticate.ts'
import type { Clock } from '../base/clock.ts'
import { identitiesOf, isNamed, isSamePerson, type Snapshot } from '../config/config.ts'
import { isRefusal } from '../refusal/refusal.ts'
import type { State } from './state.ts'

/** Somebody whose identity was proven. */
export interface Person {
  /** as it was proven */
  readonly id: string
  readonly groups?: readonly string[] | undefined
  /** what proved it, for the record: id of an API key or of a session */
  readonly credential: string
  /** id of the API key that proved it; undefined for a login */
  readonly key?: string | undefined
}

export interface Approver {
  /** the first of its alias: two keys of one person are one approver */
  readonly id: string
  readonly credential: string
  readonly decidedAs: DecidedAs
}

export type ApproverState = Pick<State, 'keyStore' | 'blocks'>

export interface Judging {
  readonly snapshot: Snapshot
  readonly nowMs: number
  readonly patterns: readonly string[]
}

/** Who a key is of; undefined where it is unknown, revoked, expired or for calls only, without saying which. */
export function findKeyHolder(
  { keyStore, pepper }: Pick<State, 'keyStore' | 'pepper'>,
  snapshot: Snapshot,
  { key, clock }: { readonly key: string; readonly clock: Clock },
): Person | undefined {
  const verifier = createApiKeyVerifier({ clock, keys: keyStore, pepper: pepper.bytes() })
  // typed at this machine, so it comes from no network: a key for some networks only is for calls from there
  const caller = verifier.verify(key.trim(), snapshot, 'unknown')
  if (isRefusal(caller) || caller.scope !== undefined) return undefined
  return { id: caller.id, credential: caller.credential, key: caller.credential }
}

/** The approver that this person is now, or why they are none. */
export function judgeApprover(state: ApproverState, person: Person, judging: Judging): Approver | string {
  const { snapshot, nowMs, patterns } = judging
  const { credential, key, groups = [] } = person
  // an agent is no person, and would approve of its own calls under another name
  const agent = snapshot.agentsByPrincipal.get(person.id)
  if (agent !== undefined) return `${person.id} acts as the agent ${agent.name}`
  const id = snapshot.aliases.get(person.id) ?? person.id
  if (!isNamed(patterns, id, groups)) return `${id} is no approver`
  const blocked = findBlockedPerson({ id: person.id, groups }, snapshot, state.blocks)
  if (blocked !== undefined) return `${blocked} is blocked`
  if (key !== undefined && !isGoodKey(state, key, nowMs)) return `the key of ${id} is not good any more`
  return { id, credential, decidedAs: { principal: person.id, groups, ...(key !== undefined && { key }) } }
}

/** Why this approver may not decide about this call, although they may about others. */
export function findOwnHand(
  state: ApproverState,
  approval: Approval,
  by: string,
  { snapshot, nowMs }: Pick<Judging, 'snapshot' | 'nowMs'>,
): string | undefined {
  if (isPartyTo(approval, by, snapshot)) return `${by} is part of this call`
  const parties = [approval.caller, approval.origin, ...approval.chain]
  for (const party of parties) {
    const tie = findTie(state, by, party, { snapshot, nowMs })
    if (tie !== undefined) return tie
  }
  return undefined
}

/** Why two who must be different people may be one. */
export function findTie(
  { keyStore }: Pick<ApproverState, 'keyStore'>,
  one: string,
  other: string,
  { snapshot, nowMs }: Pick<Judging, 'snapshot' | 'nowMs'>,
): string | undefined {
  if (isSamePerson(one, other, snapshot)) return `${one} and ${other} are one`
  const hasMade = (maker: string, of: string): boolean => {
    const names = new Set(identitiesOf(of, snapshot))
    const makers = keyStore
      .list()
      .filter((key) => names.has(`key:${key.name}`) && key.revokedAtMs === undefined && key.expiresAtMs > nowMs)
      .flatMap(({ secrets }) => secrets.filter(({ notAfterMs }) => notAfterMs > nowMs))
    return makers.some(({ madeBy = '' }) => madeBy !== '' && isSamePerson(madeBy, maker, snapshot))
  }
  if (hasMade(one, other)) return `${one} has made a key of ${other}`
  return hasMade(other, one) ? `${other} has made a key of ${one}` : undefined
}

/** Why a grant does not count any more: its approver would not be believed today. */
export function findLapse(state: ApproverState, approval: Approval, judging: Judging): string | undefined {
  const { decidedAs } = approval
  if (decidedAs === undefined) return 'nothing is known of how its approver was proven'
  const { principal, groups, key } = decidedAs
  const approver = judgeApprover(state, { id: principal, groups, key, credential: '' }, judging)
  return typeof approver === 'string' ? approver : findOwnHand(state, approval, approver.id, judging)
}

function isGoodKey({ keyStore }: Pick<State, 'keyStore'>, id: string, nowMs: number): boolean {
  const key = keyStore.find(id)
  if (key === undefined || key.revokedAtMs !== undefined || key.expiresAtMs <= nowMs) return false
  return key.scope === undefined && key.networks === undefined
}
