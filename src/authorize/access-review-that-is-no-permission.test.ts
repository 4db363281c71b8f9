// A SubjectAccessReview that answers anything but a clear yes: both yes and no, text for a truth, an error, nothing.

import assert from 'node:assert/strict'
import test from 'node:test'
import type { JsonObject } from '../base/strict-json.ts'
import { settled } from '../../test/fakes/walk.ts'
import { accountOf, callBy, makeAuthority } from './fake-authority.ts'

const denials: readonly JsonObject[] = [
  {},
  { allowed: false },
  { allowed: true, denied: true },
  { allowed: true, denied: 'false' },
  { allowed: true, denied: null },
  { allowed: true, denied: 0 },
  { allowed: 'true' },
  { allowed: 1 },
  { allowed: [true] },
  { Allowed: true },
  { evaluationError: 'the authorizer is confused' },
  { allowed: false, evaluationError: 'role "x" not found' },
  { allowed: false, reason: 'RBAC: allowed by everything' },
]

for (const status of denials) {
  test(`denies ${JSON.stringify(status)}`, async () => {
    const fake = makeAuthority()
    fake.answer = () => status
    assert.notEqual(await fake.ask(callBy(accountOf())), '')
  })
}

test('allows a clear yes, also where an error stands beside it', async () => {
  for (const status of [
    { allowed: true },
    { allowed: true, denied: false },
    { allowed: true, evaluationError: 'role "x" not found' },
  ]) {
    const fake = makeAuthority()
    fake.answer = () => status
    assert.equal(await fake.ask(callBy(accountOf())), '')
  }
})

test('no answer denies, is not kept, and ends open streams within ten seconds', async () => {
  const fake = makeAuthority()
  const call = callBy(accountOf())
  fake.answer = () => Promise.reject(new Error('ECONNREFUSED'))
  assert.match(await fake.ask(call), /no answer/)
  fake.answer = () => ({ allowed: true })
  assert.equal(await fake.ask(call), '')
  const watch = fake.authority.watch(call)
  fake.answer = () => Promise.reject(new Error('ECONNREFUSED'))
  let seconds = 0
  do {
    fake.clock.advance(1_000)
    seconds += 1
    await settled()
  } while (watch.isHeld())
  assert.equal(seconds, 10)
  // a call within the cache time still passes; after it none does
  assert.match(await fake.ask(call), /no answer/)
})

test('an API server that never answers keeps nobody’s stream open', async () => {
  const fake = makeAuthority()
  const call = callBy(accountOf())
  fake.answer = () => ({ allowed: true })
  await fake.ask(call)
  const watch = fake.authority.watch(call)
  fake.answer = () => new Promise(() => undefined)
  fake.clock.advance(9_000)
  assert.equal(watch.isHeld(), true)
  fake.clock.advance(1)
  assert.equal(watch.isHeld(), false)
})
