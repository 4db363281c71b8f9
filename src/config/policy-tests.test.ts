import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readPolicyTests, type PolicyTest } from './config.ts'

const one = (more: string): string => `tests:\n  - caller: key:ci\n    agent: a\n    expect: allow\n${more}`

function problems(text: string): string[] {
  const read = readPolicyTests(text)
  assert.ok(!read.ok, 'it was accepted')
  for (const problem of read.problems) assert.notEqual(problem.hint, '')
  return read.problems.map(({ line, path, message }) => `${line} ${path} ${message}`)
}
function tests(text: string): readonly PolicyTest[] {
  const read = readPolicyTests(text)
  assert.ok(read.ok, JSON.stringify(read))
  return read.tests
}

describe('a file of expectations', () => {
  test('gives tests with their lines, and what is left out as in the plainest call', () => {
    const text = `${one('    operation: GetTask\n')}\n  - { caller: key:x, agent: b, operations: [ListTasks], expect: deny }\n`
    const [first, second] = tests(text)
    assert.deepEqual([first?.line, second?.line, first?.groups, first?.message.parts], [2, 7, [], []])
  })
  for (const [name, text, expected] of [
    ['an unknown key', one('    operation: GetTask\n    opration: GetTask\n'), ['6 tests[0].opration unknown key']],
    [
      'an unknown key of a message',
      one('    operation: GetTask\n    message: { part: [] }\n'),
      ['6 tests[0].message.part unknown key'],
    ],
    [
      'an unknown key of a part',
      one('    operation: GetTask\n    message: { parts: [{ knd: text }] }\n'),
      ['6 tests[0].message.parts[0].knd unknown key'],
    ],
    [
      'an operation that there is not',
      one('    operation: GetTsk\n'),
      ['5 tests[0].operation not one of the known words'],
    ],
    ['neither operation nor operations', one(''), ['2 tests[0] needs either operation or operations']],
    [
      'both',
      one('    operation: GetTask\n    operations: [GetTask]\n'),
      ['2 tests[0] needs either operation or operations'],
    ],
    [
      'a group as caller',
      'tests: [{ caller: "group:corp/x", agent: a, operation: GetTask, expect: deny }]',
      ['1 tests[0].caller expected a principal such as key:ci'],
    ],
    [
      'everybody as caller',
      'tests: [{ caller: "key:*", agent: a, operation: GetTask, expect: deny }]',
      ['1 tests[0].caller expected a principal such as key:ci'],
    ],
    ['no expectation', 'tests: [{ caller: "key:x", agent: a, operation: GetTask }]', ['1 tests[0].expect is required']],
    [
      'a time without a zone of the calendar',
      one('    operation: GetTask\n    time: tomorrow\n'),
      ['6 tests[0].time expected a time as RFC 3339'],
    ],
    ['no tests', 'tests: []', ['1 tests expected at least one test']],
    ['nothing', '', ['1 tests is required']],
  ] as const) {
    test(`is refused with ${name}`, () => assert.deepEqual(problems(text), expected))
  }
  test('is refused when it is no YAML, or YAML that means two things', () => {
    assert.equal(problems('tests: [').length > 0, true)
    assert.equal(problems('tests: []\ntests: []\n').length > 0, true)
    assert.equal(problems('tests: !!set {}\n').length > 0, true)
  })
})
