// Door of release: what comes back is as hostile as what goes in. Answers, events and errors of agents pass the same
// strict scanner, the A2A shape and ownership before the caller sees a byte; what two parsers could read differently,
// or what names another owner's task, becomes InvalidAgentResponse. Where caller and agent speak alike, what passes,
// passes as the agent wrote it, but for contexts that its caller calls otherwise.

import { frameCard, rebuildCard } from '../a2a/card.ts'
import { acceptedMethods, allowedExtensions } from '../config/config.ts'
import { namedIds, type NamedTask } from '../a2a/named-ids.ts'
import type { AgentError } from '../a2a/errors.ts'
import { frameMessage } from '../protobuf/frames.ts'
import { answerShape, checkShape } from '../a2a/shape.ts'
import type { JsonValue } from '../base/strict-json.ts'
import type { Admitted, Claim, HeaderRecord, Released, ReleasedFields } from '../exchange/exchange.ts'
import { speaksAlike } from '../faces/choose-face.ts'
import type { OpenedResult } from '../faces/open-answer.ts'
import { isRefusal, refuse, type Refusal } from '../refusal/refusal.ts'
import { checkArtifacts } from './artifact-rules.ts'
import {
  dressError,
  dressEvent,
  dressEventError,
  dressResult,
  jsonTypeOf,
  frameOriginal,
  passFailure,
  type Dressed,
  type DressedEvent,
} from './dress.ts'
import { filterConfigs } from './filter-configs.ts'
import { namesFor, withNames, type NameOf } from './name-contexts.ts'
import { invalid, openAnswer, openEvent, type OpenedAnswer, type UnreadAnswer, type UnreadEvent } from './open.ts'
import { textAgain, type KeptAnswer } from './release-again.ts'
import { claimNamed, type OwnershipBook } from './settle-ownership.ts'

export { lostFields } from './dress.ts'
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
  /** of the head, beside the content type */
  readonly headers?: HeaderRecord | undefined
  /** on gRPC */
  readonly trailers?: HeaderRecord | undefined
}
export interface ReleasedEvent extends Settled {
  readonly name: string
  /** on gRPC, where the agent's error ends the stream: with what */
  readonly trailers?: HeaderRecord | undefined
}

const nothing = (): void => undefined

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
    return pass(
      speaksAlike(admitted) ? asTheAgentSaid(admitted, opened, answer.status) : dressError(admitted, opened.error),
    )
  }
  if (admitted.operation === 'GetExtendedAgentCard') return releaseCard(admitted, opened.value)
  const settled = settle(admitted, opened, ownership)
  if (isRefusal(settled)) return settled
  const named = withNames(admitted, opened, settled.nameOf)
  const isOriginal = speaksAlike(admitted) && settled.filtered === undefined
  const dressed = isOriginal
    ? asTheAgentSaid(admitted, named, answer.status)
    : dressResult(admitted, settled.filtered ?? named.text(), opened.lost)
  if (isRefusal(dressed)) {
    settled.undo()
    return dressed
  }
  return { ...pass(dressed), claims: settled.claims, states: settled.states, undo: settled.undo }
}

function asTheAgentSaid(admitted: Admitted, { original, ...opened }: OpenedAnswer, status: number): Dressed {
  if (typeof original === 'string') {
    // an empty answer is 204 whatever the agent called it
    const said = admitted.binding === 'JSONRPC' ? 200 : original === '' ? 204 : status
    return { status: said, contentType: jsonTypeOf(admitted), text: original }
  }
  if (!Buffer.isBuffer(original)) return passFailure(original)
  return frameOriginal(original, opened.kind === 'result' ? opened.text() : '')
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
    if (isUnknownTask(admitted, opened.error)) return unknownTask()
    if (!speaksAlike(admitted)) return passEvent(dressEventError(admitted, opened.error))
    const { original } = opened
    if (typeof original !== 'string') return passEvent(dressEventError(admitted, opened.error))
    const name = admitted.binding === 'JSONRPC' && event.name !== 'error' ? '' : 'error'
    return passEvent({ name, text: original })
  }
  const settled = settle(admitted, opened, ownership)
  if (isRefusal(settled)) return settled
  const named = withNames(admitted, opened, settled.nameOf)
  const dressed = speaksAlike(admitted) ? originalEvent(named) : dressEvent(admitted, named.text())
  if (isRefusal(dressed)) {
    settled.undo()
    return dressed
  }
  return { ...passEvent(dressed), claims: settled.claims, states: settled.states, undo: settled.undo }
}

function originalEvent({ original, text }: OpenedResult & Pick<OpenedAnswer, 'original'>): DressedEvent {
  if (typeof original === 'string') return { name: '', text: original }
  return { name: '', text: text(), ...(Buffer.isBuffer(original) && { bytes: frameMessage(original) }) }
}

const taskNotFound = -32001

/** Said in our own words, so that it cannot be told from what a foreign task answers. */
const unknownTask = (): Refusal => refuse('AUTHZ_TASK_NOT_FOUND', 'the agent does not know the task')

/** An HTTP+JSON agent that does not say why has nothing else that could be missing. */
function isUnknownTask({ agentFace }: Admitted, { jsonRpc, http }: AgentError): boolean {
  return jsonRpc === taskNotFound || (agentFace.binding === 'HTTP+JSON' && http === 404)
}

/** What names nobody's task, or only such as were settled before. */
function pass({ status, contentType, headers, trailers, text, bytes }: Dressed): ReleasedAnswer {
  return { status, contentType, headers, trailers, released: release(text, bytes), ...unclaimed }
}

function passEvent({ name, trailers, text, bytes }: DressedEvent): ReleasedEvent {
  return { name, trailers, released: release(text, bytes), ...unclaimed }
}

const passUnless = (dressed: Dressed | Refusal): ReleasedAnswer | Refusal =>
  isRefusal(dressed) ? dressed : pass(dressed)

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
  const { status, contentType, headers, trailers, released } = kept
  const text = textAgain(admitted, kept)
  return { status, contentType, headers, trailers, released: release(text, released.bytes), ...unclaimed }
}

/** A list of tasks that were each released before, put together here. */
export function releaseList(
  admitted: Admitted,
  tasks: readonly string[],
  page: { readonly nextToken: string; readonly pageSize: number; readonly totalSize: number },
): ReleasedAnswer | Refusal {
  const { pageSize, totalSize } = page
  const body = `{"tasks":[${tasks.join(',')}],"nextPageToken":"${page.nextToken}","pageSize":${pageSize},"totalSize":${totalSize}}`
  return passUnless(dressResult(admitted, body))
}

function releaseCard(admitted: Admitted, value: JsonValue): ReleasedAnswer | Refusal {
  const { snapshot, agent } = admitted
  const accepted = acceptedMethods(snapshot.config, agent)
  const { http2 } = snapshot.config.gateway
  const offers = { extensions: allowedExtensions(snapshot.config, agent), http2 }
  const card = rebuildCard(value, frameCard(snapshot.publicUrl, agent, accepted, offers))
  if (typeof card === 'string') return invalid(card)
  return passUnless(dressResult(admitted, JSON.stringify(card)))
}

/** The one mint of Released. */
function release(text: string, bytes: Buffer | undefined): Released {
  const fields: ReleasedFields = { text, bytes }
  return fields as Released
}
