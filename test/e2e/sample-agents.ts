// The real sample agents in this process, for a gateway that the test starts itself. Their types belong to the agents'
// workspace; here only what is used.

export interface SampleAgents {
  readonly calculator: { readonly url: string }
  readonly concierge: { readonly url: string }
  close(): Promise<void>
}

interface SampleAgentsModule {
  startSampleAgents(options: object): Promise<SampleAgents>
}

/** `gatewayUrl` is asked when a call comes: agents start before the gateway that needs their addresses. */
export async function startAgents(gatewayUrl: () => string): Promise<SampleAgents> {
  const module = (await import(
    new URL('../../agents/src/sample-agents.ts', import.meta.url).href
  )) as SampleAgentsModule
  return module.startSampleAgents({
    verification: {
      get jwksUrl() {
        return `${gatewayUrl()}/.well-known/jwks.json`
      },
      get issuer() {
        return gatewayUrl()
      },
    },
    concierge: { gatewayUrl, calculatorAgent: 'calculator', key: () => '' },
    pushOrigins: () => [],
  })
}

export interface ConformanceAgent {
  readonly url: string
  /** host:port */
  readonly grpc: string
  close(): Promise<void>
}

interface ConformanceModule {
  startConformanceAgent(options: object): Promise<ConformanceAgent>
}

/** Every binding in both versions; a task that waits does so for an hour, unless it is cancelled. */
export async function startConformance(): Promise<ConformanceAgent> {
  const file = new URL('../../agents/src/conformance-agent.ts', import.meta.url).href
  const module = (await import(file)) as ConformanceModule
  return module.startConformanceAgent({ extendedCard: 'on', beatMs: 1_800_000 })
}
