// The index of owners as the walk sees it. A status that an agent gives without a time is of the moment when the
// gateway first heard of it, so that lists by time hold such tasks too; hearing the same again changes nothing. What is
// heard here also says for how long the agent may act on for whoever began the task.

import { operations } from '../a2a/operations.ts'
import { isFinished } from '../a2a/shape.ts'
import type { GrantBook } from '../authenticate/authenticate.ts'
import type { Clock } from '../base/clock.ts'
import type { WalkParts } from '../pipeline/pipeline.ts'
import { createContextNames } from '../store/store.ts'
import type { State } from './state.ts'

export function createOwnershipBook(
  index: State['ownership'],
  clock: Clock,
  grants: Pick<GrantBook, 'heard'>,
  contextSecret: Buffer,
): WalkParts['ownership'] {
  return {
    ...createContextNames(contextSecret, index.context.bind(index)),
    task: index.task.bind(index),
    context: index.context.bind(index),
    pushConfig: index.pushConfig.bind(index),
    claim: index.claim.bind(index),
    takeTurn({ agent: { name }, tenant, taskId, agentContextId }) {
      const context = index.knownContext(name, tenant, { contextId: agentContextId, taskId })
      if (context === undefined) return undefined
      const { contextId, turns } = context
      const note = (number: number): void => index.noteTurns(name, tenant, contextId, number)
      note(turns + 1)
      const undo = (): void => {
        const current = index.context(name, tenant, contextId)?.turns
        if (current !== undefined && current > 0) note(current - 1)
      }
      return { contextId, number: turns + 1, undo }
    },
    ending: (tasks, { agent, tenant }) =>
      tasks.filter(({ taskId, state }) => isFinished(state) && index.isOpen(agent.name, tenant, taskId)),
    note(tasks, { call, operation, agent, tenant }) {
      const { carriesMessage } = operations[operation]
      grants.heard({ call, agent: agent.name, tenant, carriesMessage }, tasks)
      for (const { taskId, state, timestampMs } of tasks) {
        if (state === '') continue
        if (timestampMs !== 0) index.noteState(agent.name, tenant, taskId, state, timestampMs)
        else if (index.task(agent.name, tenant, taskId)?.state !== state)
          index.noteState(agent.name, tenant, taskId, state, clock.nowMs())
      }
    },
  }
}
