// The attack: a caller of A2A 0.3 over gRPC sends what a2a.proto of 0.3.0 has no field for and later drafts of the same
// package have: the tasks that a message refers to, and the tenant. The gateway would have taken them for unknown fields
// and passed them unread, to agents that read them: another caller's task, another tenant.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2'
import { after, before, test } from 'node:test'
import type { Operation } from '../../src/a2a/operations.ts'
import { bytes, inner, int, text } from '../../src/protobuf/fake-wire.ts'
import { frameMessage } from '../../src/protobuf/frames.ts'
import { methodOf } from '../../src/protobuf/schema.ts'
import { startRecordingGrpcAgent, type RecordingGrpcAgent } from '../fakes/recording-grpc-agent.ts'
import { startGateway, type Gateway } from './harness.ts'

let agent: RecordingGrpcAgent
let gateway: Gateway
let session: ClientHttp2Session

before(async () => {
  agent = await startRecordingGrpcAgent('0.3')
  gateway = await startGateway({
    agents: { old: { url: agent.url, grpcUrl: agent.url, bindings: ['GRPC'], versions: ['0.3'], speaks: ['0.3'] } },
    callers: ['alice'],
  })
  session = connect(gateway.url)
})
after(async () => {
  session.close()
  await gateway.stop()
  agent.close()
})

async function call(operation: Operation, message: Buffer): Promise<number> {
  const stream = session.request({
    ':method': 'POST',
    ':path': methodOf(operation, '0.3')?.path ?? '',
    'content-type': 'application/grpc',
    te: 'trailers',
    authorization: `Bearer ${gateway.keys['alice'] ?? ''}`,
    'sallyport-agent': 'old',
  })
  let fields: IncomingHttpHeaders = {}
  const take = (more: IncomingHttpHeaders): void => void (fields = { ...fields, ...more })
  stream.on('response', take).on('trailers', take)
  stream.end(frameMessage(message))
  stream.resume()
  await once(stream, 'close')
  return Number(fields['grpc-status'])
}

let messages = 0
const message = (...fields: Buffer[]): Buffer =>
  inner(1, text(1, `m${messages++}`), int(4, 1), inner(5, text(1, 'hello')), ...fields)
const INVALID_ARGUMENT = 3

test('what every server of 0.3 reads alike reaches the agent, unknown fields included', async () => {
  const sent = bytes(message(text(99, 'x')), text(99, 'x'))
  assert.equal(await call('SendMessage', sent), 0)
  assert.deepEqual(agent.seen.at(-1)?.bytes, sent)
})

const name = text(1, 'tasks/t')
// prettier-ignore
const refused: readonly (readonly [string, Operation, () => Buffer])[] = [
  ['a task that the message refers to', 'SendMessage',                      () => message(text(8, 'task-of-another'))],
  ['the same in a stream',              'SendStreamingMessage',             () => message(text(8, 'task-of-another'))],
  ['the same as a number',              'SendMessage',                      () => message(int(8, 1))],
  ['a tenant of a message',             'SendMessage',                      () => bytes(message(), text(4, 'theirs'))],
  ['a tenant in front',                 'SendMessage',                      () => bytes(text(4, 'theirs'), message())],
  ['a tenant of a task',                'GetTask',                          () => bytes(name, text(3, 'theirs'))],
  ['a tenant of a cancel',              'CancelTask',                       () => bytes(name, text(2, 'theirs'))],
  ['a tenant of a subscription',        'SubscribeToTask',                  () => bytes(name, text(2, 'theirs'))],
  ['a tenant of a configuration',       'GetTaskPushNotificationConfig',    () => bytes(text(1, 'tasks/t/pushNotificationConfigs/c'), text(2, 'theirs'))],
  ['a tenant of one to delete',         'DeleteTaskPushNotificationConfig', () => bytes(text(1, 'tasks/t/pushNotificationConfigs/c'), text(2, 'theirs'))],
  ['a tenant of their list',            'ListTaskPushNotificationConfigs',  () => bytes(name, text(4, 'theirs'))],
  ['a tenant of a card',                'GetExtendedAgentCard',             () => text(1, 'theirs')],
]
for (const [what, operation, make] of refused) {
  test(`refuses ${what}, and the agent sees nothing`, async () => {
    const seen = agent.seen.length
    assert.equal(await call(operation, make()), INVALID_ARGUMENT)
    assert.equal(agent.seen.length, seen)
  })
}
