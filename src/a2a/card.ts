// Rebuilds an agent card so that it speaks of the gateway: its URLs, its security schemes, the bindings it really
// serves. A new object is built from known fields; upstream signatures, legacy endpoints and the agent's own
// security requirements are dropped (A2A 1.0.1 §4.4, §8; notes on signed cards in docs/threat-model.md).

import { isJsonObject, type JsonObject, type JsonValue } from '../base/strict-json.ts'
import { protocolVersion } from './operations.ts'

/** A card is read by whoever may see the agent: it need not be as large as an answer. */
export const cardJsonBounds = {
  maxDepth: 64, // bound: nesting in a card
  maxNodes: 20_000, // bound: values in a card
} as const

export interface CardFrame {
  /** the gateway's URL of this agent, no trailing slash */
  readonly url: string
  readonly tenant: string
  /** API keys and, where issuers are configured, JSON Web Tokens are accepted as bearer credentials */
  readonly jwtIssuers: readonly string[]
}

/** What a card must say of the gateway for this agent. `issuers` are the short names of the JWT issuers. */
export function frameCard(
  publicUrl: string,
  agent: { readonly name: string; readonly tenant: string },
  issuers: readonly { readonly name: string }[],
): CardFrame {
  const url = `${publicUrl}/agents/${agent.name}`
  return { url, tenant: agent.tenant, jwtIssuers: issuers.map((issuer) => issuer.name) }
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
    supportedInterfaces: bindingsOf(upstream).map((protocolBinding) => ({
      url: frame.url,
      protocolBinding,
      protocolVersion,
      ...(frame.tenant === '' ? {} : { tenant: frame.tenant }),
    })),
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

/** Exactly what authenticate accepts: a bearer credential, or the key in a header of its own. */
function securityOf(frame: CardFrame): JsonObject {
  const bearer =
    frame.jwtIssuers.length === 0 ? 'API key' : `API key, or JSON Web Token of ${frame.jwtIssuers.join(', ')}`
  return {
    securitySchemes: {
      bearer: { httpAuthSecurityScheme: { scheme: 'Bearer', description: bearer } },
      apiKey: { apiKeySecurityScheme: { location: 'header', name: 'X-API-Key', description: 'API key' } },
    },
    securityRequirements: [{ schemes: { bearer: { list: [] } } }, { schemes: { apiKey: { list: [] } } }],
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
