// Callers and agents that speak differently: the same tests through the gateway, with an agent of which it is said that
// it speaks one binding in one version, in every other column. A test must have the outcome there that it has when the
// agent is called directly in the caller's column, or stand in the list of what cannot be.

import { faces, nameOf, type Face } from './faces.ts'
import { allTests } from './groups/groups.ts'
import { bridgeDifferences, type KnownBridge } from './known-bridges.ts'
import { keyOf, runAll, runsIn, type Outcome } from './run.ts'
import { withSides } from './suite.ts'
import type { ConformanceTest } from './subject.ts'

/** One test from one face to another, and whether it is known to differ. */
export interface Crossing {
  readonly caller: Face
  readonly agent: Face
  readonly test: ConformanceTest
  readonly known: KnownBridge | undefined
}

export interface Judged extends Crossing {
  /** what is wrong and not known, or known and not wrong any more */
  readonly problem: string | undefined
}

/** A card is made by the gateway: nothing of it crosses. */
const tests = allTests.filter(({ id }) => !id.startsWith('card.'))

export const crossings: readonly Crossing[] = faces.flatMap((agent) =>
  faces
    .filter((caller) => caller !== agent)
    .flatMap((caller) =>
      tests
        .filter((test) => runsIn(test, caller))
        .map((test) => ({ caller, agent, test, known: findKnown(test, caller, agent) })),
    ),
)

function findKnown({ id }: ConformanceTest, caller: Face, agent: Face): KnownBridge | undefined {
  return bridgeDifferences.find((each) => each.tests.includes(id) && each.where(caller, agent))
}

/** A third of all, another of each pair of faces: what npm test has time for. */
export function sample(): readonly Crossing[] {
  const places = new Map(tests.map((test, at) => [test, at]))
  return crossings.filter(({ caller, agent, test }) => {
    const pair = faces.indexOf(caller) + faces.indexOf(agent)
    return ((places.get(test) ?? 0) + pair) % 3 === 0
  })
}

export function runBridges(chosen: readonly Crossing[] = crossings): Promise<readonly Judged[]> {
  return withSides(tests, faces, async (direct, through) => {
    const judged: Judged[] = []
    for (const agent of faces) {
      const mine = chosen.filter((crossing) => crossing.agent === agent)
      const side = await through(agent)
      const isChosen = new Set(mine.map(({ test, caller }) => keyOf(test, caller)))
      const crossed = await runAll(tests, side, (test, face) => isChosen.has(keyOf(test, face)))
      for (const crossing of mine) {
        const key = keyOf(crossing.test, crossing.caller)
        judged.push({ ...crossing, problem: findProblem(crossing.known, direct.get(key), crossed.get(key)) })
      }
    }
    return judged
  })
}

function findProblem(
  known: KnownBridge | undefined,
  direct: Outcome | undefined,
  crossed: Outcome | undefined,
): string | undefined {
  if (direct?.kind === crossed?.kind)
    return known === undefined ? undefined : 'is known to differ, and does not: take it off the list'
  if (known !== undefined) return undefined
  const why = crossed?.kind === 'failed' ? `it fails (${crossed.why})` : (crossed?.kind ?? 'it was not run')
  return `differs: directly ${direct?.kind}, across ${why}`
}

export function titleOf({ test, caller, agent }: Crossing): string {
  return `${test.id}, from ${nameOf(caller)} to ${nameOf(agent)}`
}
