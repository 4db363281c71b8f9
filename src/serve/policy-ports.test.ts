import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { PolicyTestOutcome } from '../cli/ports.ts'
import { parseConfig, readPolicyTests } from '../config/config.ts'
import { createPolicyPorts } from './policy-ports.ts'
import { checkPolicy } from './rules.ts'

const examples = join(import.meta.dirname, '../../examples')
const read = (name: string): string => readFileSync(join(examples, name), 'utf8')

function run(config: string, tests: string): readonly PolicyTestOutcome[] {
  const loaded = parseConfig(config, join(examples, 'x.yaml'), { secrets: 'unresolved', extraChecks: checkPolicy })
  const parsed = readPolicyTests(tests)
  assert.ok(loaded.ok && parsed.ok, JSON.stringify([loaded, parsed]))
  return createPolicyPorts().testPolicy(loaded.config, parsed.tests)
}

describe('expectations of a policy', () => {
  test('the example holds for the example', () => {
    const outcomes = run(read('full.yaml'), read('policy-tests.yaml'))
    assert.ok(outcomes.length > 15)
    assert.deepEqual(
      outcomes.filter(({ passed }) => !passed),
      [],
    )
  })

  const config = JSON.stringify({
    agents: [
      { name: 'bank', url: 'http://127.0.0.1:9' },
      { name: 'planner', url: 'http://127.0.0.1:9', principals: ['key:planner'] },
    ],
    aliases: [{ name: 'alice', principals: ['key:alice', 'user:corp/alice'] }],
    policy: {
      roles: [
        {
          name: 'teller',
          rules: [
            {
              agents: ['bank'],
              operations: ['SendMessage'],
              when: 'message.metadata["kind"] == "payment"',
              requireApproval: true,
            },
            {
              agents: ['bank'],
              operations: ['SendMessage', 'GetTask'],
              when: 'request.source.inNetwork("10.0.0.0/8")',
            },
          ],
        },
      ],
      bindings: [{ role: 'teller', callers: ['key:alice', 'agent:planner'] }],
      denies: [
        { name: 'night', when: 'request.time.getHours() < 6' },
        { name: 'not-by-mallory', callers: ['agent:mallory'] },
      ],
    },
  })
  const plain = {
    caller: 'key:alice',
    agent: 'bank',
    operation: 'SendMessage',
    source: '10.0.0.1',
    time: '2026-11-14T09:00:00Z',
  }
  const gotOf = (changes: object): string => {
    const tests = JSON.stringify({ tests: [{ ...plain, expect: 'allow', ...changes }] })
    const [outcome] = run(config, tests)
    return `${outcome?.got} ${outcome?.rules.join(' ')}`.trim()
  }
  for (const [name, changes, expected] of [
    ['a plain call', {}, 'allow teller#1'],
    ['another network', { source: '192.0.2.1' }, 'deny'],
    ['a time', { time: '2026-11-14T05:59:59Z' }, 'deny night'],
    ['no time: 1970', { time: undefined }, 'deny night'],
    ['a source that is no address', { source: 'unknown' }, 'deny'],
    ['metadata, and an approval', { message: { metadata: { kind: 'payment' } } }, 'approval teller#0'],
    ['metadata that policy cannot read', { message: { metadata: { kind: 1.5 } } }, 'approval teller#1 teller#0'],
    ["another's task", { operation: 'GetTask', task: 'other' }, 'not-found'],
    ['a stranger', { caller: 'key:bob' }, 'not-found'],
    ['an agent on its own account', { caller: 'key:planner' }, 'deny'],
    ['an agent for somebody', { caller: 'key:planner', origin: 'key:alice' }, 'allow teller#1'],
    ['another identity of a person', { caller: 'user:corp/alice' }, 'allow teller#1'],
    ['an agent for that identity', { caller: 'key:planner', origin: 'user:corp/alice' }, 'allow teller#1'],
    ['an agent for somebody who has no rule', { caller: 'agent:planner', origin: 'key:bob' }, 'deny'],
    [
      'a chain with a denied agent',
      { caller: 'agent:planner', origin: 'key:alice', chain: [{ id: 'agent:mallory' }] },
      'deny not-by-mallory',
    ],
    ['somebody for another, who is no agent', { origin: 'key:bob' }, 'deny'],
  ] as const) {
    test(`${name}: ${expected}`, () => assert.equal(gotOf(changes), expected))
  }
  test('the matrix shows a person by the first of their identities, once where policy names two', () => {
    const { policy, ...rest } = JSON.parse(config)
    const denies = [...policy.denies, { name: 'not-alice', callers: ['user:corp/alice'] }]
    const loaded = parseConfig(JSON.stringify({ ...rest, policy: { ...policy, denies } }), 'x.yaml', {
      secrets: 'unresolved',
    })
    assert.ok(loaded.ok)
    const rows = createPolicyPorts().policyMatrix(loaded.config, [{ id: 'user:corp/alice', groups: [] }])
    assert.deepEqual(
      rows.filter(({ agent }) => agent === 'bank').map(({ who }) => who),
      ['key:alice', 'agent:mallory', 'agent:mallory', 'agent:planner', 'agent:planner', 'key:alice'],
    )
  })
  test('one that names a rule does not hold by another', () => {
    const tests = (rule: string): string => JSON.stringify({ tests: [{ ...plain, expect: 'allow', rule }] })
    assert.equal(run(config, tests('teller#1'))[0]?.passed, true)
    assert.equal(run(config, tests('teller#0'))[0]?.passed, false)
  })
})
