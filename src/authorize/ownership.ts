// What authorize asks of the index of owners. Ownership is kept by (agent, tenant, id): the same task id on two
// agents is two tasks. Types only; store implements them.

import type { TaskOwner } from '../exchange/exchange.ts'

/** Whose something is: who called, on whose behalf, and the groups of both when it was made. */
export interface Owned {
  readonly owner: TaskOwner
  readonly groups: readonly string[]
}
export interface OwnedTask extends Owned {
  readonly contextId: string
}

/** The index of owners, implemented by store. Synchronous, because it lies on every call's path. */
export interface OwnershipReader {
  task(agent: string, tenant: string, taskId: string): OwnedTask | undefined
  context(agent: string, tenant: string, contextId: string): Owned | undefined
  pushConfig(agent: string, tenant: string, taskId: string, configId: string): Owned | undefined
}
