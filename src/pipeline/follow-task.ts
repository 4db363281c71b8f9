// A streaming message that was sent before is answered by its task: the caller subscribes to what came of the first
// one, and the agent does not hear the message again. Another operation than was asked for, so that all of it is decided
// anew: policy, ownership, scope, and the RBAC of a cluster where that is asked. docs/duplicates.md.

import { buildRestPath } from '../a2a/paths.ts'
import { authorize } from '../authorize/authorize.ts'
import { encodeGrpc, encodeJsonRpc } from '../faces/encode-request.ts'
import type { Admitted } from '../exchange/exchange.ts'
import { isRefusal, refuse, type Refusal } from '../refusal/refusal.ts'
import { noMessage } from '../validate/validate.ts'
import type { WalkParts } from './parts.ts'

/** The same caller's SubscribeToTask, within what was admitted; or why it may not be. */
export async function followTask(admitted: Admitted, taskId: string, parts: WalkParts): Promise<Admitted | Refusal> {
  // its names and forms are others there
  if (admitted.version !== '1.0') return refuse('LIMIT_DUPLICATE', 'no subscription in this version')
  const { tenant, requestId } = admitted
  const operation = 'SubscribeToTask'
  const params = { id: taskId, ...(tenant !== '' && { tenant }) }
  const text = JSON.stringify(params)
  const encoded = encodeGrpc({ operation, params, text, tenant })
  const wire = typeof encoded === 'string' ? undefined : encoded.message
  const call: Admitted = {
    ...admitted,
    operation,
    taskId,
    contextId: '',
    configId: '',
    message: noMessage,
    metadata: undefined,
    inlinePush: false,
    params,
    paramsText: () => text,
    bodyText: admitted.binding === 'JSONRPC' ? encodeJsonRpc({ operation, params, text, tenant }, requestId).body : '',
    wire,
    upstreamPath: buildRestPath({ operation, tenant, taskId, configId: '' }),
    upstreamMethod: 'POST',
    approval: undefined,
  }
  const { policy, access } = parts.rulesOf(admitted.snapshot)
  const authorized = authorize(call, policy, { ownership: parts.ownership, approvals: parts.approvals })
  if (isRefusal(authorized)) return authorized
  // a person approved a message, and is asked for a subscription on a call of its own
  if (authorized.approval !== undefined) return refuse('LIMIT_DUPLICATE', 'a subscription takes an approval')
  const denied = await access?.review(authorized)
  return denied ?? call
}
