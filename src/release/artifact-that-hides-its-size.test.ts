// The attack: an artifact is bounded in size, so the agent puts what it has to say beside the content: into metadata, a
// name, a member that nobody knows. A client that takes artifacts takes all of it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { admittedOf, memoryOwnership, snapshotOf } from '../../test/fakes/walk.ts'
import type { Admitted } from '../exchange/exchange.ts'
import { isRefusal } from '../refusal/refusal.ts'
import { releaseAnswer, releaseEvent } from './release.ts'

const large = 'x'.repeat(2_000)

const callWith = (operation: Admitted['operation']): Admitted => {
  const agents = [{ name: 'calculator', url: 'http://127.0.0.1:9/', artifacts: { size: '1KiB' } }]
  return admittedOf({ snapshot: snapshotOf({ agents }), binding: 'HTTP+JSON', operation })
}
const codeOf = (released: ReturnType<typeof releaseAnswer> | ReturnType<typeof releaseEvent>): string =>
  isRefusal(released) ? released.code : 'released'

function answered(artifact: object): string {
  const task = { id: 't', status: { state: 'TASK_STATE_WORKING' }, artifacts: [{ artifactId: 'a', ...artifact }] }
  const body = Buffer.from(JSON.stringify({ task }))
  const answer = { status: 200, contentType: 'application/json', body }
  return codeOf(releaseAnswer(callWith('SendMessage'), answer, memoryOwnership()))
}

const hidden: Readonly<Record<string, object>> = {
  'the metadata of the artifact': { parts: [{ text: 'x' }], metadata: { large } },
  'a name in that metadata': { parts: [{ text: 'x' }], metadata: { [large]: 1 } },
  'the name of the artifact': { name: large, parts: [{ text: 'x' }] },
  'its description': { description: large, parts: [{ text: 'x' }] },
  'its extensions': { extensions: [`urn:${large}`], parts: [{ text: 'x' }] },
  'a member that nobody knows': { parts: [{ text: 'x' }], later: large },
  'the metadata of a part': { parts: [{ text: 'x', metadata: { large } }] },
  'the name of a file': { parts: [{ raw: 'AAEC', filename: large }] },
  'a media type': { parts: [{ text: 'x', mediaType: `text/${large}` }] },
  'a member of a part that nobody knows': { parts: [{ text: 'x', later: { large } }] },
}

for (const [place, artifact] of Object.entries(hidden))
  test(`what is put into ${place} counts`, () => assert.equal(answered(artifact), 'RELEASE_ARTIFACT'))

test('what is small beside the content does no harm', () => {
  const part = { text: 'x'.repeat(900), filename: 'a.txt', mediaType: 'text/plain', metadata: { page: 1 } }
  assert.equal(answered({ name: 'a report', parts: [part] }), 'released')
})

test('so it does when it comes piece by piece over a stream', () => {
  const call = callWith('SendStreamingMessage')
  const ownership = memoryOwnership()
  const artifact = { artifactId: 'a', parts: [{ text: 'x' }], metadata: { some: 'x'.repeat(400) } }
  const data = JSON.stringify({ artifactUpdate: { taskId: 't', append: true, artifact } })
  const send = (): string => codeOf(releaseEvent(call, { name: '', data }, ownership))
  assert.deepEqual([send(), send(), send()], ['released', 'released', 'RELEASE_ARTIFACT'])
})
