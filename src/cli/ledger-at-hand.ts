// Whether a data directory is one whose ledger this machine writes. A copy has no keys to write with, and what is no
// data directory has no ledger: a command that changed either would begin a log of its own there, and keys beside it.

import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Input } from './command.ts'
import { CommandError, printError } from './io.ts'
import type { ExitCode } from './io.ts'
import type { StateContext } from './ports.ts'
import { requireDataDir } from './state.ts'

/** The data directory of a ledger that is written here; ends the command otherwise, before anything is made. */
export async function requireOwnLedger(input: Input): Promise<StateContext> {
  const state = await requireDataDir(input)
  if (existsSync(join(state.dataDir, 'keys'))) return state
  if (hasLogs(state.dataDir))
    throw new CommandError(
      2,
      'this is a copy of a ledger: the keys to write with are not here',
      'go to the data directory that the gateway writes: --data-dir DIR',
    )
  throw noLedger(state)
}

/** A data directory with records to read; says so, and is `3` in the end, where only tiles of a log are here. */
export async function requireRecords(input: Input): Promise<{ state: StateContext; exitCode: ExitCode }> {
  const state = await requireLedger(input)
  const root = join(state.dataDir, 'ledger')
  const logs = readdirSync(root)
  const bare = logs.filter((log) => !hasSegments(join(root, log)) && existsSync(join(root, log, 'tile')))
  const said = bare.map((log) => `only tiles of ${log} are here`)
  const hint = 'read them with sallyport audit verify, sallyport audit verify-proof'
  if (bare.length > 0 && bare.length === logs.length) throw new CommandError(3, said.join(', '), hint)
  for (const message of said) printError(input.io, message, hint)
  return { state, exitCode: bare.length === 0 ? 0 : 3 }
}

function hasSegments(dir: string): boolean {
  const folder = join(dir, 'segments')
  return existsSync(folder) && readdirSync(folder).some((name) => name.endsWith('.seg'))
}

/** A data directory in which there are logs, whoever writes them. */
export async function requireLedger(input: Input): Promise<StateContext> {
  const state = await requireDataDir(input)
  if (!hasLogs(state.dataDir)) throw noLedger(state)
  return state
}

function noLedger({ dataDir }: StateContext): CommandError {
  return new CommandError(2, `there is no ledger in ${dataDir}`, 'name the data directory of a gateway: --data-dir DIR')
}

function hasLogs(dataDir: string): boolean {
  const root = join(dataDir, 'ledger')
  return existsSync(root) && readdirSync(root).length > 0
}
