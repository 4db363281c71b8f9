// The same of A2A 0.3, for an agent that speaks it and callers who may: one meaning by the schema of 0.3, or a refusal; and
// which version is meant is said by header and method alike.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { catalogue, type RefusalCode } from '../../src/refusal/refusal.ts'
import { startHostileAgent, type HostileAgent } from '../fakes/hostile-agent.ts'
import type { Answer } from './client.ts'
import { startGateway, type Gateway } from './harness.ts'

let agent: HostileAgent
let gateway: Gateway

before(async () => {
  agent = await startHostileAgent()
  gateway = await startGateway({
    agents: { old: { url: agent.url, speaks: ['0.3'], versions: ['1.0', '0.3'] } },
    callers: ['alice'],
  })
})
after(async () => {
  await gateway.stop()
  await agent.close()
})

let messages = 0
const rpc = (params: string, method = 'message/send'): string =>
  `{"jsonrpc":"2.0","id":1,"method":"${method}","params":${params}}`
const fields = (): string => `"kind":"message","messageId":"m${messages++}","role":"user"`
const withPart = (part: string): string => `{"message":{${fields()},"parts":[${part}]}}`
const withMember = (member: string): string =>
  `{"message":{${fields()},"parts":[{"kind":"text","text":"x"}],${member}}}`

function send(body: string, version: string | undefined = '0.3', path = ''): Promise<Answer> {
  const headers: Record<string, string> = {
    authorization: `Bearer ${gateway.keys['alice'] ?? ''}`,
    'content-type': 'application/json',
    ...(version !== undefined && { 'a2a-version': version }),
  }
  return gateway.http({ method: 'POST', path: `/agents/old${path}`, headers, body })
}

// prettier-ignore
const forwarded: Readonly<Record<string, () => string>> = {
  'a text': () => withPart('{"kind":"text","text":"x"}'),
  'data with numbers in every spelling': () => withPart('{"kind":"data","data":{"n":[1.0,1e2,-0,18446744073709551616]}}'),
  'a file by its bytes': () => withPart('{"kind":"file","file":{"bytes":"AAEC","mimeType":"a/b","name":"n"}}'),
  'a file by its URI': () => withPart('{"kind":"file","file":{"uri":"https://a.example/"}}'),
  'keys that are escaped': () => withPart('{"\\u006bind":"text","\\u0074ext":"x"}'),
  'unknown members': () => withMember('"later":{"a":1.50}'),
}
for (const [name, params] of Object.entries(forwarded)) {
  test(`forwards ${name} byte for byte`, async () => {
    const seen = agent.seen.length
    const body = rpc(params())
    const answer = await send(body)
    assert.equal(agent.seen.length, seen + 1, answer.text)
    assert.deepEqual(agent.seen[seen]?.bytes, Buffer.from(body))
  })
}

// prettier-ignore
const refused: Readonly<Record<string, readonly [RefusalCode, () => string]>> = {
  'a task twice': ['VALIDATE_JSON', () => rpc(withMember('"taskId":"a","taskId":"b"'))],
  'a task twice, once escaped': ['VALIDATE_JSON', () => rpc(withMember('"taskId":"a","\\u0074askId":"b"'))],
  'task_id': ['VALIDATE_PARAMS', () => rpc(withMember('"task_id":"b"'))],
  'TaskId': ['VALIDATE_PARAMS', () => rpc(withMember('"TaskId":"b"'))],
  'Kind': ['VALIDATE_PARAMS', () => rpc(withPart('{"kind":"text","text":"x","Kind":"file"}'))],
  'a text that has a file': ['VALIDATE_PARAMS', () => rpc(withPart('{"kind":"text","text":"x","file":{"uri":"https://a.example/"}}'))],
  'a text that has data': ['VALIDATE_PARAMS', () => rpc(withPart('{"kind":"text","text":"x","data":{}}'))],
  'a file of bytes and URI': ['VALIDATE_PARAMS', () => rpc(withPart('{"kind":"file","file":{"bytes":"AAEC","uri":"https://a.example/"}}'))],
  'a file that is a text': ['VALIDATE_PARAMS', () => rpc(withPart('{"kind":"file","text":"x"}'))],
  'a part of another kind': ['VALIDATE_PARAMS', () => rpc(withPart('{"kind":"code","text":"x"}'))],
  'a part of no kind': ['VALIDATE_PARAMS', () => rpc(withPart('{"text":"x"}'))],
  'a part of 1.0': ['VALIDATE_PARAMS', () => rpc(withPart('{"url":"https://a.example/"}'))],
  'a role of 1.0': ['VALIDATE_PARAMS', () => rpc(withPart('{"kind":"text","text":"x"}').replace('"user"', '"ROLE_USER"'))],
  'a role by another case': ['VALIDATE_PARAMS', () => rpc(withPart('{"kind":"text","text":"x"}').replace('"user"', '"User"'))],
  '1e400': ['VALIDATE_JSON', () => rpc(withPart('{"kind":"data","data":{"n":1e400}}'))],
  'a task of another': ['AUTHZ_TASK_NOT_FOUND', () => rpc(withMember('"taskId":"t"'))],
  'a method by another case': ['VALIDATE_METHOD_UNKNOWN', () => rpc(withPart('{"kind":"text","text":"x"}'), 'Message/Send')],
  'a method with a slash escaped twice': ['VALIDATE_METHOD_UNKNOWN', () => rpc(withPart('{"kind":"text","text":"x"}'), 'message%2Fsend')],
  'a list of tasks, which 0.3 does not have': ['VALIDATE_METHOD_UNKNOWN', () => rpc('{}', 'tasks/list')],
}
for (const [name, [code, body]] of Object.entries(refused)) {
  test(`refuses ${name}`, async () => {
    const seen = agent.seen.length
    const answer = await send(body())
    assert.equal(agent.seen.length, seen, 'the agent saw it')
    assert.equal(answer.error.reason, catalogue[code].reason, answer.text)
  })
}

for (const [name, version, method] of [
  ['a method of 0.3 under a version of 1.0', '1.0', 'message/send'],
  ['a method of 1.0 under a version of 0.3', '0.3', 'SendMessage'],
  ['a method of 1.0 under no version', undefined, 'SendMessage'],
  ['a method of 0.3 under two versions', '1.0, 0.3', 'message/send'],
  ['a method of 0.3 under a version with a patch', '0.3.0.1', 'message/send'],
] as const) {
  test(`refuses ${name}`, async () => {
    const seen = agent.seen.length
    const answer = await send(rpc(withPart('{"kind":"text","text":"x"}'), method), version ?? '')
    assert.equal(agent.seen.length, seen, 'the agent saw it')
    assert.notEqual(answer.error.code, 0, answer.text)
  })
}

test('header and query that name different versions are refused', async () => {
  const seen = agent.seen.length
  const answer = await send(rpc(withPart('{"kind":"text","text":"x"}')), '0.3', '?A2A-Version=1.0')
  assert.equal(answer.error.reason, catalogue.VALIDATE_VERSION.reason, answer.text)
  assert.equal(agent.seen.length, seen)
})
