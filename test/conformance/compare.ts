// Judges one test in one column: the outcome must be the same directly and through the gateway. What is absent on one
// side or left out counts as failed, and a test that fails on both sides must be known to.

import type { Face } from './faces.ts'
import { faces, nameOf } from './faces.ts'
import { differences, failures, findKnown, unserved } from './known.ts'
import { keyOf, runsIn, type Outcome, type Outcomes } from './run.ts'
import { findDifference } from './transcript.ts'
import type { ConformanceTest } from './subject.ts'

export interface Verdict {
  readonly test: ConformanceTest
  readonly face: Face
  readonly direct: Outcome
  readonly gateway: Outcome
  /** the same outcome on both sides, and the same answers; failed for the same reason */
  readonly isSame: boolean
  /** what is wrong and not known, or known and not wrong any more */
  readonly problem: string | undefined
}

export function compareAll(tests: readonly ConformanceTest[], direct: Outcomes, gateway: Outcomes): Verdict[] {
  return tests.flatMap((test) =>
    faces.filter((face) => runsIn(test, face)).map((face) => judge(test, face, direct, gateway)),
  )
}

const notRun: Outcome = { kind: 'failed', why: 'it was not run' }

function judge(test: ConformanceTest, face: Face, directly: Outcomes, through: Outcomes): Verdict {
  const direct = directly.get(keyOf(test, face)) ?? notRun
  const gateway = through.get(keyOf(test, face)) ?? notRun
  const difference = compare(direct, gateway)
  const problem = findProblem(test, face, direct, gateway, difference)
  return { test, face, direct, gateway, isSame: difference === undefined, problem }
}

function findProblem(
  test: ConformanceTest,
  face: Face,
  direct: Outcome,
  gateway: Outcome,
  difference: string | undefined,
): string | undefined {
  const isKnownFailure = findKnown(failures, test.id, face) !== undefined
  if (direct.kind !== 'passed' && !isKnownFailure) return `fails directly: ${whyOf(direct)}`
  if (direct.kind === 'passed' && isKnownFailure) return 'is known to fail directly, and does not: take it off the list'
  const isUnserved = unserved.includes(nameOf(face))
  if (gateway.kind === 'absent') return isUnserved ? undefined : 'the gateway does not serve this column'
  if (isUnserved) return 'the gateway serves this column: take it off the list'
  const isKnownDifference = findKnown(differences, test.id, face) !== undefined
  if (difference !== undefined) return isKnownDifference ? undefined : `differs: ${difference}`
  return isKnownDifference ? 'is known to differ, and does not: take it off the list' : undefined
}

function compare(direct: Outcome, gateway: Outcome): string | undefined {
  if (direct.kind === 'passed' && gateway.kind === 'passed') return findDifference(direct.seen, gateway.seen)
  if (direct.kind === gateway.kind && whyOf(direct) === whyOf(gateway)) return undefined
  return `directly ${say(direct)}, through the gateway ${say(gateway)}`
}

function whyOf(outcome: Outcome): string {
  return outcome.kind === 'failed' ? outcome.why : ''
}

function say(outcome: Outcome): string {
  return outcome.kind === 'failed' ? `it fails (${outcome.why})` : outcome.kind
}
