// A pattern that looks far ahead after each of many short matches ends when its time is spent. What it has not looked
// at then is taken out, not let through.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createManualClock, systemClock, type Clock } from '../base/clock.ts'
import type { JsonValue } from '../base/strict-json.ts'
import { configSchema } from '../config/config.ts'
import { compileContentRules, type RecordedContent } from './content.ts'

function take(value: JsonValue, pattern: string, clock: Clock = systemClock): RecordedContent | undefined {
  const redact = [{ name: 'iban', pattern }]
  const rules = configSchema.parse({ audit: { content: [{ agents: ['*'], redact }] } }).audit.content
  return compileContentRules(rules, clock).request('a', () => value)
}

const slowPatterns = ['(?i)iban(?:[^,]*[0-9]{20})?', '(?i)(?:iban|konto).*?[0-9]{10,}|iban']
const text = `${'iban '.repeat(6_500)}last words`

for (const pattern of slowPatterns) {
  test(`${pattern} over a text that repeats its beginning ends soon`, () => {
    const startedMs = performance.now()
    const taken = take(text, pattern)
    const tookMs = performance.now() - startedMs
    assert.ok(tookMs < 5_000, `${tookMs} ms`)
    assert.equal(taken?.contentCut, true)
    assert.match(JSON.stringify(taken.content), /^"(\[redacted:iban\] ?)+"$/)
  })
}

test('many short texts share the time of the record', () => {
  const startedMs = performance.now()
  const taken = take(
    Array.from({ length: 30 }, () => 'iban '.repeat(400)),
    slowPatterns[0] ?? '',
  )
  assert.ok(performance.now() - startedMs < 5_000)
  assert.equal(JSON.stringify(taken).includes('iban '), false)
})

test('the rest of the text is taken out under the name of the pattern, and nothing more is recorded', () => {
  // each reading of this clock is 3 ms later: a search takes so long
  const clock = createManualClock()
  const slow: Clock = { ...clock, monotonicMs: () => (clock.advance(3), clock.monotonicMs()) }
  const taken = take([`${'x1 '.repeat(20_000)}end`, 'next'], 'x[0-9]', slow)
  assert.equal(taken?.contentCut, true)
  const [first, ...more] = taken.content as string[]
  assert.deepEqual(more, [])
  assert.match(first ?? '', /^(\[redacted:iban\] )+\[redacted:iban\]\[redacted:iban\]$/)
})

test('a slow machine alone takes nothing out of a text with few matches', () => {
  const clock = createManualClock()
  const slow: Clock = { ...clock, monotonicMs: () => (clock.advance(1_000), clock.monotonicMs()) }
  const taken = take('AB123456 and AB123457, and so on', 'AB[0-9]{6}', slow)
  assert.deepEqual(taken, { content: '[redacted:iban] and [redacted:iban], and so on' })
})

test('an ordinary pattern with thousands of matches is let finish', () => {
  const taken = take('x1 '.repeat(2_000), 'x[0-9]', createManualClock())
  assert.equal(taken?.contentCut, undefined)
})
