// How callers of an agent may prove who they are: what the agent's `authentication` accepts of what is configured.
// One answer for the check after route, for the challenge and for what the card states, so that they cannot differ.

import type { AgentConfig, Config } from './schema.ts'

export type AcceptedMethod = AgentConfig['authentication']['methods'] extends readonly (infer M)[] | undefined
  ? M
  : never

export interface AcceptedMethods {
  readonly methods: ReadonlySet<AcceptedMethod>
  /** token issuers by short name; a URL where clients can find out about them by OpenID Connect discovery */
  readonly issuers: readonly { readonly name: string; readonly discoveryUrl: string | undefined }[]
  /** a bearer credential alone is not enough */
  readonly senderConstrained: boolean
  /** nobody connects without a certificate */
  readonly certificateRequired: boolean
}

export function acceptedMethods(config: Config, agent: AgentConfig): AcceptedMethods {
  const { methods, issuers: named, senderConstrained } = agent.authentication
  const { tls } = config.gateway
  const issuers = config.identity.jwt
    .filter(({ name }) => named === undefined || named.includes(name))
    .map(({ name, issuer, jwks }) => ({ name, discoveryUrl: discoveryUrlOf(issuer, jwks) }))
  const configured = configuredMethods(config, named)
  const found = new Set(methods === undefined ? configured : methods.filter((method) => configured.includes(method)))
  // an API key and a service account's token are bearer secrets, whatever they come with
  if (senderConstrained) for (const bearer of ['api-key', 'service-account'] as const) found.delete(bearer)
  return {
    methods: found,
    issuers: found.has('jwt') || found.has('introspection') ? issuers : [],
    senderConstrained,
    certificateRequired: tls?.clientCa !== undefined && tls.clientCertificates === 'required',
  }
}

/** Methods by which somebody can be a caller of this gateway at all, or on the word of those who are named. */
export function configuredMethods({ identity }: Config, named?: readonly string[]): AcceptedMethod[] {
  const { jwt, kubernetes, mtls } = identity
  const counts = (name: string): boolean => named === undefined || named.includes(name)
  const vouches: readonly (readonly [AcceptedMethod, boolean])[] = [
    ['api-key', true],
    ['jwt', jwt.some(({ name }) => counts(name))],
    ['introspection', jwt.some(({ name, introspection }) => introspection !== undefined && counts(name))],
    ['service-account', kubernetes.some(({ name }) => counts(name))],
    ['mtls', mtls.spiffe.some((each) => counts(each.trustDomain)) || mtls.subjects.some((each) => counts(each.name))],
  ]
  return vouches.filter(([, isThere]) => isThere).map(([method]) => method)
}

/** Where a client finds out how to get a token: not where the issuer's keys were delivered as a file. */
function discoveryUrlOf(issuer: string, jwks: string | undefined): string | undefined {
  if (!issuer.startsWith('https://') || jwks?.startsWith('file:') === true) return undefined
  return `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
}
