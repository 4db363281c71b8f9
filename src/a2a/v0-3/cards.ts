// Agent cards between 0.3 (specification §5.5 of 0.3.0) and 1.0. 0.3 has one main endpoint and others beside it, 1.0
// an ordered list; 0.3 tells security schemes apart by `type`, 1.0 and a2a.v1 by the member that holds them. Cards are
// descriptions and are rebuilt by the gateway (card.ts), so what has no place on the other side is left out.
// Signatures are left out always: what they sign is the other card.

import type { JsonObject, JsonValue } from '../../base/strict-json.ts'
import { legacyCardVersion, legacyVersion, type Form03 } from './names.ts'
import { chooseFlow } from './oauth-flows.ts'
import { copy, isObject, listMember, member, objectMember, put, textMember } from './translation.ts'

const texts = ['name', 'description', 'version', 'documentationUrl', 'iconUrl'] as const
const modes = ['defaultInputModes', 'defaultOutputModes'] as const
const skillMembers = ['id', 'name', 'description', 'tags', 'examples', 'inputModes', 'outputModes'] as const
const capabilities03 = ['streaming', 'pushNotifications', 'extensions'] as const

/** True for the card of an agent that says nothing of 1.0: a main endpoint and no list of interfaces. */
export function isCard03(card: JsonObject): boolean {
  return textMember(card, 'url') !== '' && (listMember(card, 'supportedInterfaces') ?? []).length === 0
}

/** Rebuilds a 0.3 card, in either form, as one of 1.0 whose interfaces say that they speak 0.3. */
export function cardFrom03(card: JsonObject): JsonObject {
  const to: JsonObject = {}
  copy(card, to, ...texts)
  const provider = objectMember(card, 'provider')
  if (provider !== undefined) to['provider'] = pick(provider, ['organization', 'url'])
  to['supportedInterfaces'] = interfacesFrom03(card)
  const extended = member(card, 'supportsAuthenticatedExtendedCard')
  to['capabilities'] = {
    ...pick(objectMember(card, 'capabilities') ?? {}, capabilities03),
    ...(typeof extended === 'boolean' && { extendedAgentCard: extended }),
  }
  Object.assign(to, securityFrom03(card))
  copy(card, to, ...modes)
  const skills = listMember(card, 'skills') ?? []
  to['skills'] = skills.filter(isObject).map((skill) => ({
    ...pick(skill, skillMembers),
    ...requirementsFrom03(skill),
  }))
  return to
}

function interfacesFrom03(card: JsonObject): JsonObject[] {
  const url = textMember(card, 'url')
  const transport = textMember(card, 'preferredTransport')
  const main = { url, transport: transport === '' ? 'JSONRPC' : transport }
  const others = (listMember(card, 'additionalInterfaces') ?? [])
    .filter(isObject)
    .map((each) => ({ url: textMember(each, 'url'), transport: textMember(each, 'transport') }))
    // 0.3 asks for the main endpoint to be repeated there.
    .filter((each) => each.url !== main.url || each.transport !== main.transport)
  return (url === '' ? others : [main, ...others]).map((each) => ({
    url: each.url,
    protocolBinding: each.transport,
    protocolVersion: legacyVersion,
  }))
}

/**
 * A 1.0 card for a 0.3 reader. Interfaces that say 0.3 are its endpoints, or all of them where none does; `url` is
 * empty where there is none at all.
 */
export function cardTo03(card: JsonObject, form: Form03 = 'json'): JsonObject {
  const to: JsonObject = { protocolVersion: legacyCardVersion }
  copy(card, to, ...texts)
  to['description'] ??= textMember(card, 'name')
  to['version'] ??= '0'
  Object.assign(to, endpointsOf(card))
  const provider = objectMember(card, 'provider')
  if (provider !== undefined) to['provider'] = pick(provider, ['organization', 'url'])
  const capabilities = objectMember(card, 'capabilities') ?? {}
  to['capabilities'] = pick(capabilities, capabilities03)
  to['supportsAuthenticatedExtendedCard'] = member(capabilities, 'extendedAgentCard') === true
  Object.assign(to, securityTo03(card, form))
  copy(card, to, ...modes)
  for (const mode of modes) to[mode] ??= ['text/plain']
  const skills = listMember(card, 'skills') ?? []
  to['skills'] = skills.filter(isObject).map((skill) => ({
    description: '',
    tags: [],
    ...pick(skill, skillMembers),
    ...requirementsTo03(skill, form),
  }))
  return to
}

/** The 1.0 card with everything beside it that a 0.3 reader looks for: one document for both. */
export function addLegacyFields(card: JsonObject): JsonObject {
  const legacy = cardTo03(card)
  const schemes = objectMember(card, 'securitySchemes') ?? {}
  const legacySchemes = objectMember(legacy, 'securitySchemes') ?? {}
  const skills = listMember(legacy, 'skills') ?? []
  const both: JsonObject = { ...legacy, ...card }
  both['capabilities'] = { ...objectMember(legacy, 'capabilities'), ...objectMember(card, 'capabilities') }
  if (Object.keys(schemes).length > 0)
    both['securitySchemes'] = mapMembers(schemes, (scheme, name) => ({
      ...objectMember(legacySchemes, name),
      ...(isObject(scheme) ? scheme : {}),
    }))
  both['skills'] = (listMember(card, 'skills') ?? [])
    .filter(isObject)
    .map((skill, index) => ({ ...objectOf(skills[index]), ...skill }))
  return both
}

function endpointsOf(card: JsonObject): JsonObject {
  const all = (listMember(card, 'supportedInterfaces') ?? []).filter(isObject)
  const legacy = all.filter((each) => /^0\.3(\.|$)/.test(textMember(each, 'protocolVersion')))
  const endpoints = (legacy.length > 0 ? legacy : all).map((each) => ({
    url: textMember(each, 'url'),
    transport: textMember(each, 'protocolBinding'),
  }))
  const [main] = endpoints
  if (main === undefined) return { url: '' }
  return { url: main.url, preferredTransport: main.transport, additionalInterfaces: endpoints }
}

// Of a scheme, by member in 1.0 and a2a.v1 and by `type` in 0.3: what else it says.
// prettier-ignore
const schemes = [
  { member: 'apiKeySecurityScheme',        type: 'apiKey',        copied: ['description', 'name'] },
  { member: 'httpAuthSecurityScheme',      type: 'http',          copied: ['description', 'scheme', 'bearerFormat'] },
  { member: 'oauth2SecurityScheme',        type: 'oauth2',        copied: ['description', 'oauth2MetadataUrl'] },
  { member: 'openIdConnectSecurityScheme', type: 'openIdConnect', copied: ['description', 'openIdConnectUrl'] },
  { member: 'mtlsSecurityScheme',          type: 'mutualTLS',     copied: ['description'] },
] as const

function securityFrom03(card: JsonObject): JsonObject {
  const found = objectMember(card, 'securitySchemes')
  return {
    ...(found && { securitySchemes: mapMembers(found, (scheme) => (isObject(scheme) ? schemeFrom03(scheme) : {})) }),
    ...requirementsFrom03(card),
  }
}

function schemeFrom03(scheme: JsonObject): JsonObject {
  const type = textMember(scheme, 'type')
  if (type === '') return { ...scheme } // the form of a2a.v1 is that of 1.0
  const known = schemes.find((each) => each.type === type)
  if (known === undefined) return {}
  const inner = pick(scheme, known.copied)
  if (type === 'apiKey') inner['location'] = textMember(scheme, 'in')
  if (type === 'oauth2') inner['flows'] = chooseFlow(objectMember(scheme, 'flows') ?? {})
  return { [known.member]: inner }
}

function securityTo03(card: JsonObject, form: Form03): JsonObject {
  const found = objectMember(card, 'securitySchemes')
  return {
    ...(found && {
      securitySchemes:
        form === 'proto' ? found : mapMembers(found, (scheme) => (isObject(scheme) ? schemeTo03(scheme) : {})),
    }),
    ...requirementsTo03(card, form),
  }
}

function schemeTo03(scheme: JsonObject): JsonObject {
  const known = schemes.find((each) => objectMember(scheme, each.member) !== undefined)
  if (known === undefined) return {}
  const inner = objectMember(scheme, known.member) ?? {}
  const to: JsonObject = { type: known.type, ...pick(inner, known.copied) }
  if (known.type === 'apiKey') to['in'] = textMember(inner, 'location')
  if (known.type === 'oauth2') to['flows'] = chooseFlow(objectMember(inner, 'flows') ?? {})
  return to
}

/** `security: [{name: [scopes]}]`, or in a2a.v1 `[{schemes: {name: {list: [scopes]}}}]`, as 1.0 has it. */
function requirementsFrom03(from: JsonObject): JsonObject {
  const security = listMember(from, 'security')
  if (security === undefined) return {}
  const requirements = security.filter(isObject).map((each) => {
    const inner = objectMember(each, 'schemes')
    if (inner !== undefined) return { schemes: inner }
    return { schemes: mapMembers(each, (scopes) => ({ list: Array.isArray(scopes) ? scopes : [] })) }
  })
  return { securityRequirements: requirements }
}

function requirementsTo03(from: JsonObject, form: Form03): JsonObject {
  const requirements = listMember(from, 'securityRequirements')
  if (requirements === undefined) return {}
  const security = requirements.filter(isObject).map((each) => {
    const inner = objectMember(each, 'schemes') ?? {}
    return form === 'proto'
      ? { schemes: inner }
      : mapMembers(inner, (scopes) => listMember(objectOf(scopes), 'list') ?? [])
  })
  return { security: security }
}

const objectOf = (value: JsonValue | undefined): JsonObject => (isObject(value) ? value : {})

function pick(from: JsonObject, names: readonly string[]): JsonObject {
  const to: JsonObject = {}
  copy(from, to, ...names)
  return to
}

function mapMembers(from: JsonObject, one: (value: JsonValue, name: string) => unknown): JsonObject {
  const to: JsonObject = {}
  for (const name of Object.keys(from)) put(to, name, one(from[name] ?? null, name) as JsonValue)
  return to
}
