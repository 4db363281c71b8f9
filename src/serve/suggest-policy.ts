// `policy suggest`: reads the allowed calls of a range, has the least policy made of them, and replays the range under
// it, so that what it takes or gives beyond the present one is said with it.

import { createSuggestion } from '../authorize/authorize.ts'
import type { PolicySuggestion, ReplayChange, SuggestOptions } from '../cli/ports.ts'
import { readDecisions } from './read-decisions.ts'
import { createUndecided, replayPolicy } from './replay-policy.ts'

export async function suggestPolicy(options: SuggestOptions): Promise<PolicySuggestion> {
  const simple = await suggest(options, false)
  // who was refused before joining a group, or after leaving it, must not gain by being named
  const { made, gained, lost } = simple.gained === 0 ? simple : await suggest(options, true)
  const further = [
    ...(gained > 0
      ? [
          `it would allow ${gained} of the calls that were refused: the policy has changed since, or asks for approval by rules that overlap`,
        ]
      : []),
    ...(lost > 0 ? [`it would refuse ${lost} of the calls that were allowed, or ask for an approval of them`] : []),
  ]
  return { ...made, notes: [...made.notes, ...further] }
}

async function suggest(
  options: SuggestOptions,
  mindGroups: boolean,
): Promise<{ readonly made: PolicySuggestion; readonly gained: number; readonly lost: number }> {
  const { config } = options.loaded
  const agents = config.agents.map(({ name }) => name)
  const suggestion = createSuggestion(config.policy, agents, mindGroups)
  const undecided = createUndecided()
  let calls = 0
  for await (const recorded of readDecisions(options)) {
    if (recorded.outcome !== 'allowed') continue
    const { input } = recorded
    const problem = 'missing' in input ? input.missing : suggestion.add(input)
    if (problem === undefined) calls += 1
    else undecided.add(problem, recorded)
  }
  const { policy, callers, notes } = suggestion.finish()
  const { gains, losses, unlisted } = await replayPolicy({ ...options, against: { ...config, policy } })
  return {
    made: { policy, calls, callers, notes, undecided: undecided.list() },
    gained: countCalls(gains, unlisted.gains),
    lost: countCalls(losses, unlisted.losses),
  }
}

const countCalls = (changes: readonly ReplayChange[], unlisted: number): number =>
  changes.reduce((sum, { calls }) => sum + calls, unlisted)
