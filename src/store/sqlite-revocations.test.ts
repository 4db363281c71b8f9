import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { createRevocations, createSpentTokens, type Revocation } from '../authenticate/authenticate.ts'
import { createManualClock } from '../base/clock.ts'
import { openRevocationStore, openSpentStore } from './store.ts'

const clock = createManualClock()
const nowMs = clock.nowMs()
const token: Revocation = {
  kind: 'token',
  issuer: 'corp',
  id: 'a',
  beforeMs: nowMs,
  revokedAtMs: nowMs,
  untilMs: nowMs + 60_000,
}
const subject: Revocation = {
  kind: 'subject',
  issuer: '',
  id: 'user:corp/a',
  beforeMs: nowMs,
  revokedAtMs: nowMs,
  untilMs: nowMs + 90_000,
}

test('what was revoked is revoked after a restart, and forgotten when it has ended', () => {
  const path = join(temporaryFolder(), 'state.db')
  const store = openRevocationStore(path)
  const revocations = createRevocations({ clock, store })
  revocations.revoke(token)
  revocations.revoke(subject)
  revocations.revoke({ ...subject, beforeMs: nowMs - 1 })
  store.close()

  const again = openRevocationStore(path)
  assert.deepEqual(again.list(), [subject, token])
  const restarted = createRevocations({ clock, store: again })
  assert.equal(restarted.isTokenRevoked('corp', 'a'), true)
  assert.equal(restarted.isSubjectRevoked('user:corp/a', nowMs - 1), true)
  again.drop(nowMs + 60_000)
  assert.deepEqual(again.list(), [subject])
  again.close()
})

test('one-time tokens that were taken are taken after a restart, and forgotten when they have expired', async () => {
  const path = join(temporaryFolder(), 'state.db')
  const store = openSpentStore(path)
  const spent = createSpentTokens({ clock, store })
  const untilMs = nowMs + 60_000
  assert.deepEqual(
    await Promise.all([
      spent.spend('corp', 'a', untilMs),
      spent.spend('corp', 'a', untilMs),
      spent.spend('other', 'a', untilMs),
    ]),
    ['fresh', 'spent', 'fresh'],
  )
  store.close()

  const again = openSpentStore(path)
  assert.equal(await createSpentTokens({ clock, store: again }).spend('corp', 'a', untilMs), 'spent')
  assert.equal(again.load(nowMs).size, 2)
  assert.equal(again.load(untilMs).size, 0)
  again.close()
  assert.throws(() => again.save(new Map([['x', untilMs]]), nowMs), { code: 'STORE_UNREACHABLE' })
})
