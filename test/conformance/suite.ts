// The whole suite: starts agents, webhooks and gateway, runs both sides one after the other, and stops everything.

import { startAgents } from './agents.ts'
import { compareAll, type Verdict } from './compare.ts'
import { gatewaySide, startConformanceGateway } from './gateway.ts'
import { allTests } from './groups/groups.ts'
import { runAll } from './run.ts'
import { directSide } from './sides.ts'
import { startWebhooks } from './webhooks.ts'

/** `only`: the beginning of the ids to run; all by default. */
export async function runSuite(only = ''): Promise<readonly Verdict[]> {
  const tests = allTests.filter(({ id }) => id.startsWith(only))
  const webhooks = await startWebhooks()
  try {
    const started = await startAgents()
    const { agents } = started
    try {
      const direct = await runAll(tests, await directSide(agents, webhooks))
      const gateway = await startConformanceGateway(agents)
      try {
        return compareAll(tests, direct, await runAll(tests, await gatewaySide(gateway, agents, webhooks)))
      } finally {
        await gateway.stop()
      }
    } finally {
      await started.close()
    }
  } finally {
    await webhooks.close()
  }
}
