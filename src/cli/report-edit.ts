// After an edit of the configuration: prints why it was refused, or lets the running process take it up.

import { resolve } from 'node:path'
import { describeProblem } from '../config/config.ts'
import type { Edit, Problem } from '../config/config.ts'
import type { Input } from './command.ts'
import { callControl } from './control-client.ts'
import { CommandError, printError, printWarning } from './io.ts'
import { refuseProblems } from './state.ts'

/** Which argument of the command became a field of the new item ('' for the whole), and what to do when it is wrong. */
export type ItemArguments = Readonly<Record<string, { readonly argument: string; readonly hint?: string }>>

export async function reportEdit(input: Input, file: string, edit: Edit, names: ItemArguments): Promise<void> {
  if (!edit.ok)
    throw edit.ofItem ? refuseItem(input, edit.problems, names) : refuseProblems(input.io, file, edit.problems)
  const given = input.option('data-dir')
  const dataDir = given === undefined ? edit.loaded.dataDir : resolve(input.io.cwd, given)
  const answer = await callControl(dataDir, { method: 'policy.reload', params: {} })
  if (answer === undefined || answer.result.problems.length === 0) return
  for (const problem of answer.result.problems) printWarning(input.io, describeProblem(file, problem), problem.hint)
  throw new CommandError(
    3,
    'the file is written, but the running process refused it',
    'it goes on with the configuration it had',
  )
}

/** What was typed is wrong, not the file: the argument is named, as whoever typed it knows it. */
function refuseItem(input: Input, problems: readonly Problem[], names: ItemArguments): CommandError {
  const told = problems.map((problem) => {
    const known = Object.hasOwn(names, problem.path) ? names[problem.path] : undefined
    const received = problem.received === '' ? '' : ` (received ${problem.received})`
    return {
      text: `${known?.argument ?? problem.path}: ${problem.message}${received}`,
      hint: known?.hint ?? problem.hint,
    }
  })
  for (const { text, hint } of told.slice(0, -1)) printError(input.io, text, hint)
  const last = told.at(-1)
  return new CommandError(2, last?.text ?? 'refused', last?.hint)
}
