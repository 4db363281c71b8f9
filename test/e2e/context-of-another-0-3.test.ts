// Contexts are names of their owners in the forms of A2A 0.3 as well, for a caller that speaks it, an agent that does,
// and both.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import type { JsonObject } from '../../src/base/strict-json.ts'
import { createClient, say, type Answer, type HttpCall } from './client.ts'
import { startGateway, type Gateway } from './harness.ts'
import { startConformance, type ConformanceAgent } from './sample-agents.ts'

let agent: ConformanceAgent
let gateway: Gateway

before(async () => {
  agent = await startConformance()
  gateway = await startGateway({
    agents: {
      old: { url: agent.url, speaks: ['0.3'], versions: ['1.0', '0.3'] },
      new: { url: agent.url, versions: ['1.0', '0.3'] },
    },
  })
})
after(async () => {
  await gateway.stop()
  await agent.close()
})

const headersOf = (caller: string): Record<string, string> => ({
  authorization: `Bearer ${gateway.keys[caller]}`,
  'content-type': 'application/json',
})
const old = { messageId: '', contextId: '', role: 'user', kind: 'message', parts: [{ kind: 'text', text: 'hello' }] }

/** A message in this form, as one caller sends it to one agent. */
const forms: Record<string, (caller: string, name: string, contextId: string) => HttpCall> = {
  'JSON-RPC of 0.3': (caller, name, contextId) => {
    const message = { ...old, messageId: `tck-complete-task-${randomUUID()}`, contextId }
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'message/send', params: { message } })
    return { method: 'POST', path: `/agents/${name}`, headers: { ...headersOf(caller), 'a2a-version': '0.3' }, body }
  },
  'HTTP+JSON of 0.3': (caller, name, contextId) => {
    const messageId = `tck-complete-task-${randomUUID()}`
    const message = { messageId, contextId, role: 'ROLE_USER', content: [{ text: 'hello' }] }
    const path = `/agents/${name}/v1/message:send`
    const headers = { ...headersOf(caller), 'a2a-version': '0.3' }
    return { method: 'POST', path, headers, body: JSON.stringify({ message }) }
  },
  'JSON-RPC of 1.0': (caller, name, contextId) => {
    const params = say('hello', { messageId: `tck-complete-task-${randomUUID()}`, contextId })
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'SendMessage', params })
    return { method: 'POST', path: `/agents/${name}`, headers: { ...headersOf(caller), 'a2a-version': '1.0' }, body }
  },
}

const contextsIn = (answer: Answer): string[] => [
  ...new Set([...answer.text.matchAll(/"context_?[iI]d":"([^"]*)"/g)].map((match) => match[1] ?? '')),
]

/** What the agent itself calls the context of a task. */
async function known(taskId: string): Promise<string> {
  const direct = createClient(agent.url)
  try {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'GetTask', params: { id: taskId } })
    const headers = { 'content-type': 'application/json', 'a2a-version': '1.0' }
    const answer = await direct.http({ method: 'POST', path: new URL(agent.url).pathname, headers, body })
    assert.equal(answer.result['id'], taskId, answer.text)
    return answer.result['contextId'] as string
  } finally {
    direct.close()
  }
}

for (const name of ['old', 'new']) {
  test(`one name of two owners is two contexts in every form, at an agent that is ${name}`, async () => {
    const contextId = `plan at ${name}`
    const seen: Record<string, Set<string>> = { alice: new Set(), bob: new Set() }
    for (const [form, spell] of Object.entries(forms)) {
      for (const caller of ['alice', 'bob']) {
        const answer = await gateway.http(spell(caller, name, contextId))
        assert.ok(answer.status === 200 || answer.status === 201, `${form}: ${answer.text}`)
        assert.deepEqual(contextsIn(answer), [contextId], `${form}: ${answer.text}`)
        const task = (answer.result['task'] ?? answer.result) as JsonObject
        seen[caller]?.add(await known(task['id'] as string))
      }
    }
    const [alice, bob] = [seen['alice'], seen['bob']]
    assert.deepEqual([alice?.size, bob?.size], [1, 1])
    assert.deepEqual(
      [...(alice ?? [])].filter((id) => bob?.has(id) || id === contextId),
      [],
    )
  })
}
