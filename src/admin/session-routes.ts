// How one comes to a session, sees it, and ends it. What leads to a session is for anyone, and therefore says itself
// what is recorded: a login before it holds, a refusal always.

import { z } from 'zod'
import { bootstrapPrincipal } from './administrator.ts'
import { sessionAnswer, done } from './answers.ts'
import { bootstrapSessionMs } from './bootstrap.ts'
import { permissionsOf } from './permissions.ts'
import { problem, type Problem } from './problem.ts'
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
      if ('kind' in session) return session
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
]

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
