// An agent whose bindings lie below the root, as the official SDK's samples have them: `agent add` finds them by the
// card, both work through the running gateway, and what goes wrong with an agent is said in the log.

import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { say } from './client.ts'
import { eventually, startGateway, type Gateway } from './harness.ts'

const message = { messageId: 'm-1', role: 'ROLE_AGENT', parts: [{ text: 'hello' }] }

function answer(request: IncomingMessage, response: ServerResponse, body: string, port: number): void {
  const json = (status: number, value: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(value))
  }
  if (request.url === '/.well-known/agent-card.json') {
    const face = (protocolBinding: string, path: string): object => ({
      url: `http://localhost:${port}${path}`,
      protocolBinding,
      protocolVersion: '1.0',
    })
    const supportedInterfaces = [face('JSONRPC', '/a2a/jsonrpc'), face('HTTP+JSON', '/a2a/rest')]
    json(200, {
      name: 'Hello Agent',
      description: 'd',
      version: '1',
      supportedInterfaces,
      capabilities: {},
      skills: [],
    })
  } else if (request.url === '/a2a/jsonrpc') {
    json(200, { jsonrpc: '2.0', id: (JSON.parse(body) as { id: unknown }).id, result: { message } })
  } else if (request.url === '/a2a/rest/message:send') json(200, { message })
  else response.writeHead(404, { 'content-type': 'text/html' }).end('<pre>Cannot POST</pre>')
}

let agent: Server
let url: string
let gateway: Gateway

before(async () => {
  agent = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => answer(request, response, body, (agent.address() as AddressInfo).port))
  })
  await new Promise<void>((resolve) => agent.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(agent.address() as AddressInfo).port}`
  gateway = await startGateway({ agents: { lost: url } })
})

after(async () => {
  await gateway.stop()
  agent.closeAllConnections()
  agent.close()
})

test('agent add takes the paths of both bindings from the card, and calls reach them', async () => {
  const { code, stdout, stderr } = await gateway.command('agent', 'add', url)
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(stdout, /^added hello-agent /)
  const written = readFileSync(gateway.configFile, 'utf8')
  for (const place of [`${url}/a2a/jsonrpc`, `${url}/a2a/rest`, `${url}/.well-known/agent-card.json`])
    assert.ok(written.includes(place), written)
  for (const binding of ['JSONRPC', 'HTTP+JSON'] as const) {
    const call = { binding, agent: 'hello-agent', operation: 'SendMessage', params: say('hi') } as const
    const reply = await gateway.as('alice', call)
    assert.deepEqual([reply.status, reply.result['message']], [200, message], `${binding}: ${reply.text}`)
  }
})

test('agent inspect warns of a configured url that the card does not name', async () => {
  const right = await gateway.command('agent', 'inspect', 'hello-agent')
  assert.deepEqual([right.code, right.stderr], [0, ''])
  const lost = await gateway.command('agent', 'inspect', 'lost')
  assert.equal(lost.code, 0)
  assert.match(lost.stderr, /^warning: url is .* but the card names .*\/a2a\/jsonrpc for JSONRPC$/m)
})

test('what goes wrong with an agent stands in the log once, with where it was called and what it answered', async () => {
  for (let at = 0; at < 3; at++) {
    const call = { binding: 'JSONRPC', agent: 'lost', operation: 'SendMessage', params: say('hi') } as const
    assert.equal((await gateway.as('alice', call)).error.code, -32006)
  }
  const lines = await eventually('a line in the log', () => {
    const found = gateway
      .log()
      .split('\n')
      .filter((line) => line.includes('RELEASE_INVALID_ANSWER'))
    return found.length > 0 ? found : undefined
  })
  assert.equal(lines.length, 1)
  const line = JSON.parse(lines[0] ?? '') as Record<string, unknown>
  assert.deepEqual([line['level'], line['agent'], line['url'], line['count']], [40, 'lost', url, 1])
  assert.match(String(line['detail']), /status 404/)
})
