// The card of the conformance agent (A2A 1.0 §4.4): every binding of both versions at one place, 1.0 first, because
// test kits take the first interface of a binding. Which capabilities it claims is the tester's choice: a kit checks
// what an agent must refuse only where the card says that it cannot.

import type { AgentCard, AgentExtension } from '@a2a-js/sdk'

export interface Capabilities {
  readonly streaming: boolean
  readonly pushNotifications: boolean
  /** `missing`: declared, yet there is none */
  readonly extendedCard: 'off' | 'on' | 'missing'
  /** calls must name the extension below */
  readonly requiresExtension: boolean
}

export interface Addresses {
  readonly url: string
  /** host:port */
  readonly grpc: string
}

/** What the public kit looks for in a card before it tests that calls without it are refused. */
export const requiredExtension = 'urn:a2a:tck:required-extension'
/** One that callers may ask for. */
export const optionalExtension = 'urn:sallyport:conformance:optional-extension'

const modes = ['text/plain', 'application/json', 'application/octet-stream']

export function conformanceCard({ url, grpc }: Addresses, capabilities: Capabilities): AgentCard {
  const speaks = (protocolVersion: string): AgentCard['supportedInterfaces'] => [
    { url, protocolBinding: 'JSONRPC', tenant: '', protocolVersion },
    { url, protocolBinding: 'HTTP+JSON', tenant: '', protocolVersion },
    { url: grpc, protocolBinding: 'GRPC', tenant: '', protocolVersion },
  ]
  const { streaming, pushNotifications, extendedCard, requiresExtension } = capabilities
  return {
    name: 'conformance',
    description: 'Does what the messageId prefixes of the public A2A test kit ask for.',
    supportedInterfaces: [...speaks('1.0'), ...speaks('0.3')],
    provider: { organization: 'Sallyport samples', url: 'https://sallyport.example' },
    version: '0.1.0',
    capabilities: {
      streaming,
      pushNotifications,
      extendedAgentCard: extendedCard !== 'off',
      extensions: [
        extension(optionalExtension, false),
        ...(requiresExtension ? [extension(requiredExtension, true)] : []),
      ],
    },
    securitySchemes: {},
    securityRequirements: [],
    defaultInputModes: modes,
    defaultOutputModes: modes,
    skills: [skill('conformance', 'Follows the prefix of a messageId.')],
    signatures: [],
  }
}

/** The same with one skill more. */
export function extendedCard(card: AgentCard): AgentCard {
  return { ...card, skills: [...card.skills, skill('extended', 'Stands in the extended card alone.')] }
}

function extension(uri: string, required: boolean): AgentExtension {
  return { uri, description: 'Changes nothing.', required, params: undefined }
}

function skill(id: string, description: string): AgentCard['skills'][number] {
  const tags = ['conformance']
  return {
    id,
    name: id,
    description,
    tags,
    examples: [],
    inputModes: modes,
    outputModes: modes,
    securityRequirements: [],
  }
}
