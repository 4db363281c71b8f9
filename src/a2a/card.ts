// Rebuilds an agent card so that it speaks of the gateway: its URLs, its security schemes, the bindings it really
// serves. A new object is built from known fields; upstream signatures, legacy endpoints and the agent's own
// security requirements are dropped (A2A 1.0.1 §4.4, §8; notes on signed cards in docs/threat-model.md).

import { isJsonObject, type JsonObject, type JsonValue } from '../base/strict-json.ts'
import { protocolVersion, type Binding } from './operations.ts'

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
  readonly tenant: string
  /** host:port of the gRPC binding and the tenant that names the agent there; undefined where it is not offered */
  readonly grpc: { readonly url: string; readonly tenant: string } | undefined
}

/** What a card must say of the gateway for this agent, which speaks these bindings. */
export function frameCard(
  publicUrl: string,
  agent: { readonly name: string; readonly tenant: string },
  security: CardSecurity,
  spoken: readonly Binding[] = ['JSONRPC', 'HTTP+JSON'],
): CardFrame {
  const { name, tenant } = agent
  const grpc = spoken.includes('GRPC')
    ? { url: hostAndPort(publicUrl), tenant: tenant === '' ? name : `${name}/${tenant}` }
    : undefined
  return { ...security, url: `${publicUrl}/agents/${name}`, tenant, grpc }
}

/** As gRPC clients take it: without a scheme, and with a port, which they would guess each in its own way. */
function hostAndPort(url: string): string {
  const { protocol, hostname, port } = new URL(url)
  return `${hostname}:${port || (protocol === 'https:' ? '443' : '80')}`
}

const copiedText = ['description', 'version', 'documentationUrl', 'iconUrl'] as const
const skillText = ['id', 'name', 'description'] as const
const skillLists = ['tags', 'examples', 'inputModes', 'outputModes'] as const

/** The card for callers, or why the agent's own cannot be used. */
export function rebuildCard(upstream: JsonValue, frame: CardFrame): JsonObject | string {
  if (!isJsonObject(upstream)) return 'the card is not an object'
  const name = text(upstream['name'])
  if (name === undefined) return 'the card has no name'
  const capabilities = isJsonObject(upstream['capabilities']) ? upstream['capabilities'] : {}
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
    supportedInterfaces: [
      ...bindingsOf(upstream).map((protocolBinding) => ({
        url: frame.url,
        protocolBinding,
        protocolVersion,
        ...(frame.tenant === '' ? {} : { tenant: frame.tenant }),
      })),
      // last: a client without a wish of its own takes the first
      ...(frame.grpc === undefined ? [] : [{ ...frame.grpc, protocolBinding: 'GRPC', protocolVersion }]),
    ],
    capabilities: {
      streaming: capabilities['streaming'] === true,
      pushNotifications: capabilities['pushNotifications'] === true,
      extendedAgentCard: capabilities['extendedAgentCard'] === true,
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

/** One that the gateway can call: A2A 1.x over a binding that it speaks. */
export function isCallable({ binding, version }: CardInterface): boolean {
  return /^1(\.|$)/.test(version) && ourBindings.some((known) => known === binding)
}

const ourBindings = ['JSONRPC', 'HTTP+JSON'] as const

/** The bindings that would reach the agent; both where its card says nothing of those the gateway speaks. */
function bindingsOf(card: JsonObject): readonly (typeof ourBindings)[number][] {
  const offered = interfacesOf(card).filter(isCallable)
  if (offered.length === 0) return ourBindings
  return ourBindings.filter((binding) => offered.some((each) => each.binding === binding))
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
