import assert from 'node:assert/strict'
import test from 'node:test'
import type { Authenticated, ReceivedFields } from '../exchange/exchange.ts'
import { isRefusal, type RefusalCode } from '../refusal/refusal.ts'
import { snapshotOf } from '../../test/fakes/walk.ts'
import { claimedBinding, findPublicDocument, route } from './route.ts'

const snapshot = snapshotOf({
  agents: [
    { name: 'calculator', url: 'http://127.0.0.1:1' },
    { name: 'vault', url: 'http://127.0.0.1:2' },
    { name: 'open', url: 'http://127.0.0.1:3', discovery: 'public' },
    { name: 'hosted', url: 'http://127.0.0.1:4', hosts: ['hosted.example.com', 'ported.example.com:8443'] },
  ],
})

const card = '/.well-known/agent-card.json'

function request(path: string, method = 'POST', host = 'agents.example.com'): Authenticated {
  const headers = new Map<string, string>()
  const fields: Pick<ReceivedFields, 'path' | 'method' | 'host' | 'snapshot' | 'headers'> = {
    path,
    method,
    host,
    snapshot,
    headers,
  }
  // route reads nothing else
  return fields as unknown as Authenticated
}

/** `vault` is the one agent on which this caller may do nothing. */
const go = (path: string, method?: string, host?: string): ReturnType<typeof route> =>
  route(request(path, method, host), (agent) => agent.name !== 'vault')

function refused(code: RefusalCode, path: string, method?: string, host?: string): Record<string, string> | undefined {
  const outcome = go(path, method, host)
  assert.ok(isRefusal(outcome), `${method} ${path}`)
  assert.equal(outcome.code, code, `${method} ${path}`)
  return outcome.headers
}

function found(
  path: string,
  method?: string,
  host?: string,
): { kind: string; agent: string; operation: string; taskId: string } {
  const outcome = go(path, method, host)
  if (isRefusal(outcome)) assert.fail(`${outcome.code} ${outcome.detail}`)
  assert.ok(!(outcome instanceof Promise))
  const { target } = outcome
  const rest = target.kind === 'rest' ? target.rest : undefined
  return {
    kind: target.kind,
    agent: 'agent' in target ? target.agent.name : '',
    operation: rest?.operation ?? '',
    taskId: rest?.taskId ?? '',
  }
}

test('finds the JSON-RPC binding with and without a slash at the end', () => {
  const expected = { kind: 'json-rpc', agent: 'calculator', operation: '', taskId: '' }
  assert.deepEqual(found('/agents/calculator'), expected)
  assert.deepEqual(found('/agents/calculator/'), expected)
})

test('finds the operations of the HTTP+JSON binding', () => {
  assert.deepEqual(found('/agents/calculator/message:send'), {
    kind: 'rest',
    agent: 'calculator',
    operation: 'SendMessage',
    taskId: '',
  })
  assert.deepEqual(found('/agents/calculator/tasks/t%20%31'.replace('%31', '1'), 'GET'), {
    kind: 'rest',
    agent: 'calculator',
    operation: 'GetTask',
    taskId: 't 1',
  })
})

test('finds the directory and a card', () => {
  assert.equal(found('/agents', 'GET').kind, 'directory')
  assert.equal(found('/agents/', 'GET').kind, 'directory')
  assert.deepEqual(found(`/agents/calculator${card}`, 'GET').kind, 'card')
})

test("refuses paths that are nobody's", () => {
  const paths = [
    '/',
    '//',
    '//agents/calculator',
    '/Agents/calculator',
    '/agents/calculator\u0000',
    '/agents//calculator',
    '/agents/Calculator',
    '/agents/calc%75lator',
    '/agents/%63alculator',
    '/agents/.',
    '/agents/..',
    '/agents/../agents/calculator',
    '/agents/-calculator',
    '/agents/calculator-',
    '/agents/calculator;x=1',
    `/agents/${'a'.repeat(64)}`,
    '/agentscalculator',
    '/api/v1/status',
    '/metrics',
    '/healthz',
    '/hooks/x',
    card,
    '/v1/message:send',
  ]
  for (const path of paths) refused('ROUTE_NOT_FOUND', path)
})

test("refuses paths below an agent that are no operation's", () => {
  const rests = [
    '//',
    '/.',
    '/..',
    '/../vault',
    '/%2e%2e/vault',
    '/message:send/',
    '/message%3Asend',
    '/Message:send',
    '/message:Send',
    '/v1/tasks/t/x',
    '/tasks/',
    '/tasks//',
    '/tasks/a%2Fb',
    '/tasks/%00',
    '/tasks/%74',
    '/tasks/..',
    `${card}/`,
    '/.well-known',
    '/.well-known/agent.json',
    '/.well-known//agent-card.json',
    '/.WELL-KNOWN/agent-card.json',
    '/tasks/t/pushNotificationConfigs/c/x',
    '/a/b/c/d/e/f/g',
  ]
  for (const rest of rests) {
    const outcome = go(`/agents/calculator${rest}`, 'POST')
    assert.ok(isRefusal(outcome) && outcome.code === 'ROUTE_NOT_FOUND', rest)
  }
})

test('refuses the wrong method with the right one', () => {
  for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'post', '']) {
    assert.deepEqual(refused('ROUTE_METHOD_NOT_ALLOWED', '/agents/calculator', method), { allow: 'POST' })
  }
  for (const method of ['POST', 'HEAD', 'DELETE', 'get']) {
    assert.deepEqual(refused('ROUTE_METHOD_NOT_ALLOWED', '/agents', method), { allow: 'GET' })
    assert.deepEqual(refused('ROUTE_METHOD_NOT_ALLOWED', `/agents/calculator${card}`, method), { allow: 'GET' })
  }
  refused('ROUTE_METHOD_NOT_ALLOWED', '/agents/calculator/message:send', 'GET')
  refused('ROUTE_METHOD_NOT_ALLOWED', '/agents/calculator/tasks/t', 'DELETE')
})

test('an agent that the caller may not know of answers as one that does not exist, whatever else is wrong', () => {
  const rests = ['', '/', '//', '/message:send', '/nonsense', '/tasks/%00', card, '/tasks/t:cancel']
  for (const method of ['GET', 'POST', 'DELETE', 'PUT', 'BREW']) {
    for (const rest of rests) {
      const hidden = go(`/agents/vault${rest}`, method)
      const missing = go(`/agents/missing${rest}`, method)
      assert.ok(isRefusal(hidden) && hidden.code === 'ROUTE_AGENT_UNKNOWN', `${method} ${rest}`)
      assert.deepEqual(hidden, missing)
    }
  }
})

test('an unknown and a hidden agent are answered in the same binding', () => {
  for (const [rest, method] of [
    ['', 'POST'],
    ['/', 'POST'],
    ['', 'GET'],
    ['/message:send', 'POST'],
    ['/x', 'POST'],
  ] as const) {
    assert.equal(
      claimedBinding(request(`/agents/vault${rest}`, method)),
      claimedBinding(request(`/agents/missing${rest}`, method)),
    )
  }
  assert.equal(claimedBinding(request('/agents/calculator', 'POST')), 'JSONRPC')
  assert.equal(claimedBinding(request('/agents/calculator', 'GET')), 'HTTP+JSON')
  assert.equal(claimedBinding(request('/nowhere', 'POST')), 'HTTP+JSON')
})

test('a host of its own leads to its agent, at the root', () => {
  assert.equal(found('/', 'POST', 'hosted.example.com').agent, 'hosted')
  assert.equal(found('/', 'POST', 'hosted.example.com:7000').agent, 'hosted')
  assert.equal(found('/message:send', 'POST', 'ported.example.com:8443').operation, 'SendMessage')
  assert.equal(found(card, 'GET', 'hosted.example.com').kind, 'card')
})

test('at a host of its own no other agent can be reached, nor the directory', () => {
  for (const path of [
    '/agents',
    '/agents/',
    '/agents/calculator',
    '/agents/hosted',
    '/agents/calculator/message:send',
  ]) {
    const outcome = go(path, 'POST', 'hosted.example.com')
    assert.ok(isRefusal(outcome) && outcome.code === 'ROUTE_NOT_FOUND', path)
  }
})

test("a host that only looks like an agent's is the gateway's", () => {
  for (const host of [
    'hosted.example.com.evil.org',
    'xhosted.example.com',
    'ported.example.com',
    'ported.example.com:8444',
    'hosted.example.com:1:2',
  ]) {
    refused('ROUTE_NOT_FOUND', '/', 'POST', host)
  }
})

test('documents for everyone are the keys, the contact and the cards declared public', () => {
  const kindOf = (path: string, method = 'GET', host?: string): string | undefined =>
    findPublicDocument(request(path, method, host))?.kind
  assert.equal(kindOf('/.well-known/jwks.json'), 'jwks')
  assert.equal(kindOf('/.well-known/security.txt'), 'security-txt')
  assert.equal(kindOf(`/agents/open${card}`), 'public-card')
  for (const path of [
    `/agents/calculator${card}`,
    `/agents/vault${card}`,
    `/agents/missing${card}`,
    card,
    `/agents/open/${card}`,
    `/agents/open${card}/`,
    '/.well-known/JWKS.json',
    '/agents/open',
  ]) {
    assert.equal(kindOf(path), undefined, path)
  }
  for (const method of ['POST', 'HEAD', 'DELETE', 'OPTIONS']) {
    assert.equal(kindOf('/.well-known/jwks.json', method), undefined)
    assert.equal(kindOf(`/agents/open${card}`, method), undefined)
  }
  assert.equal(kindOf(card, 'GET', 'hosted.example.com'), undefined)
})
