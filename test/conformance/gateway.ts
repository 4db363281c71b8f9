// The conformance agents behind the gateway as users run it: a process of its own, one caller with an API key and every
// right, cards for anyone.

import { startGateway, type Gateway, type GatewayOptions } from '../e2e/harness.ts'
import type { RunningAgent } from './agents.ts'
import type { Side } from './run.ts'
import { finder, readAddresses } from './sides.ts'
import type { AgentKind, Webhooks } from './subject.ts'

const nameOfAgent = (kind: AgentKind): string => (kind === 'full' ? 'conformance' : `conformance-${kind}`)

export function startConformanceGateway(agents: readonly RunningAgent[]): Promise<Gateway> {
  const entries = agents.map(({ kind, url, grpc }): [string, GatewayOptions['agents'][string]] => [
    nameOfAgent(kind),
    {
      url,
      grpcUrl: `http://${grpc}`,
      speaks: ['1.0', '0.3'],
      versions: ['1.0', '0.3'],
      extensions: '*',
      discovery: 'public',
    },
  ])
  return startGateway({ agents: Object.fromEntries(entries), callers: ['alice'] })
}

export async function gatewaySide(
  gateway: Gateway,
  agents: readonly RunningAgent[],
  webhooks: Webhooks,
): Promise<Side> {
  const found = agents.map(async ({ kind }) => {
    const name = nameOfAgent(kind)
    const cardUrl = `${gateway.url}/agents/${name}/.well-known/agent-card.json`
    const headers = { authorization: `Bearer ${gateway.keys['alice'] ?? ''}` }
    const addresses = (await readAddresses(cardUrl, headers)).map((address) => ({
      ...address,
      // A card of 0.3 has no tenant to echo: gRPC is told the agent otherwise.
      ...(address.face.binding === 'GRPC' &&
        address.tenant === '' && { headers: { ...headers, 'sallyport-agent': name } }),
    }))
    return [kind, { cardUrl, addresses }] as const
  })
  return { name: 'gateway', webhooks, agent: finder(await Promise.all(found)) }
}
