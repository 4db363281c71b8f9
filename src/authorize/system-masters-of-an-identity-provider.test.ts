// Names that mean something to a cluster, from somebody whom it never vouched for: an identity provider that puts
// system:masters into a token, a subject that reads like a service account, a key, another cluster, and a token that
// was verified here instead of there.

import assert from 'node:assert/strict'
import test from 'node:test'
import { accountOf, callBy, makeAuthority, originOf, personOf } from './fake-authority.ts'

const reserved = [
  personOf('user:corp/4f1c', ['group:corp/system:masters']),
  personOf('user:corp/4f1c', ['group:corp/analysts', 'group:corp/System:Masters']),
  personOf('user:corp/4f1c', ['group:corp/system:serviceaccounts']),
  personOf('user:corp/4f1c', ['group:corp/system:authenticated']),
  personOf('user:corp/system:serviceaccount:team-a:planner'),
  personOf('user:corp/system:admin'),
  personOf('user:corp/SYSTEM:admin'),
  personOf('key:system:admin'),
  // another cluster may name its own accounts, and nobody else
  { ...accountOf('stage'), groups: ['group:stage/system:masters'] },
  { ...accountOf('stage', 'team-a'), groups: ['group:stage/system:serviceaccounts:kube-system'] },
]

for (const [at, caller] of reserved.entries()) {
  test(`refuses ${caller.id} ${caller.groups.join()} without asking (${at})`, async () => {
    const fake = makeAuthority()
    fake.answer = () => ({ allowed: true })
    assert.match(await fake.ask(callBy(caller)), /begins with system:/)
    const onBehalf = callBy(personOf('key:ci'), { origin: originOf(caller.id, caller.groups) })
    assert.match(await fake.ask(onBehalf), /begins with system:/)
    assert.deepEqual(fake.asked, [])
    assert.equal(fake.authority.watch(callBy(caller)).isHeld(), false)
  })
}

test('system:masters may do everything in a cluster, and nobody of ours ever gets there', async () => {
  const fake = makeAuthority()
  for (const caller of [
    personOf('user:corp/4f1c', ['group:corp/masters']),
    personOf('user:corp/:system:masters', ['group:corp/ system:masters']),
    accountOf('stage'),
    personOf('spiffe://example.org/system:masters'),
  ]) {
    assert.notEqual(await fake.ask(callBy(caller)), '')
    const { user, groups } = fake.asked.at(-1) as { user: string; groups: string[] }
    for (const name of [user, ...groups]) assert.ok(name.startsWith('sallyport:'), name)
  }
})

test('a service account of another cluster is not the one of the same name here', async () => {
  const fake = makeAuthority()
  fake.grant({ name: 'r', subjects: [{ kind: 'ServiceAccount', name: 'planner', namespace: 'team-a' }] })
  assert.equal(await fake.ask(callBy(accountOf('prod'))), '')
  assert.match(await fake.ask(callBy(accountOf('stage'))), /sallyport:serviceaccount:stage\/team-a\/planner may not/)
  fake.grant({ name: 'staged', subjects: [{ kind: 'User', name: 'sallyport:serviceaccount:stage/team-a/planner' }] })
  fake.clock.advance(1_000)
  assert.equal(await fake.ask(callBy(accountOf('stage'))), '')
})

test('whom we verified by ourselves the cluster has not vouched for: prefixed', async () => {
  const fake = makeAuthority({ mode: 'jwks' })
  fake.grant({ name: 'r', subjects: [{ kind: 'ServiceAccount', name: 'planner', namespace: 'team-a' }] })
  const local = { ...accountOf(), reviewed: undefined }
  assert.match(await fake.ask(callBy(local)), /sallyport:serviceaccount:prod\/team-a\/planner may not/)
  fake.grant({ name: 'ci', subjects: [{ kind: 'User', name: 'sallyport:key:ci' }] })
  const onBehalf = callBy(personOf('key:ci'), { origin: originOf('serviceaccount:prod/team-a/planner') })
  assert.match(await fake.ask(onBehalf), /sallyport:serviceaccount:prod\/team-a\/planner may not/)
})

test('whoever bears a service account’s id by an alias is not that account to the cluster', async () => {
  const id = 'serviceaccount:prod/team-a/planner'
  const fake = makeAuthority({ isAlias: (each) => each === id })
  fake.grant({ name: 'r', subjects: [{ kind: 'ServiceAccount', name: 'planner', namespace: 'team-a' }] })
  fake.grant({ name: 'ci', subjects: [{ kind: 'User', name: 'sallyport:key:ci' }] })
  // a key that an alias ties to the account, by itself and as an origin
  assert.match(await fake.ask(callBy(personOf(id))), /sallyport:serviceaccount:prod/)
  assert.match(await fake.ask(callBy(personOf('key:ci'), { origin: originOf(id) })), /sallyport:serviceaccount:prod/)
  // the account itself, reviewed
  assert.equal(await fake.ask(callBy(accountOf())), '')
})
