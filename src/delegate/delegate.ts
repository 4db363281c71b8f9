// Door of delegate: POST /token, by which an agent gets a token for one hop (RFC 8693). It shows its own credential, as
// for any call, and the assertion that it was given; what it gets is good for one next agent, within what it could do
// anyway, for a minute, at this gateway, beside the same credential. It never authenticates anybody, and no agent
// takes it for an assertion: its `typ` is another. What is asked for beyond the scope is refused, never cut.

import type { Clock } from '../base/clock.ts'
import type { AgentConfig, Snapshot } from '../config/config.ts'
import type {
  AuthenticatedFields,
  CallerScope,
  Delegated,
  Exchanging,
  HeaderRecord,
  Principal,
} from '../exchange/exchange.ts'
import { isRefusal, refuse, type Refusal, type RefusalCode } from '../refusal/refusal.ts'
import { parseForm } from './parse-form.ts'
import { formatScope, parseScope } from './scope-text.ts'

/** On whose behalf, as a subject token says it once it is proven. */
export interface Subject {
  readonly origin: Principal
  readonly chain: readonly Principal[]
  readonly scope?: CallerScope | undefined
  readonly delegated: Delegated
}

/** A token for one hop, to be signed. */
export interface HopToken {
  readonly issuer: string
  readonly subject: Subject
  readonly caller: Principal
  readonly agent: string
  readonly scope: CallerScope | undefined
  /** the token's own id: that of the request which asked for it */
  readonly tokenId: string
  readonly nowMs: number
  readonly lifeSeconds: number
}

export interface ExchangeParts {
  readonly clock: Clock
  /** proves an assertion that this agent was given */
  readonly verifySubject: (token: string, agentId: string, snapshot: Snapshot) => Subject | Refusal
  /** what both leave */
  readonly narrowScope: (one: CallerScope | undefined, other: CallerScope | undefined) => CallerScope | undefined
  /** whether both may know of this agent, within what narrows them */
  readonly isVisible: (
    agent: AgentConfig,
    who: Pick<AuthenticatedFields, 'caller' | 'origin' | 'chain' | 'scope'>,
  ) => boolean
  /** why calling this agent would close a circle */
  readonly findCycle: (
    call: Pick<AuthenticatedFields, 'caller' | 'origin' | 'chain'>,
    agent: string,
  ) => string | undefined
  readonly mint: (token: HopToken) => string
}

/** Where the answer goes: recorded first, then sent. */
export interface ExchangeAnswer {
  readonly facts: {
    operation: string
    agent: string
    origin: string
    chain: readonly string[]
    autonomous?: boolean
    grantedBy?: string
  }
  answer(status: number, headers: HeaderRecord, body: string): Promise<undefined>
}

const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange'
const jwtType = 'urn:ietf:params:oauth:token-type:jwt'
const maxBodyBytes = 32_768 // bound: body of a token request
const tokenLifeSeconds = 60 // bound: life of a token of /token

/** May refuse DELEGATE_… and what reading the body may. */
export async function exchangeToken(
  exchanging: Exchanging,
  parts: ExchangeParts,
  call: ExchangeAnswer,
): Promise<Refusal | undefined> {
  call.facts.operation = 'ExchangeToken'
  // it is about to act for somebody else
  call.facts.autonomous = false
  const form = await readForm(exchanging)
  if (isRefusal(form)) return form
  const problem = findFormProblem(exchanging, form)
  if (problem !== undefined) return problem
  const { caller, snapshot } = exchanging
  const subject = parts.verifySubject(form.get('subject_token') ?? '', caller.id, snapshot)
  if (isRefusal(subject)) return refuse('DELEGATE_SUBJECT', subject.detail)
  const { origin, chain, delegated } = subject
  Object.assign(call.facts, { origin: origin.id, chain: chain.map(({ id }) => id), grantedBy: delegated.call })
  const agent = findTarget(form, snapshot)
  if (isRefusal(agent)) return agent
  call.facts.agent = agent.name
  const present = parts.narrowScope(subject.scope, caller.scope)
  const acting = { caller, origin, chain, scope: present }
  // one answer for an agent that is not there, may not be known of, or would close a circle
  if (!parts.isVisible(agent, acting)) return refuse('DELEGATE_TARGET', `${agent.name} is not for caller and origin`)
  const cycle = parts.findCycle(acting, agent.name)
  if (cycle !== undefined) return refuse('DELEGATE_TARGET', cycle)
  const scope = readScope(form.get('scope'), present, agent.name, parts)
  if (isRefusal(scope)) return scope
  const nowMs = parts.clock.nowMs()
  const lifeSeconds = Math.min(tokenLifeSeconds, Math.floor((delegated.deadlineMs - nowMs) / 1000))
  if (lifeSeconds < 1) return refuse('DELEGATE_SUBJECT', 'the grant ends within a second')
  const issuer = snapshot.publicUrl
  const tokenId = exchanging.call
  const token = parts.mint({
    issuer,
    subject,
    caller,
    agent: agent.name,
    scope: scope.next,
    tokenId,
    nowMs,
    lifeSeconds,
  })
  return await call.answer(200, tokenHeaders, tokenAnswer(token, lifeSeconds, formatScope(scope.next)))
}

const tokenHeaders = { 'content-type': 'application/json', 'cache-control': 'no-store', pragma: 'no-cache' }

/** RFC 8693 §2.2.1. `N_A`: it is no access token, and shown to nobody but this gateway. */
function tokenAnswer(token: string, lifeSeconds: number, scope: string | undefined): string {
  return JSON.stringify({
    access_token: token,
    issued_token_type: jwtType,
    token_type: 'N_A',
    expires_in: lifeSeconds,
    ...(scope !== undefined && { scope }),
  })
}

const bad = (detail: string, code: RefusalCode = 'DELEGATE_REQUEST'): Refusal => refuse(code, detail)

async function readForm(exchanging: Exchanging): Promise<ReadonlyMap<string, string> | Refusal> {
  const { headers, query, caller, delegated, snapshot } = exchanging
  const asking = caller.id.startsWith('agent:') ? snapshot.agents.get(caller.id.slice(6)) : undefined
  if (asking === undefined) return bad('the caller is not a configured agent', 'DELEGATE_CALLER')
  // a token says who began and who stands between, in clear
  const { subject, claims } = asking.assertion
  if (subject === 'pairwise' || claims === 'minimal')
    return bad('the agent is told less than a token would tell', 'DELEGATE_CALLER')
  if (delegated !== undefined) return bad('an assertion in the header: it is the subject_token here')
  if (query !== '') return bad('parameters in the query')
  const type = headers.get('content-type')?.toLowerCase() ?? ''
  if (!/^application\/x-www-form-urlencoded(?:\s*;\s*charset="?utf-8"?)?$/.test(type)) return bad('not a form')
  if (Number(headers.get('content-length') ?? 0) > maxBodyBytes)
    return refuse('LISTEN_BODY_TOO_LARGE', 'a token request')
  const body = await exchanging.readBody()
  if (isRefusal(body)) return body
  if (body.length > maxBodyBytes) return refuse('LISTEN_BODY_TOO_LARGE', 'a token request')
  const form = parseForm(body)
  return typeof form === 'string' ? bad(`form: ${form}`) : form
}

/** A credential here would be a second one, and another actor than the caller is nobody's to name. */
const refusedParameters = [
  'client_secret',
  'client_assertion',
  'client_assertion_type',
  'actor_token',
  'actor_token_type',
]

function findFormProblem({ caller }: Exchanging, form: ReadonlyMap<string, string>): Refusal | undefined {
  if (form.get('grant_type') !== grantType) return bad('another grant_type', 'DELEGATE_GRANT_TYPE')
  const refused = refusedParameters.find((name) => form.has(name))
  if (refused !== undefined) return bad(`${refused} is not accepted`)
  if (form.has('client_id') && form.get('client_id') !== caller.id) return bad('the client_id of another')
  if (!form.has('subject_token')) return bad('no subject_token')
  if (form.get('subject_token_type') !== jwtType) return bad('another subject_token_type')
  const wanted = form.get('requested_token_type')
  return wanted === undefined || wanted === jwtType ? undefined : bad('another requested_token_type')
}

/** Exactly one agent: by `audience`, by `resource`, or by both if they say the same. */
function findTarget(form: ReadonlyMap<string, string>, snapshot: Snapshot): AgentConfig | Refusal {
  const byAudience = form.get('audience')
  const byResource = form.get('resource')
  if (byAudience === undefined && byResource === undefined) return bad('neither audience nor resource')
  const root = `${snapshot.publicUrl}/agents/`
  const names = new Set<string | undefined>()
  if (byAudience !== undefined) names.add(byAudience.startsWith('agent:') ? byAudience.slice(6) : undefined)
  if (byResource !== undefined)
    names.add(byResource.startsWith(root) ? byResource.slice(root.length).replace(/\/$/, '') : undefined)
  const [name, another] = names
  const agent = names.size === 1 && another === undefined ? snapshot.agents.get(name ?? '') : undefined
  return agent ?? bad('not exactly one agent that is there', 'DELEGATE_TARGET')
}

/** What the hop is narrowed to: what was asked for, which must lie within what there is. */
function readScope(
  asked: string | undefined,
  present: CallerScope | undefined,
  agent: string,
  { narrowScope }: ExchangeParts,
): { readonly next: CallerScope | undefined } | Refusal {
  const wanted = parseScope(asked)
  if (wanted === 'malformed') return bad('a scope that cannot be read', 'DELEGATE_SCOPE')
  if (isBeyond(wanted?.agents, present?.agents)) return bad('agents beyond the scope', 'DELEGATE_SCOPE')
  if (isBeyond(wanted?.operations, present?.operations)) return bad('operations beyond the scope', 'DELEGATE_SCOPE')
  const next = narrowScope(present, wanted)
  const isLeft = (next?.agents?.includes(agent) ?? true) && next?.operations?.length !== 0
  return isLeft ? { next } : bad(`nothing is left on ${agent}`, 'DELEGATE_SCOPE')
}

/** Refused, not cut: who asks for more than there is should hear of it. */
function isBeyond(wish: readonly string[] | undefined, limit: readonly string[] | undefined): boolean {
  return limit !== undefined && wish?.some((word) => !limit.includes(word)) === true
}
