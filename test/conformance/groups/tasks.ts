// GetTask: what a task shows, and how much of its history.

import assert from 'node:assert/strict'
import { expectRefused } from '../errors.ts'
import {
  artifactsOf,
  get,
  historyOf,
  isCurrent,
  messageIdOf,
  say,
  send,
  stateOf,
  textOf,
  unknownId,
  type ConformanceTest,
} from '../subject.ts'

export const taskTests: readonly ConformanceTest[] = [
  {
    id: 'tasks.same',
    section: '§3.1.3',
    sentence: 'shows a task as it gave it back',
    async run(subject) {
      const task = await send(subject, say('tck-artifact-text'))
      assert.deepEqual(await get(subject, task['id']), task)
    },
  },
  {
    id: 'tasks.artifacts',
    section: '§3.1.3',
    sentence: 'shows the artifacts of a task',
    async run(subject) {
      const { id } = await send(subject, say('tck-artifact-data'))
      assert.deepEqual(artifactsOf(await get(subject, id))[0]?.[0]?.['data'], { key: 'value', count: 42 })
    },
  },
  {
    id: 'tasks.status-time',
    section: '§4.1.2',
    sentence: 'says when a status came about',
    async run(subject) {
      const { id } = await send(subject, say('tck-complete-task'))
      const { timestamp } = (await get(subject, id))['status'] as { timestamp?: string }
      assert.match(String(timestamp), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
    },
  },
  {
    id: 'tasks.moves-on',
    section: '§3.1.3',
    sentence: 'shows the state of now, not of the start',
    async run(subject) {
      const waiting = await send(subject, say('tck-input-required'))
      assert.equal(stateOf(await get(subject, waiting['id'])), 'INPUT_REQUIRED')
      await send(subject, say('tck-complete-task', { taskId: textOf(waiting['id']) }))
      assert.equal(stateOf(await get(subject, waiting['id'])), 'COMPLETED')
    },
  },
  {
    id: 'tasks.history',
    section: '§3.2.4',
    sentence: 'shows all of the history when no length is given',
    async run(subject) {
      const params = say('tck-complete-task')
      const { id } = await send(subject, params)
      const history = historyOf(await get(subject, id))
      assert.equal(history[0], messageIdOf(params))
      assert.equal(history.length, 2)
    },
  },
  {
    id: 'tasks.history-length-0',
    section: '§3.2.4',
    sentence: 'shows no history when its length is to be 0',
    // a plain int32 in the a2a.proto of 0.3: 0 is not told from nothing
    where: (face) => isCurrent(face) || face.binding !== 'GRPC',
    async run(subject) {
      const { id } = await send(subject, say('tck-complete-task'))
      assert.deepEqual(historyOf(await get(subject, id, { historyLength: 0 })), [])
    },
  },
  {
    id: 'tasks.history-length-1',
    section: '§3.2.4',
    sentence: 'shows the latest message when the length of history is to be 1',
    async run(subject) {
      const params = say('tck-complete-task')
      const { id } = await send(subject, params)
      const history = historyOf(await get(subject, id, { historyLength: 1 }))
      assert.equal(history.length, 1)
      assert.notEqual(history[0], messageIdOf(params))
    },
  },
  {
    id: 'tasks.unknown',
    section: '§3.1.3',
    sentence: 'knows no task that it has not made',
    run: (subject) => expectRefused(subject, 'GetTask', { id: unknownId() }, 'TaskNotFound'),
  },
  {
    id: 'tasks.shared-by-faces',
    section: '§5.1',
    sentence: 'shows a task in every binding and version alike',
    async run(subject) {
      const { id } = await send(subject, say('tck-artifact-text'))
      for (const other of subject.others()) assert.deepEqual(artifactsOf(await get(other, id)).length, 1)
    },
  },
]
