// Extensions: asked for, told back, required.

import assert from 'node:assert/strict'
import { expectRefused } from '../errors.ts'
import type { CallOptions } from '../clients/client.ts'
import type { Face } from '../faces.ts'
import { isCurrent, resultOf, say, send, stateOf, type ConformanceTest } from '../subject.ts'

// by their names in agents/src/conformance-card.ts
const required = 'urn:a2a:tck:required-extension'
const optional = 'urn:sallyport:conformance:optional-extension'

const headerOf = ({ version }: Face): string => (version === '0.3' ? 'x-a2a-extensions' : 'a2a-extensions')
const asking = (face: Face, ...uris: string[]): CallOptions => ({ headers: { [headerOf(face)]: uris.join(', ') } })

export const extensionTests: readonly ConformanceTest[] = [
  {
    id: 'extensions.required',
    section: '§3.3.4',
    sentence: 'that requires an extension refuses a call without it',
    agent: 'strict',
    where: isCurrent,
    run: (subject) => expectRefused(subject, 'SendMessage', say('tck-complete-task'), 'ExtensionSupportRequired'),
  },
  {
    id: 'extensions.required-other',
    section: '§3.3.4',
    sentence: 'that requires an extension refuses a call with another one',
    agent: 'strict',
    where: isCurrent,
    run: (subject) =>
      expectRefused(
        subject,
        'SendMessage',
        say('tck-complete-task'),
        'ExtensionSupportRequired',
        asking(subject, optional),
      ),
  },
  {
    id: 'extensions.required-given',
    section: '§4.6.1',
    sentence: 'that requires an extension takes a call with it',
    agent: 'strict',
    async run(subject) {
      const task = await send(subject, say('tck-complete-task'), asking(subject, required))
      assert.equal(stateOf(task), 'COMPLETED')
    },
  },
  {
    id: 'extensions.several',
    section: '§3.2.6',
    sentence: 'finds the extension that it requires among several',
    agent: 'strict',
    async run(subject) {
      const task = await send(subject, say('tck-complete-task'), asking(subject, optional, required))
      assert.equal(stateOf(task), 'COMPLETED')
    },
  },
  {
    id: 'extensions.unknown',
    section: '§4.6.1',
    sentence: 'takes a call that asks for an extension it does not know',
    async run(subject) {
      const task = await send(subject, say('tck-complete-task'), asking(subject, 'urn:example:unknown'))
      assert.equal(stateOf(task), 'COMPLETED')
    },
  },
  {
    id: 'extensions.activated',
    section: '§4.6.1',
    sentence: 'says which extensions it took up',
    async run(subject) {
      const options = asking(subject, optional, 'urn:example:unknown')
      const answer = await subject.client.call('SendMessage', say('tck-complete-task'), options)
      resultOf(answer, 'a send')
      // 0.3 over gRPC says it under either name
      assert.equal(answer.headers[headerOf(subject)] ?? answer.headers['a2a-extensions'], optional)
    },
  },
  {
    id: 'extensions.in-message',
    section: '§4.6',
    sentence: 'keeps the extensions of a message',
    async run(subject) {
      const params = say('tck-complete-task', { extensions: [optional] })
      const task = await send(subject, params, asking(subject, optional))
      const [message] = task['history'] as { extensions?: string[] }[]
      assert.deepEqual(message?.extensions, [optional])
    },
  },
]
