// Rebuilds an agent card so that it speaks of the gateway: its URLs, its security schemes, the bindings it really
// serves. A new object is built from known fields; upstream signatures, legacy endpoints and the agent's own
// security requirements are dropped (A2A 1.0.1 §4.4, §8; notes on signed cards in docs/threat-model.md).

import { isJsonObject, type JsonObject, type JsonValue } from '../base/strict-json.ts'
import { isAllowedExtension, readExtensions, type AllowedExtensions } from './extensions.ts'
import { bindingNames, type Binding, type ProtocolVersion } from './operations.ts'
import { addLegacyFields, cardFrom03, isCard03 } from './v0-3/cards.ts'

/** A card is read by whoever may see the agent: it need not be as large as an answer. */
export const cardJsonBounds = {
  maxDepth: 64, // bound: nesting in a card
  maxNodes: 20_000, // bound: values in a card
} as const

/** How callers of an agent may prove who they are: what its card states, and nothing else. */
export interface CardSecurity {
  readonly methods: ReadonlySet<string>
  readonly issuers: readonly { readonly name: string; readonly discoveryUrl: string | undefined }[]
  readonly senderConstrained: boolean
  /** nobody connects without a client certificate */
  readonly certificateRequired: boolean
}

export interface CardFrame extends CardSecurity {
  /** the gateway's URL of this agent, no trailing slash */
  readonly url: string
  /** host:port at which the gateway speaks gRPC; undefined where it does not, or its address cannot be said so */
  readonly grpcAddress: string | undefined
  readonly name: string
  readonly tenant: string
  /** what the agent speaks, as configured; by default what its card says */
  readonly bindings: readonly Binding[] | undefined
  /** the gateway knows where the agent speaks gRPC */
  readonly hasGrpc: boolean
  /** in which callers may speak */
  readonly versions: readonly ProtocolVersion[]
  /** which of the agent's extensions callers may use */
  readonly extensions: AllowedExtensions
}

/** What the configuration of the gateway lets a card say. */
export interface CardOffers {
  readonly extensions?: AllowedExtensions
  /** without it there is no gRPC */
  readonly http2?: boolean
}

/** What a card must say of the gateway for this agent. */
export function frameCard(
  publicUrl: string,
  agent: Pick<CardFrame, 'name' | 'tenant' | 'versions'> & {
    readonly bindings?: CardFrame['bindings']
    readonly grpcUrl?: string | undefined
  },
  security: CardSecurity,
  { extensions = [], http2 = true }: CardOffers = {},
): CardFrame {
  const { name, tenant, versions, bindings } = agent
  const grpcAddress = http2 ? grpcAddressOf(publicUrl) : undefined
  const hasGrpc = agent.grpcUrl !== undefined
  return {
    ...security,
    extensions,
    url: `${publicUrl}/agents/${name}`,
    grpcAddress,
    name,
    tenant,
    bindings,
    hasGrpc,
    versions,
  }
}

/** gRPC has no paths of its own to put an agent below. */
function grpcAddressOf(publicUrl: string): string | undefined {
  const { protocol, host, port, pathname } = new URL(publicUrl)
  if (pathname !== '/') return undefined
  return port === '' ? `${host}:${protocol === 'https:' ? 443 : 80}` : host
}

const copiedText = ['description', 'version', 'documentationUrl', 'iconUrl'] as const
const skillText = ['id', 'name', 'description'] as const
const skillLists = ['tags', 'examples', 'inputModes', 'outputModes'] as const

/** The card for callers, or why the agent's own cannot be used. Where callers may speak 0.3 it is one for both. */
export function rebuildCard(given: JsonValue, frame: CardFrame): JsonObject | string {
  if (!isJsonObject(given)) return 'the card is not an object'
  const card = rebuild(isCard03(given) ? cardFrom03(given) : given, frame)
  return typeof card === 'string' || !frame.versions.includes('0.3') ? card : addLegacyFields(card)
}

function rebuild(upstream: JsonObject, frame: CardFrame): JsonObject | string {
  const name = text(upstream['name'])
  if (name === undefined) return 'the card has no name'
  const capabilities = isJsonObject(upstream['capabilities']) ? upstream['capabilities'] : {}
  const extensions = readExtensions(upstream).filter(({ uri }) => isAllowedExtension(uri as string, frame.extensions))
  const skills = upstream['skills']
  const card: JsonObject = { name }
  for (const key of copiedText) {
    const value = text(upstream[key])
    if (value !== undefined) card[key] = value
  }
  card['description'] ??= name
  card['version'] ??= '0'
  const provider = upstream['provider']
  if (isJsonObject(provider)) card['provider'] = pick(provider, ['organization', 'url'], [])
  return {
    ...card,
    supportedInterfaces: frame.versions.flatMap((version) => interfacesFor(upstream, frame, version)),
    capabilities: {
      streaming: capabilities['streaming'] === true,
      pushNotifications: capabilities['pushNotifications'] === true,
      extendedAgentCard: capabilities['extendedAgentCard'] === true,
      ...(extensions.length > 0 && { extensions }),
    },
    ...securityOf(frame),
    defaultInputModes: texts(upstream['defaultInputModes'], ['text/plain']),
    defaultOutputModes: texts(upstream['defaultOutputModes'], ['text/plain']),
    skills: Array.isArray(skills) ? skills.filter(isJsonObject).map((skill) => pick(skill, skillText, skillLists)) : [],
  }
}

export interface CardInterface {
  readonly url: string
  readonly binding: string
  readonly version: string
}

/** Where a card says that its agent answers: its own word, as it stands. */
export function interfacesOf(card: JsonObject): CardInterface[] {
  const interfaces = card['supportedInterfaces']
  if (!Array.isArray(interfaces)) return []
  return interfaces.filter(isJsonObject).map((each) => ({
    url: text(each['url']) ?? '',
    binding: text(each['protocolBinding']) ?? '',
    version: text(each['protocolVersion']) ?? '',
  }))
}

/** One that the gateway can call: A2A 1.x or 0.3 over a binding that it speaks. */
export function isCallable({ binding, version }: CardInterface): boolean {
  return /^(?:1|0\.3)(?:\.|$)/.test(version) && bindingNames.some((known) => known === binding)
}

/** Where callers reach the agent in this version: first in the bindings that it speaks itself. */
function interfacesFor(upstream: JsonObject, frame: CardFrame, version: ProtocolVersion): JsonObject[] {
  const own = frame.bindings ?? offeredBindings(upstream, frame.hasGrpc)
  // a call in another binding is translated to the one that is known to reach the agent: without `bindings` JSON-RPC
  const isKnown = frame.bindings !== undefined || own.includes('JSONRPC')
  const bridged = frame.bindings === undefined ? (['GRPC'] as const) : bindingNames
  const others = isKnown ? bridged.filter((binding) => !own.includes(binding)) : []
  return [...own, ...others].flatMap((protocolBinding): JsonObject[] => {
    const face = { protocolBinding, protocolVersion: version }
    if (protocolBinding !== 'GRPC')
      return [{ url: frame.url, ...face, ...(frame.tenant !== '' && { tenant: frame.tenant }) }]
    // 0.3 has no tenant by which a caller could name the agent
    if (frame.grpcAddress === undefined || version === '0.3') return []
    const tenant = frame.tenant === '' ? frame.name : `${frame.name}/${frame.tenant}`
    return [{ url: frame.grpcAddress, ...face, tenant }]
  })
}

/** The bindings of the agent's own card; both JSON ones where it says nothing of those the gateway speaks. */
function offeredBindings(card: JsonObject, hasGrpc: boolean): readonly Binding[] {
  const offered = interfacesOf(card)
  const ours = bindingNames.filter(
    (binding) =>
      (binding !== 'GRPC' || hasGrpc) && offered.some((each) => each.binding === binding && isCallable(each)),
  )
  return ours.length === 0 ? ['JSONRPC', 'HTTP+JSON'] : ours
}

/**
 * Exactly what authenticate and the agent's `authentication` accept: A2A 1.0.1 §4.5. Each requirement is an
 * alternative; within one all schemes are needed.
 */
function securityOf(frame: CardFrame): JsonObject {
  const { methods, issuers, senderConstrained, certificateRequired } = frame
  const bound = senderConstrained ? ', bound to a key of its holder (DPoP or mutual TLS)' : ''
  const undiscoverable = issuers.filter(({ discoveryUrl }) => discoveryUrl === undefined).map(({ name }) => name)
  const bearers = [
    ...(methods.has('api-key') ? ['API key'] : []),
    ...(undiscoverable.length > 0 ? [`token of ${undiscoverable.join(', ')}${bound}`] : []),
    ...(methods.has('service-account') ? [`Kubernetes service account token${bound}`] : []),
  ]
  const alternatives: JsonObject = {}
  if (bearers.length > 0)
    alternatives['bearer'] = { httpAuthSecurityScheme: { scheme: 'Bearer', description: bearers.join(', or ') } }
  if (methods.has('api-key'))
    alternatives['apiKey'] = {
      apiKeySecurityScheme: { location: 'header', name: 'X-API-Key', description: 'API key' },
    }
  for (const { name, discoveryUrl } of issuers)
    if (discoveryUrl !== undefined)
      alternatives[`oidc-${name}`] = {
        openIdConnectSecurityScheme: { openIdConnectUrl: discoveryUrl, description: `token of ${name}${bound}` },
      }
  const certificate = { mtlsSecurityScheme: { description: 'client certificate' } }
  const names = [...Object.keys(alternatives), ...(methods.has('mtls') ? ['mtls'] : [])]
  const isNamed = methods.has('mtls') || certificateRequired
  return {
    securitySchemes: { ...alternatives, ...(isNamed && { mtls: certificate }) },
    securityRequirements: names.map((name) => ({
      schemes: { [name]: { list: [] }, ...(certificateRequired && { mtls: { list: [] } }) },
    })),
  }
}

function pick(from: JsonObject, textKeys: readonly string[], listKeys: readonly string[]): JsonObject {
  const picked: JsonObject = {}
  for (const key of textKeys) {
    const value = text(from[key])
    if (value !== undefined) picked[key] = value
  }
  for (const key of listKeys) {
    const value = texts(from[key], [])
    if (value.length > 0) picked[key] = value
  }
  return picked
}

function text(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function texts(value: JsonValue | undefined, fallback: string[]): string[] {
  if (!Array.isArray(value)) return fallback
  const found = value.filter((each) => typeof each === 'string')
  return found.length === 0 ? fallback : found
}
