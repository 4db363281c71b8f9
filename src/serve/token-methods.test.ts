import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRevocations, type Revocations } from '../authenticate/authenticate.ts'
import { createManualClock } from '../base/clock.ts'
import type { TokenMethods } from '../cli/ports.ts'
import { configSchema } from '../config/config.ts'
import { createTokenMethods } from './token-methods.ts'
import type { State } from './state.ts'

interface Rig {
  readonly methods: TokenMethods
  readonly revocations: Revocations
  readonly recorded: string[]
  readonly nowMs: number
}

function rig(administered?: () => Promise<never>): Rig {
  const clock = createManualClock()
  const recorded: string[] = []
  const revocations = createRevocations({
    clock,
    store: { list: () => [], save: () => undefined, drop: () => undefined },
  })
  const audit = {
    administered: async (action: string, about: string) => {
      await administered?.()
      recorded.push(`${action} ${about}`)
    },
  } as unknown as State['audit'] // the one method that is called
  const issuer = {
    name: 'corp',
    issuer: 'https://i',
    audience: 'a',
    algorithms: ['ES256' as const],
    maxTokenLife: '1h',
  }
  const config = configSchema.parse({ identity: { jwt: [issuer] } })
  return {
    methods: createTokenMethods({ revocations, audit }, { clock, config: () => config }),
    revocations,
    recorded,
    nowMs: clock.nowMs(),
  }
}

test('an entry is kept as long as a token that it speaks of may live, and is recorded', async () => {
  const { methods, revocations, recorded, nowMs } = rig()
  const lifeMs = 3_600_000 + 8 * 3_600_000 + 60_000
  const one = await methods['token.revoke']({ kind: 'token', issuer: 'corp', jti: 'x' })
  assert.deepEqual(one, { kind: 'token', issuer: 'corp', id: 'x', beforeMs: nowMs, untilMs: nowMs + lifeMs })
  const beforeMs = nowMs - 1_000
  const all = await methods['token.revoke']({ kind: 'subject', subject: 'user:corp/alice', beforeMs })
  assert.deepEqual(all, { kind: 'subject', issuer: null, id: 'user:corp/alice', beforeMs, untilMs: nowMs + lifeMs })
  assert.equal(revocations.isSubjectRevoked('user:corp/alice', beforeMs - 1), true)
  assert.equal(revocations.isSubjectRevoked('user:corp/alice', beforeMs), false)
  assert.equal(revocations.isOriginRevoked('user:corp/alice', nowMs - 1), true)
  assert.deepEqual(recorded, ['token.revoke ', 'token.revoke user:corp/alice'])
  assert.equal((await methods['token.revocations']({})).length, 2)
})

test('what no token can name, and what is not issued yet, is not taken for revoked', async () => {
  const { methods, revocations, recorded, nowMs } = rig()
  for (const subject of [
    'key:ci',
    'agent:planner',
    'user:other/alice',
    'user:corp/',
    'user:corp',
    'group:corp/x',
    'alice',
  ])
    await assert.rejects(methods['token.revoke']({ kind: 'subject', subject, beforeMs: null }), {
      code: 'CONFIG_INVALID',
    })
  await assert.rejects(methods['token.revoke']({ kind: 'subject', subject: 'user:corp/a', beforeMs: nowMs + 1 }))
  await assert.rejects(methods['token.revoke']({ kind: 'token', issuer: 'other', jti: 'x' }), {
    code: 'CONFIG_INVALID',
  })
  assert.deepEqual(revocations.list(), [])
  assert.deepEqual(recorded, [])
})

test('taking away does not wait for the record: what cannot be recorded is revoked, and the operator hears of it', async () => {
  const { methods, revocations } = rig(() => Promise.reject(new Error('disk full')))
  await assert.rejects(methods['token.revoke']({ kind: 'token', issuer: 'corp', jti: 'x' }), {
    code: 'LEDGER_UNWRITABLE',
  })
  assert.equal(revocations.isTokenRevoked('corp', 'x'), true)
})
