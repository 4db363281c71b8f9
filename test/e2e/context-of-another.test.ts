// A context is a name within its owner (invariant 4). An agent that keeps memory by context must not be made to mix
// two owners up, by the same name, by a guessed one, by an id that the agent gave or the gateway made; and nobody but
// the agent ever sees the ids that the gateway makes.

import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Binding, Operation } from '../../src/a2a/operations.ts'
import type { JsonObject } from '../../src/base/strict-json.ts'
import { startRememberingAgent, type RememberingAgent } from '../fakes/remembering-agent.ts'
import { temporaryFolder } from '../fakes/temporary-folder.ts'
import { bindings, say, type Answer } from './client.ts'
import { assertRefused, readRecords, startGateway, type Gateway } from './harness.ts'

let agent: RememberingAgent
let home: string
let gateway: Gateway
/** every answer of the gateway so far */
const answers: string[] = []

const start = (): Promise<Gateway> =>
  startGateway({
    home,
    agents: { a: agent.url, b: agent.url, rest: { url: agent.url, bindings: ['HTTP+JSON'] } },
    callers: ['alice', 'bob', 'carol', 'alice-at-home'],
    aliases: [{ name: 'alice', principals: ['key:alice', 'key:alice-at-home'] }],
    policy: {
      roles: [
        { name: 'user', rules: [{ agents: ['*'], operations: ['*'] }] },
        { name: 'helper', rules: [{ agents: ['*'], operations: ['*'], owner: 'any' }] },
      ],
      bindings: [
        { role: 'user', callers: ['key:alice', 'key:bob'] },
        { role: 'helper', callers: ['key:carol'] },
      ],
    },
  })

before(async () => {
  agent = await startRememberingAgent()
  home = temporaryFolder()
  gateway = await start()
})
after(async () => {
  await gateway.stop()
  await agent.close()
})

const ask = async (
  caller: string,
  operation: Operation,
  params: JsonObject,
  binding: Binding = 'JSONRPC',
  on = 'a',
): Promise<Answer> => {
  const answer = await gateway.as(caller, { binding, agent: on, operation, params })
  answers.push(answer.text)
  return answer
}

interface Said {
  readonly task: string
  /** as the caller was told */
  readonly context: string
  /** as the agent saw it, '' for none */
  readonly seen: string
  /** what the agent had heard before in that context */
  readonly heard: string
}

const talk = async (
  caller: string,
  text: string,
  fields: JsonObject,
  binding: Binding = 'JSONRPC',
  on = 'a',
): Promise<Said> => {
  const answer = await ask(caller, 'SendMessage', say(text, fields), binding, on)
  const task = answer.result['task'] as JsonObject | undefined
  assert.ok(task, answer.text)
  const message = (task['status'] as { message: { contextId: string; parts: { text: string }[] } }).message
  const [history] = task['history'] as { contextId: string }[]
  assert.equal(message.contextId, task['contextId'], answer.text)
  assert.equal(history?.contextId, task['contextId'], answer.text)
  // what people and agents say is left alone
  assert.deepEqual(task['metadata'], { contextId: 'as said' })
  assert.match(answer.text, /"number":12345678901234567000\b/)
  return {
    task: task['id'] as string,
    context: task['contextId'] as string,
    seen: agent.seen.at(-1) ?? '',
    heard: message.parts[0]?.text ?? '',
  }
}

const opaque = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

for (const binding of bindings) {
  test(`the same name of two owners is two conversations over ${binding}`, async () => {
    const contextId = `default over ${binding}`
    const first = await talk('alice', 'secret', { contextId }, binding)
    const other = await talk('bob', 'hello', { contextId }, binding)
    const again = await talk('alice', 'more', { contextId }, binding)
    assert.deepEqual([first.context, other.context, again.context], [contextId, contextId, contextId])
    assert.equal(first.seen, again.seen)
    assert.notEqual(first.seen, other.seen)
    for (const { seen } of [first, other]) assert.match(seen, opaque)
    assert.deepEqual([first.heard, other.heard, again.heard], ['', '', 'secret'])
  })

  test(`a name is the same conversation in every binding, and another at another agent, over ${binding}`, async () => {
    const contextId = `orchestrated over ${binding}`
    const other = binding === 'JSONRPC' ? 'HTTP+JSON' : 'JSONRPC'
    const first = await talk('alice', 'one', { contextId }, binding)
    assert.equal((await talk('alice', 'two', { contextId }, other)).seen, first.seen)
    const elsewhere = await talk('alice', 'one', { contextId }, binding, 'b')
    assert.notEqual(elsewhere.seen, first.seen)
    assert.deepEqual([elsewhere.context, elsewhere.heard], [contextId, ''])
    // an agent that is called in another form than its caller speaks
    const bridged = await talk('alice', 'one', { contextId }, binding, 'rest')
    assert.deepEqual([bridged.context, bridged.heard], [contextId, ''])
    assert.match(bridged.seen, opaque)
  })

  test(`one person has one set of names, whichever of her credentials she shows, over ${binding}`, async () => {
    const contextId = `at home over ${binding}`
    const first = await talk('alice', 'one', { contextId }, binding)
    const other = await talk('alice-at-home', 'two', { contextId }, binding)
    assert.deepEqual([other.seen, other.heard], [first.seen, 'one'])
  })

  test(`an id of somebody else is a fresh name, whoever made it, over ${binding}`, async () => {
    const made = await talk('alice', 'secret', {}, binding)
    const named = await talk('alice', 'secret', { contextId: `plan over ${binding}` }, binding)
    assert.deepEqual([made.seen, made.context === made.seen], ['', false])
    for (const guess of [made.context, named.seen]) {
      const got = await talk('bob', 'what did she say?', { contextId: guess }, binding)
      assert.deepEqual([got.context, got.heard], [guess, ''])
      assert.notEqual(got.seen, guess)
    }
    // her own stay hers
    assert.equal((await talk('alice', 'more', { contextId: made.context }, binding)).heard, 'secret')
    assert.equal((await talk('alice', 'more', { contextId: `plan over ${binding}` }, binding)).heard, 'secret')
  })

  test(`every answer and event calls the context as its owner does over ${binding}`, async () => {
    const contextId = `stream over ${binding}`
    for (const operation of ['SendStreamingMessage', 'SubscribeToTask'] as const) {
      const { task } = await talk('alice', 'x', { contextId }, binding)
      const params = operation === 'SubscribeToTask' ? { id: task } : say('y', { contextId })
      const key = gateway.keys['alice'] ?? ''
      const events = await (await gateway.stream({ binding, agent: 'a', operation, params, key })).rest()
      assert.equal(events.length, 3)
      for (const { data } of events) {
        answers.push(data)
        const named = [...data.matchAll(/"contextId":"([^"]*)"/g)].map((match) => match[1])
        assert.deepEqual(
          [...new Set(named)].filter((name) => name !== 'as said'),
          [contextId],
          data,
        )
      }
    }
    const { task } = await talk('alice', 'x', { contextId }, binding)
    for (const operation of ['GetTask', 'CancelTask'] as const) {
      const got = await ask('alice', operation, { id: task }, binding)
      assert.equal(got.result['contextId'], contextId, got.text)
    }
  })

  test(`lists are filtered by names, and speak of them, over ${binding}`, async () => {
    const contextId = `list over ${binding}`
    const made = [await talk('alice', 'x', { contextId }, binding), await talk('alice', 'y', { contextId }, binding)]
    await talk('bob', 'z', { contextId }, binding)
    const page = await ask('alice', 'ListTasks', { contextId, pageSize: 1 }, binding)
    const pageToken = page.result['nextPageToken'] as string
    const next = await ask('alice', 'ListTasks', { contextId, pageSize: 1, pageToken }, binding)
    const listed = [page, next].flatMap(({ result }) => result['tasks'] as JsonObject[])
    assert.deepEqual(new Set(listed.map(({ id }) => id)), new Set(made.map(({ task }) => task)))
    assert.deepEqual(new Set(listed.map((task) => task['contextId'])), new Set([contextId]))
    assert.equal(page.result['totalSize'], 2)
    const none = await ask('carol', 'ListTasks', { contextId }, binding)
    assert.equal(none.result['totalSize'], 0, none.text)
  })

  test(`who shares a task sees its owner's name for the context, and uses it, over ${binding}`, async () => {
    const contextId = `shared over ${binding}`
    const own = await talk('alice', 'secret', { contextId }, binding)
    await talk('carol', 'own', { contextId }, binding)
    const shared = await talk('carol', 'help', { contextId, taskId: own.task }, binding)
    assert.deepEqual([shared.context, shared.seen, shared.heard], [contextId, own.seen, 'secret'])
    assert.equal((await talk('carol', 'x', { taskId: own.task }, binding)).context, contextId)
    assert.equal((await talk('carol', 'more', { contextId }, binding)).heard, 'own')
    const seen = agent.seen.length
    for (const [caller, wrong] of [
      ['alice', 'another'],
      ['carol', own.seen],
    ] as const)
      assertRefused(
        await ask(caller, 'SendMessage', say('x', { contextId: wrong, taskId: own.task }), binding),
        'VALIDATE_PARAMS',
        binding,
      )
    for (const guess of [contextId, 'another', own.seen])
      assertRefused(
        await ask('bob', 'SendMessage', say('x', { contextId: guess, taskId: own.task }), binding),
        'AUTHZ_TASK_NOT_FOUND',
        binding,
      )
    assert.equal(agent.seen.length, seen)
  })
}

test('a shared conversation goes on in a new task that refers to one in it, for whom it is shared with alone', async () => {
  const contextId = 'handed over'
  const own = await talk('alice', 'secret', { contextId })
  const next = await talk('carol', 'more', { contextId, referenceTaskIds: [own.task] })
  assert.deepEqual([next.context, next.seen, next.heard], [contextId, own.seen, 'secret'])
  // the new task is hers, in a context that is not
  const got = await ask('carol', 'GetTask', { id: next.task })
  assert.equal(got.result['contextId'], contextId, got.text)
  assert.equal((await talk('carol', 'x', { contextId, taskId: next.task })).seen, own.seen)
  assert.equal((await talk('carol', 'x', { contextId })).heard, '')
  const seen = agent.seen.length
  assertRefused(
    await ask('bob', 'SendMessage', say('x', { contextId, referenceTaskIds: [own.task] })),
    'AUTHZ_TASK_NOT_FOUND',
    'JSONRPC',
  )
  assert.equal(agent.seen.length, seen)
})

test('what the agent makes, and its owner calls another context so, gets another name', async () => {
  const next = String(Number((await talk('alice', 'x', {})).context) + 1)
  const own = await talk('alice', 'of my naming', { contextId: next })
  const made = await talk('alice', 'of its making', {})
  assert.deepEqual([own.context, made.context], [next, `~${next}`])
  assert.equal((await talk('alice', 'x', { contextId: next })).heard, 'of my naming')
  const back = await talk('alice', 'x', { contextId: `~${next}` })
  assert.deepEqual([back.heard, back.seen, back.context], ['of its making', next, `~${next}`])
})

test('a body is passed on as it was written, but for the one id', async () => {
  const contextId = 'spliced "here"'
  const message = `{"messageId":"m","contextId" : ${JSON.stringify(contextId)},"role":"ROLE_USER","parts":[{"text":"\\u00e9"}],"x":1e2}`
  const body = `{ "jsonrpc":"2.0", "id":7, "method":"SendMessage", "params":{"metadata":{"contextId":"n"},"message":${message}} }`
  const headers = {
    authorization: `Bearer ${gateway.keys['alice']}`,
    'a2a-version': '1.0',
    'content-type': 'application/json',
  }
  const answer = await gateway.http({ method: 'POST', path: '/agents/a', headers, body })
  assert.equal(answer.status, 200, answer.text)
  answers.push(answer.text)
  assert.equal(agent.bodies.at(-1), body.replace(JSON.stringify(contextId), `"${agent.seen.at(-1)}"`))
})

test('names outlive a restart, and the loss of the index', async () => {
  const contextId = 'kept'
  const first = await talk('alice', 'secret', { contextId })
  const made = await talk('alice', 'made', {})
  for (const isLost of [false, true]) {
    await gateway.stop()
    if (isLost)
      for (const suffix of ['', '-wal', '-shm']) rmSync(join(gateway.dataDir, `index.db${suffix}`), { force: true })
    gateway = await start()
    const again = await talk('alice', 'more', { contextId })
    assert.deepEqual([again.seen, again.context], [first.seen, contextId])
    assert.match(again.heard, /^secret/)
    const got = await ask('alice', 'GetTask', { id: first.task })
    assert.equal(got.result['contextId'], contextId, got.text)
    assert.equal((await talk('alice', 'x', { contextId: made.context })).seen, made.context)
    assert.equal((await talk('bob', 'x', { contextId: made.context })).heard, isLost ? 'x' : '')
  }
})

test('records say both, and no answer says what only the agent is to see', async () => {
  const ids = new Set(agent.seen.filter((id) => opaque.test(id)))
  assert.ok(ids.size > 10)
  const records = await readRecords(gateway.dataDir)
  const decisions = records.filter(({ event }) => typeof event?.['agentContext'] === 'string')
  assert.ok(decisions.length > 10)
  for (const { event } of decisions) {
    assert.ok(agent.seen.includes(event?.['agentContext'] as string))
    const input = event?.['input'] as { message: { contextId: string } }
    assert.equal(input.message.contextId, event?.['context'])
  }
  // a record is found by either
  const talked = decisions.find(({ event }) => event?.['context'] === 'kept')?.event
  for (const id of ['kept', talked?.['agentContext'] as string]) {
    const { stdout, stderr } = await gateway.command('audit', 'search', '--context', id, '--kind', 'decision', '--json')
    assert.match(stdout, new RegExp(talked?.['agentContext'] as string), stderr)
  }
  const names = new Set(decisions.map(({ event }) => event?.['context']))
  for (const id of ids) {
    // what somebody guessed is its name for another
    if (names.has(id)) continue
    assert.equal(
      answers.some((text) => text.includes(id)),
      false,
      id,
    )
  }
})
