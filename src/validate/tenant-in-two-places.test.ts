// The attack: path, query, body and webhook can each name a tenant, and agents read different ones (js only the
// path). Whoever is not the agent's configured tenant is refused, wherever it stands.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal } from '../refusal/refusal.ts'
import { fakeRouted, rpcText, sendParams, type FakeRequest } from './fake-routed.ts'
import { validate } from './validate.ts'

const webhook = { url: 'https://hooks.example/x', tenant: 'other' }
const getTask = { operation: 'GetTask', taskId: 't' } as const

const elsewhere: Readonly<Record<string, FakeRequest>> = {
  'in params': { body: rpcText('GetTask', { id: 't', tenant: 'other' }) },
  'in the params of a send': { body: rpcText('SendMessage', sendParams({}, { tenant: 'other' })) },
  'in the webhook of a send': {
    body: rpcText('SendMessage', sendParams({}, { configuration: { taskPushNotificationConfig: webhook } })),
  },
  'in a webhook': { body: rpcText('CreateTaskPushNotificationConfig', { taskId: 't', ...webhook }) },
  'in the path': { method: 'GET', rest: { ...getTask, tenant: 'other' } },
  'in the query': { method: 'GET', query: 'tenant=other', rest: getTask },
  'in the query of a path with the right one': {
    method: 'GET',
    query: 'tenant=other',
    rest: { ...getTask, tenant: 'acme' },
  },
  'in the query of a subscription by POST': {
    query: 'tenant=other',
    rest: { operation: 'SubscribeToTask', taskId: 't' },
    body: '{}',
  },
  'in the body of a path with the right one': {
    rest: { operation: 'CancelTask', taskId: 't', tenant: 'acme' },
    body: '{"tenant":"other"}',
  },
  'in small letters': { body: rpcText('GetTask', { id: 't', tenant: 'ACME' }) },
  'with a space': { body: rpcText('GetTask', { id: 't', tenant: 'acme ' }) },
}

for (const [where, request] of Object.entries(elsewhere)) {
  test(`refuses another tenant ${where}`, async () => {
    for (const agentTenant of ['acme', '']) {
      const result = await validate(fakeRouted({ ...request, agentTenant }))
      assert.equal(isRefusal(result) && result.code, 'VALIDATE_PARAMS', `agent tenant "${agentTenant}"`)
    }
  })
}

test('refuses any tenant on an agent without one', async () => {
  const result = await validate(fakeRouted({ method: 'GET', rest: { ...getTask, tenant: 'acme' } }))
  assert.equal(isRefusal(result) && result.code, 'VALIDATE_PARAMS')
})

test("the effective tenant is the agent's, whether the caller repeats it or not", async () => {
  const requests: FakeRequest[] = [
    { body: rpcText('GetTask', { id: 't' }) },
    { body: rpcText('GetTask', { id: 't', tenant: '' }) },
    { body: rpcText('GetTask', { id: 't', tenant: 'acme' }) },
    { method: 'GET', rest: getTask },
    { method: 'GET', query: 'tenant=acme', rest: { ...getTask, tenant: 'acme' } },
  ]
  for (const request of requests) {
    const result = await validate(fakeRouted({ ...request, agentTenant: 'acme' }))
    assert.ok(!isRefusal(result))
    assert.equal(result.tenant, 'acme')
    assert.equal(result.upstreamPath, request.rest ? '/acme/tasks/t' : '')
  }
})
