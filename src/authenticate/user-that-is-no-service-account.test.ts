// A review vouches for somebody who is not exactly a service account: a name with more colons, of another form, or a
// person of the cluster. Nothing may make a principal of ours out of it.

import assert from 'node:assert/strict'
import test from 'node:test'
import { goodStatus, makeAccounts } from '../../test/fakes/service-accounts.ts'
import { parseAccount } from './describe-account.ts'

const usernames = [
  'system:serviceaccount:team-a:planner:extra',
  'system:serviceaccount:team-a:planner:',
  'system:serviceaccount::planner',
  'system:serviceaccount:team-a:',
  'system:serviceaccount:team-a',
  'system:serviceaccount:team-a/planner',
  'system:serviceaccount:team-a:plan/ner',
  'system:serviceaccount:team-a:../planner',
  'system:serviceaccount:team-a:plan..ner',
  'system:serviceaccount:team-a:-planner',
  'system:serviceaccount:team.a:planner',
  'system:serviceaccount:Team-A:planner',
  'system:serviceaccount:team-a:planner\n',
  'system:serviceaccount:team-a:plan%2fner',
  ' system:serviceaccount:team-a:planner',
  'xsystem:serviceaccount:team-a:planner',
  'SYSTEM:serviceaccount:team-a:planner',
  `system:serviceaccount:${'a'.repeat(64)}:planner`,
  'system:admin',
  'kubernetes-admin',
  '',
]

for (const username of usernames) {
  test(`refuses ${JSON.stringify(username)}`, async () => {
    const accounts = makeAccounts()
    accounts.answer = () => goodStatus({}, { username })
    assert.match(await accounts.refuses(accounts.token()), /not a service account/)
  })
}

test('names with dots are service accounts, as Kubernetes has them', () => {
  assert.deepEqual(parseAccount('system:serviceaccount:ns:a.b-c'), { namespace: 'ns', name: 'a.b-c' })
})

test('a name, groups or evidence of another type make nobody', async () => {
  for (const user of [
    { username: ['system:serviceaccount:team-a:planner'] },
    { groups: 'system:masters' },
    { groups: [1] },
    { groups: [''] },
    { groups: ['a\u0000b'] },
    { groups: Array.from({ length: 257 }, (_, at) => `g${at}`) },
    { groups: Array.from({ length: 30 }, (_, at) => `${at}${'x'.repeat(250)}`) },
    { uid: 7 },
    { extra: [] },
    { extra: { 'authentication.kubernetes.io/pod-uid': 'pod-uid' } },
    { extra: { 'authentication.kubernetes.io/pod-uid': ['one', 'two'] } },
  ]) {
    const accounts = makeAccounts()
    accounts.answer = () => goodStatus({}, user)
    await accounts.refuses(accounts.token())
  }
})
