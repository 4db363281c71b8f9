// How an agent tells its callers about one task: each method publishes one event of A2A 1.0 (§3.5.2 order:
// the task first, then updates, one terminal state last). After the terminal state it publishes nothing more.

import { randomUUID } from 'node:crypto'
import { Role, TaskState, type Message, type Part } from '@a2a-js/sdk'
import { AgentEvent, type ExecutionEventBus, type RequestContext } from '@a2a-js/sdk/server'

type FinalState =
  | TaskState.TASK_STATE_COMPLETED
  | TaskState.TASK_STATE_FAILED
  | TaskState.TASK_STATE_CANCELED
  | TaskState.TASK_STATE_REJECTED

export interface TaskReport {
  submitted(): void
  working(text: string): void
  artifact(name: string, parts: readonly Part[]): void
  completed(text: string): void
  failed(text: string): void
  rejected(text: string): void
  canceled(): void
}

export function reportTo(context: RequestContext, bus: ExecutionEventBus): TaskReport {
  const { taskId, contextId } = context
  let ended = false
  const status = (state: TaskState, text: string): void => {
    if (ended) return
    const message = agentMessage(text, taskId, contextId)
    const timestamp = new Date().toISOString()
    bus.publish(
      AgentEvent.statusUpdate({ taskId, contextId, status: { state, message, timestamp }, metadata: undefined }),
    )
  }
  const end = (state: FinalState, text: string): void => {
    status(state, text)
    ended = true
  }
  return {
    submitted: () => {
      const state = TaskState.TASK_STATE_SUBMITTED
      const timestamp = new Date().toISOString()
      bus.publish(
        AgentEvent.task({
          id: taskId,
          contextId,
          status: { state, message: undefined, timestamp },
          artifacts: [],
          history: [context.userMessage],
          metadata: undefined,
        }),
      )
    },
    working: (text) => status(TaskState.TASK_STATE_WORKING, text),
    artifact: (name, parts) => {
      if (ended) return
      const artifact = {
        artifactId: randomUUID(),
        name,
        description: '',
        parts: [...parts],
        metadata: undefined,
        extensions: [],
      }
      bus.publish(
        AgentEvent.artifactUpdate({ taskId, contextId, artifact, append: false, lastChunk: true, metadata: undefined }),
      )
    },
    completed: (text) => end(TaskState.TASK_STATE_COMPLETED, text),
    failed: (text) => end(TaskState.TASK_STATE_FAILED, text),
    rejected: (text) => end(TaskState.TASK_STATE_REJECTED, text),
    canceled: () => end(TaskState.TASK_STATE_CANCELED, 'canceled'),
  }
}

export function textPart(text: string): Part {
  return { content: { $case: 'text', value: text }, metadata: undefined, filename: '', mediaType: 'text/plain' }
}

export function dataPart(data: Readonly<Record<string, unknown>>): Part {
  return { content: { $case: 'data', value: data }, metadata: undefined, filename: '', mediaType: 'application/json' }
}

/** The words of a message; parts that are not text are left out. */
export function textOf(message: Message | undefined): string {
  const texts = message?.parts.map((part) => (part.content?.$case === 'text' ? part.content.value : '')) ?? []
  return texts.filter((text) => text !== '').join('\n')
}

function agentMessage(text: string, taskId: string, contextId: string): Message {
  return {
    messageId: randomUUID(),
    contextId,
    taskId,
    role: Role.ROLE_AGENT,
    parts: [textPart(text)],
    metadata: undefined,
    extensions: [],
    referenceTaskIds: [],
  }
}
