// What the conformance agent does with a message: the beginning of its messageId says it, as the public A2A test kit
// has it (scenarios of a2aproject/a2a-tck), so that one agent serves that kit and our own suite. Whatever begins
// otherwise is done at once. Every turn begins with the task itself (§3.5.2), and nothing follows a terminal state.

import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { Role, TaskState, type Message, type Part } from '@a2a-js/sdk'
import { AgentEvent, type AgentExecutor, type ExecutionEventBus, type RequestContext } from '@a2a-js/sdk/server'
import { optionalExtension } from './conformance-card.ts'
import { dataPart, textPart } from './task-report.ts'

/** One turn of a task, as the table below sees it. */
interface Turn {
  status(state: TaskState, text?: string): void
  artifact(
    parts: readonly Part[],
    chunk?: { readonly id: string; readonly append: boolean; readonly last: boolean },
  ): void
  /** Waits for as many beats; rejects when the task is cancelled. */
  wait(beats: number): Promise<void>
}

type Act = (turn: Turn) => void | Promise<void>

const working = TaskState.TASK_STATE_WORKING
const completed = TaskState.TASK_STATE_COMPLETED

const file: Part = filePart({ $case: 'raw', value: Buffer.from('tck') })
const fileUrl: Part = filePart({ $case: 'url', value: 'https://example.com/output.txt' })

/** An artifact, then the end; a stream shows the work before it too. */
const give =
  (part: Part): Act =>
  (turn) => {
    turn.artifact([part])
    turn.status(completed)
  }
const giveWorking =
  (part: Part): Act =>
  (turn) => {
    turn.status(working)
    return give(part)(turn)
  }
const rest =
  (state: TaskState, text?: string): Act =>
  (turn) =>
    turn.status(state, text)

async function workFor(turn: Turn, beats: number, text?: string): Promise<void> {
  turn.status(working)
  await turn.wait(beats)
  turn.status(completed, text)
}

function giveChunks(turn: Turn): void {
  const id = randomUUID()
  turn.status(working)
  turn.artifact([textPart('chunk-1 ')], { id, append: false, last: false })
  turn.artifact([textPart('chunk-2')], { id, append: true, last: true })
  turn.status(completed)
}

const messageOnly = 'tck-message-response'
/** Ours, not the kit's: a task that is at work for as long as a test looks at it. */
export const untilCanceled = 'conformance-until-canceled'

// The first that fits is taken: a longer prefix stands before the shorter one that it begins with.
// prettier-ignore
const acts: readonly (readonly [prefix: string, act: Act])[] = [
  ['tck-complete-task',           rest(completed, 'Hello from TCK')],
  ['tck-delayed-complete',        (turn) => workFor(turn, 1, 'Done after delay')],
  ['test-resubscribe-message-id', (turn) => workFor(turn, 2)],
  [untilCanceled,                 (turn) => workFor(turn, 10_000)],
  ['tck-input-required',          rest(TaskState.TASK_STATE_INPUT_REQUIRED, 'More is needed')],
  ['tck-auth-required',           rest(TaskState.TASK_STATE_AUTH_REQUIRED, 'Authorization is needed')],
  ['tck-reject-task',             rest(TaskState.TASK_STATE_REJECTED, 'rejected')],
  ['tck-artifact-text',           give(textPart('Generated text content'))],
  ['tck-artifact-file-url',       give(fileUrl)],
  ['tck-artifact-file',           give(file)],
  ['tck-artifact-data',           give(dataPart({ key: 'value', count: 42 }))],
  ['tck-stream-artifact-chunked', giveChunks],
  ['tck-stream-artifact-text',    giveWorking(textPart('Streamed text content'))],
  ['tck-stream-artifact-file',    giveWorking(file)],
  ['tck-stream-ordering-001',     giveWorking(textPart('Ordered output'))],
  ['tck-grpc-streaming',          giveWorking(textPart('Stream hello from TCK'))],
  ['tck-stream-001',              giveWorking(textPart('Stream hello from TCK'))],
  ['tck-stream-002',              rest(completed)],
  ['tck-stream-003',              giveWorking(textPart('Stream task lifecycle'))],
]

/** The prefixes that mean something, for documentation and tests. */
export const prefixes: readonly string[] = [messageOnly, ...acts.map(([prefix]) => prefix)]

export function conformanceExecutor(beatMs: number): AgentExecutor {
  const running = new Map<string, { readonly cancel: AbortController; readonly done: Promise<void> }>()

  const execute = async (context: RequestContext, bus: ExecutionEventBus): Promise<void> => {
    const { messageId } = context.userMessage
    if (messageId.startsWith(messageOnly) && context.task === undefined) {
      bus.publish(AgentEvent.message(agentMessage('Direct message response', '', context.contextId)))
      return
    }
    publishTask(context, bus)
    // A further message to a task under way is kept in its history; the work goes on as it was.
    const already = running.get(context.taskId)
    if (already !== undefined) return already.done
    const cancel = new AbortController()
    const { promise, resolve } = Promise.withResolvers<void>()
    running.set(context.taskId, { cancel, done: promise })
    const turn = turnOf(context, bus, beatMs, cancel.signal)
    const [, act] = acts.find(([prefix]) => messageId.startsWith(prefix)) ?? ['', rest(completed, `Done: ${messageId}`)]
    try {
      await act(turn)
    } catch (error) {
      if (!cancel.signal.aborted) throw error
      turn.status(TaskState.TASK_STATE_CANCELED)
    } finally {
      running.delete(context.taskId)
      resolve()
    }
  }

  const cancelTask = async (taskId: string, bus: ExecutionEventBus): Promise<void> => {
    const turn = running.get(taskId)
    if (turn !== undefined) return turn.cancel.abort()
    // It rests and waits for its caller: nobody else will say how it ends.
    publishStatus(bus, { taskId, contextId: contexts.get(bus) ?? '' }, TaskState.TASK_STATE_CANCELED)
    bus.finished()
  }

  // which context a resting task is in: a cancellation does not say
  const contexts = new WeakMap<ExecutionEventBus, string>()

  return {
    execute: (context, bus) => {
      contexts.set(bus, context.contextId)
      // which the answer says; the others that were asked for are no business of this agent
      if (context.context.requestedExtensions?.includes(optionalExtension) === true)
        context.context.addActivatedExtension(optionalExtension)
      return execute(context, bus)
    },
    cancelTask,
  }
}

interface Ids {
  readonly taskId: string
  readonly contextId: string
}

function turnOf(ids: Ids, bus: ExecutionEventBus, beatMs: number, signal: AbortSignal): Turn {
  const { taskId, contextId } = ids
  return {
    status: (state, text) => publishStatus(bus, ids, state, text),
    artifact: (parts, chunk = { id: randomUUID(), append: false, last: true }) => {
      const { id: artifactId, append, last: lastChunk } = chunk
      const artifact = {
        artifactId,
        name: 'output',
        description: '',
        parts: [...parts],
        metadata: undefined,
        extensions: [],
      }
      bus.publish(AgentEvent.artifactUpdate({ taskId, contextId, artifact, append, lastChunk, metadata: undefined }))
    },
    // an agent that is stopped does not wait for its tasks
    wait: (beats) => wait(beats * beatMs, undefined, { signal, ref: false }),
  }
}

function publishTask({ task, taskId, contextId, userMessage }: RequestContext, bus: ExecutionEventBus): void {
  const submitted = { state: TaskState.TASK_STATE_SUBMITTED, message: undefined, timestamp: new Date().toISOString() }
  bus.publish(
    AgentEvent.task(
      task ?? { id: taskId, contextId, status: submitted, artifacts: [], history: [userMessage], metadata: undefined },
    ),
  )
}

function publishStatus(bus: ExecutionEventBus, { taskId, contextId }: Ids, state: TaskState, text?: string): void {
  const message = text === undefined ? undefined : agentMessage(text, taskId, contextId)
  const timestamp = new Date().toISOString()
  bus.publish(
    AgentEvent.statusUpdate({ taskId, contextId, status: { state, message, timestamp }, metadata: undefined }),
  )
}

function agentMessage(text: string, taskId: string, contextId: string): Message {
  const parts = [textPart(text)]
  const role = Role.ROLE_AGENT
  return {
    messageId: randomUUID(),
    contextId,
    taskId,
    role,
    parts,
    metadata: undefined,
    extensions: [],
    referenceTaskIds: [],
  }
}

function filePart(content: NonNullable<Part['content']>): Part {
  return { content, metadata: undefined, filename: 'output.txt', mediaType: 'text/plain' }
}
