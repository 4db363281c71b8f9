// A number that JavaScript cannot hold is never recorded as if it were what was sent.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createManualClock } from '../base/clock.ts'
import type { JsonValue } from '../base/strict-json.ts'
import { configSchema } from '../config/config.ts'
import { compileContentRules } from './content.ts'

function take(json: string, redact: string[] = []): JsonValue | undefined {
  const rules = configSchema.parse({ audit: { content: [{ agents: ['*'], redact }] } }).audit.content
  const value = JSON.parse(json) as JsonValue // what JSON.parse gives is JSON
  return compileContentRules(rules, createManualClock()).request('a', () => value)?.content
}

test('an integer beyond what is exact is recorded as a text that says so', () => {
  assert.deepEqual(take('[12345678901234567890,-9007199254740993,1e30]'), [
    '~12345678901234567000',
    '~-9007199254740992',
    '~1e+30',
  ])
})

test('the others stay numbers', () => {
  assert.deepEqual(take('[9007199254740991,-1,0.5,1e3]'), [9007199254740991, -1, 0.5, 1000])
})

test('a rounded number that may be that of a card is taken out', () => {
  assert.deepEqual(take('[4111111111111111110,12345678901234567890]', ['card']), [
    '[redacted:card]',
    '~12345678901234567000',
  ])
})
