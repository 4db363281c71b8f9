// `audit verify`: checks every log under the data directory offline, without any secret. Exit 1 when one does not
// verify; the first changed record is named. It never speaks of witnesses whose keys nobody gave: without a key their
// signatures are bytes that anyone may have written.

import { join } from 'node:path'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { CommandError, printable, printError, printJson } from './io.ts'
import type { VerifiedLog, VerifyProblem, VouchedState } from './ports.ts'
import { readVouchers, voucherOptions } from './read-trust.ts'
import { requireDataDir } from './state.ts'

export const command: Command = {
  arguments: [],
  options: { 'data-dir': dataDirOption, config: configOption, ...voucherOptions },
  run: async (input) => {
    const { dataDir, loaded } = await requireDataDir(input)
    const vouchers = readVouchers(input, { loaded })
    const report = await (await input.ports()).verifyLedger(join(dataDir, 'ledger'), vouchers)
    const { ok, size, root, logs, problems, notes } = report
    if (logs.length === 0 && ok) {
      const hint = 'name the data directory of a gateway: --data-dir DIR'
      throw new CommandError(2, `there is no ledger in ${dataDir}`, hint)
    }
    const areWitnessesKnown = vouchers.witnesses.length > 0
    if (input.json) {
      const known = logs.map(({ origin, size: found, root: of, witnessed, since, tilesOnly }) => ({
        origin,
        size: found,
        root: of,
        ...(witnessed && areWitnessesKnown && { witnessed }),
        ...(since && { since }),
        ...(tilesOnly && { tilesOnly }),
      }))
      printJson(input.io, { ok, size, root, logs: known, problems, notes })
      return ok ? 0 : 1
    }
    for (const log of logs) {
      input.io.out(`${printable(log.origin)}  size ${sizeOf(log)}  root ${log.root}\n`)
      if (log.witnessed !== undefined)
        input.io.out(`  witnessed ${areWitnessesKnown ? describeWitnessed(log.witnessed) : unchecked}\n`)
      if (log.since !== undefined) input.io.out(`  contains the kept checkpoint ${describeVouched(log.since)}\n`)
    }
    const [only, ...others] = logs
    const count = only === undefined || others.length > 0 ? String(size) : sizeOf(only)
    input.io.out(`${ok ? 'ok' : 'not ok'}: size ${count}, root ${root}\n`)
    for (const problem of problems) printError(input.io, describe(problem), '')
    for (const note of notes) input.io.err(`note: ${describe(note)}\n`)
    return ok ? 0 : 1
  },
}

/** `24`, or `9 of 24 records found` when more were signed than can be read. */
function sizeOf({ size, signedSize = size }: VerifiedLog): string {
  return signedSize > size ? `${size} of ${signedSize} records found` : String(size)
}

const unchecked = 'not checked: no witness key given'

function describeWitnessed(state: VouchedState): string {
  return state.witnesses.length === 0 ? 'by no witness that is known' : describeVouched(state)
}

/** `at 20 records, 2026-11-24T18:00:00.000Z, by w1, w2; 4 records beyond it`. */
function describeVouched({ size, timeSeconds, witnesses, beyond }: VouchedState): string {
  const time = timeSeconds === undefined ? '' : `, ${new Date(timeSeconds * 1_000).toISOString()}`
  const by = witnesses.length === 0 ? '' : `, by ${witnesses.join(', ')}`
  return printable(`at ${size} records${time}${by}; ${beyond} records beyond it`)
}

function describe(problem: Omit<VerifyProblem, 'kind'>): string {
  const record = problem.index === undefined ? '' : ` record ${problem.index}`
  const file =
    problem.file === undefined || problem.file === ''
      ? ''
      : ` ${problem.file}${problem.offset === undefined ? '' : ` at byte ${problem.offset}`}`
  return printable(`${problem.log}:${record}${file === '' ? '' : ` in${file}`} ${problem.message}`)
}
