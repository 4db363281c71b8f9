// Expressions that reach for more than numbers, or for more time and memory than an answer is worth.
// Each ends in a failed task with a readable reason, and the calculator goes on answering.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TaskState } from '@a2a-js/sdk'
import { createEvaluator, type Evaluator } from '../src/evaluator.ts'
import { say, startHarness, type Harness } from './harness.ts'

let evaluator: Evaluator
let harness: Harness
before(async () => {
  evaluator = createEvaluator({ timeoutMs: 400 })
  harness = await startHarness()
})
after(async () => {
  await evaluator.close()
  await harness.close()
})

const attacks = [
  `cos.constructor("return process")()`,
  `cos.constructor('return 1')()`,
  'constructor',
  '__proto__',
  'toString',
  'this',
  'process',
  'globalThis',
  'evaluate("1+1")',
  'parse("1")',
  'compile("1")',
  'parser()',
  'simplify("x+x")',
  'derivative("x^2", "x")',
  'resolve("x")',
  'rationalize("x")',
  'import({a: 1})',
  'createUnit("foo")',
  'config({number: "number"})',
  'typed("f", {})',
  'chain(1)',
  'reviver()',
  'help(sin)',
  'unit("5 km")',
  'bignumber("1")',
  'matrix([1])',
  'zeros(1e9)',
  'ones(1e9)',
  'identity(1e9)',
  'range(0, 1e9)',
  '0:1e9',
  'map([1], f(x) = x)',
  'forEach([1], print)',
  'filter([1], x)',
  'print("a", {})',
  'format(1)',
  'random()',
  'f(x) = f(x); f(1)',
  'x = 3',
  'a.b',
  'a["b"]',
  '[1, 2, 3][1]',
  '{a: 1}',
  '{"__proto__": 1}',
  '"text"',
  `'text'`,
  'true ? 1 : 2',
  '1; 2',
  '1 == 1',
  'x -> x',
  'cos',
  'cos.name',
  'sqrt',
  '[sqrt][1](4)',
  '(sqrt)(4)',
  '1001!',
  'factorial(1e9)',
  '(10^9)!',
  '(-1)!',
  '0.5!',
  '2^100000',
  '9^9^9',
  '1.5^(10^9)',
  '10^5001',
  '1e999999999999',
  '1/0',
  '0^-1',
  '5 km + 3 s',
  'sin(1e300000000)',
  'sqrt(factorial(1e9))',
  'combinations(1e9, 5e8)',
  'speedOfLight',
  'foo(1)',
  '(',
  '1 +',
  '\u0000',
  '('.repeat(500) + '1' + ')'.repeat(500),
  '['.repeat(500),
  '-'.repeat(1999) + '1',
  '1^'.repeat(900) + '1',
  '1+'.repeat(999) + '1',
  '1'.repeat(2001),
]
for (const expression of attacks) {
  test(`refuses ${JSON.stringify(expression.slice(0, 40))}`, async () => {
    const outcome = await evaluator.evaluate(expression)
    assert.equal(outcome.kind, 'failed')
    const reason = outcome.kind === 'failed' ? outcome.problem : ''
    assert.doesNotMatch(reason, /^\s+at |node_modules|Error|undefined|\/\w/m)
  })
}

test('a refused expression is a failed task, not a failed agent', async () => {
  const client = await harness.connect('calculator')
  const { task, status } = await say(client, `cos.constructor('return 1')()`)
  assert.equal(task.status?.state, TaskState.TASK_STATE_FAILED)
  assert.notEqual(status, '')
  assert.equal((await say(client, '2+2')).text, '2+2 = 4')
})

test('an expression that spoils the library does not touch the next caller', async () => {
  const [spoiling, next] = [evaluator.evaluate('sin(1e300000000)'), evaluator.evaluate('sqrt(2)')]
  assert.equal((await spoiling).kind, 'failed')
  const behind = await next
  assert.equal(behind.kind === 'calculation' && behind.value, '1.4142135623730950488016887242097')
})

test('an expression that hangs is ended, and those behind it are answered', async () => {
  const [hanging, next] = [evaluator.evaluate('combinations(1e9, 5e8)'), evaluator.evaluate('1+1')]
  assert.equal((await hanging).kind, 'failed')
  const behind = await next
  assert.equal(behind.kind === 'calculation' && behind.value, '2')
})

test('a queue that is full refuses, and what waits is told when the calculator closes', async () => {
  const closing = createEvaluator({ timeoutMs: 1000 })
  const outcomes = Array.from({ length: 300 }, () => closing.evaluate('1+1'))
  await closing.close()
  for (const outcome of await Promise.all(outcomes)) assert.equal(outcome.kind, 'failed')
  assert.equal((await closing.evaluate('1+1')).kind, 'failed')
})
