import assert from 'node:assert/strict'
import test from 'node:test'
import {
  clusterInput,
  clusterIssuer,
  goodStatus,
  makeAccounts,
  snapshotWith,
} from '../../test/fakes/service-accounts.ts'
import { craftToken, ecKey, jwkOf } from '../../test/fakes/identity.ts'

test('a service account is known by cluster, namespace and name, and its pod is in the evidence', async () => {
  const accounts = makeAccounts()
  const caller = await accounts.passes(accounts.token())
  assert.equal(caller.id, 'serviceaccount:prod/team-a/planner')
  assert.equal(caller.method, 'service-account')
  assert.equal(caller.credential, 'prod')
  assert.deepEqual(caller.groups, [
    'group:prod/system:serviceaccounts',
    'group:prod/system:serviceaccounts:team-a',
    'group:prod/system:authenticated',
  ])
  assert.deepEqual(caller.evidence, {
    podName: 'planner-0',
    podUid: 'pod-uid',
    nodeName: 'node-1',
    credentialId: 'JTI=1',
    accountUid: 'account-uid',
  })
  assert.equal(caller.expiresAtMs, accounts.clock.nowMs() + 3_600_000)
  assert.equal(caller.reviewed?.username, 'system:serviceaccount:team-a:planner')
  assert.deepEqual(accounts.asked, [
    { cluster: 'prod', audiences: ['sallyport'], isUrgent: false, connection: 'first' },
  ])
})

test('a token of no configured cluster is somebody else’s to prove, and nobody is asked', async () => {
  const accounts = makeAccounts()
  for (const token of [
    accounts.token({ iss: 'https://idp.example.com' }),
    accounts.token({ iss: [clusterIssuer] }),
    'opaque',
    'a.b.c',
    '',
  ])
    assert.equal(await accounts.verify(token), undefined)
  accounts.snapshot = snapshotWith([])
  assert.equal(await accounts.verify(accounts.token()), undefined)
  assert.deepEqual(accounts.asked, [])
})

test('an answer is believed for ten seconds, and then asked for again', async () => {
  const accounts = makeAccounts()
  const token = accounts.token()
  await accounts.passes(token)
  accounts.clock.advance(9_999)
  assert.ok(!(accounts.verifier.verify(token, accounts.snapshot, 's') instanceof Promise))
  assert.equal(accounts.asked.length, 1)
  accounts.clock.advance(1)
  await accounts.passes(token)
  assert.equal(accounts.asked.length, 2)
})

test('many calls with one new token are one question', async () => {
  const accounts = makeAccounts()
  const token = accounts.token()
  const callers = await Promise.all(Array.from({ length: 100 }, () => accounts.passes(token)))
  assert.equal(new Set(callers).size, 1)
  assert.equal(accounts.asked.length, 1)
})

test('a token that has expired is refused without a question, also when it was proven before', async () => {
  const accounts = makeAccounts()
  const token = accounts.token()
  await accounts.passes(token)
  accounts.clock.advance(3_600_000)
  assert.match(await accounts.refuses(token), /expired/)
  assert.equal(accounts.asked.length, 1)
})

test('another configuration of the cluster means another question', async () => {
  const accounts = makeAccounts()
  const token = accounts.token({ aud: ['sallyport', 'other'] })
  await accounts.passes(token)
  accounts.snapshot = snapshotWith([{ ...clusterInput, audience: 'other' }])
  assert.match(await accounts.refuses(token), /another audience/)
  accounts.snapshot = snapshotWith([clusterInput])
  await accounts.passes(token)
  assert.equal(accounts.asked.length, 2)
})

test('clusters of one issuer are told apart by audience, and a token for both is for neither', async () => {
  const accounts = makeAccounts([clusterInput, { ...clusterInput, name: 'stage', audience: 'sallyport-stage' }])
  accounts.answer = (_token, cluster) =>
    goodStatus({ audiences: [cluster === 'prod' ? 'sallyport' : 'sallyport-stage'] })
  assert.equal((await accounts.passes(accounts.token())).credential, 'prod')
  const staged = await accounts.passes(accounts.token({ aud: 'sallyport-stage' }))
  assert.equal(staged.id, 'serviceaccount:stage/team-a/planner')
  assert.match(await accounts.refuses(accounts.token({ aud: ['sallyport', 'sallyport-stage'] })), /two clusters/)
  assert.deepEqual(
    accounts.asked.map(({ cluster }) => cluster),
    ['prod', 'stage'],
  )
})

const local = { ...clusterInput, mode: 'jwks' as const, algorithms: ['ES256' as const] }

test('mode jwks proves a token by the cluster’s keys, asks no review, and passes nothing on as if reviewed', async () => {
  const accounts = makeAccounts([local])
  accounts.keySet = () => Promise.resolve(Buffer.from(JSON.stringify({ keys: [jwkOf(ecKey)] })))
  const claims = JSON.parse(Buffer.from(accounts.token().split('.')[1]!, 'base64url').toString()) as object
  const bound = {
    namespace: 'team-a',
    pod: { name: 'planner-0', uid: 'pod-uid' },
    serviceaccount: { name: 'planner', uid: 'u' },
  }
  const token = craftToken({ alg: 'ES256', kid: 'ec-1' }, { ...claims, jti: '7', 'kubernetes.io': bound }, ecKey)
  const caller = await accounts.passes(token)
  assert.equal(caller.id, 'serviceaccount:prod/team-a/planner')
  assert.equal(caller.reviewed, undefined)
  assert.deepEqual(caller.evidence, {
    podName: 'planner-0',
    podUid: 'pod-uid',
    credentialId: 'JTI=7',
    accountUid: 'u',
    verified: 'locally',
  })
  assert.equal(accounts.asked.length, 0)
  await accounts.refuses(accounts.token())
  // without a signature it is no token at all, and nobody proves it
  assert.equal(await accounts.verify(craftToken({ alg: 'none' }, claims)), undefined)
  await accounts.refuses(craftToken({ alg: 'ES256', kid: 'ec-1' }, { ...claims, aud: 'other' }, ecKey))
  const forged = craftToken({ alg: 'HS256', kid: 'ec-1' }, claims, { hmac: 'x' })
  await accounts.refuses(forged)
})

test('mode jwks without keys refuses', async () => {
  const accounts = makeAccounts([local])
  await accounts.refuses(accounts.token())
})
