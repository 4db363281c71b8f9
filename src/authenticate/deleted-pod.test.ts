// A pod is deleted while its token has an hour to live and a stream of it is open.

import assert from 'node:assert/strict'
import test from 'node:test'
import { goodStatus, makeAccounts } from '../../test/fakes/service-accounts.ts'
import { settled } from '../../test/fakes/walk.ts'

const gone = { user: {}, error: '[invalid bearer token, service account token has been invalidated]' }

test('its token is refused within ten seconds, and its stream ends within them', async () => {
  const accounts = makeAccounts()
  const token = accounts.token()
  const caller = await accounts.passes(token)
  accounts.answer = () => gone
  let endedAfter = 0
  for (let second = 1; second <= 10 && endedAfter === 0; second += 1) {
    accounts.clock.advance(1_000)
    if (caller.isRevoked()) endedAfter = second
    await settled()
  }
  assert.ok(endedAfter > 0 && endedAfter < 10, String(endedAfter))
  await accounts.refuses(token)
})

test('once it is known, calls are refused at once and not after the cache has run out', async () => {
  const accounts = makeAccounts()
  const token = accounts.token()
  const caller = await accounts.passes(token)
  accounts.answer = () => gone
  accounts.clock.advance(5_000)
  assert.equal(caller.isRevoked(), false)
  await settled()
  assert.equal(caller.isRevoked(), true)
  await accounts.refuses(token)
  accounts.answer = () => goodStatus()
  accounts.clock.advance(1_000)
  // a stream that has ended stays so, whoever comes back
  await accounts.passes(token)
  assert.equal(caller.isRevoked(), true)
})

test('a pod of the same name that took its place is another one', async () => {
  const accounts = makeAccounts()
  const token = accounts.token()
  const caller = await accounts.passes(token)
  const extra = { 'authentication.kubernetes.io/pod-uid': ['another'] }
  accounts.answer = () => goodStatus({}, { extra })
  accounts.clock.advance(10_000)
  const next = await accounts.passes(token)
  assert.equal(next.evidence?.['podUid'], 'another')
  assert.equal(caller.isRevoked(), true)
})

test('streams of one token share their questions', async () => {
  const accounts = makeAccounts()
  const token = accounts.token()
  const callers = await Promise.all(Array.from({ length: 50 }, () => accounts.passes(token)))
  for (let second = 1; second <= 60; second += 1) {
    accounts.clock.advance(1_000)
    for (const caller of callers) assert.equal(caller.isRevoked(), false)
    await settled()
  }
  assert.ok(accounts.asked.length <= 14, String(accounts.asked.length))
})
