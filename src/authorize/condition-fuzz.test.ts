import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { compileCondition, isMet } from './condition.ts'
import { Frame } from './condition-value.ts'
import { fakeCall, fakeOwnership } from './fake-call.ts'
import { gatherInput } from './policy-input.ts'

const words = [
  'message',
  'parts',
  '.',
  '.',
  '[',
  ']',
  '(',
  ')',
  '(p,',
  'p',
  '0',
  '1',
  '-',
  '+',
  '==',
  '!=',
  '<',
  '&&',
  '||',
  '!',
  '?',
  ':',
  ',',
  'true',
  'false',
  '"text"',
  "'x",
  'size(',
  'exists',
  'all',
  'map',
  'matches("a+")',
  'in',
  'caller',
  'groups',
  'kind',
  '{',
  '}',
  'has',
  'null',
  '1.5',
  '9223372036854775808',
  '\\',
  '"\\u0000"',
  '\n',
  '//',
  'r"("',
  '.getHours("UTC")',
  'timestamp(',
  '__proto__',
]
const texts = fc.oneof(
  fc.array(fc.constantFrom(...words), { maxLength: 30 }).map((tokens) => tokens.join(' ')),
  fc.array(fc.constantFrom(...words), { maxLength: 30 }).map((tokens) => tokens.join('')),
  fc.string({ maxLength: 200 }),
)

describe('any text given as a condition', () => {
  it('is compiled or refused with a place inside it, and never throws', () => {
    const input = gatherInput(fakeCall({}), fakeOwnership())
    assert.ok(typeof input === 'object')
    fc.assert(
      fc.property(texts, (source) => {
        const result = compileCondition(source)
        if (!result.ok) {
          assert.ok(result.problem.line >= 1 && result.problem.line <= source.split('\n').length)
          assert.ok(result.problem.column >= 1 && result.problem.column <= source.length + 1)
          return
        }
        try {
          assert.equal(typeof isMet(result.condition, new Frame(input, 'SendMessage', input.task)), 'boolean')
        } catch (error) {
          // Conditions may err; a bug would be a TypeError or the like.
          assert.ok(error instanceof Error && error.constructor === Error, String(error))
        }
      }),
      { numRuns: 5000, interruptAfterTimeLimit: 1000 },
    )
  })
})
