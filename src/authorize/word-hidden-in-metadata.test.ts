// Metadata is the caller's words. Policy reads what it names, as short text; a list around a word, a number that would
// be rounded or a text beyond the bound must not read as "something else" and slip past a deny. Nothing that policy
// does not name may reach the record, and what was not recorded is never guessed.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { JsonObject, JsonValue } from '../base/strict-json.ts'
import { isRefusal } from '../refusal/refusal.ts'
import { authorize, decideAgain } from './authorize.ts'
import { fakeCall, fakeSources, policyOf, problemsOf, type PolicyText } from './fake-call.ts'

const all: PolicyText = {
  roles: [{ name: 'r', rules: [{ agents: ['*'], operations: ['*'] }] }],
  bindings: [{ role: 'r', callers: ['key:alice'] }],
}
const noSecrets: PolicyText = { ...all, denies: [{ name: 'd', when: 'message.metadata["label"] == "secret"' }] }
const onlyPublic: PolicyText = {
  ...all,
  roles: [{ name: 'r', rules: [{ agents: ['*'], operations: ['*'], when: 'message.metadata.label == "public"' }] }],
}

function ask(policy: PolicyText, metadata: JsonObject): { code: string; recorded: JsonObject } {
  const result = authorize(fakeCall({ metadata }), policyOf(policy), fakeSources())
  return { code: isRefusal(result) ? result.code : 'allowed', recorded: result.policyInput ?? {} }
}

/** Neither the word nor surely another one. */
const evasions: Record<string, JsonValue> = {
  'a list': ['secret'],
  'a record': { secret: true },
  nothing: null,
  'a fraction': 1.5,
  'a number that is rounded': 2 ** 53,
  'a text beyond the bound': `secret${' '.repeat(251)}`,
}

describe('metadata that a condition names', () => {
  it('is read as text, whole numbers and bools too', () => {
    assert.equal(ask(noSecrets, { label: 'secret' }).code, 'AUTHZ_DENIED')
    assert.equal(ask(noSecrets, { label: 'Secret' }).code, 'allowed')
    for (const [value, text] of [
      [7, '7'],
      [true, 'true'],
    ] as const) {
      const policy = { ...all, denies: [{ name: 'd', when: `message.metadata["label"] == "${text}"` }] }
      assert.equal(ask(policy, { label: value }).code, 'AUTHZ_DENIED')
    }
  })
  it('is "" where there is no such key, whatever every JavaScript object has', () => {
    assert.equal(ask(noSecrets, {}).code, 'allowed')
    assert.equal(ask(onlyPublic, {}).code, 'AUTHZ_DENIED')
    for (const key of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
      const policy = { ...all, denies: [{ name: 'd', when: `message.metadata["${key}"] != ""` }] }
      assert.equal(ask(policy, { other: 'x' }).code, 'allowed', key)
      const sent = JSON.parse(`{"${key}":"x"}`) as JsonObject
      assert.equal(ask(policy, sent).code, 'AUTHZ_DENIED', key)
    }
  })
  for (const [name, label] of Object.entries(evasions)) {
    it(`errs when it is ${name}: a deny denies, a rule does not match`, () => {
      assert.equal(ask(noSecrets, { label }).code, 'AUTHZ_DENIED')
      assert.equal(ask(onlyPublic, { label }).code, 'AUTHZ_DENIED')
    })
  }
  it('decides the same again from its record', () => {
    for (const label of [...Object.values(evasions), 'secret', 'public']) {
      const { code, recorded } = ask(noSecrets, { label, other: 'x' })
      const again = decideAgain(policyOf(noSecrets), JSON.parse(JSON.stringify(recorded)) as JsonObject)
      assert.equal(again.allowed ? 'allowed' : again.code, code)
    }
  })
})

describe('metadata that no condition names', () => {
  it('is not recorded, by its value', () => {
    assert.doesNotMatch(JSON.stringify(ask(all, { label: 'CANARY' }).recorded), /CANARY/)
    assert.doesNotMatch(JSON.stringify(ask(noSecrets, { label: 'x', other: 'CANARY' }).recorded), /CANARY/)
    assert.doesNotMatch(JSON.stringify(ask(noSecrets, { label: ['CANARY'] }).recorded), /CANARY/)
  })
  it('is never guessed later: a policy that asks for it says that it was not recorded', () => {
    const { recorded } = ask(all, { label: 'public' })
    for (const policy of [noSecrets, onlyPublic]) {
      const again = decideAgain(policyOf(policy), recorded)
      assert.ok(!again.allowed)
      assert.equal(again.notRecorded, true)
    }
    const without = decideAgain(policyOf(noSecrets), ask(all, {}).recorded)
    assert.equal(without.allowed, true)
  })
  it('does not matter where another rule allows, or another deny denies', () => {
    const { recorded } = ask(all, { label: 'public' })
    const both = {
      ...onlyPublic,
      roles: [{ name: 'r', rules: [...(onlyPublic.roles?.[0]?.rules ?? []), { agents: ['*'], operations: ['*'] }] }],
    }
    assert.equal(decideAgain(policyOf(both), recorded).allowed, true)
    const denied = decideAgain(policyOf({ ...onlyPublic, denies: [{ name: 'd' }] }), recorded)
    assert.ok(!denied.allowed && denied.notRecorded !== true)
  })
})

describe('metadata read other than by a key in quotes', () => {
  for (const when of [
    '"k" in message.metadata',
    'size(message.metadata) == 0',
    'message.metadata == message.metadata',
    'message.metadata.exists(k, k == "a")',
    'message["metadata"].size() == 0',
    'message.metadata["k" + "x"] == ""',
    'message.metadata[caller.id] == ""',
    'message.metadata[1] == ""',
    '[message.metadata][0]["k"] == ""',
    '(true ? message.metadata : message.metadata)["k"] == ""',
    'message.metadata["k"] == 1',
  ]) {
    it(`is refused when loaded: ${when}`, () => {
      const [problem] = problemsOf({ denies: [{ name: 'd', when }] })
      assert.deepEqual(problem?.path, ['policy', 'denies', 0, 'when'])
    })
  }
  it('more keys than are recorded of a call are refused when loaded', () => {
    const denies = Array.from({ length: 65 }, (_, at) => ({
      name: `d${at}`,
      when: `message.metadata["k${at}"] == "x"`,
    }))
    assert.equal(problemsOf({ denies: denies.slice(0, 64) }).length, 0)
    assert.equal(problemsOf({ denies }).length, 1)
  })
})
