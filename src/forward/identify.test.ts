// What an agent gets to hear of who calls, in each way that can be configured; and that agents outside hear names that
// say nothing and cannot be put together.

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { jwtVerify } from 'jose'
import { createManualClock } from '../base/clock.ts'
import { isRefusal } from '../refusal/refusal.ts'
import { admittedOf, publicUrl, snapshotOf, type FakeAdmitted } from '../../test/fakes/walk.ts'
import { createDialler } from './dialler.ts'
import { identify } from './identify.ts'
import { createAssertionSigner } from './mint-assertion.ts'
import { createUpstream } from './upstream.ts'

const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const signer = createAssertionSigner(pair.privateKey)
const clock = createManualClock(Date.now())
const dialler = createDialler()
const master: Buffer = Buffer.alloc(32, 9)

interface Heard {
  readonly header: string
  readonly claims: Record<string, unknown>
}

const acting: FakeAdmitted = {
  caller: 'agent:planner',
  origin: 'user:corp/alice',
  chain: ['agent:broker'],
  taskId: 't1',
  taskOwner: { caller: 'key:bob', origin: 'key:bob' },
}

async function hear(assertion: object, name = 'calculator', call = acting, secret = master): Promise<Heard> {
  const snapshot = snapshotOf({ agents: [{ name, url: 'http://127.0.0.1:9/', assertion }] })
  const [agent] = snapshot.config.agents
  assert.ok(agent)
  const isPairwise = agent.assertion.subject === 'pairwise'
  const upstream = createUpstream(agent, { ...(isPairwise && { pairwise: secret }) }, dialler, clock)
  const admitted = admittedOf({ ...call, snapshot })
  Object.assign(admitted.origin, { groups: ['group:corp/analysts'] })
  Object.assign(admitted, { scope: { agents: [name, 'payroll'] } })
  const given = await identify(admitted, upstream, { clock, signer })
  upstream.release()
  assert.ok(!isRefusal(given))
  const [header = '', value = ''] = given
  const { payload } = await jwtVerify(value.replace(/^Bearer /, ''), pair.publicKey, {
    issuer: publicUrl,
    audience: `agent:${name}`,
    typ: 'sallyport-assertion+jwt',
    currentDate: new Date(clock.nowMs()),
  })
  return { header, claims: payload }
}

test('by header unless something else is said, with everything', async () => {
  const { header, claims } = await hear({})
  assert.equal(header, 'sallyport-caller-assertion')
  assert.equal(claims['sub'], 'user:corp/alice')
  assert.deepEqual(claims['act'], { sub: 'agent:planner', act: { sub: 'agent:broker' } })
  assert.deepEqual(claims['groups'], ['group:corp/analysts'])
  assert.deepEqual(claims['task_owner'], { caller: 'key:bob', origin: 'key:bob' })
  assert.deepEqual(claims['narrowed'], { agents: ['calculator', 'payroll'] })
  assert.equal(claims['partial'], undefined)
})

test('as a bearer token where that is configured', async () => {
  const { header, claims } = await hear({ as: 'bearer' })
  assert.equal(header, 'authorization')
  assert.equal(claims['sub'], 'user:corp/alice')
})

test('with the least claims there are no groups, no owners and no names of other agents', async () => {
  const { claims } = await hear({ claims: 'minimal' })
  assert.equal(claims['sub'], 'user:corp/alice')
  for (const name of ['groups', 'task_owner', 'narrowed']) assert.equal(claims[name], undefined, name)
  assert.equal(claims['partial'], true)
})

test('nobody is named in clear to an agent with pairwise names', async () => {
  const { claims } = await hear({ subject: 'pairwise' })
  const text = JSON.stringify(claims)
  for (const name of ['alice', 'bob', 'planner', 'broker', 'analysts', 'payroll'])
    assert.equal(text.includes(name), false, name)
  assert.match(String(claims['sub']), /^pairwise:[A-Za-z0-9_-]{43}$/)
  const { act, task_owner } = claims as { act: { sub: string; act: { sub: string } }; task_owner: { caller: string } }
  const names = [claims['sub'], act.sub, act.act.sub, task_owner.caller]
  assert.equal(new Set(names).size, 4)
})

test('a pairwise name is the same at every call, and another at every other agent', async () => {
  const subjectAt = async (assertion: object, name?: string, secret?: Buffer): Promise<unknown> =>
    (await hear({ subject: 'pairwise', ...assertion }, name, acting, secret)).claims['sub']
  const here = await subjectAt({})
  assert.equal(await subjectAt({}), here)
  assert.equal(await subjectAt({ as: 'bearer' }), here)
  assert.notEqual(await subjectAt({}, 'vault'), here)
  assert.notEqual(await subjectAt({}, 'calculator', Buffer.alloc(32, 1)), here)
  const shared = await subjectAt({ sector: 'partner' })
  assert.notEqual(shared, here)
  assert.equal(await subjectAt({ sector: 'partner' }, 'vault'), shared)
})
