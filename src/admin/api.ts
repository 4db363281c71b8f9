// The admin API on fastify: routes of one table, and before each the same checks in the same order. Who calls, whether
// there is such a route, whether it is asked too often, whether a page of this session asks, whether the role may: all
// of that before a byte of the body is read. Nothing is answered that is not recorded; whatever is thrown is a 500.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { fastify, type FastifyReply, type FastifyRequest } from 'fastify'
import type { AuditTrail } from '../audit/audit.ts'
import { Fault } from '../base/fault.ts'
import type { RefusalCode } from '../refusal/refusal.ts'
import { decodeUtf8, parseStrictJson } from '../base/strict-json.ts'
import { identify, type Administrator, type MachineToken } from './administrator.ts'
import { createAllowance } from './allowance.ts'
import { isPermitted } from './permissions.ts'
import { formatProblem, isProblem, problem, type Problem } from './problem.ts'
import { createCallRecorder, type RecordedCall } from './record-calls.ts'
import type { RecordAct, Route, RouteParts } from './route.ts'
import { routes } from './routes.ts'
import { isSameSecret } from './sessions.ts'

export const apiPrefix = '/api/v1'

/** How often one source may fail to say who it is. */
export interface FailureLimit {
  take(source: string): boolean
  retryAfterSeconds(source: string): number
}

export interface ApiParts extends RouteParts {
  readonly audit: Pick<AuditTrail, 'administered' | 'refusedUnknown'>
  readonly tokens: () => readonly MachineToken[]
  /** of the pages that may call, `http://127.0.0.1:7001` */
  readonly origin: () => string
  readonly failures: FailureLimit
  /** runs what an administrator asked for, so that what it records names him */
  readonly as: <T>(who: string, work: () => Promise<T>) => Promise<T>
  readonly onBug: (error: unknown) => void
}

export interface Api {
  handle(request: IncomingMessage, response: ServerResponse): void
  close(): Promise<void>
}

const maxBodyBytes = 65_536 // bound: a body of the admin API
const jsonBounds = { maxDepth: 16, maxNodes: 2_000 }
export const csrfField = 'sallyport-csrf'
const isUnsafe = (method: string): boolean => method !== 'GET'

/** A request on its way: who it is of, and what it asks for. */
interface Admitted {
  readonly route: Route
  readonly who: Administrator | undefined
  readonly source: string
}

export async function createApi(parts: ApiParts): Promise<Api> {
  const app = fastify({
    logger: false,
    bodyLimit: maxBodyBytes,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 100 },
  })
  const recorder = createCallRecorder({ ...parts, snapshotDigest: () => parts.snapshot().digest })
  const takeCall = createAllowance(parts.clock)
  const admitted = new WeakMap<FastifyRequest, Admitted>()
  const byPlace = new Map(routes.map((route) => [`${route.method} ${apiPrefix}${route.path}`, route]))
  const record: RecordAct = (action, subject, event) =>
    parts.audit.administered(action, subject, { by: subject, caller: subject, ...event })

  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    // what does not parse is judged with the input: this only has to carry it there
    done(null, parseBody(body as Buffer)) // parseAs says what it is
  })

  /** No answer without its record; where none can be written there is nothing to answer. */
  const refuseKnown = async (reply: FastifyReply, call: RecordedCall, refused: Problem): Promise<FastifyReply> => {
    const isRecorded = await recorder.refused(call, refused).then(
      () => true,
      () => false,
    )
    return sendProblem(reply, isRecorded ? refused : unrecorded())
  }
  const refuseUnknown = async (
    reply: FastifyReply,
    { source, route }: { source: string; route: Route | undefined },
    refused: Problem,
  ): Promise<FastifyReply> => {
    const hasRoom = parts.failures.take(source)
    const answered = hasRoom ? refused : tooMany(parts.failures.retryAfterSeconds(source), refused.detail)
    const isRecorded = await recorder.refusedUnknown(source, route?.path ?? '', answered).then(
      () => true,
      () => false,
    )
    return sendProblem(reply, isRecorded ? answered : unrecorded())
  }

  app.addHook('onRequest', async (request, reply) => {
    const source = request.socket.remoteAddress ?? ''
    const route = byPlace.get(`${request.method} ${request.routeOptions.url ?? ''}`)
    if (route?.permission === 'anyone') {
      const foreign = checkOrigin(request, parts.origin())
      if (foreign !== undefined) return await refuseUnknown(reply, { source, route }, foreign)
      admitted.set(request, { route, who: undefined, source })
      return undefined
    }
    const { administrators } = parts.snapshot().config.admin
    const who = identify(request.headers, { ...parts, tokens: parts.tokens(), administrators })
    if (typeof who === 'string')
      return await refuseUnknown(reply, { source, route }, problem('AUTHN_MISSING', who, unauthenticated))
    const call: RecordedCall = { who, route, method: request.method, source }
    const refused = takeTurn(who) ?? judge(request, call)
    if (refused !== undefined) return await refuseKnown(reply, call, refused)
    if (route !== undefined) admitted.set(request, { route, who, source })
    return undefined
  })

  const takeTurn = (who: Administrator): Problem | undefined => {
    const turn = takeCall(who.id)
    return turn === 'taken' ? undefined : tooMany(turn, 'more calls than one administrator may make')
  }
  const judge = (request: FastifyRequest, { who, route }: RecordedCall): Problem | undefined => {
    if (route === undefined) return noRoute(request)
    if (route.method === 'GET' && hasBody(request)) return problem('VALIDATE_PARAMS', 'a GET with a body')
    return checkOrigin(request, parts.origin()) ?? checkSession(request, who) ?? checkPermission(who, route)
  }
  const checkSession = (request: FastifyRequest, { session }: Administrator): Problem | undefined => {
    if (session === undefined || !isUnsafe(request.method)) return undefined
    // every browser says where an unsafe request comes from: one that does not is none
    if (request.headers.origin === undefined)
      return problem('ADMIN_CSRF', 'no Origin', { hint: `say where the request comes from: Origin: ${parts.origin()}` })
    const given = request.headers[csrfField]
    if (typeof given === 'string' && isSameSecret(given, session.csrfToken)) return undefined
    const hint = `send the csrfToken of this session (GET ${apiPrefix}/session) in the field ${csrfField}`
    return given === undefined
      ? problem('ADMIN_CSRF', `no ${csrfField}`, { hint })
      : problem('ADMIN_CSRF', `not the ${csrfField} of this session`)
  }

  const carryOut = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const found = admitted.get(request)
    // no hook, no call
    if (found === undefined) return sendProblem(reply, problem('GATEWAY_INTERNAL', 'a route without its checks'))
    const { route, who, source } = found
    const call: RecordedCall | undefined = who && { who, route, method: request.method, source }
    const refuseThis = (refused: Problem): Promise<FastifyReply> =>
      call === undefined ? refuseUnknown(reply, { source, route }, refused) : refuseKnown(reply, call, refused)
    const input = readInput(request, route)
    if (isProblem(input)) return await refuseThis(input)
    const isAnnounced = call === undefined || route.effect !== 'gives' || (await isWritten(recorder.begun(call)))
    if (!isAnnounced) return sendProblem(reply, unrecorded())
    const cookies: string[] = []
    const setCookie = (cookie: string): void => void cookies.push(cookie)
    const result = await attempt(() =>
      parts.as(who?.id ?? '', async () =>
        // `who` is there for every route that is not for anyone
        route.run(
          { parts, source, headers: request.headers, record, setCookie, who: who as Administrator },
          input.value,
        ),
      ),
    )
    if (isProblem(result)) return await refuseThis(result)
    if (call !== undefined && !(await isWritten(recorder.ended(call, 200))))
      return sendProblem(reply, unrecorded(route.effect === 'reads' ? '' : 'it was done, but could not be recorded'))
    if (cookies.length > 0) reply.header('set-cookie', cookies)
    return sendResult(reply, route, result.value)
  }

  /** What a method throws of the world is told to whoever asked; anything else is a bug, and says nothing. */
  const attempt = async (work: () => Promise<unknown>): Promise<{ readonly value: unknown } | Problem> => {
    try {
      const value = await work()
      return isProblem(value) ? value : { value }
    } catch (error) {
      if (!(error instanceof Fault)) {
        parts.onBug(error)
        return problem('GATEWAY_INTERNAL', 'thrown')
      }
      if (error.code.startsWith('LEDGER_')) return problem('AUDIT_UNAVAILABLE', error.message, { hint: error.message })
      const hint = error.hint === undefined ? error.message : `${error.message}; ${error.hint}`
      return problem('ADMIN_CONFLICT', error.message, { hint })
    }
  }

  for (const route of routes) app.route({ method: route.method, url: `${apiPrefix}${route.path}`, handler: carryOut })
  app.setNotFoundHandler((request, reply) => sendProblem(reply, noRoute(request)))
  app.setErrorHandler((error, request, reply) => {
    const refused = problemOf(error, parts.onBug)
    const found = admitted.get(request)
    if (found === undefined) return sendProblem(reply, refused)
    const { who, route, source } = found
    if (who === undefined) return refuseUnknown(reply, found, refused)
    return refuseKnown(reply, { who, route, method: request.method, source }, refused)
  })
  await app.ready()
  return { handle: (request, response) => app.routing(request, response), close: () => app.close() }
}

const unauthenticated = { headers: { 'www-authenticate': 'Bearer realm="sallyport-admin"' } }

const tooMany = (seconds: number, detail: string): Problem =>
  problem('LIMIT_RATE', detail, { headers: { 'retry-after': String(seconds) } })

const unrecorded = (hint = ''): Problem => problem('AUDIT_UNAVAILABLE', 'the call could not be recorded', { hint })

const isWritten = (written: Promise<void>): Promise<boolean> =>
  written.then(
    () => true,
    () => false,
  )

const hasBody = ({ headers }: FastifyRequest): boolean =>
  headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'

/** A page of somebody else is refused, whatever it carries. */
function checkOrigin({ headers: { origin } }: FastifyRequest, own: string): Problem | undefined {
  return origin === undefined || origin === own ? undefined : problem('ADMIN_CSRF', 'the page of another origin')
}

function checkPermission({ roles }: Administrator, { permission }: Route): Problem | undefined {
  if (permission === 'anyone' || isPermitted(roles, permission)) return undefined
  return problem('AUTHZ_DENIED', `none of its roles has ${permission}`, {
    hint: `this takes the permission ${permission}`,
  })
}

function noRoute({ url }: FastifyRequest): Problem {
  const path = url.split('?', 1)[0] ?? ''
  const allowed = routes.filter((route) => `${apiPrefix}${route.path}` === path).map(({ method }) => method)
  if (allowed.length === 0) return problem('ROUTE_NOT_FOUND', 'no such route')
  return problem('ROUTE_METHOD_NOT_ALLOWED', 'another method', { headers: { allow: allowed.join(', ') } })
}

/** A body as it was parsed, or why it was not. */
type ParsedBody = { readonly value: unknown } | Problem

function parseBody(bytes: Buffer): ParsedBody {
  const text = decodeUtf8(bytes)
  const parsed = text === undefined ? undefined : parseStrictJson(text, jsonBounds)
  if (parsed?.ok === true) return { value: parsed.value }
  return problem('VALIDATE_JSON', parsed === undefined ? 'not UTF-8' : parsed.detail)
}

function readInput(request: FastifyRequest, route: Route): { readonly value: unknown } | Problem {
  if (route.method === 'POST' && Object.keys(request.query ?? {}).length > 0)
    return problem('VALIDATE_PARAMS', 'a query beside a body', { hint: 'parameters of a POST stand in its body' })
  // what the parser above has made; undefined where there was no body
  const body = request.body as ParsedBody | undefined
  const query = { ...(request.query as Readonly<Record<string, unknown>>) } // texts, and lists of texts
  const given = route.method === 'GET' ? { value: query } : (body ?? { value: {} })
  if (isProblem(given)) return given
  const judged = route.input.safeParse(given.value)
  if (judged.success) return { value: judged.data }
  const hints = judged.error.issues.map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(': '))
  return problem('VALIDATE_PARAMS', 'the parameters are not valid', { hint: hints.slice(0, 10).join('; ') })
}

const codesOfFastify: Readonly<Record<string, RefusalCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'LISTEN_BODY_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'VALIDATE_CONTENT_TYPE',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'LISTEN_HEAD_MALFORMED',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'VALIDATE_JSON',
  FST_ERR_BAD_URL: 'ROUTE_NOT_FOUND',
  ECONNRESET: 'LISTEN_BODY_TIMEOUT',
}

function problemOf(error: unknown, onBug: (error: unknown) => void): Problem {
  const code: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined
  if (typeof code === 'string' && Object.hasOwn(codesOfFastify, code))
    return problem(codesOfFastify[code] ?? 'GATEWAY_INTERNAL', code)
  onBug(error)
  return problem('GATEWAY_INTERNAL', 'thrown')
}

/** Of every answer: it is kept nowhere, read as what it says it is, and framed by nobody. */
const commonFields = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'referrer-policy': 'no-referrer',
}

function sendProblem(reply: FastifyReply, refused: Problem): FastifyReply {
  const fields = { ...commonFields, ...refused.headers, 'content-type': 'application/problem+json' }
  return reply
    .code(refused.status)
    .headers(fields)
    .send(Buffer.from(formatProblem(refused)))
}

function sendResult(reply: FastifyReply, { answer }: Route, value: unknown): FastifyReply {
  void reply.headers(commonFields)
  // the two that are no JSON run on text
  if (answer === 'redirect') return reply.code(303).header('location', String(value)).send()
  if (answer === 'page') return reply.code(200).header('content-type', 'text/html; charset=utf-8').send(String(value))
  // bytes: of a text fastify would say in which charset it is, and JSON has one
  const bytes = Buffer.from(JSON.stringify(answer.parse(value)))
  return reply.code(200).header('content-type', 'application/json').send(bytes)
}
