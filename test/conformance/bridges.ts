// Callers and agents that speak differently: the same tests through the gateway, with an agent of which it is said that
// it speaks one binding in one version, in every other column. A test must have the outcome there that it has when the
// agent is called directly in the caller's column, or stand in the list of what cannot be.

import { faces, nameOf, type Face } from './faces.ts'
import { allTests } from './groups/groups.ts'
import { bridgeDifferences, servedBy, type KnownBridge } from './known-bridges.ts'
import { keyOf, runAll, runsIn, type Outcome } from './run.ts'
import { withSides } from './suite.ts'
import type { ConformanceTest } from './subject.ts'

export interface Crossing {
  readonly caller: Face
  readonly agent: Face
  readonly test: ConformanceTest
  readonly isSame: boolean
  readonly known: KnownBridge | undefined
  readonly problem: string | undefined
}

/** A card is made by the gateway: nothing of it crosses. */
const tests = allTests.filter(({ id }) => !id.startsWith('card.'))

export function runBridges(): Promise<readonly Crossing[]> {
  const agentFaces = faces.filter((face) => servedBy(face).length > 0)
  return withSides(tests, agentFaces, async (direct, through) => {
    const crossings: Crossing[] = []
    for (const agent of agentFaces) {
      const callers = servedBy(agent)
      const crossed = await runAll(tests, await through(agent), callers)
      for (const caller of callers)
        for (const test of tests.filter((each) => runsIn(each, caller)))
          crossings.push(judge(test, caller, agent, direct.get(keyOf(test, caller)), crossed.get(keyOf(test, caller))))
    }
    return crossings
  })
}

function judge(
  test: ConformanceTest,
  caller: Face,
  agent: Face,
  direct: Outcome | undefined,
  crossed: Outcome | undefined,
): Crossing {
  const isSame = direct?.kind === crossed?.kind
  const known = bridgeDifferences.find((each) => each.tests.includes(test.id) && each.where(caller, agent))
  const why = crossed?.kind === 'failed' ? `it fails (${crossed.why})` : (crossed?.kind ?? 'it was not run')
  const problem =
    isSame === (known === undefined)
      ? undefined
      : isSame
        ? 'is known to differ, and does not: take it off the list'
        : `differs: directly ${direct?.kind}, across ${why}`
  return { caller, agent, test, isSame, known, problem }
}

export function titleOf({ test, caller, agent }: Crossing): string {
  return `${test.id}, from ${nameOf(caller)} to ${nameOf(agent)}`
}
