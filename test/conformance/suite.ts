// The whole suite: starts agents, webhooks and gateway, runs both sides one after the other, and stops everything.

import { startAgents, type RunningAgent } from './agents.ts'
import { compareAll, type Verdict } from './compare.ts'
import { gatewaySide, startConformanceGateway, type Spoken } from './gateway.ts'
import { allTests } from './groups/groups.ts'
import { runAll, type Outcomes, type Side } from './run.ts'
import { directSide } from './sides.ts'
import type { ConformanceTest } from './subject.ts'
import { startWebhooks, type WebhookServer } from './webhooks.ts'

/** `only`: the beginning of the ids to run; all by default. */
export async function runSuite(only = ''): Promise<readonly Verdict[]> {
  const tests = allTests.filter(({ id }) => id.startsWith(only))
  return await withSides(tests, ['every face'], async (direct, through) =>
    compareAll(tests, direct, await runAll(tests, await through('every face'))),
  )
}

/** Runs the tests directly, then hands on a way to reach the agents through a gateway that knows them so. */
export async function withSides<T>(
  tests: readonly ConformanceTest[],
  spoken: readonly Spoken[],
  use: (direct: Outcomes, through: (spoken: Spoken) => Promise<Side>) => Promise<T>,
): Promise<T> {
  const webhooks = await startWebhooks()
  try {
    const started = await startAgents()
    try {
      const direct = await runAll(tests, await directSide(started.agents, webhooks))
      return await withGateway(started.agents, spoken, webhooks, (through) => use(direct, through))
    } finally {
      await started.close()
    }
  } finally {
    await webhooks.close()
  }
}

async function withGateway<T>(
  agents: readonly RunningAgent[],
  spoken: readonly Spoken[],
  webhooks: WebhookServer,
  use: (through: (spoken: Spoken) => Promise<Side>) => Promise<T>,
): Promise<T> {
  const gateway = await startConformanceGateway(agents, spoken)
  try {
    return await use((each) => gatewaySide(gateway, agents, webhooks, each))
  } finally {
    await gateway.stop()
  }
}
