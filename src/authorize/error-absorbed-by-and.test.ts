// CEL absorbs an error where the other side already decides: `error && false` is false. A deny that hides its
// error like this would not deny, and whoever can provoke the error would choose. Every error must surface.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isRefusal } from '../refusal/refusal.ts'
import { authorize } from './authorize.ts'
import { fakeCall, fakeSources, policyOf, textPart } from './fake-call.ts'

const error = 'message.parts[7].size > 0'

/** Each would be false, or true, in plain CEL; here it errs. */
const absorbing = [
  `${error} && false`,
  `false && ${error}`,
  `${error} || true`,
  `true || ${error}`,
  `(false && ${error}) || true`,
  `true ? true : ${error}`,
  `false ? ${error} : true`,
  `true ? false : ${error}`,
  `[1, 0].exists(x, 1 / x == 1)`,
  `[0, 1].exists(x, 1 / x == 1)`,
  `[2, 0].all(x, 1 / x == 1)`,
  `[0, 2].all(x, 1 / x == 1)`,
  `[1, 1, 0].exists_one(x, 1 / x == 1)`,
  `[0, 1].map(x, x > 0, 1 / x) == [1]`,
  `message.parts.exists(p, p.kind == "text" || ${error})`,
  `!(${error} && false)`,
  `1 in [1, 1 / (size(message.parts) - 1)]`,
]

function codeOf(allowWhen: string | undefined, denyWhen: string | undefined): string {
  const policy = policyOf({
    roles: [
      {
        name: 'r',
        rules: [{ agents: ['*'], operations: ['*'], ...(allowWhen === undefined ? {} : { when: allowWhen }) }],
      },
    ],
    bindings: [{ role: 'r', callers: ['key:alice'] }],
    denies: denyWhen === undefined ? [] : [{ name: 'd', when: denyWhen }],
  })
  const result = authorize(fakeCall({ message: { parts: [textPart] } }), policy, fakeSources())
  return isRefusal(result) ? result.code : 'allowed'
}

describe('an error that CEL would absorb', () => {
  for (const when of absorbing) {
    it(`denies in a deny: ${when}`, () => assert.equal(codeOf(undefined, when), 'AUTHZ_DENIED'))
    it(`does not match in a rule: ${when}`, () => assert.equal(codeOf(when, undefined), 'AUTHZ_DENIED'))
  }
  it('is not there when nothing errs', () => {
    assert.equal(codeOf('true || message.parts[0].size > 0', 'false && message.parts[0].size > 0'), 'allowed')
  })
})
