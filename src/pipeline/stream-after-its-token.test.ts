// A caller opens a stream with a token that is about to expire, and listens on: for as long as policy gives, and after
// a revocation not for a second.

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { buildSnapshot, configSchema, type ConfigInput } from '../config/config.ts'
import { FakeReply, settled } from '../../test/fakes/walk.ts'
import { expiryGraceMs } from './expiry-grace.ts'
import { messageParams, startFakeWalk, type FakeWalk } from './fake-walk.ts'

type Policy = NonNullable<ConfigInput['policy']>

const bindings = [{ role: 'user', callers: ['key:alice'] }]
const policyWith = (expiryGrace?: string): Policy => ({
  roles: [
    { name: 'user', rules: [{ agents: ['calculator'], operations: ['*'], ...(expiryGrace && { expiryGrace }) }] },
  ],
  bindings,
})

interface Open {
  readonly walk: FakeWalk
  readonly reply: FakeReply
  readonly over: Promise<unknown>
  beatAfter(this: void, milliseconds: number): void
}

/** A stream whose caller's credential expires 10 s after it began. */
async function open(t: TestContext, policy: Policy): Promise<Open> {
  const walk = await startFakeWalk({ config: { policy }, keysLastMs: 10_000 })
  t.after(() => walk.close())
  walk.agent = (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(': open\n\n')
  }
  const reply = new FakeReply()
  const over = walk.rpc('SendStreamingMessage', messageParams, { reply })
  while (walk.parts.heartbeat.size === 0) await settled()
  return {
    walk,
    reply,
    over,
    beatAfter(milliseconds) {
      walk.clock.advance(milliseconds)
      walk.parts.heartbeat.beat()
    },
  }
}

test('without a grace the stream ends with its token', async (t) => {
  const { beatAfter, reply, over, walk } = await open(t, policyWith())
  beatAfter(9_999)
  assert.equal(reply.ended, false)
  beatAfter(1)
  await over
  assert.match(reply.body, /"code":-32040/)
  assert.doesNotMatch(reply.body, /TASK_STATE/)
  assert.equal(walk.records.at(-1)?.code, 'AUTHN_INVALID')
})

test('with a grace it goes on for so long, and ends then', async (t) => {
  const { beatAfter, reply, over } = await open(t, policyWith('30s'))
  beatAfter(39_999)
  assert.equal(reply.ended, false)
  beatAfter(1)
  await over
  assert.match(reply.body, /"code":-32040/)
})

test('a revocation ends it at once, within the grace and before it', async (t) => {
  for (const afterMs of [1_000, 20_000]) {
    const { beatAfter, reply, over, walk } = await open(t, policyWith('30s'))
    beatAfter(afterMs)
    assert.equal(reply.ended, false)
    walk.revoke('alice')
    beatAfter(0)
    await over
    assert.match(reply.body, /"code":-32040/)
  }
})

test('a block, and a policy that does not allow it any more, end it within the grace', async (t) => {
  const blocked = await open(t, policyWith('30s'))
  blocked.beatAfter(20_000)
  blocked.walk.blocks.block('caller', 'key:alice')
  blocked.beatAfter(0)
  await blocked.over
  assert.match(blocked.reply.body, /"code":-32041/)
  const denied = await open(t, policyWith('30s'))
  denied.beatAfter(20_000)
  denied.walk.reload({ policy: { ...policyWith('30s'), bindings: [{ role: 'user', callers: ['key:bob'] }] } })
  denied.beatAfter(0)
  await denied.over
  assert.match(denied.reply.body, /"code":-32041/)
})

test('a grace that the policy in force takes away or shortens is gone, on streams that are open too', async (t) => {
  const taken = await open(t, policyWith('30s'))
  taken.beatAfter(20_000)
  taken.walk.reload({ policy: policyWith() })
  // the first beat hears of the policy, and that is within a second of it
  taken.beatAfter(1_000)
  taken.beatAfter(0)
  await taken.over
  assert.match(taken.reply.body, /"code":-32040/)
  const shortened = await open(t, policyWith('30s'))
  shortened.walk.reload({ policy: policyWith('5s') })
  shortened.beatAfter(14_999)
  assert.equal(shortened.reply.ended, false)
  shortened.beatAfter(1)
  await shortened.over
})

test('the shortest grace of the rules that have to allow it counts, and no other rule gives any', () => {
  const rule = (expiryGrace?: string): object => ({
    agents: ['*'],
    operations: ['*'],
    ...(expiryGrace && { expiryGrace }),
  })
  const { config } = buildSnapshot(
    configSchema.parse({
      policy: {
        roles: [
          { name: 'caller', rules: [rule('10s'), rule()] },
          { name: 'origin', rules: [rule('20s')] },
        ],
      },
    }),
  )
  const graceOf = (...allowedBy: string[]): number => expiryGraceMs(allowedBy, config)
  assert.equal(graceOf('caller#0'), 10_000)
  assert.equal(graceOf('caller#0', 'origin#0'), 10_000)
  assert.equal(graceOf('caller#1', 'origin#0'), 0)
  assert.equal(graceOf('origin#0', 'approval:a1'), 20_000)
  for (const name of ['caller#2', 'caller#-1', 'nobody#0', 'approval:a1', '__proto__#0'])
    assert.equal(graceOf(name), 0, name)
  assert.equal(graceOf(), 0)
})
