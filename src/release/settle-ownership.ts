// Whose is what an agent names? New tasks and contexts become the (caller, origin)'s that asked; an id of someone
// else's turns the whole answer into InvalidAgentResponse and the owner stays who it was (design, "Who is who").

import type { NamedIds, NamedTask } from '../a2a/named-ids.ts'
import { operations } from '../a2a/operations.ts'
import type {
  Admitted,
  Claim,
  ClaimResult,
  ContextPlace,
  MeantContext,
  Owned,
  OwnedContext,
  OwnedTask,
} from '../exchange/exchange.ts'
import { refuse, type Refusal } from '../refusal/refusal.ts'

/** A message in a context that had some before. */
export interface TakenTurn {
  readonly contextId: string
  /** how many came when it was known already, this one among them */
  readonly number: number
  undo(): void
}

/** The index of owners as the walk reads and writes it; store implements it. */
export interface OwnershipBook {
  task(agent: string, tenant: string, taskId: string): OwnedTask | undefined
  /** by the id that the agent knows */
  context(agent: string, tenant: string, contextId: string): OwnedContext | undefined
  /** which one an owner means by a name, be it a fresh one */
  meantContext(place: ContextPlace, name: string): MeantContext
  /** what an owner is to call one of the agent's making; undefined when no name is left */
  freshName(place: ContextPlace, contextId: string): string | undefined
  pushConfig(agent: string, tenant: string, taskId: string, configId: string): Owned | undefined
  claim(claims: readonly Claim[]): ClaimResult
  /** counts a message in its context, where that is known already */
  takeTurn(call: Admitted): TakenTurn | undefined
  /** which of these tasks were not known to be over, and are by what an answer says; to be asked before `note` */
  ending(states: readonly NamedTask[], call: Admitted): readonly NamedTask[]
  /** remembers what a released answer said of the caller's tasks; for ListTasks */
  note(states: readonly NamedTask[], call: Admitted): void
}

const isMine = (owned: Owned, admitted: Admitted): boolean =>
  owned.owner.caller === admitted.caller.id && owned.owner.origin === admitted.origin.id

/** What the caller names and nobody has yet, a context or a push configuration: taken before the agent sees it. */
export function claimOfRequest(admitted: Admitted, ownership: OwnershipBook): readonly Claim[] {
  const { agent, tenant, taskId, configId, contextId: name, agentContextId, operation, inlinePush } = admitted
  const claims: Claim[] = []
  if (agentContextId !== '' && operations[operation].carriesMessage) {
    const isKnown = ownership.context(agent.name, tenant, agentContextId) !== undefined
    // the context of a task is its owner's, and the answer will say so
    const isOfTask = taskId !== '' && ownership.task(agent.name, tenant, taskId)?.contextId === agentContextId
    if (!isKnown && !isOfTask) claims.push({ kind: 'context', ...named(agentContextId, name), ...mine(admitted) })
  }
  if (taskId !== '' && configId !== '' && (inlinePush || operation === 'CreateTaskPushNotificationConfig')) {
    if (ownership.pushConfig(agent.name, tenant, taskId, configId) === undefined)
      claims.push({ kind: 'pushConfig', taskId, configId, ...mine(admitted) })
  }
  return claims
}

const named = (contextId: string, name: string): { contextId: string; name?: string } => ({
  contextId,
  ...(name !== contextId && { name }),
})

function mine(admitted: Admitted): Pick<Claim, 'agent' | 'tenant' | 'owner' | 'groups' | 'createdAtMs'> {
  const { caller, origin, agent, tenant, receivedAtMs } = admitted
  const groups = caller.id === origin.id ? caller.groups : [...new Set([...caller.groups, ...origin.groups])]
  return {
    agent: agent.name,
    tenant,
    owner: { caller: caller.id, origin: origin.id },
    groups,
    createdAtMs: receivedAtMs,
  }
}

/** Far more than any honest answer names; each costs a look into the index and a place in the ledger. */
const mostNamed = 256 // bound: ids named in one answer

const foreign = (detail: string): Refusal => refuse('RELEASE_INVALID_ANSWER', detail)

/** Takes what is new in an answer or event, or refuses it for what is another's. */
export function claimNamed(
  admitted: Admitted,
  ids: NamedIds,
  ownership: OwnershipBook,
): { readonly fresh: readonly Claim[]; readonly undo: () => void } | Refusal {
  if (ids.tasks.length + ids.contexts.length + ids.configs.length > mostNamed) {
    return foreign(`the agent named more than ${mostNamed} tasks, contexts and configurations at once`)
  }
  const wanted: Claim[] = []
  for (const task of ids.tasks) {
    const problem = settleTask(admitted, task, ownership, wanted)
    if (problem !== undefined) return problem
  }
  for (const contextId of ids.contexts) {
    const problem = settleContext(admitted, contextId, ownership, wanted)
    if (problem !== undefined) return problem
  }
  for (const config of ids.configs) {
    const problem = settleConfig(admitted, config, ownership, wanted)
    if (problem !== undefined) return problem
  }
  if (wanted.length === 0) return none
  const claimed = ownership.claim(wanted)
  if (!claimed.ok) return foreign(`the agent named a ${claimed.conflict.kind} that another took at the same time`)
  return claimed
}

const none = { fresh: [], undo: (): void => undefined }

function settleTask(
  admitted: Admitted,
  task: NamedTask,
  ownership: OwnershipBook,
  wanted: Claim[],
): Refusal | undefined {
  const { operation, agent, tenant, taskId } = admitted
  // the task that the caller named has been authorized, whoever's it is
  if (task.taskId === taskId) return undefined
  if (!operations[operation].carriesMessage)
    return foreign('the agent answered about another task than the one asked for')
  const known = ownership.task(agent.name, tenant, task.taskId)
  if (known === undefined)
    wanted.push({ kind: 'task', taskId: task.taskId, contextId: task.contextId, ...mine(admitted) })
  else if (!isMine(known, admitted)) return foreign('the agent named a task of another owner')
  return undefined
}

function settleContext(
  admitted: Admitted,
  contextId: string,
  ownership: OwnershipBook,
  wanted: Claim[],
): Refusal | undefined {
  const { agent, tenant, taskId } = admitted
  const known = ownership.context(agent.name, tenant, contextId)
  if (known !== undefined && (isMine(known, admitted) || contextId === admitted.agentContextId)) return undefined
  // a task shared by policy brings its own context with it, which stays its owner's
  const shared = taskId === '' ? undefined : ownership.task(agent.name, tenant, taskId)
  if (known !== undefined)
    return shared?.contextId === contextId ? undefined : foreign('the agent named a context of another owner')
  const owned = { ...mine(admitted), ...(shared && { owner: shared.owner, groups: shared.groups }) }
  const name = ownership.freshName({ agent: agent.name, tenant, owner: owned.owner }, contextId)
  const isTaken = wanted.some((claim) => claim.kind === 'context' && (claim.name ?? claim.contextId) === name)
  if (name === undefined || isTaken)
    return foreign('the agent named contexts that its caller has names like, too many times')
  wanted.push({ kind: 'context', ...named(contextId, name), ...owned })
  return undefined
}

function settleConfig(
  admitted: Admitted,
  config: { readonly taskId: string; readonly configId: string },
  ownership: OwnershipBook,
  wanted: Claim[],
): Refusal | undefined {
  const { agent, tenant, taskId, operation, configId } = admitted
  if (config.taskId !== '' && config.taskId !== taskId) return foreign('the agent answered about another task')
  if (operation === 'GetTaskPushNotificationConfig') {
    return config.configId === '' || config.configId === configId
      ? undefined
      : foreign('the agent answered about another push configuration')
  }
  if (config.configId === '') return undefined
  const known = ownership.pushConfig(agent.name, tenant, taskId, config.configId)
  if (known === undefined) wanted.push({ kind: 'pushConfig', taskId, configId: config.configId, ...mine(admitted) })
  else if (!isMine(known, admitted)) return foreign('the agent named a push configuration of another owner')
  return undefined
}
