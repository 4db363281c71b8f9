// The conformance agents behind the gateway as users run it: a process of its own, one caller with an API key and every
// right, cards for anyone.

import { startGateway, type Gateway, type GatewayOptions } from '../e2e/harness.ts'
import type { RunningAgent } from './agents.ts'
import { faceOf, nameOf, type Face } from './faces.ts'
import type { Side } from './run.ts'
import { finder, readAddresses } from './sides.ts'
import type { AgentKind, Webhooks } from './subject.ts'

type AgentInput = Exclude<GatewayOptions['agents'][string], string>

/** What the configuration says of the agents' faces: all of them, or one, so that the gateway has to translate. */
export type Spoken = Face | 'every face'

const legacyGrpc = faceOf('GRPC', '0.3')

const wordOf = (spoken: Spoken): string =>
  spoken === 'every face'
    ? ''
    : `-${spoken.binding.replace('+', '-')}-${spoken.version.replace('.', '-')}`.toLowerCase()

const nameOfAgent = (kind: AgentKind, spoken: Spoken): string => `conformance-${kind}${wordOf(spoken)}`

export function startConformanceGateway(agents: readonly RunningAgent[], spoken: readonly Spoken[]): Promise<Gateway> {
  const entries = spoken.flatMap((each) =>
    agents.map((agent) => [nameOfAgent(agent.kind, each), configOf(agent, each)] as const),
  )
  return startGateway({ agents: Object.fromEntries(entries), callers: ['alice'] })
}

function configOf({ url, grpc }: RunningAgent, spoken: Spoken): AgentInput {
  const base: AgentInput = {
    url,
    grpcUrl: `http://${grpc}`,
    versions: ['1.0', '0.3'],
    extensions: '*',
    discovery: 'public',
  }
  if (spoken === 'every face') return { ...base, speaks: ['1.0', '0.3'] }
  return { ...base, bindings: [spoken.binding], speaks: [spoken.version] }
}

export async function gatewaySide(
  gateway: Gateway,
  agents: readonly RunningAgent[],
  webhooks: Webhooks,
  spoken: Spoken,
): Promise<Side> {
  const found = agents.map(async ({ kind }) => {
    const name = nameOfAgent(kind, spoken)
    const cardUrl = `${gateway.url}/agents/${name}/.well-known/agent-card.json`
    const headers = { authorization: `Bearer ${gateway.keys['alice'] ?? ''}` }
    const addresses = await readAddresses(cardUrl, headers)
    const grpc = addresses.find(({ face }) => nameOf(face) === 'gRPC 1.0')
    // A card of 0.3 has no tenant by which callers could name the agent over gRPC: they say it by metadata.
    if (grpc !== undefined && !addresses.some(({ face }) => nameOf(face) === 'gRPC 0.3'))
      addresses.push({ ...grpc, face: legacyGrpc, tenant: '', headers: { ...headers, 'sallyport-agent': name } })
    return [kind, { cardUrl, addresses }] as const
  })
  return { name: 'gateway', webhooks, agent: finder(await Promise.all(found)) }
}
