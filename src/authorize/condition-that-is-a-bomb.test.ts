// A policy is written by people, and by machines that people trust; a condition that could keep the gateway busy, when
// loaded or when run, is refused or errs. So is one whose pieces do not fit each other.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compileCondition, isMet } from './condition.ts'
import { Frame } from './condition-value.ts'
import { fakeCall, fakeOwnership } from './fake-call.ts'
import { gatherInput } from './policy-input.ts'

const numbers = (count: number): string => `[${Array.from({ length: count }, () => '1').join(', ')}]`

const bombs: Record<string, string> = {
  'parentheses without end': `${'('.repeat(4000)}true${')'.repeat(4000)}`,
  'lists in lists': `${'['.repeat(4000)}${']'.repeat(4000)} == []`,
  'negations without end': `${'!'.repeat(8000)}true`,
  'ternaries without end': `${'true ? '.repeat(1500)}true${' : false'.repeat(1500)}`,
  'calls within calls': `${'size(['.repeat(800)}1${'])'.repeat(800)} == 1`,
  'a list of thousands': `${numbers(2000)} == []`,
  'a chain of thousands': Array.from({ length: 2000 }, () => 'true').join(' || '),
  'loops three deep': '[1].all(a, [1].all(b, [1].all(c, true)))',
  'repeats of repeats': 'operation.matches("(((a{1000}){1000}){1000})")',
  'many optional letters': 'operation.matches("(a?){500}a{500}")',
  'groups in groups': `operation.matches("${'('.repeat(450)}a${')'.repeat(450)}")`,
  'a number beyond 64 bits': '9223372036854775808 > 0',
  'a number beyond 53 bits': '9007199254740992 > 0',
  'half of a character': String.raw`"\ud83d" == "a"`,
  'a character that is none': String.raw`"\U00110000" == "a"`,
  'a list of different things': '[1, "a"].size() == 2',
  'a text as a list': 'caller.id[0] == "k"',
  'a list as a record': 'caller.groups["0"] == ""',
  'the length that JavaScript has': 'caller.groups.length == 0',
  'an int where there is text': 'caller.id == 1',
  'a sum of times': 'request.time + request.time == request.time',
}

describe('a condition that is a bomb', () => {
  for (const [name, source] of Object.entries(bombs)) {
    it(`is refused when loaded, at once: ${name}`, () => {
      const startedMs = performance.now()
      assert.equal(compileCondition(source).ok, false)
      assert.ok(performance.now() - startedMs < 5_000)
    })
  }
  for (const source of [
    `${numbers(300)}.exists(a, ${numbers(300)}.exists(b, a != b && message.parts.exists_one(c, true)))`,
    '0 - 9007199254740991 - 1 < 0',
    '9007199254740991 * 9007199254740991 > 0',
    '-(0 - 9007199254740991) + 1 > 0',
    'timestamp(9007199254740991) > timestamp(0)',
    'timestamp("2026-02-30T00:00:00Z") > timestamp(0)',
    'timestamp("2026-01-01T24:00:00Z") > timestamp(0)',
    'message.parts[9007199254740991].size > 0',
    'hops[0].id == ""',
    'message.extensions[0] == ""',
  ]) {
    it(`is refused, or errs and does not run on: ${source.slice(0, 60)}`, () => {
      const compiled = compileCondition(source)
      if (!compiled.ok) return
      const input = gatherInput(fakeCall({}), fakeOwnership())
      assert.ok(typeof input === 'object')
      assert.throws(() => isMet(compiled.condition, new Frame(input, 'SendMessage', input.task)))
    })
  }
})

describe('a source address written in another way', () => {
  const evaluate = (source: string): boolean => {
    const compiled = compileCondition('request.source.inNetwork("10.0.0.0/8")')
    const input = gatherInput(fakeCall({}), fakeOwnership())
    assert.ok(compiled.ok && typeof input === 'object')
    const from = { ...input, request: { ...input.request, source } }
    return isMet(compiled.condition, new Frame(from, 'SendMessage', input.task))
  }
  it('is the same network when it is IPv4 within IPv6', () => {
    assert.equal(evaluate('::ffff:10.1.2.3'), true)
    assert.equal(evaluate('::ffff:0a01:0203'), true)
    assert.equal(evaluate('::ffff:11.1.2.3'), false)
  })
  for (const source of ['unknown', '', '010.1.2.3', '0x0a.1.2.3', '10.1.2.3\n', '10.1.2', '167838211']) {
    it(`errs when it is no address: ${JSON.stringify(source)}`, () => assert.throws(() => evaluate(source)))
  }
})
