// Where the gateway will call an agent: the paths come from its card, the origin from the operator. A card is the
// agent's own word and may name any host; what was typed is what the operator meant to reach.

import type { Binding, ProtocolVersion } from '../a2a/operations.ts'
import { isLoopback } from '../config/config.ts'
import type { CardFacts } from './ports.ts'

type CardInterface = CardFacts['interfaces'][number]

export interface AgentPlaces {
  /** JSON-RPC endpoint */
  readonly url: string
  /** HTTP+JSON base, where it differs */
  readonly restUrl?: string
  /** where the card lies, when not at `<url>/.well-known/agent-card.json` */
  readonly cardUrl?: string
  /** gRPC endpoint, as the operator gave it: a card does not say whether it takes TLS */
  readonly grpcUrl?: string
  /** where it has nothing but gRPC */
  readonly bindings?: readonly Binding[]
  /** where its card says that it speaks another version than 1.0 */
  readonly speaks?: readonly ProtocolVersion[]
}

/** Places for an agent reached at `given`, and what the operator should know of the choice. */
export function placeAgent(
  given: string,
  facts: CardFacts,
  grpcUrl?: string,
): { places: AgentPlaces; notes: readonly string[] } {
  const isGrpcAlone = grpcUrl !== undefined && hasGrpcAlone(facts)
  const version = versionOf(facts) ?? (isGrpcAlone ? grpcVersionOf(facts) : undefined)
  const jsonRpc = choose(given, facts, 'JSONRPC')
  const rest = choose(given, facts, 'HTTP+JSON')
  const url = jsonRpc === undefined ? given : movedTo(given, jsonRpc.url)
  const restUrl = rest === undefined ? url : movedTo(given, rest.url)
  const notes = [jsonRpc, rest].flatMap((face) =>
    face === undefined || isSameOrigin(face.url, given)
      ? []
      : [`the card names ${new URL(face.url).origin} for ${face.binding}; calls go to ${new URL(given).origin}`],
  )
  return {
    places: {
      url,
      ...(trimmed(restUrl) !== trimmed(url) && { restUrl }),
      ...(facts.cardUrl !== defaultCardUrl(url) && { cardUrl: facts.cardUrl }),
      ...(grpcUrl !== undefined && { grpcUrl }),
      ...(isGrpcAlone && { bindings: ['GRPC'] }),
      ...(version === '0.3' && { speaks: [version] }),
    },
    notes: jsonRpc === undefined && rest === undefined && !isGrpcAlone ? [...notes, speaksNothing(facts)] : notes,
  }
}

/** Where a configured agent and its card disagree about paths. */
export function compareWithCard(
  agent: {
    readonly url: string
    readonly restUrl?: string | undefined
    readonly grpcUrl?: string | undefined
    readonly speaks?: readonly ProtocolVersion[]
  },
  facts: CardFacts,
): readonly string[] {
  const version = versionOf(facts)
  if (version === undefined) return agent.grpcUrl !== undefined && hasGrpcAlone(facts) ? [] : [speaksNothing(facts)]
  const { speaks = ['1.0'] } = agent
  if (!facts.interfaces.some((face) => speaks.some((each) => isOf(face, each))))
    return [`speaks is ${speaks.join(', ')}, but the card names interfaces of ${version} alone`]
  const places = [
    { field: 'url', binding: 'JSONRPC', url: agent.url },
    { field: agent.restUrl === undefined ? 'url' : 'restUrl', binding: 'HTTP+JSON', url: agent.restUrl ?? agent.url },
  ]
  return places.flatMap(({ field, binding, url }) => {
    const faces = callable(facts, binding)
    const path = new URL(trimmed(url)).pathname
    if (faces.length === 0 || faces.some((face) => new URL(trimmed(face.url)).pathname === path)) return []
    return [`${field} is ${url}, but the card names ${faces.map((face) => face.url).join(', ')} for ${binding}`]
  })
}

export const defaultCardUrl = (url: string): string => `${trimmed(url)}/.well-known/agent-card.json`

function speaksNothing(facts: CardFacts): string {
  const [grpc] = grpcFaces(facts)
  return grpc === undefined
    ? 'the card names no interface of A2A 1.0 or 0.3; calls will probably fail'
    : `the card names ${grpc.url} for GRPC and no other binding; calls will fail without grpcUrl and bindings: [GRPC]`
}

const isVersion = ({ version }: CardInterface, wanted: ProtocolVersion): boolean =>
  (wanted === '1.0' ? /^1(?:\.|$)/ : /^0\.3(?:\.|$)/).test(version)

const isOf = (face: CardInterface, wanted: ProtocolVersion): boolean =>
  isVersion(face, wanted) && (face.binding === 'JSONRPC' || face.binding === 'HTTP+JSON')

const grpcFaces = ({ interfaces }: CardFacts): CardInterface[] =>
  interfaces.filter((face) => face.binding === 'GRPC' && (isVersion(face, '1.0') || isVersion(face, '0.3')))

const hasGrpcAlone = (facts: CardFacts): boolean => versionOf(facts) === undefined && grpcFaces(facts).length > 0

const grpcVersionOf = (facts: CardFacts): ProtocolVersion =>
  grpcFaces(facts).some((face) => isVersion(face, '1.0')) ? '1.0' : '0.3'

/** In which version the agent is called: 1.0 where it has it. */
const versionOf = ({ interfaces }: CardFacts): ProtocolVersion | undefined =>
  (['1.0', '0.3'] as const).find((version) => interfaces.some((face) => isOf(face, version)))

const trimmed = (url: string): string => url.replace(/\/+$/, '')

function callable(facts: CardFacts, binding: string): CardInterface[] {
  const version = versionOf(facts) ?? '1.0'
  return facts.interfaces.filter((face) => face.binding === binding && isOf(face, version) && isHttp(face.url))
}

function isHttp(url: string): boolean {
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)
}

/** The card's order is its preference, but what lies where the operator pointed comes first. */
function choose(given: string, facts: CardFacts, binding: string): CardInterface | undefined {
  const faces = callable(facts, binding)
  return faces.find((face) => isSameOrigin(face.url, given)) ?? faces[0]
}

/** The path of `named` on the origin of `given`; `given` itself where they agree. */
function movedTo(given: string, named: string): string {
  const { origin, pathname } = new URL(given)
  const path = new URL(named).pathname
  return path === pathname ? given : `${origin}${path}`
}

/** Also when one says `localhost` or `0.0.0.0` and the other 127.0.0.1. */
function isSameOrigin(left: string, right: string): boolean {
  const [one, other] = [new URL(left), new URL(right)]
  if (one.protocol !== other.protocol || one.port !== other.port) return false
  return one.hostname === other.hostname || (isHere(one.hostname) && isHere(other.hostname))
}

const isHere = (host: string): boolean => isLoopback(host) || host === '0.0.0.0' || host === '[::]'
