// `policy test`: holds the policy to a file of expectations, for CI. Exit 1 when one is not met.

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { readPolicyTests, suggestWord, type PolicyTest } from '../config/config.ts'
import { isSystemError, systemReason } from '../base/system-error.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command, Input } from './command.ts'
import { CommandError, countOf, printable, printJsonLines } from './io.ts'
import type { PolicyTestOutcome } from './ports.ts'
import { refuseProblems, requireConfig } from './state.ts'

export const command: Command = {
  arguments: [{ name: 'FILE', about: 'expectations, YAML; see docs/policy.md' }],
  options: { config: configOption, 'data-dir': dataDirOption },
  run: async (input) => {
    const [name = ''] = input.args
    const tests = readTests(input, name)
    const { config } = await requireConfig(input, { withPolicy: true, secrets: 'unresolved' })
    const agents = config.agents.map((agent) => agent.name)
    const stray = tests.find((test) => !agents.includes(test.agent))
    if (stray !== undefined) {
      const message = `${name}:${stray.line}: no agent is named ${JSON.stringify(stray.agent)}`
      throw new CommandError(2, message, suggestWord(stray.agent, agents))
    }
    const outcomes = (await input.ports()).testPolicy(config, tests)
    const failed = outcomes.filter((outcome) => !outcome.passed)
    if (input.json) printJsonLines(input.io, outcomes.map(toJson))
    else {
      for (const outcome of failed) input.io.out(`${printable(formatFailure(name, outcome))}\n`)
      const passed = countOf(outcomes.length - failed.length, 'expectation holds', 'expectations hold')
      input.io.out(`${passed}, ${countOf(failed.length, 'does not', 'do not')}\n`)
    }
    return failed.length === 0 ? 0 : 1
  },
}

function readTests(input: Input, name: string): readonly PolicyTest[] {
  let text: string
  try {
    text = readFileSync(resolve(input.io.cwd, name), 'utf8')
  } catch (error) {
    if (!isSystemError(error)) throw error
    throw new CommandError(2, `${name} cannot be read: ${systemReason(error)}`, 'name a file of expectations')
  }
  const read = readPolicyTests(text)
  if (!read.ok) throw refuseProblems(input.io, name, read.problems)
  return read.tests
}

function formatFailure(file: string, { test, operation, got, rules, reason }: PolicyTestOutcome): string {
  const what = test.name ?? `${test.caller} ${operation} on ${test.agent}`
  const many = test.name !== undefined && (test.operations?.length ?? 1) > 1 ? ` (${operation})` : ''
  const wanted = test.rule === undefined ? test.expect : `${test.expect} by ${test.rule}`
  const given = rules.length === 0 ? got : `${got} by ${rules.join(' and ')}`
  return `${file}:${test.line}: ${what}${many}: expected ${wanted}, got ${given}: ${reason}`
}

function toJson({ test, operation, passed, got, rules, reason }: PolicyTestOutcome): object {
  const { name = '', line, caller, agent, expect, rule = '' } = test
  return { name, line, caller, agent, operation, expect, rule, passed, got, rules, reason }
}
