// Calls that take a person's approval. The first such call is refused and leaves a request that names exactly what
// was asked: who, on whose behalf, through whom, which agent and operation, and a keyed hash of the body in its one
// form. When it has been granted, the same request passes once; the rest of the walk is run anew and may still refuse.

import { createHmac, type KeyObject } from 'node:crypto'
import { isSamePerson, type Snapshot } from '../config/config.ts'
import type { Validated } from '../exchange/exchange.ts'

export interface ApprovalRequest {
  /** HMAC-SHA256 over the request in its one form, 32 bytes */
  readonly tag: Buffer
  readonly caller: string
  readonly origin: string
  /** oldest first */
  readonly chain: readonly string[]
  readonly agent: string
  readonly operation: string
  /** '' where the call names none */
  readonly task: string
  /** rules of the policy that ask */
  readonly rules: readonly string[]
  /** kinds and sizes of the message's parts, as policy sees them; never its words */
  readonly parts: readonly { readonly kind: string; readonly size: number }[]
}

export type ApprovalState = 'pending' | 'granted' | 'denied' | 'used'

export interface Approval extends ApprovalRequest {
  /** lower-case hex; its first half is of the tag */
  readonly id: string
  readonly state: ApprovalState
  readonly createdAtMs: number
  /** pending: until when it may be decided; granted: until when it may be used; otherwise until when it is remembered */
  readonly expiresAtMs: number
  /** who decided, '' while nobody has */
  readonly decidedBy: string
  /** how they were proven; undefined while nobody has, or where that is not known */
  readonly decidedAs: DecidedAs | undefined
}

/** An approver as proven, so that a grant can be asked again whether it stands. */
export interface DecidedAs {
  readonly principal: string
  readonly groups: readonly string[]
  /** id of the API key; absent for a login */
  readonly key?: string | undefined
}

/** What authorize asks of the approvals, implemented by store. Synchronous; throws a Fault when the disk fails. */
export interface ApprovalBook {
  /** the newest of this very request that has not expired */
  find(tag: Buffer): Approval | undefined
  /** A new pending one in the place of any other of this tag; undefined when too many wait. Durable when it returns. */
  request(request: ApprovalRequest, waitMs: number): Approval | undefined
  /** Uses a grant up. False when somebody else was faster, or it is none any more. Durable when it returns. */
  take(id: string): boolean
  /** The call that took it came to nothing before anybody saw it. */
  giveBack(id: string): void
}

export interface ApprovalRules {
  readonly book: ApprovalBook
  /** key of the tags: what lies on the disk must not let anybody guess at messages */
  readonly key: KeyObject
  /** Why this grant does not count any more, as its approver stands now; undefined where it does. */
  findLapse(approval: Approval, snapshot: Snapshot): string | undefined
}

/** The keyed hash that ties an approval to one request; binding, JSON-RPC's id and the layout of the JSON are left out. */
export function tagOf(call: Validated, key: KeyObject): Buffer {
  const parts = [
    'sallyport approval v2',
    call.caller.id,
    call.origin.id,
    JSON.stringify(call.chain.map((actor) => actor.id)),
    call.agent.name,
    call.operation,
    call.tenant,
    call.version,
    JSON.stringify(call.extensions),
    bodyOf(call),
  ]
  const mac = createHmac('sha256', key)
  // each with its length: no two lists of parts are one text
  for (const part of parts) mac.update(`${Buffer.byteLength(part)}:`).update(part)
  return mac.digest()
}

export function describeRequest(call: Validated, tag: Buffer, rules: readonly string[]): ApprovalRequest {
  return {
    tag,
    caller: call.caller.id,
    origin: call.origin.id,
    chain: call.chain.map((actor) => actor.id),
    agent: call.agent.name,
    operation: call.operation,
    task: call.taskId,
    rules,
    parts: call.message.parts.slice(0, maxShownParts).map(({ kind, size }) => ({ kind, size })),
  }
}

const maxShownParts = 32 // bound: parts of a message that an approver is shown

/** Whoever is in the call, under any name that is known of them now, may not approve it. */
export function isPartyTo(
  { caller, origin, chain }: Pick<Approval, 'caller' | 'origin' | 'chain'>,
  principal: string,
  snapshot: Snapshot,
): boolean {
  return [caller, origin, ...chain].some((party) => isSamePerson(party, principal, snapshot))
}

function bodyOf({ paramsText }: Validated): string {
  // it passed the strict parser: no key stands twice
  return write(JSON.parse(paramsText(), keepNumbers))
}

/** A number as it was sent: JavaScript would make one of several. */
class NumberText {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

function keepNumbers(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' ? new NumberText(context?.source ?? String(value)) : value
}

/** Like RFC 8785, but for numbers, which stay as they were written. */
function write(value: unknown): string {
  if (value instanceof NumberText) return value.text
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const members = Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1))
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${write(member)}`).join(',')}}`
}
