// Content that is long when it arrives and short when it is redacted costs no more than other content: what is looked
// at is bounded, not only what is kept.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../base/clock.ts'
import { isJsonObject, type JsonValue } from '../base/strict-json.ts'
import { configSchema } from '../config/config.ts'
import { compileContentRules, type RecordedContent } from './content.ts'

const { content } = configSchema.parse({
  audit: { content: [{ agents: ['*'], answers: true, maxBytes: '64KiB' }] },
}).audit
const rules = compileContentRules(content, systemClock)

const shrinking = '-----BEGIN PRIVATE KEY-----' + '1 '.repeat(32_000)
const message: JsonValue = { parts: Array.from({ length: 14 }, () => ({ text: shrinking })) }

function isStopped(taken: RecordedContent | undefined): void {
  assert.equal(taken?.contentCut, true)
  assert.ok(isJsonObject(taken.content) && Array.isArray(taken.content['parts']))
  const texts = JSON.stringify(taken.content).split('[redacted:private-key]').length - 1
  assert.ok(texts > 0 && texts <= 2, `${texts} texts were looked at`)
}

test('of a request no more than the bound is looked at, and what was left out is marked', () => {
  isStopped(rules.request('a', () => message))
})

test('nor of an answer', () => {
  isStopped(rules.answer('a', () => message))
})

test('nor of a stream, however many events it has', () => {
  const list = rules.events('a')
  assert.ok(list)
  for (let event = 0; event < 14 && !list.isFull; event += 1) list.add({ text: shrinking })
  assert.equal(list.isFull, true)
  assert.ok(JSON.stringify(list.taken().content).length < 200)
  assert.equal(list.taken().contentCut, true)
})

test('names that shrink are counted, too', () => {
  const names = Object.fromEntries(Array.from({ length: 14 }, (_, n) => [`${n} ${shrinking}`.slice(0, 60_000), 1]))
  const taken = rules.request('a', () => names)
  assert.equal(taken?.contentCut, true)
  assert.ok(isJsonObject(taken.content) && Object.keys(taken.content).length <= 2)
})

test('content within the bound is looked at whole, whatever it becomes', () => {
  const texts = Array.from({ length: 2_000 }, (_, n) => `mail ${n}@example.com now`)
  const taken = rules.request('a', () => texts)
  assert.equal(taken?.contentCut, undefined)
  assert.equal(JSON.stringify(taken?.content).includes('example'), false)
})
