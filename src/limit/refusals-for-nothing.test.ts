// The attack: a caller with a good key and no rights asks for ever. What is refused before limit was free: bodies
// were read, policy was asked and a record was written each time, whatever the caller's rate.

import assert from 'node:assert/strict'
import test from 'node:test'
import { createManualClock } from '../base/clock.ts'
import type { LimitConfig } from '../config/config.ts'
import { createLimiter } from './limiter.ts'

const caller = { id: 'key:nobody', groups: [] }
const ten: LimitConfig = { per: ['caller'], agents: ['*'], requests: { count: 10, periodMs: 60_000 } }

test('a caller that was refused ten times is told to wait before anything is read', () => {
  const clock = createManualClock()
  const limiter = createLimiter({ clock, limits: [ten] })
  for (let refusals = 0; refusals < 10; refusals += 1) {
    assert.equal(limiter.guard(caller), undefined)
    limiter.charge(caller)
  }
  const refused = limiter.guard(caller)
  assert.ok(refused !== undefined && !refused.ok)
  assert.equal(refused.code, 'LIMIT_RATE')
  assert.equal(limiter.take(caller, 'calculator', false).ok, false)
  clock.advance(6_000)
  assert.equal(limiter.guard(caller), undefined)
})

test('asking whether there is room takes nothing, and another caller is not concerned', () => {
  const limiter = createLimiter({ clock: createManualClock(), limits: [ten] })
  for (let asked = 0; asked < 100; asked += 1) assert.equal(limiter.guard(caller), undefined)
  for (let refusals = 0; refusals < 20; refusals += 1) limiter.charge(caller)
  assert.ok(limiter.guard(caller) !== undefined)
  assert.equal(limiter.guard({ id: 'key:other', groups: [] }), undefined)
})

test('where no limit counts a caller over all agents, the default does', () => {
  const onOneAgent: LimitConfig = { per: ['caller'], agents: ['calculator'], requests: { count: 5, periodMs: 60_000 } }
  const limiter = createLimiter({ clock: createManualClock(), limits: [onOneAgent] })
  for (let refusals = 0; refusals < 599; refusals += 1) limiter.charge(caller)
  assert.equal(limiter.guard(caller), undefined)
  limiter.charge(caller)
  assert.ok(limiter.guard(caller) !== undefined)
})
