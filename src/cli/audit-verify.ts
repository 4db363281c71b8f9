// `audit verify`: checks every log under the data directory offline, without any secret. Exit 1 when one does not
// verify; the first changed record is named.

import { join } from 'node:path'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { printable, printError, printJson } from './io.ts'
import type { VerifyProblem } from './ports.ts'
import { requireDataDir } from './state.ts'

export const command: Command = {
  arguments: [],
  options: { 'data-dir': dataDirOption, config: configOption },
  run: async (input) => {
    const { dataDir } = await requireDataDir(input)
    const report = await (await input.ports()).verifyLedger(join(dataDir, 'ledger'))
    const { ok, size, root, logs, problems, notes } = report
    if (input.json) {
      printJson(input.io, { ok, size, root, logs, problems })
      return ok ? 0 : 1
    }
    for (const log of logs) input.io.out(`${printable(log.origin)}  size ${log.size}  root ${log.root}\n`)
    input.io.out(`${ok ? 'ok' : 'not ok'}: size ${size}, root ${root}\n`)
    for (const problem of problems) printError(input.io, describe(problem), '')
    for (const note of notes) input.io.err(`note: ${describe(note)}\n`)
    return ok ? 0 : 1
  },
}

function describe(problem: Omit<VerifyProblem, 'kind'>): string {
  const record = problem.index === undefined ? '' : ` record ${problem.index}`
  const file =
    problem.file === undefined
      ? ''
      : ` ${problem.file}${problem.offset === undefined ? '' : ` at byte ${problem.offset}`}`
  return printable(`${problem.log}:${record}${file === '' ? '' : ` in${file}`} ${problem.message}`)
}
