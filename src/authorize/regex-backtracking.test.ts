// A pattern that back-tracks takes V8 longer than the universe lasts; the caller chooses the text. matches() is
// linear, its patterns are bounded when loaded, and its work counts against the decision's budget.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isRefusal } from '../refusal/refusal.ts'
import { authorize } from './authorize.ts'
import { fakeCall, fakeSources, policyOf, textPart } from './fake-call.ts'

const evil = ['(a+)+$', '(a|aa)+$', '^(a|a?)+$', '^(([a-z])+.)+[A-Z]([a-z])+$', '(.*)*x', '(x+x+)+y']

function decide(pattern: string, filename: string): { code: string; tookMs: number } {
  const policy = policyOf({
    roles: [{ name: 'r', rules: [{ agents: ['*'], operations: ['*'] }] }],
    bindings: [{ role: 'r', callers: ['key:alice'] }],
    denies: [{ name: 'd', when: `message.parts.exists(p, p.filename.matches(r"${pattern}"))` }],
  })
  const startedMs = performance.now()
  const result = authorize(fakeCall({ message: { parts: [{ ...textPart, filename }] } }), policy, fakeSources())
  return { code: isRefusal(result) ? result.code : 'allowed', tookMs: performance.now() - startedMs }
}

describe('a pattern that back-tracks elsewhere', () => {
  for (const pattern of evil) {
    it(`decides at once: ${pattern}`, () => {
      // Thirty letters would keep a back-tracking engine busy for minutes.
      const { code, tookMs } = decide(pattern, `${'a'.repeat(5000)}!`)
      assert.equal(code, 'allowed')
      assert.ok(tookMs < 5_000, `${tookMs} ms`)
    })
  }
  it('denies, and does not hang, on a text too long for the budget', () => {
    const { code, tookMs } = decide('(a+)+$', 'a'.repeat(1_000_000))
    assert.equal(code, 'AUTHZ_DENIED')
    assert.ok(tookMs < 5_000, `${tookMs} ms`)
  })
})
