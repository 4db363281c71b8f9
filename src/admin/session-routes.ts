// How one comes to a session, sees it, and ends it. What leads to a session is for anyone, and therefore says itself
// what is recorded: a login before it holds, a refusal always.

import { z } from 'zod'
import { bootstrapPrincipal, rolesOf } from './administrator.ts'
import { sessionAnswer, done } from './answers.ts'
import { bootstrapSessionMs } from './bootstrap.ts'
import { pendingMs } from './pending-life.ts'
import { permissionsOf } from './permissions.ts'
import { isProblem, problem, type Problem } from './problem.ts'
import { change, nothing, open, read, type OpenCall, type Route } from './route.ts'
import type { NewSession, Session } from './sessions.ts'

export const sessionRoutes: readonly Route[] = [
  read({
    path: '/session',
    permission: 'session.own',
    about: 'Who one is here, and what one may do',
    input: nothing,
    answer: sessionAnswer,
    run: ({ who: { id, roles, via, session } }) => ({
      principal: id,
      display: session?.display ?? id,
      roles: [...roles],
      permissions: permissionsOf(roles),
      via,
      session: session === undefined ? null : summarize(session),
    }),
  }),
  change({
    path: '/session/logout',
    permission: 'session.own',
    effect: 'takes',
    about: 'End the session',
    input: nothing,
    answer: done,
    run: async ({ parts, who, record, setCookie }) => {
      if (who.session === undefined)
        return problem('ADMIN_CONFLICT', 'a token has no session', { hint: 'take the token out of admin.tokens' })
      const ended = parts.sessions.end(who.session.id)
      setCookie(parts.cookies.clear('session'))
      await record('admin.logout', who.id, { session: who.session.id, via: who.via })
      return { done: ended !== undefined }
    },
  }),
  open({
    method: 'POST',
    path: '/session/bootstrap',
    about: 'Open a first session by the token of `sallyport admin bootstrap`, which works once',
    input: z.strictObject({ token: z.string().min(1).max(128) }),
    answer: sessionAnswer,
    run: async (call, { token }) => {
      const taken = call.parts.bootstrap.take(token)
      if (taken !== 'taken') return problem('AUTHN_INVALID', `bootstrap token: ${taken}`)
      const who = { principal: bootstrapPrincipal, display: 'bootstrap', groups: [], via: 'bootstrap' } as const
      const session = await openSession(call, { ...who, lifeMs: bootstrapSessionMs })
      if (isProblem(session)) return session
      return {
        principal: session.principal,
        display: session.display,
        roles: ['admin'],
        permissions: permissionsOf(['admin']),
        via: 'bootstrap',
        session: summarize(session),
      }
    },
  }),
  open({
    method: 'GET',
    path: '/login',
    about: 'Log in at the identity provider: where a browser goes',
    input: nothing,
    answer: 'redirect',
    run: async ({ parts, headers, setCookie }) => {
      // a page of somebody else may not begin what ends in a session
      if (headers['sec-fetch-site'] === 'cross-site') return problem('ADMIN_CSRF', 'a login begun by another page')
      const begun = (await parts.login?.begin()) ?? noLogin
      if (isProblem(begun)) return begun
      setCookie(parts.cookies.set('login', begun.browser, pendingMs / 1_000))
      return begun.location
    },
  }),
  open({
    method: 'GET',
    path: '/login/callback',
    about: 'Where the identity provider sends the browser back to',
    // what else a provider adds is its own; the exchange takes the members that it knows, each once
    input: z.record(z.string().max(100), z.string().max(4_096)),
    answer: 'page',
    run: async (call, parameters) => {
      const { parts, headers, record, setCookie, source } = call
      const person = (await parts.login?.finish(parameters, parts.cookies.read(headers, 'login'))) ?? noLogin
      if (isProblem(person)) return person
      const { id: principal, display, groups } = person
      const turn = parts.takeLogin(principal)
      if (turn !== 'taken')
        return problem('LIMIT_RATE', 'too many logins', { headers: { 'retry-after': String(turn) } })
      const blocked = parts.findBlock({ id: principal, groups })
      if (blocked !== undefined) {
        await record('admin.login.refused', principal, { via: 'login', source, detail: `${blocked} is blocked` })
        return problem('ADMIN_LOGIN_REFUSED', 'somebody who is blocked')
      }
      const { administrators, sessions } = parts.snapshot().config.admin
      if (rolesOf({ principal, groups }, administrators).length === 0) {
        await record('admin.login.refused', principal, {
          via: 'login',
          source,
          detail: 'no role is given to this person',
        })
        return problem('ADMIN_LOGIN_REFUSED', 'somebody without a role')
      }
      const session = await openSession(call, { principal, display, groups, via: 'login', lifeMs: sessions.life })
      if (isProblem(session)) return session
      setCookie(parts.cookies.clear('login'))
      return loggedIn
    },
  }),
]

const noLogin = problem('ROUTE_NOT_FOUND', 'no login is configured')

/**
 * A page, not a redirect: what a browser does on a chain that began at the provider's counts as that site's, and a
 * cookie that is for its own site alone would stay behind. It leads to one place, whatever the request said.
 */
const loggedIn =
  '<!doctype html><html lang="en"><meta charset="utf-8"><title>Sallyport</title>' +
  '<meta http-equiv="refresh" content="0;url=/api/v1/session">' +
  '<p>You are logged in. <a href="/api/v1/session">Go on</a></html>'

/** Recorded before it holds. A session that the browser had before ends: nobody goes on under a cookie of another. */
export async function openSession(call: OpenCall, request: NewSession): Promise<Session | Problem> {
  const { parts, headers, record, setCookie, source } = call
  const { principal, via } = request
  await record('admin.login', principal, { via, source })
  const before = parts.cookies.read(headers, 'session')
  const ended = before === undefined ? undefined : parts.sessions.use(before)
  if (ended !== undefined) parts.sessions.end(ended.id)
  const opened = parts.sessions.open(request)
  if (opened === undefined)
    return problem('ADMIN_LOGIN_UNAVAILABLE', 'too many sessions', { headers: { 'retry-after': '60' } })
  setCookie(parts.cookies.set('session', opened.secret, Math.floor(request.lifeMs / 1_000)))
  return opened.session
}

type SessionSummary = NonNullable<z.input<typeof sessionAnswer>['session']>

const summarize = ({ id, createdAtMs, endsAtMs, csrfToken }: Session): SessionSummary => ({
  id,
  createdAtMs,
  endsAtMs,
  csrfToken,
})
