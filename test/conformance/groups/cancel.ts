// CancelTask: what can be stopped, and what cannot any more.

import assert from 'node:assert/strict'
import { expectRefused } from '../errors.ts'
import {
  ask,
  get,
  isCurrent,
  open,
  outline,
  rest,
  say,
  send,
  startWork,
  stateOf,
  textOf,
  unknownId,
  untilCanceled,
  type ConformanceTest,
} from '../subject.ts'
import { objectOf } from '../wire/dialect.ts'

export const cancelTests: readonly ConformanceTest[] = [
  {
    id: 'cancel.waiting',
    section: '§3.1.5',
    sentence: 'cancels a task that waits for input, and shows it so',
    async run(subject) {
      const { id } = await send(subject, say('tck-input-required'))
      const canceled = await ask(subject, 'CancelTask', { id: textOf(id) })
      assert.equal(canceled['id'], id)
      assert.equal(stateOf(canceled), 'CANCELED')
      assert.equal(stateOf(await get(subject, id)), 'CANCELED')
    },
  },
  {
    id: 'cancel.auth',
    section: '§3.1.5',
    sentence: 'cancels a task that waits for an authorization',
    async run(subject) {
      const { id } = await send(subject, say('tck-auth-required'))
      assert.equal(stateOf(await ask(subject, 'CancelTask', { id: textOf(id) })), 'CANCELED')
    },
  },
  {
    id: 'cancel.working',
    timing: true,
    section: '§3.1.5',
    sentence: 'cancels a task at work',
    async run(subject) {
      const id = await startWork(subject)
      assert.equal(stateOf(await ask(subject, 'CancelTask', { id })), 'CANCELED')
      assert.equal(stateOf(await get(subject, id)), 'CANCELED')
    },
  },
  {
    id: 'cancel.ends-streams',
    timing: true,
    section: '§3.1.2',
    sentence: 'tells the open stream of a canceled task, and closes it',
    async run(subject) {
      const stream = await open(subject, 'SendStreamingMessage', say(untilCanceled))
      const { id } = objectOf((await stream.next())?.response['task'], 'a task')
      await ask(subject, 'CancelTask', { id: textOf(id) })
      assert.equal(outline(await rest(stream)).at(-1), 'statusUpdate CANCELED')
    },
  },
  {
    id: 'cancel.twice',
    section: '§3.3.1',
    sentence: 'takes a second cancellation as the first',
    async run(subject) {
      const { id } = await send(subject, say('tck-input-required'))
      await ask(subject, 'CancelTask', { id: textOf(id) })
      assert.equal(stateOf(await ask(subject, 'CancelTask', { id: textOf(id) })), 'CANCELED')
    },
  },
  {
    id: 'cancel.metadata',
    section: '§3.2.5',
    sentence: 'takes metadata with a cancellation',
    where: isCurrent,
    async run(subject) {
      const { id } = await send(subject, say('tck-input-required'))
      const canceled = await ask(subject, 'CancelTask', { id: textOf(id), metadata: { reason: 'no need' } })
      assert.equal(stateOf(canceled), 'CANCELED')
    },
  },
  {
    id: 'cancel.completed',
    section: '§3.1.5',
    sentence: 'cancels no task that is complete',
    async run(subject) {
      const { id } = await send(subject, say('tck-complete-task'))
      await expectRefused(subject, 'CancelTask', { id: textOf(id) }, 'TaskNotCancelable')
      assert.equal(stateOf(await get(subject, id)), 'COMPLETED')
    },
  },
  {
    id: 'cancel.rejected',
    section: '§3.1.5',
    sentence: 'cancels no task that it rejected',
    async run(subject) {
      const { id } = await send(subject, say('tck-reject-task'))
      await expectRefused(subject, 'CancelTask', { id: textOf(id) }, 'TaskNotCancelable')
    },
  },
  {
    id: 'cancel.unknown',
    section: '§3.1.5',
    sentence: 'cancels no task that it has not made',
    run: (subject) => expectRefused(subject, 'CancelTask', { id: unknownId() }, 'TaskNotFound'),
  },
  {
    id: 'cancel.no-more-messages',
    section: '§3.1.1',
    sentence: 'takes no message for a task that was canceled',
    async run(subject) {
      const { id } = await send(subject, say('tck-input-required'))
      await ask(subject, 'CancelTask', { id: textOf(id) })
      const params = say('tck-complete-task', { taskId: textOf(id) })
      await expectRefused(subject, 'SendMessage', params, 'UnsupportedOperation')
    },
  },
]
