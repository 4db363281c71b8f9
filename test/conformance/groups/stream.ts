// SendStreamingMessage: which events come, in which order, and when a stream ends.

import assert from 'node:assert/strict'
import { expectStreamRefused } from '../errors.ts'
import {
  cancel,
  get,
  open,
  outline,
  rest,
  say,
  send,
  stateOf,
  textOf,
  unknownId,
  untilCanceled,
  type ConformanceTest,
} from '../subject.ts'
import { objectOf, type JsonObject } from '../wire/dialect.ts'

const lifecycle = ['task', 'statusUpdate WORKING', 'artifactUpdate', 'statusUpdate COMPLETED']

export const streamTests: readonly ConformanceTest[] = [
  {
    id: 'stream.lifecycle',
    section: '§3.1.2',
    sentence: 'begins a stream with the task, tells each change, and closes it at the end of the task',
    async run(subject) {
      const events = await rest(await open(subject, 'SendStreamingMessage', say('tck-stream-003')))
      assert.deepEqual(outline(events), lifecycle)
    },
  },
  {
    id: 'stream.at-once',
    section: '§3.1.2',
    sentence: 'closes the stream of a task that ends at once',
    async run(subject) {
      const events = await rest(await open(subject, 'SendStreamingMessage', say('tck-stream-002')))
      assert.deepEqual(outline(events), ['task', 'statusUpdate COMPLETED'])
    },
  },
  {
    id: 'stream.message',
    section: '§3.1.2',
    sentence: 'sends a message as the one event of its stream',
    async run(subject) {
      const events = await rest(await open(subject, 'SendStreamingMessage', say('tck-message-response')))
      assert.deepEqual(outline(events), ['message'])
    },
  },
  {
    id: 'stream.live',
    timing: true,
    section: '§3.1.2',
    sentence: 'sends events as they come about, not at the end',
    async run(subject) {
      const stream = await open(subject, 'SendStreamingMessage', say(untilCanceled))
      const first = await stream.next()
      const second = await stream.next()
      assert.deepEqual(outline([first, second].flatMap((event) => event ?? [])), ['task', 'statusUpdate WORKING'])
      // the task is still at work: had the stream been held back, it would have ended
      const task = objectOf(first?.response['task'], 'a task')
      assert.match(stateOf(await get(subject, task['id'])), /^(SUBMITTED|WORKING)$/)
      await cancel(subject, task['id'])
      assert.deepEqual(outline(await rest(stream)), ['statusUpdate CANCELED'])
    },
  },
  {
    id: 'stream.ids',
    section: '§4.2',
    sentence: 'names task and context in every event',
    async run(subject) {
      const contextId = `context-${unknownId()}`
      const events = await rest(await open(subject, 'SendStreamingMessage', say('tck-stream-001', { contextId })))
      const [first, ...updates] = events.map(({ response }) => objectOf(Object.values(response)[0], 'an event'))
      assert.equal(first?.['contextId'], contextId)
      assert.ok(updates.length > 0)
      for (const update of updates) {
        assert.equal(update['taskId'], first?.['id'])
        assert.equal(update['contextId'], contextId)
      }
    },
  },
  {
    id: 'stream.order',
    section: '§3.5.2',
    sentence: 'sends events in the order in which they came about',
    async run(subject) {
      const events = await rest(await open(subject, 'SendStreamingMessage', say('tck-stream-ordering-001')))
      assert.deepEqual(outline(events), lifecycle)
    },
  },
  {
    id: 'stream.chunks',
    section: '§4.2.2',
    sentence: 'sends an artifact in pieces, and says which is the last',
    async run(subject) {
      const events = await rest(await open(subject, 'SendStreamingMessage', say('tck-stream-artifact-chunked')))
      const pieces = updatesIn(events.map(({ response }) => response))
      assert.equal(pieces.length, 2)
      const [one, two] = pieces.map((piece) => objectOf(piece['artifact'], 'an artifact'))
      assert.equal(one?.['artifactId'], two?.['artifactId'])
      assert.notEqual(pieces[0]?.['append'], true)
      assert.equal(pieces[1]?.['append'], true)
      assert.notEqual(pieces[0]?.['lastChunk'], true)
      assert.equal(pieces[1]?.['lastChunk'], true)
      const texts = pieces.map((piece) => partsOf(objectOf(piece['artifact'], 'an artifact'))[0]?.['text'])
      assert.deepEqual(texts, ['chunk-1 ', 'chunk-2'])
    },
  },
  {
    id: 'stream.chunks-together',
    section: '§4.2.2',
    sentence: 'keeps the pieces of an artifact as one',
    async run(subject) {
      const events = await rest(await open(subject, 'SendStreamingMessage', say('tck-stream-artifact-chunked')))
      const { id } = objectOf(events[0]?.response['task'], 'a task')
      const { artifacts } = await get(subject, id)
      const [artifact, ...others] = artifacts as JsonObject[]
      assert.deepEqual(others, [])
      assert.equal(partsOf(objectOf(artifact, 'an artifact')).length, 2)
    },
  },
  {
    id: 'stream.text',
    section: '§4.2.2',
    sentence: 'streams an artifact of text',
    async run(subject) {
      const events = await rest(await open(subject, 'SendStreamingMessage', say('tck-stream-artifact-text')))
      assert.equal(partIn(events.map(({ response }) => response))['text'], 'Streamed text content')
    },
  },
  {
    id: 'stream.file',
    section: '§4.2.2',
    sentence: 'streams the bytes of a file',
    async run(subject) {
      const events = await rest(await open(subject, 'SendStreamingMessage', say('tck-stream-artifact-file')))
      assert.equal(partIn(events.map(({ response }) => response))['raw'], Buffer.from('tck').toString('base64'))
    },
  },
  {
    id: 'stream.rests',
    section: '§3.5.2',
    sentence: 'ends a stream when the task needs input',
    async run(subject) {
      const events = await rest(await open(subject, 'SendStreamingMessage', say('tck-input-required')))
      assert.deepEqual(outline(events), ['task', 'statusUpdate INPUT_REQUIRED'])
    },
  },
  {
    id: 'stream.continues',
    section: '§3.4.3',
    sentence: 'streams how a task that waited goes on',
    async run(subject) {
      const { id } = await send(subject, say('tck-input-required'))
      const params = say('tck-complete-task', { taskId: textOf(id) })
      const events = await rest(await open(subject, 'SendStreamingMessage', params))
      assert.deepEqual(outline(events), ['task', 'statusUpdate COMPLETED'])
      assert.equal(objectOf(events[0]?.response['task'], 'a task')['id'], id)
    },
  },
  {
    id: 'stream.kept',
    section: '§3.1.3',
    sentence: 'keeps what was streamed: the task shows it afterwards',
    async run(subject) {
      const events = await rest(await open(subject, 'SendStreamingMessage', say('tck-stream-001')))
      const task = await get(subject, objectOf(events[0]?.response['task'], 'a task')['id'])
      assert.equal(stateOf(task), 'COMPLETED')
      assert.equal((task['artifacts'] as unknown[]).length, 1)
    },
  },
  {
    id: 'stream.abandoned',
    timing: true,
    section: '§3.1.2',
    sentence: 'goes on with a task whose stream its client has left',
    async run(subject) {
      const stream = await open(subject, 'SendStreamingMessage', say(untilCanceled))
      const { id } = objectOf((await stream.next())?.response['task'], 'a task')
      stream.close()
      const again = await open(subject, 'SubscribeToTask', { id: textOf(id) })
      assert.ok((await again.next()) !== undefined)
      assert.match(stateOf(await get(subject, id)), /^(SUBMITTED|WORKING)$/)
      await cancel(subject, id)
      assert.equal(outline(await rest(again)).at(-1), 'statusUpdate CANCELED')
    },
  },
  {
    id: 'stream.final',
    section: '0.3.0 §7.2.2',
    sentence: 'says in the last update that it is the last',
    where: ({ version }) => version === '0.3',
    async run(subject) {
      const events = await rest(await open(subject, 'SendStreamingMessage', say('tck-stream-001')))
      const finals = events.flatMap(({ wire, response }) =>
        response['statusUpdate'] === undefined ? [] : [isFinal(wire)],
      )
      assert.deepEqual(finals, [false, true])
    },
  },
  {
    id: 'stream.terminal',
    section: '§3.1.2',
    sentence: 'opens no stream for a message to a task that has ended',
    async run(subject) {
      const { id } = await send(subject, say('tck-complete-task'))
      const params = say('tck-complete-task', { taskId: textOf(id) })
      await expectStreamRefused(subject, 'SendStreamingMessage', params, 'UnsupportedOperation')
    },
  },
  {
    id: 'stream.unknown-task',
    section: '§3.1.2',
    sentence: 'opens no stream for a task that it has not made',
    run: (subject) =>
      expectStreamRefused(
        subject,
        'SendStreamingMessage',
        say('tck-complete-task', { taskId: unknownId() }),
        'TaskNotFound',
      ),
  },
  {
    id: 'stream.media-type',
    section: '§3.1.2',
    sentence: 'opens no stream for a media type that it does not take',
    run: (subject) =>
      expectStreamRefused(
        subject,
        'SendStreamingMessage',
        say('tck-complete-task', { parts: [{ raw: 'dGNr', mediaType: 'application/x-unsupported' }] }),
        'ContentTypeNotSupported',
      ),
  },
  {
    id: 'stream.unsupported',
    section: '§3.3.4',
    sentence: 'that claims no streaming opens no stream',
    agent: 'bare',
    run: (subject) =>
      expectStreamRefused(subject, 'SendStreamingMessage', say('tck-stream-001'), 'UnsupportedOperation'),
  },
]

function updatesIn(responses: readonly JsonObject[]): JsonObject[] {
  return responses.flatMap(({ artifactUpdate }) =>
    artifactUpdate === undefined ? [] : [objectOf(artifactUpdate, 'it')],
  )
}

function partsOf(artifact: JsonObject): JsonObject[] {
  return artifact['parts'] as JsonObject[]
}

function partIn(responses: readonly JsonObject[]): JsonObject {
  return objectOf(partsOf(objectOf(updatesIn(responses)[0]?.['artifact'], 'an artifact'))[0], 'a part')
}

/** Of an event of 0.3, whichever its binding. */
function isFinal(wire: JsonObject): boolean {
  const update = wire['result'] ?? wire['statusUpdate']
  return objectOf(update, 'an update')['final'] === true
}
