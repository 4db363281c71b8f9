// Two nested loops over a message of 30,000 parts are a thousand million steps. A decision has a budget; what
// goes beyond it errs, so a deny denies, and everyone else's calls are not kept waiting.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isRefusal } from '../refusal/refusal.ts'
import { authorize } from './authorize.ts'
import { fakeCall, fakeSources, policyOf, textPart } from './fake-call.ts'

const parts = Array.from({ length: 30_000 }, () => textPart)
const long = 'x'.repeat(1_000_000)

function decide(denyWhen: string): { code: string; tookMs: number } {
  const policy = policyOf({
    roles: [{ name: 'r', rules: [{ agents: ['*'], operations: ['*'] }] }],
    bindings: [{ role: 'r', callers: ['key:alice'] }],
    denies: [{ name: 'd', when: denyWhen }],
  })
  const call = fakeCall({ message: { parts, metadataKeys: [long], referenceTaskIds: [] } })
  const startedMs = performance.now()
  const result = authorize(call, policy, fakeSources())
  return { code: isRefusal(result) ? result.code : 'allowed', tookMs: performance.now() - startedMs }
}

describe('a condition over a huge message', () => {
  it('is evaluated when it is one loop', () => {
    assert.equal(decide('message.parts.exists(p, p.kind == "url")').code, 'allowed')
  })
  for (const when of [
    'message.parts.exists(p, message.parts.exists(q, q.size > p.size + 100))',
    'message.parts.exists(p, message.metadataKeys.exists(k, k.contains(p.kind + "y")))',
    'message.parts.exists(p, message.metadataKeys.exists(k, k + k == p.kind))',
    'message.parts.exists(p, message.metadataKeys.exists(k, size(k) == p.size))',
    'message.parts.exists(p, message.parts.map(q, q.kind) == [p.kind])',
    'message.parts.map(p, message.parts + message.parts).size() == 0',
    'message.parts.exists(p, message.metadataKeys.exists(k, k.lowerAscii().matches("^y$")))',
  ]) {
    it(`runs out of budget and denies: ${when}`, () => {
      const { code, tookMs } = decide(when)
      assert.equal(code, 'AUTHZ_DENIED')
      assert.ok(tookMs < 5_000, `${tookMs} ms`)
    })
  }
})
