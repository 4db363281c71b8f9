// The API server is down, slow, or wrong. Nobody new comes in, no error is kept, and a stream that is open already is
// not open for longer than an answer may be believed.

import assert from 'node:assert/strict'
import test from 'node:test'
import { goodStatus, makeAccounts } from '../../test/fakes/service-accounts.ts'
import { settled } from '../../test/fakes/walk.ts'

const down = (): never => {
  throw new Error('connect ECONNREFUSED')
}

test('no answer is a refusal, and is asked for again at the next call', async () => {
  const accounts = makeAccounts()
  const token = accounts.token()
  accounts.answer = down
  assert.match(await accounts.refuses(token), /gave no answer/)
  assert.match(await accounts.refuses(token), /gave no answer/)
  assert.equal(accounts.asked.length, 2)
  accounts.answer = () => goodStatus()
  await accounts.passes(token)
})

test('what was answered before is good for ten seconds, and not a moment more', async () => {
  const accounts = makeAccounts()
  const token = accounts.token()
  await accounts.passes(token)
  accounts.answer = down
  accounts.clock.advance(9_999)
  await accounts.passes(token)
  accounts.clock.advance(1)
  await accounts.refuses(token)
})

test('an open stream outlives a short silence, and ends within ten seconds of a long one', async () => {
  const accounts = makeAccounts()
  const caller = await accounts.passes(accounts.token())
  accounts.answer = down
  for (let second = 1; second <= 9; second += 1) {
    accounts.clock.advance(1_000)
    assert.equal(caller.isRevoked(), false, `second ${second}`)
    await settled()
  }
  accounts.clock.advance(1_000)
  assert.equal(caller.isRevoked(), true)
  // it is asked often enough to come back in time, and not at every beat of every stream
  assert.ok(accounts.asked.length >= 4 && accounts.asked.length <= 7, String(accounts.asked.length))
})

test('an API server that comes back in time keeps the stream', async () => {
  const accounts = makeAccounts()
  const caller = await accounts.passes(accounts.token())
  accounts.answer = down
  for (let second = 1; second <= 60; second += 1) {
    accounts.clock.advance(1_000)
    if (second % 8 === 0) accounts.answer = () => goodStatus()
    else if (second % 8 === 1) accounts.answer = down
    assert.equal(caller.isRevoked(), false, `second ${second}`)
    await settled()
  }
})

test('a question on its way is not asked twice, and counts from when it was asked', async () => {
  const accounts = makeAccounts()
  const caller = await accounts.passes(accounts.token())
  const late = Promise.withResolvers<void>()
  accounts.answer = async () => {
    await late.promise
    return goodStatus()
  }
  accounts.clock.advance(5_000)
  for (let beat = 0; beat < 3; beat += 1) {
    accounts.clock.advance(1_000)
    assert.equal(caller.isRevoked(), false)
  }
  assert.equal(accounts.asked.length, 2)
  late.resolve()
  await settled()
  await settled()
  // asked six seconds after the first, so it is good until fifteen
  accounts.clock.advance(7_000)
  assert.equal(caller.isRevoked(), false)
  assert.ok(accounts.asked.every(({ isUrgent }, at) => isUrgent === at > 0))
})

test('a token that the cache has forgotten meanwhile keeps its stream', async () => {
  const accounts = makeAccounts()
  const caller = await accounts.passes(accounts.token({ jti: 'mine' }))
  for (let at = 0; at < 20_000; at += 1) await accounts.passes(accounts.token({ jti: at }), `192.0.2.${at % 250}`)
  for (let second = 1; second <= 30; second += 1) {
    accounts.clock.advance(1_000)
    assert.equal(caller.isRevoked(), false, `second ${second}`)
    await settled()
  }
  accounts.answer = () => ({ user: {}, error: 'gone' })
  let seconds = 0
  do {
    accounts.clock.advance(1_000)
    await settled()
    seconds += 1
  } while (!caller.isRevoked() && seconds < 20)
  assert.ok(seconds < 10, String(seconds))
})

test('a cluster that was taken out and put back is asked by its new connection', async () => {
  const accounts = makeAccounts()
  const token = accounts.token()
  await accounts.passes(token)
  const before = accounts.asked.length
  accounts.connection = 'second'
  accounts.clock.advance(10_000)
  const caller = await accounts.passes(token)
  for (let second = 1; second <= 20; second += 1) {
    accounts.clock.advance(1_000)
    assert.equal(caller.isRevoked(), false)
    await settled()
  }
  assert.ok(accounts.asked.slice(before).every(({ connection }) => connection === 'second'))
})
