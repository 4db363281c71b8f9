import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compileCondition, isMet } from './condition.ts'
import { Frame } from './condition-value.ts'
import { fakeCall, fakeOwnership, textPart } from './fake-call.ts'
import { gatherInput } from './policy-input.ts'

const parts = [
  { ...textPart, size: 120 },
  { kind: 'url', size: 30, mediaType: 'image/png', filename: 'a.PNG', host: 'cdn.example.com' },
] as const

/** true, false, or `error` when evaluation errs. */
function evaluate(source: string): boolean | 'error' {
  const result = compileCondition(source)
  assert.ok(result.ok, `${source}: ${result.ok ? '' : result.problem.message}`)
  const call = fakeCall({
    caller: 'user:corp/1',
    callerGroups: ['group:corp/a', 'group:corp/b'],
    message: { parts, extensions: ['https://x'] },
  })
  const input = gatherInput(call, fakeOwnership())
  assert.ok(typeof input === 'object')
  try {
    return isMet(result.condition, new Frame(input, 'SendMessage', input.task))
  } catch {
    return 'error'
  }
}

function problem(source: string): { line: number; column: number; message: string; hint: string } {
  const result = compileCondition(source)
  assert.ok(!result.ok, `${source} was accepted`)
  return result.problem
}

describe('a condition that is met', () => {
  for (const source of [
    'size(message.parts) < 20',
    'message.parts.size() == 2',
    'message.parts.exists(p, p.kind == "url" && p.host.endsWith(".example.com"))',
    'message.parts.all(p, p.size > 20)',
    'message.parts.exists_one(p, p.mediaType != "")',
    'message.parts.filter(p, p.size > 100).size() == 1',
    'message.parts.map(p, p.kind) == ["text", "url"]',
    'message.parts.map(p, p.size > 100, p.size) == [120]',
    'message.parts[1].filename.lowerAscii() == "a.png"',
    'message.parts.exists(p, message.parts.exists(q, q.size > p.size))',
    'caller.id.startsWith("user:corp/")',
    'caller.id == origin.id && chain == []',
    '"group:corp/b" in caller.groups',
    '!("group:corp/z" in caller.groups)',
    'caller.method in ["api-key", "jwt"]',
    'agent.name == "calculator" && operation == "SendMessage"',
    'message.metadataKeys.all(k, k == "never")',
    'message.extensions[0].contains("//")',
    'task.known == false && task.owner == "none" && !inlinePush',
    'request.binding == "JSONRPC" && request.version == "1.0"',
    'operation.matches("^Send")',
    '-7 / 2 == -3 && -7 % 2 == -1 && 2 + 3 * 4 == 14',
    'size("a\u{1F600}") == 2',
    'int("42") == 42 && string(42) == "42"',
    '"abc".substring(1) == "bc" && "abc".substring(0, 1) == "a" && " a ".trim() == "a"',
    'size(message.parts) > 1 ? true : false',
    '"a" < "b" && false < true && [1] + [2] == [1, 2]',
    'timestamp(request.timeMs / 1000) == timestamp("2027-01-15T08:00:00Z")',
    'timestamp(request.timeMs / 1000).getHours() == 8 && timestamp(0).getDayOfWeek() == 4',
    'timestamp(request.timeMs / 1000).getHours("Europe/Berlin") == 9',
    'timestamp("2027-01-15T23:30:00Z").getDayOfWeek("Asia/Tokyo") == 6',
    'request.time.getHours() == 8 && request.time == timestamp(request.timeMs / 1000)',
    'message.size == 150 && message.parts[0].size == 120',
    'hops == [] || hops.all(h, size(h.groups) == 0)',
    'message.metadata["k"] == "" && message.metadata.k == ""',
    'request.source.inNetwork("192.0.2.0/24") && !request.source.inNetwork("2001:db8::/32")',
  ]) {
    it(source, () => assert.equal(evaluate(source), true))
  }
})

describe('a condition that errs when it is run', () => {
  for (const source of [
    'message.parts[2].size > 0',
    'message.parts[-1].size > 0',
    '1 / (size(message.parts) - 2) == 1',
    'size(message.parts) % 0 == 0',
    'int("x") == 1',
    'int("99999999999999999") == 1',
    '9007199254740991 + 1 > 0',
    '9007199254740991 * 2 > 0',
    '"abc".substring(2, 1) == ""',
    'timestamp("yesterday") < timestamp(0)',
    'caller.id.inNetwork("10.0.0.0/8")',
    'message["pa" + "rts"] == []',
    'message.parts == message.parts',
  ]) {
    it(source, () => assert.equal(evaluate(source), 'error'))
  }
})

describe('a condition refused when it is loaded', () => {
  for (const [source, column] of [
    ['message.parts.exists(p, p.kid == "text")', 27],
    ['message.partz == []', 9],
    ['mesage.parts == []', 1],
    ['size(message.parts) < "20"', 1],
    ['operation', 1],
    ['operation == null', 1],
    ['a &&', 5],
    ['', 1],
    ['message.parts.size( == 1', 21],
    ['true || message.parts[0].sise > 1', 26],
    ['operation.matches("(a")', 19],
    ['operation.matches("(?=a)")', 19],
    ['operation.matches(caller.id)', 19],
    ['operation.matches("((a{100}){9}b{99})")', 19],
    ['request.source.inNetwork("10.0.0.0/33")', 26],
    ['request.source.inNetwork("localhost")', 26],
    ['timestamp(0).getHours("Mars/Olympus") == 1', 23],
    ['message.parts.all(message, true)', 19],
    ['message.parts.all(p, message.parts.all(p, p.size > 1))', 40],
    ['message.parts.all(a, message.parts.all(b, message.parts.all(c, c.size > b.size)))', 43],
    ['has(message.taskId)', 1],
    ['dyn(message).anything == 1', 1],
    ['cel.bind(x, 1, x == 1)', 1],
    ['1.5 < 2.5', 1],
    ['1u == 1u', 1],
    ['b"a" == b"a"', 1],
    ['{"a": 1}["a"] == 1', 1],
    ['99999999999999999999 > 1', 1],
    ['type(1) == int', 1],
    ['"a,b".split(",") == ["a", "b"]', 1],
  ] as const) {
    it(`${source} (column ${column})`, () => {
      const { line, column: found, hint } = problem(source)
      assert.deepEqual([line, found], [1, column])
      assert.notEqual(hint, '')
    })
  }
  it('with the line of a condition that has several', () => {
    assert.equal(problem('size(message.parts) < 20 &&\n  message.role == "ROLE_USER" &&\n  caller.idd == ""').line, 3)
  })
  it('when it is deeper or longer than a condition may be', () => {
    problem(`${'('.repeat(100)}true${')'.repeat(100)}`)
    problem(`${'!'.repeat(8000)}true`)
    problem(Array.from({ length: 600 }, () => 'true').join(' && '))
  })
})

describe('names that every JavaScript object has', () => {
  it('are no fields and no variables', () => {
    for (const source of [
      'caller.constructor == ""',
      'caller.__proto__ == ""',
      'constructor == ""',
      'caller["toString"] == ""',
      'message.parts.length == 2',
    ])
      problem(source)
  })
})
