// Laws that hold for every policy and every call: a deny more never allows more, a rule more never denies more, order
// does not matter, and whoever asks why gets the answer that the call got.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import type { JsonObject } from '../base/strict-json.ts'
import type { AgentConfig } from '../config/config.ts'
import { isRefusal } from '../refusal/refusal.ts'
import { authorize, decideAgain } from './authorize.ts'
import { explain } from './explain.ts'
import { type FakeCall, fakeCall, fakeOwnership, fakeSources, policyOf, type PolicyText } from './fake-call.ts'
import { owners, someCall, someDeny, somePolicy, someRule } from './fake-traffic.ts'
import { metadataText, relationOf } from './policy-input.ts'

const ownership = fakeOwnership(owners)

function ask(policy: PolicyText, call: FakeCall): { code: string; input: JsonObject } {
  const result = authorize(fakeCall(call), policyOf(policy), fakeSources(owners))
  return { code: isRefusal(result) ? result.code : 'allowed', input: result.policyInput ?? {} }
}
/** What a call would be answered by. */
function wordFor(of: {
  allowed: boolean
  approvals?: readonly string[]
  code?: string | undefined
}): string | undefined {
  if (!of.allowed) return of.code
  return of.approvals?.length === 0 ? 'allowed' : 'AUTHZ_APPROVAL_REQUIRED'
}
const codeOf = (policy: PolicyText, call: FakeCall): string => ask(policy, call).code

/** As the call's own input has it. */
function metadataOf(sent: JsonObject | undefined): Record<string, string | null> {
  return Object.fromEntries(Object.entries(sent ?? {}).map(([key, value]) => [key, metadataText(value)]))
}

const bounds = { numRuns: 1000, interruptAfterTimeLimit: 2_000 }

describe('whatever policy and whatever call', () => {
  it('both answers come, and denials are the more', () => {
    const counts = { allowed: 0, refused: 0 }
    fc.assert(
      fc.property(somePolicy, someCall, (policy, call) => {
        counts[codeOf(policy, call) === 'allowed' ? 'allowed' : 'refused'] += 1
      }),
      bounds,
    )
    assert.ok(counts.allowed > 20 && counts.refused > counts.allowed, JSON.stringify(counts))
  })
  it('a deny more never allows more', () => {
    fc.assert(
      fc.property(somePolicy, someCall, someDeny, (policy, call, deny) => {
        const more = { ...policy, denies: [...policy.denies, { name: 'more', ...deny }] }
        if (codeOf(policy, call) !== 'allowed') assert.notEqual(codeOf(more, call), 'allowed')
      }),
      bounds,
    )
  })
  it('a rule more never denies more', () => {
    fc.assert(
      fc.property(somePolicy, someCall, someRule, fc.nat(2), (policy, call, rule, at) => {
        const roles = policy.roles.map((role, index) =>
          index === at ? { ...role, rules: [...role.rules, rule] } : role,
        )
        fc.pre(rule.requireApproval !== true)
        if (codeOf(policy, call) === 'allowed') assert.equal(codeOf({ ...policy, roles }, call), 'allowed')
      }),
      bounds,
    )
  })
  it('the order of roles, rules, bindings and denies does not matter', () => {
    fc.assert(
      fc.property(somePolicy, someCall, (policy, call) => {
        const turned = {
          roles: policy.roles.toReversed().map((role) => ({ ...role, rules: role.rules.toReversed() })),
          bindings: policy.bindings.toReversed(),
          denies: policy.denies.toReversed(),
        }
        assert.equal(codeOf(turned, call), codeOf(policy, call))
      }),
      bounds,
    )
  })
  it('its record decides the same again', () => {
    fc.assert(
      fc.property(somePolicy, someCall, (policy, call) => {
        const { code, input } = ask(policy, call)
        const again = decideAgain(policyOf(policy), JSON.parse(JSON.stringify(input)) as JsonObject)
        assert.equal(wordFor(again), code)
        assert.notEqual(again.notRecorded, true)
      }),
      bounds,
    )
  })
  it('an explanation of it agrees', () => {
    // identities act as agents by their configured name
    const nobody: ReadonlyMap<string, AgentConfig> = new Map()
    fc.assert(
      fc.property(somePolicy, someCall, (policy, call) => {
        // explain asks about tasks alone, by whose they are, and knows no groups of owners
        fc.pre((call.contextId ?? '') === '')
        const made = fakeCall(call)
        const task = made.taskId === '' ? undefined : ownership.task('', '', made.taskId)
        fc.pre(
          task === undefined ||
            !policy.roles.some(({ rules }) => rules.some(({ owner }) => owner?.startsWith('group:'))),
        )
        const { message } = made
        const explanation = explain(
          policyOf(policy),
          {
            caller: made.caller,
            ...(made.origin.id !== made.caller.id && { origin: made.origin }),
            chain: made.chain,
            agent: made.agent.name,
            operation: made.operation,
            message: { ...message, metadata: metadataOf(made.metadata) },
            request: { source: made.source, timeMs: made.receivedAtMs },
            inlinePush: made.inlinePush,
            ...(made.taskId !== '' && { task: relationOf(task?.owner ?? null, made.caller.id, made.origin.id) }),
          },
          nobody,
        )
        assert.equal(wordFor(explanation), codeOf(policy, call))
      }),
      bounds,
    )
  })
})
