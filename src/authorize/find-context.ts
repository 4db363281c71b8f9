// Which context a call means by the name that it gives. A name is its owner's: the same one of somebody else is another
// context, or a fresh one. Beside a task that may be somebody else's, shared by policy, it is the name that the task's
// owner gave; a task is in one context, and a message that says otherwise is refused (A2A 1.0.1 §3.4.3).

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
  const { contextId: name, taskId, caller, origin, tenant } = call
  if (name === '') return noContext
  const agent = call.agent.name
  const task = taskId === '' ? undefined : ownership.task(agent, tenant, taskId)
  const place = { agent, tenant, owner: { caller: caller.id, origin: origin.id } }
  const own = ownership.meantContext(place, name)
  const of = (id: string): OwnedContext | undefined => ownership.context(agent, tenant, id)
  if (task === undefined || task.contextId === '')
    return { id: own.contextId, owned: own.isFresh ? undefined : of(own.contextId), task: 'none' }
  const known = of(task.contextId)
  const isSame = own.contextId === task.contextId || (known?.name ?? task.contextId) === name
  return { id: task.contextId, owned: known, task: isSame ? 'same' : 'other' }
}
