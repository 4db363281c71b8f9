// Door of release: what comes back is as hostile as what goes in. Answers, events and errors of agents pass the same
// strict scanner, the A2A shape and ownership before the caller sees a byte; what two parsers could read differently,
// or what names another owner's task, becomes InvalidAgentResponse. Where caller and agent speak alike, what passes,
// passes as the agent wrote it, but for contexts that its caller calls otherwise.

import { frameCard, rebuildCard } from '../a2a/card.ts'
import { acceptedMethods } from '../config/config.ts'
import { namedIds, type NamedTask } from '../a2a/named-ids.ts'
import { isSameFace } from '../a2a/operations.ts'
import { answerShape, checkShape } from '../a2a/shape.ts'
import type { JsonValue } from '../base/strict-json.ts'
import type { Admitted, Claim, Released, ReleasedFields } from '../exchange/exchange.ts'
import type { OpenedResult } from '../faces/open-answer.ts'
import { isRefusal, refuse, type Refusal } from '../refusal/refusal.ts'
import { checkArtifacts } from './artifact-rules.ts'
import { dressError, dressEvent, dressEventError, dressResult, type Dressed, type DressedEvent } from './dress.ts'
import { filterConfigs } from './filter-configs.ts'
import { namesFor, withNames, type NameOf } from './name-contexts.ts'
import { invalid, openAnswer, openEvent, type UnreadAnswer, type UnreadEvent } from './open.ts'
import { textAgain, type KeptAnswer } from './release-again.ts'
import { claimNamed, type OwnershipBook } from './settle-ownership.ts'

export { claimOfRequest } from './settle-ownership.ts'
export type { KeptAnswer } from './release-again.ts'
export type { OwnershipBook } from './settle-ownership.ts'
export type { UnreadAnswer } from './open.ts'

interface Settled {
  readonly released: Released
  /** new ownership, already taken in memory, to be made durable before the caller sees the text */
  readonly claims: readonly Claim[]
  /** what was said of the caller's tasks, for ListTasks */
  readonly states: readonly NamedTask[]
  /** gives the claims back when they could not be made durable */
  readonly undo: () => void
}
export interface ReleasedAnswer extends Settled {
  readonly status: number
  readonly contentType: string
}
export interface ReleasedEvent extends Settled {
  readonly name: string
}

const nothing = (): void => undefined

const isUnchanged = ({ agentFace, binding, version }: Admitted): boolean => isSameFace(agentFace, { binding, version })

/** A unary answer: a result, or an error that the agent has a right to give. */
export function releaseAnswer(
  admitted: Admitted,
  answer: UnreadAnswer,
  ownership: OwnershipBook,
): ReleasedAnswer | Refusal {
  const opened = openAnswer(admitted, answer)
  if (isRefusal(opened)) return opened
  if (opened.kind === 'error') {
    if (isUnknownTask(admitted, opened.error)) return unknownTask()
    if (!isUnchanged(admitted)) return pass(dressError(admitted, opened.error))
    const status = admitted.binding === 'JSONRPC' ? 200 : answer.status
    return pass({ status, contentType: 'application/json', text: opened.original })
  }
  if (admitted.operation === 'GetExtendedAgentCard') return releaseCard(admitted, opened.value)
  const settled = settle(admitted, opened, ownership)
  if (isRefusal(settled)) return settled
  const named = withNames(admitted, opened, settled.nameOf)
  const dressed =
    isUnchanged(admitted) && settled.filtered === undefined
      ? { status: statusOf(admitted, answer, opened.original), contentType: 'application/json', text: named.original }
      : dressResult(admitted, settled.filtered ?? named.text())
  return { ...pass(dressed), claims: settled.claims, states: settled.states, undo: settled.undo }
}

/** An empty answer is 204 whatever the agent called it. */
function statusOf({ binding }: Admitted, { status }: UnreadAnswer, text: string): number {
  if (binding === 'JSONRPC') return 200
  return text === '' ? 204 : status
}

/** One event of a stream: a result, or the error with which the agent ends it. */
export function releaseEvent(
  admitted: Admitted,
  event: UnreadEvent,
  ownership: OwnershipBook,
): ReleasedEvent | Refusal {
  const opened = openEvent(admitted, event)
  if (isRefusal(opened)) return opened
  if (opened.kind === 'error') {
    if (admitted.agentFace.binding === 'JSONRPC' && opened.error.jsonRpc === taskNotFound) return unknownTask()
    const name = admitted.binding === 'JSONRPC' && event.name !== 'error' ? '' : 'error'
    return passEvent(isUnchanged(admitted) ? { name, text: opened.original } : dressEventError(admitted, opened.error))
  }
  const settled = settle(admitted, opened, ownership)
  if (isRefusal(settled)) return settled
  const named = withNames(admitted, opened, settled.nameOf)
  const dressed = isUnchanged(admitted) ? { name: '', text: named.original } : dressEvent(admitted, named.text())
  return { ...passEvent(dressed), claims: settled.claims, states: settled.states, undo: settled.undo }
}

const taskNotFound = -32001

/** Said in our own words, so that it cannot be told from what a foreign task answers. */
const unknownTask = (): Refusal => refuse('AUTHZ_TASK_NOT_FOUND', 'the agent does not know the task')

function isUnknownTask({ agentFace }: Admitted, error: { readonly jsonRpc: number; readonly http: number }): boolean {
  return agentFace.binding === 'JSONRPC' ? error.jsonRpc === taskNotFound : error.http === 404
}

/** What names nobody's task, or only such as were settled before. */
function pass({ status, contentType, text }: Dressed): ReleasedAnswer {
  return { status, contentType, released: release(text), ...unclaimed }
}

function passEvent({ name, text }: DressedEvent): ReleasedEvent {
  return { name, released: release(text), ...unclaimed }
}

const unclaimed = { claims: [], states: [], undo: nothing } as const

type Ownership = Pick<Settled, 'claims' | 'states' | 'undo'>

/**
 * Shape and ownership of a result or event. `filtered` is the canonical text where not everything may be seen, `nameOf`
 * what the caller calls contexts that the agent calls otherwise.
 */
function settle(
  admitted: Admitted,
  { value, text }: OpenedResult,
  ownership: OwnershipBook,
): (Ownership & { readonly filtered?: string; readonly nameOf?: NameOf | undefined }) | Refusal {
  const problem = checkShape(value, answerShape(admitted.operation, admitted.agentFace.binding))
  if (problem !== undefined) return invalid(`${problem.reason} at ${problem.path}`)
  const unwanted = checkArtifacts(admitted, value)
  if (unwanted !== undefined) return unwanted
  const named = namedIds(admitted.operation, value)
  if (admitted.operation === 'ListTaskPushNotificationConfigs') {
    const filtered = filterConfigs(admitted, value, text, ownership)
    if (isRefusal(filtered)) return filtered
    return filtered === undefined ? unclaimed : { ...unclaimed, filtered }
  }
  const claims = claimNamed(admitted, named, ownership)
  if (isRefusal(claims)) return claims
  const nameOf = namesFor(admitted, named.contexts, ownership)
  return { claims: claims.fresh, states: named.tasks, undo: claims.undo, nameOf }
}

/** What this caller was given before. It makes nobody the owner of anything. */
export function releaseAgain(admitted: Admitted, kept: KeptAnswer): ReleasedAnswer {
  const { status, contentType } = kept
  return pass({ status, contentType, text: textAgain(admitted, kept) })
}

/** A list of tasks that were each released before, put together here. */
export function releaseList(
  admitted: Admitted,
  tasks: readonly string[],
  page: { readonly nextToken: string; readonly pageSize: number; readonly totalSize: number },
): ReleasedAnswer {
  const { pageSize, totalSize } = page
  const body = `{"tasks":[${tasks.join(',')}],"nextPageToken":"${page.nextToken}","pageSize":${pageSize},"totalSize":${totalSize}}`
  return pass(dressResult(admitted, body))
}

function releaseCard(admitted: Admitted, value: JsonValue): ReleasedAnswer | Refusal {
  const { snapshot, agent } = admitted
  const card = rebuildCard(value, frameCard(snapshot.publicUrl, agent, acceptedMethods(snapshot.config, agent)))
  if (typeof card === 'string') return invalid(card)
  return pass(dressResult(admitted, JSON.stringify(card)))
}

/** The one mint of Released. */
function release(text: string): Released {
  const fields: ReleasedFields = { text }
  return fields as Released
}
