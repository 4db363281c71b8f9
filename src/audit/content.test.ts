// Message content is recorded only where a rule says so, redacted, within its bound, and always as JSON.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createManualClock } from '../base/clock.ts'
import type { JsonValue } from '../base/strict-json.ts'
import { configSchema, recordedAgents, type ConfigInput } from '../config/config.ts'
import { compileContentRules, findContentProblems, type RecordedContent } from './content.ts'

const clock = createManualClock()
type RuleInput = NonNullable<NonNullable<ConfigInput['audit']>['content']>[number]
const rulesOf = (...content: RuleInput[]): ReturnType<typeof configSchema.parse>['audit']['content'] =>
  configSchema.parse({ audit: { content } }).audit.content
const take = (value: JsonValue, rule: Partial<RuleInput> = {}): RecordedContent | undefined =>
  compileContentRules(rulesOf({ agents: ['calculator'], ...rule }), clock).request('calculator', () => value)
const isRounded = (value: unknown): boolean => Number.isInteger(value) && !Number.isSafeInteger(value)
const bytesOf = (taken: RecordedContent | undefined): number => Buffer.byteLength(JSON.stringify(taken?.content))

test('without a rule nothing is recorded, and nothing is even looked at', () => {
  const rules = compileContentRules([], clock)
  const look = (): never => assert.fail('looked')
  assert.equal(rules.request('calculator', look), undefined)
  assert.equal(rules.answer('calculator', look), undefined)
  assert.equal(rules.events('calculator'), undefined)
})

test('a rule speaks for the agents it names, and for requests unless it says answers', () => {
  const rules = compileContentRules(rulesOf({ agents: ['calculator'] }), clock)
  assert.deepEqual(
    rules.request('calculator', () => 'x'),
    { content: 'x' },
  )
  assert.equal(
    rules.request('vault', () => 'x'),
    undefined,
  )
  assert.equal(
    rules.answer('calculator', () => 'x'),
    undefined,
  )
  assert.equal(rules.events('calculator'), undefined)
})

test('the first rule that names an agent is the one', () => {
  const rules = rulesOf({ agents: ['vault'], requests: false }, { agents: ['*'], answers: true })
  const compiled = compileContentRules(rules, clock)
  assert.equal(
    compiled.request('vault', () => 'x'),
    undefined,
  )
  assert.equal(
    compiled.answer('vault', () => 'x'),
    undefined,
  )
  assert.deepEqual(
    compiled.answer('calculator', () => 'x'),
    { content: 'x' },
  )
  const agents = ['calculator', 'vault'].map((name) => ({ name, url: 'http://127.0.0.1:9/' }))
  const config = configSchema.parse({ agents })
  assert.deepEqual(recordedAgents({ ...config, audit: { ...config.audit, content: rules } }), {
    requests: ['calculator'],
    answers: ['calculator'],
  })
})

test('every text is redacted, however deep, names of members too', () => {
  const message = { parts: [{ text: 'I am bob@example.com' }, { data: { 'to@x.org': ['eve@x.org', 7, null, true] } }] }
  assert.deepEqual(take(message), {
    content: {
      parts: [{ text: 'I am [redacted:email]' }, { data: { '[redacted:email]': ['[redacted:email]', 7, null, true] } }],
    },
  })
})

test('a member whose name says that it holds a secret loses it, one whose name may say so what looks like one', () => {
  const secret = 'aB3'.repeat(10)
  assert.deepEqual(
    take({ apiKey: 'x', password: ['short', secret], keyboard: 'QWERTY layout', key: secret, id: secret })?.content,
    {
      apiKey: '[redacted:token]',
      password: ['[redacted:token]', '[redacted:token]'],
      keyboard: 'QWERTY layout',
      key: '[redacted:token]',
      id: secret,
    },
  )
})

test('a pattern of the rule is applied under its own name, and only what the rule lists', () => {
  const redact = [{ name: 'passport', pattern: '[A-Z]{2}[0-9]{6}' }]
  assert.deepEqual(take('AB123456 bob@example.com', { redact })?.content, '[redacted:passport] bob@example.com')
  assert.deepEqual(take('AB123456 bob@example.com', { redact: [] })?.content, 'AB123456 bob@example.com')
})

test('a member called __proto__ stays a member', () => {
  const message = JSON.parse('{"__proto__":{"a":"bob@example.com"}}') as JsonValue
  assert.equal(JSON.stringify(take(message)?.content), '{"__proto__":{"a":"[redacted:email]"}}')
})

test('what is longer than the bound is cut, marked, and still JSON', () => {
  assert.deepEqual(take('x'.repeat(100), { maxBytes: 12 }), { content: 'xxxxxxxxxx', contentCut: true })
  assert.deepEqual(take(['aaaa', 'bbbb', 'cccc'], { maxBytes: 14 }), { content: ['aaaa', 'bb'], contentCut: true })
  assert.deepEqual(take({ a: 1, b: 2 }, { maxBytes: 8 }), { content: { a: 1 }, contentCut: true })
  assert.deepEqual(take('😀😀', { maxBytes: 8 }), { content: '😀', contentCut: true })
  assert.deepEqual(take('x', { maxBytes: 0 }), { content: null, contentCut: true })
})

test('whatever the value and the bound, no more than the bound is recorded, and all of what fits', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), fc.integer({ min: 4, max: 300 }), (value, maxBytes) => {
      // numbers that JavaScript rounds have a file of tests of their own
      const plain = JSON.parse(JSON.stringify(value), (_, part) => (isRounded(part) ? 1 : part)) as JsonValue
      const taken = take(plain, { maxBytes, redact: [] })
      assert.ok(bytesOf(taken) <= maxBytes)
      if (taken?.contentCut === undefined) assert.deepEqual(taken?.content, plain)
      else assert.ok(Buffer.byteLength(JSON.stringify(plain)) + 3 * 100 > maxBytes)
    }),
    { numRuns: 300 },
  )
})

test('replacements count too: a text of addresses stays within the bound', () => {
  const taken = take('a@b.co '.repeat(1_000), { maxBytes: 500 })
  assert.ok(bytesOf(taken) <= 500)
  assert.equal(taken?.contentCut, true)
  assert.ok(!JSON.stringify(taken).includes('a@b.co'))
})

test('events come one after another, redacted, until there is no more room', () => {
  const list = compileContentRules(rulesOf({ agents: ['*'], answers: true, maxBytes: 40 }), clock).events('calculator')
  assert.ok(list)
  list.add({ text: 'x@example.com' })
  assert.equal(list.isFull, false)
  list.add({ text: 'and much more of it' })
  assert.equal(list.isFull, true)
  list.add('never')
  const taken = list.taken()
  assert.ok(bytesOf(taken) <= 40)
  assert.equal(taken.contentCut, true)
  assert.equal(JSON.stringify(taken.content).startsWith('[{"text":"[redacted:email]"}'), true)
})

test('a bad pattern, an unknown agent and a bound beyond a record are problems of the configuration', () => {
  const rules = rulesOf({
    agents: ['calculator', 'calculater'],
    redact: ['email', { name: 'x', pattern: '(?=look)' }],
    maxBytes: '8MiB',
  })
  const problems = findContentProblems(rules, ['calculator'])
  assert.deepEqual(
    problems.map(({ path }) => path.join('.')),
    ['audit.content.0.agents.1', 'audit.content.0.redact.1.pattern', 'audit.content.0.maxBytes'],
  )
  assert.deepEqual(findContentProblems(rulesOf({ agents: ['*'] }), []), [])
})
