// What authorize asks of the index of owners. Ownership is kept by (agent, tenant, id): the same task id on two
// agents is two tasks. Types only; store implements them.

import type { ContextPlace, MeantContext, Owned, OwnedContext, OwnedTask } from '../exchange/exchange.ts'

/** The index of owners, implemented by store. Synchronous, because it lies on every call's path. */
export interface OwnershipReader {
  task(agent: string, tenant: string, taskId: string): OwnedTask | undefined
  /** by the id that the agent knows */
  context(agent: string, tenant: string, contextId: string): OwnedContext | undefined
  pushConfig(agent: string, tenant: string, taskId: string, configId: string): Owned | undefined
}

/** And which context an owner means by a name, be it a fresh one. */
export interface NamedOwnership extends OwnershipReader {
  meantContext(place: ContextPlace, name: string): MeantContext
}
