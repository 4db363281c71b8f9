// What authorize asks of the index of owners. Ownership is kept by (agent, tenant, id): the same task id on two
// agents is two tasks. Types only; store implements them.

import type { Owned, OwnedTask } from '../exchange/exchange.ts'

/** The index of owners, implemented by store. Synchronous, because it lies on every call's path. */
export interface OwnershipReader {
  task(agent: string, tenant: string, taskId: string): OwnedTask | undefined
  context(agent: string, tenant: string, contextId: string): Owned | undefined
  pushConfig(agent: string, tenant: string, taskId: string, configId: string): Owned | undefined
}
