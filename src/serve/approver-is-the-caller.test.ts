// Who is part of a call may not approve it, whatever else they are; nor may anybody who is no approver, or who cannot
// prove to be one. What was tried is recorded, and a grant is recorded before it holds.

import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { Approval } from '../authorize/authorize.ts'
import { createManualClock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import type { ApprovalAnswer, ApprovalMethods } from '../cli/ports.ts'
import { configSchema, type Config } from '../config/config.ts'
import { createApprovalMethods, decideApproval } from './approval-methods.ts'
import { home, open } from './fake-state.ts'
import type { State } from './state.ts'

interface World {
  readonly state: State
  readonly methods: ApprovalMethods
  readonly recorded: string[]
  readonly waiting: Approval
  readonly keyOf: (name: string) => string
  config: Config
  /** the ledger takes no more */
  isFull: boolean
}

async function make(t: TestContext, approvers: string[]): Promise<World> {
  const state = await open(home())
  t.after(() => state.close())
  const clock = createManualClock()
  const recorded: string[] = []
  const keys = new Map<string, string>()
  const waiting = state.approvals.request(
    {
      tag: Buffer.alloc(32, 1),
      caller: 'agent:concierge',
      origin: 'key:alice',
      chain: ['agent:planner'],
      agent: 'calculator',
      operation: 'SendMessage',
      task: '',
      rules: ['careful#0'],
      parts: [{ kind: 'text', size: 9 }],
    },
    60_000,
  )
  assert.ok(waiting)
  const audit: Pick<State['audit'], 'administered'> = {
    administered: (action) => {
      if (world.isFull) return Promise.reject(new Fault('LEDGER_FULL', 'full'))
      recorded.push(`${action} while ${state.approvals.get(waiting.id)?.state ?? 'gone'}`)
      return Promise.resolve({ origin: 'o', index: 0, leafHash: 'h' })
    },
  }
  const world: World = {
    state,
    // of the trail only this one is used
    methods: createApprovalMethods({ ...state, audit: audit as State['audit'] }, { clock, config: () => world.config }),
    recorded,
    waiting,
    keyOf: (name) => {
      const key = keys.get(name) ?? state.keys.create({ name }).key
      keys.set(name, key)
      return key
    },
    config: configSchema.parse({ approvals: { approvers } }),
    isFull: false,
  }
  return world
}

const kindOf = (answer: ApprovalAnswer): string => (answer.kind === 'done' ? answer.approval.state : answer.why)

test('caller, origin and the agents between may not approve, also where every key may', async (t) => {
  const world = await make(t, ['key:*', 'agent:*'])
  const { id } = world.waiting
  const asked = await world.methods['approval.grant']({ id, reason: '', approver: world.keyOf('alice') })
  assert.equal(kindOf(asked), 'key:alice is part of this call')
  for (const party of ['agent:concierge', 'agent:planner']) {
    const by = { id: party, credential: 'login' }
    const options = { clock: createManualClock(), config: () => world.config }
    const answer = await decideApproval(world.state, options, { id, verdict: 'granted', reason: '' }, by)
    assert.equal(kindOf(answer), `${party} is part of this call`)
  }
  assert.equal(world.state.approvals.get(id)?.state, 'pending')
  assert.deepEqual(world.recorded, ['approval.refused while pending'])
})

test('nobody approves who is not named, or shows no key, a false one or a revoked one', async (t) => {
  const world = await make(t, ['key:carol', 'group:corp/leads'])
  const { id } = world.waiting
  const revoked = world.keyOf('carol')
  world.state.keys.revoke(revoked)
  const wrong = [world.keyOf('dave'), '', 'key:carol', revoked, `${revoked}x`]
  for (const verdict of ['approval.grant', 'approval.deny'] as const)
    for (const approver of wrong) {
      const answer = await world.methods[verdict]({ id, reason: '', approver })
      assert.equal(kindOf(answer), 'this is no valid key of an approver')
    }
  world.config = configSchema.parse({})
  const nobody = await world.methods['approval.grant']({
    id,
    reason: '',
    approver: world.state.keys.create({ name: 'carol' }).key,
  })
  assert.equal(nobody.kind, 'refused')
  assert.equal(world.state.approvals.get(id)?.state, 'pending')
})

test('a grant is recorded before it holds, a denial holds before it is recorded', async (t) => {
  for (const verdict of ['grant', 'deny'] as const) {
    const world = await make(t, ['key:carol'])
    const { id } = world.waiting
    const approver = world.keyOf('carol')
    const answer = await world.methods[`approval.${verdict}`]({ id, reason: 'seen', approver })
    assert.equal(kindOf(answer), verdict === 'grant' ? 'granted' : 'denied')
    assert.deepEqual(world.recorded, [`approval.${verdict} while ${verdict === 'grant' ? 'pending' : 'denied'}`])
    const again = await world.methods['approval.grant']({ id, reason: '', approver })
    assert.equal(kindOf(again), 'no call waits under this id')
  }
})

test('where a grant cannot be recorded there is none', async (t) => {
  const world = await make(t, ['key:carol'])
  const { id } = world.waiting
  world.isFull = true
  await assert.rejects(world.methods['approval.grant']({ id, reason: '', approver: world.keyOf('carol') }))
  assert.equal(world.state.approvals.get(id)?.state, 'pending')
})

test('what names an erased subject is forgotten', async (t) => {
  const world = await make(t, [])
  assert.equal(world.state.approvals.forget('key:nobody'), 0)
  for (const party of ['agent:planner']) assert.equal(world.state.approvals.forget(party), 1)
  assert.deepEqual(world.state.approvals.list(), [])
})
