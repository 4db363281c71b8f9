import assert from 'node:assert/strict'
import test from 'node:test'
import { operationNames } from '../a2a/operations.ts'
import { settled } from '../../test/fakes/walk.ts'
import { verbOf } from './cluster-verbs.ts'
import { accountOf, callBy, makeAuthority, originOf, personOf } from './fake-authority.ts'

const planner = { kind: 'ServiceAccount', name: 'planner', namespace: 'team-a' }

test('a rolebinding grants one verb on one agent to a service account of the cluster, under its own name', async () => {
  const fake = makeAuthority()
  assert.match(await fake.ask(callBy(accountOf())), /RBAC of prod: system:serviceaccount:team-a:planner may not send/)
  fake.clock.advance(1_000)
  fake.grant({ name: 'caller', agents: ['calculator'], subjects: [planner] })
  assert.equal(await fake.ask(callBy(accountOf())), '')
  assert.deepEqual(fake.asked.at(-1), {
    user: 'system:serviceaccount:team-a:planner',
    uid: 'account-uid',
    groups: ['system:serviceaccounts', 'system:serviceaccounts:team-a', 'system:authenticated'],
    extra: { 'example.org/pod-uid': ['p'] },
    resourceAttributes: {
      group: 'agents.sallyport.dev',
      version: 'v1',
      resource: 'agents',
      name: 'calculator',
      namespace: 'agents',
      verb: 'send',
    },
  })
  assert.notEqual(await fake.ask(callBy(accountOf(), { agentName: 'vault' })), '')
  assert.notEqual(await fake.ask(callBy(accountOf(), { agentName: 'elsewhere' })), '')
  assert.notEqual(await fake.ask(callBy(accountOf(), { operation: 'SendStreamingMessage' })), '')
  assert.notEqual(await fake.ask(callBy(accountOf('prod', 'team-a', 'other'))), '')
  assert.notEqual(await fake.ask(callBy(accountOf('prod', 'team-b'))), '')
})

test('every operation has a verb of its own, and none that the API server uses itself', () => {
  const verbs = operationNames.map((name) => verbOf[name])
  assert.equal(new Set(verbs).size, operationNames.length)
  const own =
    'get list watch create update patch delete deletecollection proxy use bind escalate impersonate approve sign'
  for (const verb of verbs) assert.ok(!own.split(' ').includes(verb) && /^[a-z-]+$/.test(verb), verb)
})

test('each verb grants its operation and no other', async () => {
  for (const granted of operationNames) {
    const fake = makeAuthority()
    fake.grant({ name: 'r', verbs: [verbOf[granted]], subjects: [planner] })
    for (const operation of operationNames) {
      const isAllowed = (await fake.ask(callBy(accountOf(), { operation }))) === ''
      assert.equal(isAllowed, operation === granted, `${granted} and ${operation}`)
    }
  }
})

test('an agent’s own namespace is where rights on it are given', async () => {
  const fake = makeAuthority()
  fake.grant({ name: 'r', namespace: 'other', subjects: [planner] })
  assert.equal(await fake.ask(callBy(accountOf(), { agentName: 'elsewhere' })), '')
  assert.notEqual(await fake.ask(callBy(accountOf())), '')
})

test('everybody else is known under a prefix, groups too', async () => {
  const fake = makeAuthority()
  fake.grant({ name: 'user', subjects: [{ kind: 'User', name: 'sallyport:user:corp/4f1c' }] })
  fake.grant({ name: 'group', subjects: [{ kind: 'Group', name: 'sallyport:group:corp/analysts' }] })
  assert.equal(await fake.ask(callBy(personOf('user:corp/4f1c'))), '')
  assert.equal(await fake.ask(callBy(personOf('user:corp/other', ['group:corp/analysts']))), '')
  assert.notEqual(await fake.ask(callBy(personOf('user:corp/other', ['group:labs/analysts']))), '')
  assert.notEqual(await fake.ask(callBy(personOf('user:corp/sallyport:user:corp/4f1c'))), '')
  assert.notEqual(await fake.ask(callBy(personOf('key:4f1c'))), '')
})

test('caller and origin both need the right', async () => {
  const fake = makeAuthority()
  const call = callBy(accountOf(), { origin: originOf('user:corp/4f1c', ['group:corp/analysts']) })
  fake.grant({ name: 'caller', subjects: [planner] })
  assert.match(await fake.ask(call), /sallyport:user:corp\/4f1c may not/)
  fake.clock.advance(1_000)
  fake.grant({ name: 'origin', subjects: [{ kind: 'Group', name: 'sallyport:group:corp/analysts' }] })
  assert.equal(await fake.ask(call), '')
  const other = callBy(personOf('key:ci'), { origin: originOf('user:corp/4f1c', ['group:corp/analysts']) })
  assert.match(await fake.ask(other), /sallyport:key:ci may not/)
})

test('an origin of the cluster has its own name, and the groups that follow from it, whatever an assertion carried', async () => {
  const fake = makeAuthority()
  fake.grant({ name: 'caller', subjects: [{ kind: 'User', name: 'sallyport:agent:concierge' }] })
  fake.grant({ name: 'origin', subjects: [planner] })
  fake.grant({ name: 'admins', verbs: ['*'], subjects: [{ kind: 'Group', name: 'admins' }] })
  const origin = originOf('serviceaccount:prod/team-a/planner', ['group:prod/admins', 'group:prod/system:masters'])
  assert.equal(await fake.ask(callBy(personOf('agent:concierge'), { origin })), '')
  assert.deepEqual(fake.asked.at(-1)?.['groups'], [
    'system:serviceaccounts',
    'system:serviceaccounts:team-a',
    'system:authenticated',
  ])
  const cancel = callBy(personOf('agent:concierge'), { origin, operation: 'CancelTask' })
  assert.notEqual(await fake.ask(cancel), '')
})

test('an agent that its cluster vouched for is asked about as its service account', async () => {
  const fake = makeAuthority()
  fake.grant({ name: 'caller', subjects: [planner] })
  assert.equal(await fake.ask(callBy({ ...accountOf(), id: 'agent:planner' })), '')
})

test('a send with a push configuration in it needs both rights', async () => {
  const fake = makeAuthority()
  fake.grant({ name: 'caller', subjects: [planner] })
  assert.match(await fake.ask(callBy(accountOf(), { inlinePush: true })), /may not create-push/)
  fake.clock.advance(1_000)
  fake.grant({ name: 'push', verbs: ['create-push'], subjects: [planner] })
  assert.equal(await fake.ask(callBy(accountOf(), { inlinePush: true })), '')
})

test('permissions are believed for ten seconds and answered at once, denials for one second', async () => {
  const fake = makeAuthority()
  fake.grant({ name: 'caller', subjects: [planner] })
  const call = callBy(accountOf())
  await fake.ask(call)
  fake.clock.advance(9_999)
  assert.equal(fake.authority.review(call), undefined)
  assert.equal(fake.asked.length, 1)
  fake.rbac.splice(0)
  fake.clock.advance(1)
  assert.notEqual(await fake.ask(call), '')
  fake.grant({ name: 'caller', subjects: [planner] })
  assert.notEqual(await fake.ask(call), '')
  fake.clock.advance(1_000)
  assert.equal(await fake.ask(call), '')
  assert.equal(fake.asked.length, 3)
})

test('many calls at once are one question', async () => {
  const fake = makeAuthority()
  fake.grant({ name: 'caller', subjects: [planner] })
  const call = callBy(accountOf())
  await Promise.all(Array.from({ length: 100 }, () => fake.ask(call)))
  assert.equal(fake.asked.length, 1)
})

test('an answer for one pod is none for another', async () => {
  const fake = makeAuthority()
  fake.grant({ name: 'caller', subjects: [planner] })
  await fake.ask(callBy(accountOf()))
  const other = accountOf()
  await fake.ask(callBy({ ...other, reviewed: { ...other.reviewed!, extra: { 'example.org/pod-uid': ['q'] } } }))
  assert.equal(fake.asked.length, 2)
})

test('an open stream is asked about again in time, and ends with the rolebinding', async () => {
  const fake = makeAuthority()
  fake.grant({ name: 'caller', subjects: [planner] })
  const call = callBy(accountOf())
  await fake.ask(call)
  const watches = Array.from({ length: 20 }, () => fake.authority.watch(call))
  const beat = async (): Promise<boolean> => {
    fake.clock.advance(1_000)
    const held = watches.map((watch) => watch.isHeld())
    await settled()
    assert.equal(new Set(held).size, 1)
    return held[0]!
  }
  for (let second = 1; second <= 60; second += 1) assert.equal(await beat(), true)
  assert.ok(fake.asked.length <= 14, String(fake.asked.length))
  fake.rbac.splice(0)
  let seconds = 1
  while (await beat()) seconds += 1
  assert.ok(seconds < 10, String(seconds))
})

test('a watch that goes on under another authority is not good for longer', async () => {
  const fake = makeAuthority()
  fake.grant({ name: 'caller', subjects: [planner] })
  const call = callBy(accountOf())
  await fake.ask(call)
  let watch = fake.authority.watch(call)
  fake.clock.advance(1)
  const silent = makeAuthority({ clock: fake.clock })
  silent.answer = () => Promise.reject(new Error('down'))
  for (let reload = 0; reload < 3; reload += 1) {
    fake.clock.advance(3_000)
    watch = silent.authority.watch(call, watch.confirmedAtMs)
    assert.equal(watch.isHeld(), reload < 2 || fake.clock.monotonicMs() <= 9_000)
    await settled()
  }
  fake.clock.advance(1_000)
  assert.equal(silent.authority.watch(call, watch.confirmedAtMs).isHeld(), false)
})
