// Whether a key id exists can be told from how long the answer takes, if the gateway works less for one that does not.
// It makes one HMAC and two comparisons in both cases.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectRefusal } from '../../test/fakes/expect.ts'
import { makeWorld, pepper } from '../../test/fakes/identity.ts'
import { isRefusal } from '../refusal/refusal.ts'
import { formatApiKey } from './api-key.ts'
import { createApiKeyVerifier } from './authenticate.ts'

const secret = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFG'

test('an unknown id costs what a wrong secret costs', () => {
  const world = makeWorld()
  const { record } = world.admin.create({ name: 'ci' })
  const verifier = createApiKeyVerifier({ clock: world.clock, keys: world.store, pepper })
  const known = formatApiKey('live', { id: record.id, secret })
  const unknown = formatApiKey('live', { id: 'abcdefghijkl', secret })
  const round = (text: string): number => {
    const startedNs = process.hrtime.bigint()
    for (let index = 0; index < 200; index += 1) assert.ok(isRefusal(verifier.verify(text, world.snapshot, '10.0.0.1')))
    return Number(process.hrtime.bigint() - startedNs)
  }
  // the quickest of many rounds, turn by turn: what a busy machine adds is in none of them
  let [quickestKnown, quickestUnknown] = [Infinity, Infinity]
  for (let index = 0; index < 100; index += 1) {
    quickestKnown = Math.min(quickestKnown, round(known))
    quickestUnknown = Math.min(quickestUnknown, round(unknown))
  }
  const ratio = quickestKnown / quickestUnknown
  assert.ok(ratio > 0.6 && ratio < 1.6, `${ratio}`)
})

test('and is answered with the same words', async () => {
  const world = makeWorld()
  const { record } = world.admin.create({ name: 'ci' })
  const answers = await Promise.all(
    [record.id, 'abcdefghijkl'].map(async (id) => await world.bearer(formatApiKey('live', { id, secret }))),
  )
  const [known, unknown] = answers.map((answer) => ({ ...answer, detail: '', claimedKey: '' }))
  for (const answer of answers) expectRefusal(answer, 'AUTHN_INVALID')
  assert.deepEqual(known, unknown)
})
