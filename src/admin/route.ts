// What a route of the admin API is, as data: its place, its permission, what it takes and answers, and what it does.
// From the same table come the listener's routes, the checks before them, and the OpenAPI document. There are reads
// (GET) and changes (POST); no route takes a part of its path from the caller, so that a path means one thing.

import type { IncomingHttpHeaders } from 'node:http'
import { z } from 'zod'
import type {
  ApprovalAnswer,
  ControlMethods,
  EraseAnswer,
  EraseRequest,
  SearchQuery,
  TailRecord,
} from '../cli/ports.ts'
import type { Clock } from '../base/clock.ts'
import type { Snapshot } from '../config/config.ts'
import type { Administrator, FindBlock } from './administrator.ts'
import type { Bootstrap } from './bootstrap.ts'
import type { Status } from './contract.ts'
import type { Cookies } from './cookies.ts'
import type { TakeCall } from './allowance.ts'
import type { Login } from './login.ts'
import type { Permission } from './permissions.ts'
import type { Problem } from './problem.ts'
import type { Sessions } from './sessions.ts'

/** What routes work with. */
export interface RouteParts {
  readonly clock: Clock
  readonly snapshot: () => Snapshot
  readonly status: () => Status
  /** the same that commands call; what they record names the administrator */
  readonly methods: ControlMethods
  /** what takes a person: who decides is the administrator, not the bearer of an API key */
  readonly people: PeopleMethods
  readonly ledger: LedgerReader
  readonly sessions: Sessions
  /** by which of its names somebody is blocked, whatever their roles are */
  readonly findBlock: FindBlock
  readonly bootstrap: Bootstrap
  readonly cookies: Cookies
  /** undefined where no provider is configured */
  readonly login: Login | undefined
  /** counts one login of somebody, refused or not */
  readonly takeLogin: TakeCall
}

export interface PeopleMethods {
  erase(request: Omit<EraseRequest, 'approver'>, who: Administrator): Promise<EraseAnswer>
  decide(
    decision: { readonly id: string; readonly verdict: 'granted' | 'denied'; readonly reason: string },
    who: Administrator,
  ): Promise<ApprovalAnswer>
}

/** Reads the ledger beside the process's own work. */
export interface LedgerReader {
  /** newest first */
  search(
    query: SearchQuery,
    limit: number,
  ): Promise<{ readonly records: readonly Omit<TailRecord, 'ocsf'>[]; readonly warnings: readonly string[] }>
  prove(record: string): Promise<{ readonly proofs: readonly ProvenRecord[] }>
}
export interface ProvenRecord {
  readonly origin: string
  readonly index: number
  readonly kind: string
  readonly leafHash: string
  readonly size: number
  readonly witnessed: boolean
  readonly proof: string
}

/** Writes an administrative act into the ledger; resolves when it is durable. */
export type RecordAct = (
  action: string,
  subject: string,
  event: Readonly<Record<string, string | number>>,
) => Promise<unknown>

export interface OpenCall {
  readonly parts: RouteParts
  readonly source: string
  readonly headers: IncomingHttpHeaders
  readonly record: RecordAct
  /** a value of Set-Cookie that goes with the answer */
  readonly setCookie: (cookie: string) => void
}
/** By now the caller is known and has the permission of the route. */
export interface Call extends OpenCall {
  readonly who: Administrator
}

/**
 * `reads` changes nothing. `gives` is recorded before it is carried out and does not happen where that fails; `takes`
 * (a revocation, a logout) is carried out first, also where nothing can be recorded.
 */
export type Effect = 'reads' | 'gives' | 'takes'

interface Place {
  /** below /api/v1 */
  readonly path: string
  readonly about: string
}

/** A route as the listener carries it out. What it may be called with has been judged by `input`. */
export interface Route extends Place {
  readonly method: 'GET' | 'POST'
  /** `anyone`: what leads to a session, and therefore cannot ask for one */
  readonly permission: Permission | 'anyone'
  readonly effect: Effect
  /** query of a GET, body of a POST; strict: what it does not name is refused */
  readonly input: z.ZodType
  /** what leaves is read through it: a member that it does not name stays here */
  readonly answer: z.ZodType | 'redirect' | 'page'
  readonly run: (call: Call & OpenCall, input: unknown) => unknown
}

interface Asking<I extends z.ZodType, A extends z.ZodType> extends Place {
  readonly permission: Permission
  readonly input: I
  readonly answer: A
  readonly run: (call: Call, input: z.output<I>) => z.input<A> | Problem | Promise<z.input<A> | Problem>
}

/** The casts: `run` is only ever given what `input` has made. */
export function read<I extends z.ZodType, A extends z.ZodType>(route: Asking<I, A>): Route {
  return { ...route, method: 'GET', effect: 'reads', run: route.run as Route['run'] }
}

export function change<I extends z.ZodType, A extends z.ZodType>(
  route: Asking<I, A> & { readonly effect: 'gives' | 'takes' },
): Route {
  return { ...route, method: 'POST', run: route.run as Route['run'] }
}

/** For callers nobody knows yet; says itself what is recorded. */
export function open<I extends z.ZodType>(
  route: Place & {
    readonly method: Route['method']
    readonly input: I
    readonly answer: Route['answer']
    readonly run: (call: OpenCall, input: z.output<I>) => unknown
  },
): Route {
  return { ...route, permission: 'anyone', effect: 'reads', run: route.run as Route['run'] }
}

export const nothing: z.ZodType<Record<string, never>> = z.strictObject({})

const defaultPage = 100
const maxPage = 500 // bound: items in one page of an answer

/** Query of a list. */
export const pageQuery: z.ZodType<PageQuery, { limit?: string | undefined; after?: string | undefined }> =
  z.strictObject({
    limit: z
      .string()
      .regex(/^[1-9]\d{0,3}$/)
      .default(String(defaultPage))
      .transform((text) => Math.min(Number(text), maxPage))
      .describe(`items of a page, at most ${maxPage}`),
    after: z.string().max(512).optional().describe('`next` of the page before'),
  })
export interface PageQuery {
  readonly limit: number
  readonly after?: string | undefined
}

export function pageOf<T extends z.ZodType>(
  item: T,
): z.ZodObject<{ items: z.ZodArray<T>; next: z.ZodNullable<z.ZodString> }> {
  return z.object({ items: z.array(item), next: z.string().nullable().describe('null on the last page') })
}

/** By the order of their keys, which are unique: what comes and goes between two pages moves no other item. */
export function takePage<T>(
  items: readonly T[],
  { limit, after }: PageQuery,
  keyOf: (item: T) => string,
): { items: T[]; next: string | null } {
  const rest = items
    .map((item) => ({ item, key: keyOf(item) }))
    .filter(({ key }) => after === undefined || key > after)
    .toSorted((left, right) => (left.key < right.key ? -1 : 1))
  const page = rest.slice(0, limit)
  return { items: page.map(({ item }) => item), next: rest.length > limit ? (page.at(-1)?.key ?? null) : null }
}
