// Blocks: what an operator takes away at once, whatever policy says, beside every snapshot. A blocked principal may be
// nobody in a call: not its caller, not its origin, not a hop between. What is known to be the same somebody under
// another name (an agent's identities, an alias's members) and whoever belongs to a blocked group is blocked with it.

import { identitiesOf, type Snapshot } from '../config/config.ts'
import type { AuthenticatedFields, Caller, Principal } from '../exchange/exchange.ts'
import { refuse, type Refusal } from '../refusal/refusal.ts'

export interface Block {
  /** caller: a principal or group, by its canonical id; agent: the name of one that is called and calls */
  readonly kind: 'caller' | 'agent'
  readonly id: string
  readonly reason: string
  readonly sinceMs: number
  /** Infinity until it is unblocked */
  readonly untilMs: number
}

export interface BlockReader {
  /** another number after every change */
  readonly version: number
  /** Whether this is blocked now, by this very id. Without a search. */
  has(kind: Block['kind'], id: string): boolean
  /** how many are in force or were until their time came; 0: nothing needs to be asked */
  readonly size: number
  /** Calls back after every change; what is returned ends that. */
  onChange(callback: () => void): () => void
}

export interface BlockBook extends BlockReader {
  list(): readonly Block[]
  /** In force when it returns or throws; throws a Fault when it would not survive a restart, or there are too many. */
  add(block: Block): void
  /** Ends it durably, before anybody sees it. */
  remove(kind: Block['kind'], id: string): void
}

type Parties = Pick<AuthenticatedFields, 'caller' | 'origin' | 'chain'>

/** The refusal for a call in which somebody is blocked. */
export function findBlockedParty(call: Parties, snapshot: Snapshot, blocks: BlockReader): Refusal | undefined {
  if (blocks.size === 0) return undefined
  for (const party of [call.caller, call.origin, ...call.chain]) {
    const blocked = namesOf(party, snapshot).find((id) => isBlocked(id, blocks))
    if (blocked !== undefined) return refuse('AUTHZ_BLOCKED', `${blocked} is blocked`)
  }
  return undefined
}

/** By which of its names this person is blocked, in a call or not. */
export function findBlockedPerson(
  person: Pick<Principal, 'id' | 'groups'>,
  snapshot: Snapshot,
  blocks: BlockReader,
): string | undefined {
  if (blocks.size === 0) return undefined
  return namesOf(person, snapshot).find((id) => isBlocked(id, blocks))
}

/** The refusal for a call to an agent that is blocked. Only for those who may know of the agent. */
export function findBlockedAgent(name: string, blocks: BlockReader): Refusal | undefined {
  if (blocks.size === 0 || !blocks.has('agent', name)) return undefined
  return refuse('AUTHZ_AGENT_BLOCKED', `agent ${name} is blocked`)
}

/** Everything by which a block may speak of this party. */
function namesOf(party: Pick<Principal | Caller, 'id' | 'groups'>, snapshot: Snapshot): readonly string[] {
  const proven = 'principal' in party && typeof party.principal === 'string' ? [party.principal] : []
  // by now it may be known as somebody else than when the call began
  return [...identitiesOf(party.id, snapshot), ...proven, ...party.groups]
}

function isBlocked(id: string, blocks: BlockReader): boolean {
  return blocks.has('caller', id) || (id.startsWith('agent:') && blocks.has('agent', id.slice(6)))
}
