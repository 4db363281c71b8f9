// What is taken out of the ledger is itself recorded, before anybody gets it: by the running process, else under the
// lock of the data directory. A copy of a ledger has no keys to record with; there it is said and not done.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { changeState } from './change-state.ts'
import type { Input } from './command.ts'
import { printWarning } from './io.ts'
import type { StateContext, TakenFromLedger } from './ports.ts'

/** True when it was recorded. Throws when it should have been and could not. */
export async function recordTaken(input: Input, state: StateContext, taken: TakenFromLedger): Promise<boolean> {
  if (!existsSync(join(state.dataDir, 'keys'))) {
    const message = `this is not recorded: ${state.dataDir} is a copy, without the keys to write with`
    printWarning(input.io, message, '')
    return false
  }
  await changeState(input, state, 'audit.taken', taken)
  return true
}
