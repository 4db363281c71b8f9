// A state with one call that waits for its approval, the methods that decide about it, and blocks, keys and a
// configuration that a test changes meanwhile.

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { Approval, ApprovalRequest } from '../authorize/authorize.ts'
import { createManualClock, type ManualClock } from '../base/clock.ts'
import { buildSnapshot, configSchema, type Config, type ConfigInput } from '../config/config.ts'
import { createApprovalMethods, decideApproval } from './approval-methods.ts'
import { findLapse } from './approvers.ts'
import { home, open } from './fake-state.ts'
import type { State } from './state.ts'

export interface FakeApprovals {
  readonly state: State
  readonly clock: ManualClock
  readonly waiting: Approval
  config: Config
  readonly configure: (input: ConfigInput) => void
  readonly block: (id: string) => void
  /** '' when it was granted, otherwise why not */
  readonly grantByLogin: (id: string, groups?: readonly string[]) => Promise<string>
  readonly grantByKey: (key: string) => Promise<string>
  /** why the grant does not count */
  readonly lapse: () => string | undefined
}

export async function fakeApprovals(
  t: TestContext,
  input: ConfigInput,
  call: Partial<ApprovalRequest> = {},
): Promise<FakeApprovals> {
  const state = await open(home())
  t.after(() => state.close())
  const clock = createManualClock()
  const request: ApprovalRequest = {
    tag: Buffer.alloc(32, 1),
    caller: 'key:alice',
    origin: call.caller ?? 'key:alice',
    chain: [],
    agent: 'pay',
    operation: 'SendMessage',
    task: '',
    rules: ['payer#0'],
    parts: [],
    ...call,
  }
  const waiting = state.approvals.request(request, 60_000) ?? assert.fail()
  const options = { clock, config: (): Config => world.config }
  const methods = createApprovalMethods(state, options)
  const { id } = waiting
  const world: FakeApprovals = {
    state,
    clock,
    waiting,
    config: configSchema.parse(input),
    configure: (next) => (world.config = configSchema.parse(next)),
    block: (blocked) =>
      state.blocks.add({ kind: 'caller', id: blocked, reason: '', sinceMs: clock.nowMs(), untilMs: Infinity }),
    grantByLogin: async (who, groups = []) => {
      const by = { id: who, groups, credential: 'session' }
      const answer = await decideApproval(state, options, { id, verdict: 'granted', reason: '' }, by)
      return answer.kind === 'done' ? '' : answer.why
    },
    grantByKey: async (approver) => {
      const answer = await methods['approval.grant']({ id, reason: '', approver })
      return answer.kind === 'done' ? '' : answer.why
    },
    lapse: () => {
      const granted = state.approvals.get(id)
      if (granted?.state !== 'granted') return 'not granted'
      const snapshot = buildSnapshot(world.config)
      return findLapse(state, granted, {
        snapshot,
        nowMs: clock.nowMs(),
        patterns: world.config.approvals.approvers,
      })
    },
  }
  return world
}
