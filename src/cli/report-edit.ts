// After an edit of the configuration: prints why it was refused, or lets the running process take it up.

import { resolve } from 'node:path'
import { describeProblem } from '../config/config.ts'
import type { Edit } from '../config/config.ts'
import type { Input } from './command.ts'
import { callControl } from './control-client.ts'
import { CommandError, printWarning } from './io.ts'
import { refuseProblems } from './state.ts'

export async function reportEdit(input: Input, file: string, edit: Edit): Promise<void> {
  if (!edit.ok) throw refuseProblems(input.io, file, edit.problems)
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
