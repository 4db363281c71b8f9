// The least A2A 1.0 agent: a card, and JSON-RPC in which SendMessage answers `echo: …`. It needs nothing but Node:
//     node examples/echo-agent.mjs [PORT]
// It believes whoever reaches it. How an agent accepts calls of its gateway alone: docs/verify-assertions.md.

import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'

const cardOf = (url) => ({
  name: 'echo',
  description: 'says what it was told',
  version: '1.0.0',
  supportedInterfaces: [{ url, protocolBinding: 'JSONRPC', protocolVersion: '1.0' }],
  capabilities: {},
  defaultInputModes: ['text/plain'],
  defaultOutputModes: ['text/plain'],
  skills: [{ id: 'echo', name: 'Echo', description: 'says what it was told', tags: ['echo'] }],
})

async function answer(request, url) {
  if (request.method === 'GET' && request.url === '/.well-known/agent-card.json') return cardOf(url)
  const { id, method, params } = await json(request)
  if (method !== 'SendMessage') return { jsonrpc: '2.0', id, error: { code: -32004, message: 'this agent only echoes' } }
  const text = params.message.parts.map((part) => part.text ?? '').join('')
  const message = { messageId: randomUUID(), role: 'ROLE_AGENT', parts: [{ text: `echo: ${text}` }] }
  return { jsonrpc: '2.0', id, result: { message } }
}

const server = createServer((request, response) => {
  const send = (status, value) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  answer(request, `http://127.0.0.1:${server.address().port}`).then(
    (value) => send(200, value),
    () => send(400, {}),
  )
})
server.listen(Number(process.argv[2] ?? 9001), '127.0.0.1', () =>
  process.stdout.write(`echo agent at http://127.0.0.1:${server.address().port}\n`),
)
