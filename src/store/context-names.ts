// What owners call their contexts, and what agents know them by. A context that its owner names first gets an id that
// only the gateway can make, out of a secret, the place, the owner and the name: the same name of somebody else is
// another context there, nobody can guess it, and no table has to be kept for it. One that the agent names first is
// called as the agent calls it, unless its owner calls another so already. docs/decisions/0004-context-ids.md.

import { createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { Fault } from '../base/fault.ts'
import { isIdentifier } from '../a2a/shape.ts'
import type { ContextPlace, MeantContext, OwnedContext, TaskOwner } from '../exchange/exchange.ts'

export interface ContextNames {
  /** the context that this owner calls so, or the id under which the agent is to know it */
  meantContext(place: ContextPlace, name: string): MeantContext
  /** what this owner is to call a context of the agent's own making; undefined when no name is left */
  freshName(place: ContextPlace, contextId: string): string | undefined
}

export type FindContext = (agent: string, tenant: string, contextId: string) => OwnedContext | undefined

/** What the gateway puts before the agent's id when its owner calls another context so. */
const escape = '~'
const mostEscapes = 8 // bound: agent-made contexts that clash with one name of their owner's
/** Each erasure of an owner makes its ids nobody's, and the same names need others after it. */
const mostErasures = 1_000 // bound: erasures of one owner before its names of contexts are used up

export function createContextNames(secret: Buffer, find: FindContext): ContextNames {
  const key = createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', 'sallyport context ids', 32)))

  const isOf = (place: ContextPlace, contextId: string, name: string): boolean => {
    const known = find(place.agent, place.tenant, contextId)
    return known !== undefined && isOwner(known.owner, place.owner) && known.name === name
  }

  /** The first id of this name that is no erased owner's. */
  const opaque = (place: ContextPlace, name: string): MeantContext => {
    for (let erasures = 0; erasures < mostErasures; erasures++) {
      const contextId = opaqueId(key, place, name, erasures)
      const known = find(place.agent, place.tenant, contextId)
      if (known === undefined) return { contextId, isFresh: true }
      if (isOwner(known.owner, place.owner)) return { contextId, isFresh: false }
    }
    throw new Fault('STORE_UNREACHABLE', 'an owner was erased too often to be given another context')
  }

  const meantContext = (place: ContextPlace, name: string): MeantContext => {
    const made = opaque(place, name)
    if (!made.isFresh) return made
    // what the agent made, or what was there before there were names
    if (isOf(place, name, name)) return { contextId: name, isFresh: false }
    let inner = name
    for (let depth = 0; depth < mostEscapes && inner.startsWith(escape); depth++) {
      inner = inner.slice(escape.length)
      if (inner !== '' && isOf(place, inner, name)) return { contextId: inner, isFresh: false }
    }
    // by its id: the agent may have told the caller of it past the gateway
    const known = find(place.agent, place.tenant, name)
    return known !== undefined && isOwner(known.owner, place.owner) ? { contextId: name, isFresh: false } : made
  }

  return {
    meantContext,
    freshName(place, contextId) {
      let name = contextId
      for (let depth = 0; depth <= mostEscapes && isIdentifier(name); depth++) {
        if (meantContext(place, name).isFresh) return name
        name = escape + name
      }
      return undefined
    },
  }
}

/** In the form of a UUID (RFC 9562, version 8): agents that keep contexts as such take it, 122 bits nobody guesses. */
function opaqueId(key: KeyObject, { agent, tenant, owner }: ContextPlace, name: string, erasures: number): string {
  const said = JSON.stringify([agent, tenant, owner.caller, owner.origin, name, erasures])
  const bytes = createHmac('sha256', key).update(said).digest().subarray(0, 16)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

function isOwner(owner: TaskOwner, other: TaskOwner): boolean {
  return owner.caller === other.caller && owner.origin === other.origin
}
