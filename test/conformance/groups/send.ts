// SendMessage: what comes back, when, and what is refused.

import assert from 'node:assert/strict'
import { expectRefused } from '../errors.ts'
import {
  artifactsOf,
  ask,
  cancel,
  get,
  historyOf,
  isCurrent,
  messageIdOf,
  say,
  send,
  stateOf,
  textOf,
  unknownId,
  untilCanceled,
  type ConformanceTest,
} from '../subject.ts'
import { objectOf } from '../wire/dialect.ts'

export const sendTests: readonly ConformanceTest[] = [
  {
    id: 'send.task',
    section: '§3.1.1',
    sentence: 'answers a message with the task that tracks it, and the message of its end',
    async run(subject) {
      const task = await send(subject, say('tck-complete-task'))
      assert.equal(stateOf(task), 'COMPLETED')
      const { message } = objectOf(task['status'], 'a status')
      const { role, parts } = objectOf(message, 'a message')
      assert.equal(role, 'ROLE_AGENT')
      assert.equal((parts as { text?: string }[])[0]?.text, 'Hello from TCK')
    },
  },
  {
    id: 'send.message',
    section: '§3.1.1',
    sentence: 'may answer with a message and no task',
    async run(subject) {
      const { message, ...rest } = await ask(subject, 'SendMessage', say('tck-message-response'))
      assert.deepEqual(rest, {})
      const { role, parts } = objectOf(message, 'a message')
      assert.equal(role, 'ROLE_AGENT')
      assert.equal((parts as { text?: string }[])[0]?.text, 'Direct message response')
    },
  },
  {
    id: 'send.blocking',
    section: '§3.2.2',
    sentence: 'waits for the end of the task unless told otherwise',
    async run(subject) {
      const task = await send(subject, say('tck-delayed-complete'))
      assert.equal(stateOf(task), 'COMPLETED')
    },
  },
  {
    id: 'send.return-immediately',
    timing: true,
    section: '§3.2.2',
    sentence: 'gives the task back at once when asked to',
    async run(subject) {
      const params = { ...say(untilCanceled), configuration: { returnImmediately: true } }
      const task = await send(subject, params)
      assert.match(stateOf(task), /^(SUBMITTED|WORKING)$/)
      assert.match(stateOf(await get(subject, task['id'])), /^(SUBMITTED|WORKING)$/)
      await cancel(subject, task['id'])
    },
  },
  ...(['INPUT_REQUIRED', 'AUTH_REQUIRED'] as const).map((state): ConformanceTest => {
    const prefix = `tck-${state.toLowerCase().replace('_', '-')}`
    return {
      id: `send.${prefix.slice(4)}`,
      section: state === 'INPUT_REQUIRED' ? '§3.2.2' : '§7.6.1',
      sentence: `gives the task back when it comes to ${state}`,
      async run(subject) {
        const task = await send(subject, say(prefix))
        assert.equal(stateOf(task), state)
        assert.equal(stateOf(await get(subject, task['id'])), state)
      },
    }
  }),
  {
    id: 'send.rejected',
    section: '§4.1.3',
    sentence: 'may reject a task',
    async run(subject) {
      assert.equal(stateOf(await send(subject, say('tck-reject-task'))), 'REJECTED')
    },
  },
  {
    id: 'send.artifact-text',
    section: '§4.1.7',
    sentence: 'returns an artifact of text',
    async run(subject) {
      const [parts] = artifactsOf(await send(subject, say('tck-artifact-text')))
      assert.equal(parts?.[0]?.['text'], 'Generated text content')
    },
  },
  {
    id: 'send.artifact-file',
    section: '§4.1.6',
    sentence: 'returns the bytes of a file, and their media type',
    async run(subject) {
      const [parts] = artifactsOf(await send(subject, say('tck-artifact-file')))
      assert.equal(parts?.[0]?.['raw'], Buffer.from('tck').toString('base64'))
      assert.equal(parts?.[0]?.['mediaType'], 'text/plain')
    },
  },
  {
    id: 'send.artifact-file-name',
    section: '§4.1.6',
    sentence: 'returns the name of a file',
    async run(subject) {
      const [parts] = artifactsOf(await send(subject, say('tck-artifact-file')))
      assert.equal(parts?.[0]?.['filename'], 'output.txt')
    },
  },
  {
    id: 'send.artifact-file-url',
    section: '§4.1.6',
    sentence: 'returns the address of a file',
    async run(subject) {
      const [parts] = artifactsOf(await send(subject, say('tck-artifact-file-url')))
      assert.equal(parts?.[0]?.['url'], 'https://example.com/output.txt')
      assert.equal(parts?.[0]?.['mediaType'], 'text/plain')
    },
  },
  {
    id: 'send.artifact-data',
    section: '§4.1.6',
    sentence: 'returns structured data',
    async run(subject) {
      const [parts] = artifactsOf(await send(subject, say('tck-artifact-data')))
      assert.deepEqual(parts?.[0]?.['data'], { key: 'value', count: 42 })
    },
  },
  {
    id: 'send.parts',
    section: '§4.1.6',
    sentence: 'takes parts of every kind, and keeps them in the history',
    async run(subject) {
      const parts = [
        { text: 'Grüße 你好 🙂' },
        {
          raw: Buffer.from([0, 1, 254, 255]).toString('base64'),
          mediaType: 'application/octet-stream',
          filename: 'a.bin',
        },
        { url: 'https://example.com/in.txt', mediaType: 'text/plain', filename: 'in.txt' },
        { data: { nested: { list: [1, 'two', null, true] } } },
      ]
      const task = await send(subject, say('tck-complete-task', { parts }))
      const history = task['history'] as { parts?: Record<string, unknown>[] }[]
      const kept = history[0]?.parts ?? []
      assert.equal(kept.length, 4)
      assert.equal(kept[0]?.['text'], parts[0]?.text)
      assert.equal(kept[1]?.['raw'], parts[1]?.raw)
      assert.equal(kept[2]?.['url'], parts[2]?.url)
      assert.deepEqual(kept[3]?.['data'], parts[3]?.data)
    },
  },
  {
    id: 'send.metadata',
    section: '§3.2.5',
    sentence: 'keeps the metadata of a message',
    async run(subject) {
      const task = await send(subject, say('tck-complete-task', { metadata: { 'urn:x:trace': { n: 1.5, ok: true } } }))
      const history = task['history'] as { metadata?: unknown }[]
      assert.deepEqual(history[0]?.metadata, { 'urn:x:trace': { n: 1.5, ok: true } })
    },
  },
  {
    id: 'send.history',
    section: '§3.2.4',
    sentence: 'has the message in the history of the task',
    async run(subject) {
      const params = say('tck-complete-task')
      assert.ok(historyOf(await send(subject, params)).includes(messageIdOf(params)))
    },
  },
  {
    id: 'send.history-length-0',
    section: '§3.2.4',
    sentence: 'returns no history when its length is to be 0',
    // a plain int32 in the a2a.proto of 0.3: 0 is not told from nothing
    where: (face) => isCurrent(face) || face.binding === 'JSONRPC',
    async run(subject) {
      const params = { ...say('tck-complete-task'), configuration: { historyLength: 0 } }
      assert.deepEqual(historyOf(await send(subject, params)), [])
    },
  },
  {
    id: 'send.history-length-1',
    section: '§3.2.4',
    sentence: 'returns the latest message when the length of history is to be 1',
    async run(subject) {
      const params = { ...say('tck-complete-task'), configuration: { historyLength: 1 } }
      const history = historyOf(await send(subject, params))
      assert.equal(history.length, 1)
      assert.notEqual(history[0], messageIdOf(params))
    },
  },
  {
    id: 'send.context-made',
    section: '§3.4.1',
    sentence: 'makes a context when the message names none',
    async run(subject) {
      const one = await send(subject, say('tck-complete-task'))
      const other = await send(subject, say('tck-complete-task'))
      assert.notEqual(textOf(one['contextId']), textOf(other['contextId']))
    },
  },
  {
    id: 'send.context-kept',
    section: '§3.4.1',
    sentence: 'keeps the context that a client names, over tasks',
    async run(subject) {
      const contextId = `context-${unknownId()}`
      const one = await send(subject, say('tck-complete-task', { contextId }))
      const other = await send(subject, say('tck-complete-task', { contextId }))
      assert.equal(one['contextId'], contextId)
      assert.equal(other['contextId'], contextId)
      assert.notEqual(one['id'], other['id'])
    },
  },
  {
    id: 'send.context-of-answer',
    section: '§3.4.1',
    sentence: 'takes the context it made for a further message',
    async run(subject) {
      const { contextId } = await send(subject, say('tck-complete-task'))
      const other = await send(subject, say('tck-complete-task', { contextId: textOf(contextId) }))
      assert.equal(other['contextId'], contextId)
    },
  },
  {
    id: 'send.continues',
    section: '§3.4.3',
    sentence: 'goes on with a task that waits, in its context',
    async run(subject) {
      const first = await send(subject, say('tck-input-required'))
      const params = say('tck-complete-task', { taskId: textOf(first['id']) })
      const second = await send(subject, params)
      assert.equal(stateOf(second), 'COMPLETED')
      assert.equal(second['id'], first['id'])
      assert.equal(second['contextId'], first['contextId'])
      assert.ok(historyOf(second).includes(messageIdOf(params)))
    },
  },
  {
    id: 'send.references',
    section: '§4.1.4',
    sentence: 'takes references to other tasks',
    async run(subject) {
      const { id, contextId } = await send(subject, say('tck-complete-task'))
      const fields = { contextId: textOf(contextId), referenceTaskIds: [textOf(id)] }
      assert.equal(stateOf(await send(subject, say('tck-complete-task', fields))), 'COMPLETED')
    },
  },
  {
    id: 'send.terminal',
    section: '§3.1.1',
    sentence: 'takes no message for a task that has ended',
    async run(subject) {
      const { id } = await send(subject, say('tck-complete-task'))
      const params = say('tck-complete-task', { taskId: textOf(id) })
      await expectRefused(subject, 'SendMessage', params, 'UnsupportedOperation')
    },
  },
  {
    id: 'send.unknown-task',
    section: '§3.4.3',
    sentence: 'knows no task that it has not made',
    run: (subject) =>
      expectRefused(subject, 'SendMessage', say('tck-complete-task', { taskId: unknownId() }), 'TaskNotFound'),
  },
  {
    id: 'send.context-mismatch',
    section: '§3.4.3',
    sentence: 'refuses a task in another context than its own',
    async run(subject) {
      const { id } = await send(subject, say('tck-input-required'))
      const other = await send(subject, say('tck-complete-task'))
      const fields = { taskId: textOf(id), contextId: textOf(other['contextId']) }
      await expectRefused(subject, 'SendMessage', say('tck-complete-task', fields), 'InvalidParams')
    },
  },
  {
    id: 'send.media-type',
    section: '§3.1.1',
    sentence: 'refuses a part of a media type that it does not take',
    async run(subject) {
      const parts = [{ raw: Buffer.from('tck').toString('base64'), mediaType: 'application/x-unsupported' }]
      await expectRefused(subject, 'SendMessage', say('tck-complete-task', { parts }), 'ContentTypeNotSupported')
    },
  },
  {
    id: 'send.no-message',
    section: '§3.3.2',
    sentence: 'refuses a send without a message',
    run: (subject) => expectRefused(subject, 'SendMessage', {}, 'InvalidParams'),
  },
  {
    id: 'send.no-message-id',
    section: '§4.1.4',
    sentence: 'refuses a message without an id',
    run: (subject) => expectRefused(subject, 'SendMessage', say('x', { messageId: '' }), 'InvalidParams'),
  },
]
