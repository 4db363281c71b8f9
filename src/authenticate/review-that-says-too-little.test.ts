// An API server (or what stands in its place) answers a TokenReview with less, or other, than was asked for.

import assert from 'node:assert/strict'
import test from 'node:test'
import type { JsonObject } from '../base/strict-json.ts'
import { goodStatus, makeAccounts } from '../../test/fakes/service-accounts.ts'

const { audiences: _, ...withoutAudiences } = goodStatus()

const refused: Readonly<Record<string, JsonObject>> = {
  'no audience: the token is valid for the API server itself': goodStatus({ audiences: [] }),
  'audiences left out': withoutAudiences,
  'the audience of somebody else': goodStatus({ audiences: ['https://kubernetes.default.svc', 'vault'] }),
  'an audience that only begins like ours': goodStatus({ audiences: ['sallyport-2', 'SALLYPORT', ' sallyport'] }),
  'audiences as text': goodStatus({ audiences: 'sallyport' }),
  'audiences of another type': goodStatus({ audiences: [['sallyport']] }),
  'authenticated as text': goodStatus({ authenticated: 'true' }),
  'authenticated as number': goodStatus({ authenticated: 1 }),
  'authenticated left out': goodStatus({ authenticated: null }),
  'not authenticated, and all the rest is good': goodStatus({ authenticated: false }),
  'authenticated with an error': goodStatus({ error: 'the webhook timed out' }),
  'no user': goodStatus({ user: null }),
  'a user as text': goodStatus({ user: 'system:serviceaccount:team-a:planner' }),
  'nothing at all': {},
}

for (const [name, status] of Object.entries(refused)) {
  test(`refuses ${name}`, async () => {
    const accounts = makeAccounts()
    accounts.answer = () => status
    await accounts.refuses(accounts.token())
    accounts.answer = () => goodStatus()
    accounts.clock.advance(1_000)
    await accounts.passes(accounts.token())
  })
}

test('an audience of ours among others is enough', async () => {
  const accounts = makeAccounts()
  accounts.answer = () => goodStatus({ audiences: ['other', 'sallyport'] })
  assert.equal((await accounts.passes(accounts.token())).credential, 'prod')
})
