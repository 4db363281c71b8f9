// Mints the short-lived assertion that tells an agent who calls it, on whose behalf, and through whom. Its
// audience is exactly one agent and its life a minute. It never carries a credential. Signed with ES256 by
// node:crypto at once rather than through promises: docs/decisions/0002-assertion-signing.md.
// RFC 7515, RFC 7519, RFC 7638 (kid), RFC 8693 §4.1 (nested `act`).

import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import type { AuthenticatedFields, CallerScope, TaskOwner } from '../exchange/exchange.ts'
import { Fault } from '../base/fault.ts'
import { readOrCreateKeyFile } from '../base/key-file.ts'
import type { Sealer } from '../base/sealing.ts'

export interface MintRequest {
  /** the gateway's public URL */
  readonly issuer: string
  /** canonical id of the origin */
  readonly subject: string
  /** the origin's groups */
  readonly groups: readonly string[]
  /** agents that act for the origin: the calling agent first, then those before it */
  readonly actors: readonly string[]
  /** groups of each, in the same order; without it nobody has one */
  readonly actorGroups?: readonly (readonly string[])[] | undefined
  /** name of the one agent that may believe it */
  readonly audienceAgent: string
  /** who may believe it instead, where it is to be exchanged */
  readonly audience?: string
  readonly call: string
  readonly operation: string
  /** whose the task is, where policy shares another's: for agents that keep tasks by who made them */
  readonly taskOwner?: TaskOwner
  /** what calls on this behalf are narrowed to */
  readonly scope?: CallerScope | undefined
  /** says less than the gateway knows: on whose behalf is to be looked up by the call */
  readonly isPartial?: boolean
  readonly nowMs: number
  /** default 60 */
  readonly lifeSeconds?: number
}

/** A token for one hop: who may show it, and for which call it was given what it was exchanged for. */
export interface TokenRequest {
  readonly issuer: string
  readonly subject: Pick<AuthenticatedFields, 'origin' | 'chain'> & { readonly delegated: { readonly call: string } }
  readonly caller: { readonly id: string; readonly groups: readonly string[] }
  readonly agent: string
  readonly scope: CallerScope | undefined
  readonly tokenId: string
  readonly nowMs: number
  readonly lifeSeconds: number
}

export interface PublicJwk {
  readonly kty: 'EC'
  readonly crv: 'P-256'
  readonly x: string
  readonly y: string
  readonly kid: string
  readonly alg: 'ES256'
  readonly use: 'sig'
}

export interface AssertionSigner {
  readonly kid: string
  readonly publicKey: KeyObject
  mint(request: MintRequest): string
  /** a token of /token, for one hop, to be shown to this gateway alone */
  mintToken(token: TokenRequest): string
  /** the key set served at /.well-known/jwks.json, as JSON */
  jwks(): { readonly keys: readonly PublicJwk[] }
}

export function createAssertionSigner(privateKey: KeyObject): AssertionSigner {
  const publicKey = createPublicKey(privateKey)
  const jwk = describePublicKey(publicKey)
  const headerOf = (typ: string): string => base64url(JSON.stringify({ alg: 'ES256', kid: jwk.kid, typ }))
  const assertionHeader = headerOf('sallyport-assertion+jwt')
  const tokenHeader = headerOf('sallyport-exchange+jwt')
  const signingKey = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const
  const keySet = Object.freeze({ keys: Object.freeze([jwk]) })
  const signWith = (header: string, claims: object): string => {
    const signed = `${header}.${base64url(JSON.stringify(claims))}`
    return `${signed}.${sign('sha256', Buffer.from(signed, 'latin1'), signingKey).toString('base64url')}`
  }
  return {
    kid: jwk.kid,
    publicKey,
    mint: (request) => signWith(assertionHeader, claimsOf(request)),
    mintToken: (token) => signWith(tokenHeader, claimsOfToken(token)),
    jwks: () => keySet,
  }
}

/** The actors that the next assertion names: the caller unless it is the origin itself, then the chain, latest first. */
export function actorsOf(call: Pick<AuthenticatedFields, 'caller' | 'origin' | 'chain'>): readonly string[] {
  if (call.caller.id === call.origin.id) return []
  return [call.caller.id, ...call.chain.map((actor) => actor.id).reverse()]
}

/** The groups of each of them, so that what denies or blocks a group does so at every later hop. */
export function actorGroupsOf(
  call: Pick<AuthenticatedFields, 'caller' | 'origin' | 'chain'>,
): readonly (readonly string[])[] {
  if (call.caller.id === call.origin.id) return []
  return [call.caller.groups, ...call.chain.map((actor) => actor.groups).reverse()]
}

/** The signing key at this path, sealed there; made on first use. Throws a Fault when it cannot be read. */
export async function loadAssertionKey(path: string, sealer: Sealer): Promise<KeyObject> {
  const pem = await readOrCreateKeyFile(path, sealer, () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    return Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' }))
  })
  try {
    const key = createPrivateKey(pem)
    if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key
  } catch (cause) {
    throw new Fault('KEY_UNREADABLE', `${path} is not a private key`, {
      cause,
      hint: `restore ${path} from a backup, or remove it to have a new one made`,
    })
  }
  throw new Fault('KEY_UNREADABLE', `${path} is not a P-256 key`, {
    hint: `restore ${path} from a backup, or remove it to have a new one made`,
  })
}

interface Actor {
  readonly sub: string
  readonly groups?: readonly string[]
  readonly act?: Actor
}

function claimsOf(request: MintRequest): object {
  const issuedAtSeconds = Math.floor(request.nowMs / 1000)
  const act = nest(request.actors, request.actorGroups ?? [])
  return {
    iss: request.issuer,
    sub: request.subject,
    aud: request.audience ?? `agent:${request.audienceAgent}`,
    iat: issuedAtSeconds,
    exp: issuedAtSeconds + (request.lifeSeconds ?? 60), // bound: life of an assertion
    jti: request.call,
    call: request.call,
    op: request.operation,
    ...(act === undefined ? {} : { act }),
    ...(request.taskOwner === undefined ? {} : { task_owner: request.taskOwner }),
    ...(request.isPartial === true ? { partial: true } : {}),
    ...(request.scope === undefined ? {} : { narrowed: request.scope }),
    ...(request.groups.length === 0 ? {} : { groups: request.groups }),
  }
}

function claimsOfToken({ subject, caller, agent, tokenId, ...token }: TokenRequest): object {
  const { origin, chain, delegated } = subject
  const claims = claimsOf({
    ...token,
    subject: origin.id,
    groups: origin.groups,
    actors: [caller.id, ...chain.map((actor) => actor.id).reverse()],
    actorGroups: [caller.groups, ...chain.map((actor) => actor.groups).reverse()],
    audienceAgent: agent,
    call: delegated.call,
    operation: 'ExchangeToken',
  })
  return { ...claims, jti: tokenId, client_id: caller.id }
}

function nest(actors: readonly string[], groupsOf: readonly (readonly string[])[]): Actor | undefined {
  return actors.reduceRight<Actor | undefined>((inner, sub, at) => {
    const groups = groupsOf[at] ?? []
    return { sub, ...(groups.length > 0 && { groups }), ...(inner !== undefined && { act: inner }) }
  }, undefined)
}

export function describePublicKey(publicKey: KeyObject): PublicJwk {
  const { kty, crv, x, y } = publicKey.export({ format: 'jwk' })
  if (kty !== 'EC' || crv !== 'P-256' || x === undefined || y === undefined) {
    throw new Fault('KEY_UNREADABLE', 'assertions are signed with a P-256 key only')
  }
  // RFC 7638: the required members in this order, nothing else, no spaces.
  const kid = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url')
  return Object.freeze({ kty, crv, x, y, kid, alg: 'ES256', use: 'sig' })
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url')
}
