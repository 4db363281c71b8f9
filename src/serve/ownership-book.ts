// The index of owners as the walk sees it. A status that an agent gives without a time is of the moment when the
// gateway first heard of it, so that lists by time hold such tasks too; hearing the same again changes nothing.

import type { Clock } from '../base/clock.ts'
import type { WalkParts } from '../pipeline/pipeline.ts'
import type { State } from './state.ts'

export function createOwnershipBook(index: State['ownership'], clock: Clock): WalkParts['ownership'] {
  return {
    task: index.task.bind(index),
    context: index.context.bind(index),
    pushConfig: index.pushConfig.bind(index),
    claim: index.claim.bind(index),
    note(tasks, { agent, tenant }) {
      for (const { taskId, state, timestampMs } of tasks) {
        if (state === '') continue
        if (timestampMs !== 0) index.noteState(agent.name, tenant, taskId, state, timestampMs)
        else if (index.task(agent.name, tenant, taskId)?.state !== state)
          index.noteState(agent.name, tenant, taskId, state, clock.nowMs())
      }
    },
  }
}
