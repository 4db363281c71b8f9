// Who calls the admin API, and with which roles. Tokens are machines' and have the role that the configuration gives
// them; people have a session, and their roles are looked up anew at every request, so that a changed configuration
// counts at once. Nobody has a role that nothing gives.

import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { AdminConfig, AdminRole } from '../config/config.ts'
import type { Cookies } from './cookies.ts'
import type { Session, Sessions } from './sessions.ts'

export interface Administrator {
  /** `user:corp/4f1c`, `admin-token:ci`, `admin-bootstrap` */
  readonly id: string
  readonly roles: readonly AdminRole[]
  readonly via: 'token' | Session['via']
  readonly session: Session | undefined
}

/** A bearer token as it is kept: by its hash. */
export interface MachineToken {
  readonly name: string
  readonly role: AdminRole
  /** SHA-256, base64url */
  readonly hash: string
}

export const bootstrapPrincipal = 'admin-bootstrap'

export function machineToken(name: string, role: AdminRole, token: Buffer | string): MachineToken {
  return { name, role, hash: hashOf(token) }
}

export interface Identification {
  readonly tokens: readonly MachineToken[]
  readonly sessions: Sessions
  readonly cookies: Cookies
  readonly administrators: AdminConfig['administrators']
  /** by which of its names this somebody is blocked */
  readonly findBlock: FindBlock
}

/** Blocks are asked of by whoever decides what somebody may; undefined where nothing blocks them. */
export type FindBlock = (who: { readonly id: string; readonly groups: readonly string[] }) => string | undefined

/** Who this is; otherwise why it is nobody we know. */
export function identify(headers: IncomingHttpHeaders, known: Identification): Administrator | string {
  const who = findAdministrator(headers, known)
  if (typeof who === 'string') return who
  const blocked = known.findBlock({ id: who.id, groups: who.session?.groups ?? [] })
  return blocked === undefined ? who : `${blocked} is blocked`
}

function findAdministrator(headers: IncomingHttpHeaders, known: Identification): Administrator | string {
  const hasCookie = known.cookies.has(headers, 'session')
  if (headers.authorization !== undefined)
    return hasCookie ? 'two credentials, a token and a session' : findToken(headers.authorization, known.tokens)
  if (!hasCookie) return 'no credential'
  const secret = known.cookies.read(headers, 'session')
  const session = secret === undefined ? undefined : known.sessions.use(secret)
  if (session === undefined) return 'no session of this cookie, or none any more'
  const roles = session.via === 'bootstrap' ? (['admin'] as const) : rolesOf(session, known.administrators)
  return { id: session.principal, roles, via: session.via, session }
}

/** What the configuration gives a person, itself and by its groups. */
export function rolesOf(
  { principal, groups }: Pick<Session, 'principal' | 'groups'>,
  administrators: AdminConfig['administrators'],
): AdminRole[] {
  const given = administrators.filter(({ who }) => who.some((each) => each === principal || groups.includes(each)))
  return [...new Set(given.map(({ role }) => role))]
}

function findToken(authorization: string, tokens: readonly MachineToken[]): Administrator | string {
  const given = /^Bearer (\S{1,512})$/.exec(authorization)?.[1]
  if (given === undefined) return 'no bearer token'
  // hashes of secrets nobody can choose: comparing them tells nothing
  const hash = hashOf(given)
  const token = tokens.find((each) => each.hash === hash)
  if (token === undefined) return 'the token is unknown'
  return { id: `admin-token:${token.name}`, roles: [token.role], via: 'token', session: undefined }
}

const hashOf = (token: Buffer | string): string => createHash('sha256').update(token).digest('base64url')
