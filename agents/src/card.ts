// The agent cards of the samples (A2A 1.0 §4.4): what they can do, over both bindings at one address.
// A card holds nothing secret: it is served to anyone who asks.

import type { AgentCard, AgentSkill } from '@a2a-js/sdk'

export interface CardFacts {
  readonly name: string
  readonly description: string
  readonly url: string
  readonly skills: readonly Pick<AgentSkill, 'id' | 'name' | 'description' | 'tags' | 'examples'>[]
}

const modes = ['text/plain', 'application/json']

export function cardFor(facts: CardFacts): AgentCard {
  const speaks = (protocolBinding: string): AgentCard['supportedInterfaces'][number] => ({
    url: facts.url,
    protocolBinding,
    tenant: '',
    protocolVersion: '1.0',
  })
  return {
    name: facts.name,
    description: facts.description,
    supportedInterfaces: [speaks('JSONRPC'), speaks('HTTP+JSON')],
    provider: { organization: 'Sallyport samples', url: 'https://sallyport.example' },
    version: '0.1.0',
    capabilities: { streaming: true, pushNotifications: true, extendedAgentCard: false, extensions: [] },
    securitySchemes: {
      gateway: {
        scheme: {
          $case: 'apiKeySecurityScheme',
          value: {
            name: 'Sallyport-Caller-Assertion',
            location: 'header',
            description: 'The assertion that the gateway signs for each call.',
          },
        },
      },
    },
    securityRequirements: [{ schemes: { gateway: { list: [] } } }],
    defaultInputModes: ['text/plain'],
    defaultOutputModes: modes,
    skills: facts.skills.map((skill) => ({
      ...skill,
      inputModes: ['text/plain'],
      outputModes: modes,
      securityRequirements: [],
    })),
    signatures: [],
  }
}
