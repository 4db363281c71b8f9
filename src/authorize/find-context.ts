// Which context a call means by the name that it gives. A name is its owner's: the same one of somebody else is another
// context, or a fresh one. Beside a task that may be somebody else's, shared by policy, it is the name that the task's
// owner gave; a task is in one context, and a message that says otherwise is refused (A2A 1.0.1 §3.4.3). What is found
// here is judged with everything else that the call names.

import type { OwnedContext, Validated } from '../exchange/exchange.ts'
import type { NamedOwnership } from './ownership.ts'

export interface CallContext {
  /** as the agent knows it, or is to know it; '' where the call names none */
  readonly id: string
  /** undefined when it is nobody's yet */
  readonly owned: OwnedContext | undefined
  /** how it stands to the task that the call names */
  readonly task: 'none' | 'same' | 'other'
}

const noContext: CallContext = Object.freeze({ id: '', owned: undefined, task: 'none' })

export function findContext(call: Validated, ownership: NamedOwnership): CallContext {
  const { contextId: name, taskId, caller, origin, tenant, message } = call
  if (name === '') return noContext
  const agent = call.agent.name
  const own = ownership.meantContext({ agent, tenant, owner: { caller: caller.id, origin: origin.id } }, name)
  const of = (id: string): OwnedContext | undefined => ownership.context(agent, tenant, id)
  /** the same work for a task that is not there */
  const contextOf = (id: string): { readonly id: string; readonly owned: OwnedContext | undefined } => {
    const known = ownership.task(agent, tenant, id)?.contextId ?? ''
    const owned = of(known === '' ? id : known)
    return { id: known, owned: known === '' ? undefined : owned }
  }
  const task = taskId === '' ? undefined : contextOf(taskId)
  if (task !== undefined && task.id !== '') {
    const isSame = own.contextId === task.id || (task.owned?.name ?? task.id) === name
    return { ...task, task: isSame ? 'same' : 'other' }
  }
  if (!own.isFresh) return { id: own.contextId, owned: of(own.contextId), task: 'none' }
  // a conversation that somebody shares goes on from the task that is referred to
  for (const reference of message.referenceTaskIds) {
    const shared = contextOf(reference)
    if (shared.owned?.name === name) return { ...shared, task: 'none' }
  }
  return { id: own.contextId, owned: undefined, task: 'none' }
}
