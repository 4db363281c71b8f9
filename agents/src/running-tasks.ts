// The tasks an agent is working on, so that each can be cancelled on its own and all can be when the agent stops.
// It bounds how many run at a time. It never publishes anything.

import type { ExecutionEventBus, AgentExecutor, RequestContext } from '@a2a-js/sdk/server'
import { AgentEvent } from '@a2a-js/sdk/server'
import { reportTo, type TaskReport } from './task-report.ts'

export type Work = (context: RequestContext, report: TaskReport, signal: AbortSignal) => Promise<void>

export interface RunningTasks extends AgentExecutor {
  cancelAll(): void
}

interface Running {
  readonly controller: AbortController
  readonly done: Promise<void>
}

/** Turns a piece of work into an executor: whatever it throws, its task ends in a readable state. */
export function executorFor(work: Work, maxRunning: number): RunningTasks {
  const running = new Map<string, Running>()

  const run = async (context: RequestContext, report: TaskReport, controller: AbortController): Promise<void> => {
    try {
      await work(context, report, controller.signal)
    } catch {
      // What went wrong inside is not the caller's to read.
      if (!controller.signal.aborted) report.failed('the task failed inside the agent')
    } finally {
      if (controller.signal.aborted) report.canceled()
      running.delete(context.taskId)
    }
  }

  const execute = async (context: RequestContext, bus: ExecutionEventBus): Promise<void> => {
    const already = running.get(context.taskId)
    if (already !== undefined && context.task !== undefined) {
      // A further message to a task under way: it is kept in the history, and the work goes on as it was.
      bus.publish(AgentEvent.task(context.task))
      return already.done
    }
    const report = reportTo(context, bus)
    report.submitted()
    if (running.size >= maxRunning) return report.failed('the agent is busy, try again later')
    const controller = new AbortController()
    // Entered before the work starts, so that a cancellation finds it from the first event on.
    const { promise, resolve } = Promise.withResolvers<void>()
    running.set(context.taskId, { controller, done: promise })
    await run(context, report, controller)
    resolve()
  }

  return {
    execute,
    cancelTask: async (taskId) => running.get(taskId)?.controller.abort(),
    cancelAll: () => {
      for (const task of running.values()) task.controller.abort()
    },
  }
}
