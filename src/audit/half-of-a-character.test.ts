// Wherever a text is cut, and whatever is taken out of it, what is recorded is well-formed: no half of a character.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createManualClock } from '../base/clock.ts'
import type { JsonValue } from '../base/strict-json.ts'
import { configSchema } from '../config/config.ts'
import { compileContentRules } from './content.ts'

function take(value: JsonValue, maxBytes: number): string {
  const rules = configSchema.parse({ audit: { content: [{ agents: ['*'], maxBytes }] } })
  const taken = compileContentRules(rules.audit.content, createManualClock()).request('a', () => value)
  return JSON.stringify(taken?.content)
}

test('a cut never stands between the halves of a character', () => {
  for (const lead of ['', 'a', 'ab', 'abc']) {
    const text = `${lead}${'😀'.repeat(40)}`
    for (let maxBytes = 4; maxBytes < 60; maxBytes += 1) {
      const taken = take(text, maxBytes)
      assert.ok(JSON.parse(taken).isWellFormed(), `${lead} ${maxBytes} ${taken}`)
      assert.ok(!taken.includes('\\ud'), taken)
    }
  }
})

test('nor where the first half is the last character that has room', () => {
  // eleven units are looked at, and the last of them is a first half
  assert.equal(take('😀😀😀😀😀😀', 13), '"😀😀"')
  assert.equal(take('😀', 3), '""')
})

test('nor behind what was taken out', () => {
  for (let maxBytes = 10; maxBytes < 60; maxBytes += 1)
    assert.ok(JSON.parse(take(`😀bob@example.com😀${'😀x'.repeat(30)}`, maxBytes)).isWellFormed())
})

test('a half that was sent is not passed on', () => {
  assert.equal(take('a\ud83d', 100), '"a\ufffd"')
  assert.equal(take({ 'a\ude00': '\ude00b' }, 100), '{"a\ufffd":"\ufffdb"}')
})

test('whatever the text and the bound', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), fc.integer({ min: 2, max: 80 }), (text, maxBytes) => {
      assert.ok(JSON.parse(take(text, maxBytes)).isWellFormed())
    }),
  )
})
