// size() counts code points, JavaScript's slices count UTF-16 units. Were substring() to count units, a few emoji in a
// file's name would shift what `substring(size(name) - 4)` looks at, and ".exe" would pass.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isRefusal } from '../refusal/refusal.ts'
import { authorize } from './authorize.ts'
import { fakeCall, fakeSources, policyOf, textPart } from './fake-call.ts'

function ask(filename: string, when: string): string {
  const policy = policyOf({
    roles: [{ name: 'r', rules: [{ agents: ['*'], operations: ['*'] }] }],
    bindings: [{ role: 'r', callers: ['key:alice'] }],
    denies: [{ name: 'd', when }],
  })
  const result = authorize(fakeCall({ message: { parts: [{ ...textPart, filename }] } }), policy, fakeSources())
  return isRefusal(result) ? result.code : 'allowed'
}

const endsIn = 'message.parts.exists(p, size(p.filename) > 4 && p.filename.substring(size(p.filename) - 4) == ".exe")'

describe('a name with characters beyond the basic plane', () => {
  for (const filename of ['\u{1F600}\u{1F600}a.exe', 'a\u{1F600}.exe', '\u{1D400}\u{1D401}\u{1D402}\u{1D403}b.exe']) {
    it(`is still cut where it ends: ${filename}`, () => assert.equal(ask(filename, endsIn), 'AUTHZ_DENIED'))
  }
  it('is cut between characters, never within one', () => {
    assert.equal(ask('\u{1F600}a', 'message.parts[0].filename.substring(0, 1) != "\u{1F600}"'), 'allowed')
    assert.equal(ask('\u{1F600}a', 'message.parts[0].filename.substring(1) != "a"'), 'allowed')
  })
  it('errs, and denies, when the cut lies outside', () => {
    assert.equal(ask('\u{1F600}a', 'message.parts[0].filename.substring(0, 3) == ""'), 'AUTHZ_DENIED')
  })
  it('pays for its length', () => {
    const often = '[1, 2, 3, 4, 5, 6, 7, 8].exists(n, message.parts[0].filename.substring(n) == "")'
    const startedMs = performance.now()
    assert.equal(ask('\u{1F600}'.repeat(600_000), often), 'AUTHZ_DENIED')
    assert.ok(performance.now() - startedMs < 5_000)
  })
})
