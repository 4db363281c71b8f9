// Finds the configuration and the data directory a command is about. A configuration with problems ends the command
// (exit 2) after all of them were printed: nothing acts on half a file.

import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describeProblem, loadConfig } from '../config/config.ts'
import type { LoadedConfig, Problem } from '../config/config.ts'
import type { Input } from './command.ts'
import { CommandError, printError, printWarning } from './io.ts'
import type { Io } from './io.ts'
import type { StateContext } from './ports.ts'

const defaultFile = 'sallyport.yaml'

/**
 * The file a command works on: --config, or the sallyport.yaml in or beside the data directory that was named, or
 * ./sallyport.yaml.
 */
export function configFile(input: Input): string {
  const given = input.option('config')
  if (given !== undefined) return resolve(input.io.cwd, given)
  const dataDir = input.option('data-dir')
  const named = dataDir === undefined ? [] : [resolve(input.io.cwd, dataDir), dirname(resolve(input.io.cwd, dataDir))]
  const near = named.map((folder) => join(folder, defaultFile)).find((file) => existsSync(file))
  return near ?? resolve(input.io.cwd, defaultFile)
}

/** The valid configuration; throws CommandError 2 once its problems are printed. `withPolicy` compiles policy too. */
export async function requireConfig(
  input: Input,
  options: { withPolicy?: boolean; secrets?: 'unresolved' } = {},
): Promise<LoadedConfig> {
  const { withPolicy, ...rest } = options
  const file = configFile(input)
  const ports = withPolicy === true ? await input.ports() : undefined
  const loaded = await loadConfig(file, {
    ...rest,
    ...ageIdentity(input),
    ...(ports !== undefined && { extraChecks: (config) => ports.checkPolicy(config) }),
  })
  if (!loaded.ok) throw refuseProblems(input.io, file, loaded.problems)
  printWarnings(input.io, loaded)
  return loaded
}

/** --age-identity, where the command has it. */
export function ageIdentity(input: Input): { ageIdentity?: string } {
  const file = input.option('age-identity')
  return file === undefined ? {} : { ageIdentity: resolve(input.io.cwd, file) }
}

export function printWarnings(io: Io, loaded: Pick<LoadedConfig, 'file' | 'warnings'>): void {
  for (const warning of loaded.warnings) printWarning(io, describeProblem(loaded.file, warning), warning.hint)
}

/** Prints all problems but the last and returns the last one to throw, so that every one reads the same. */
export function refuseProblems(io: Io, file: string, problems: readonly Problem[]): CommandError {
  for (const problem of problems.slice(0, -1)) printError(io, describeProblem(file, problem), problem.hint)
  const last = problems.at(-1)
  return last === undefined
    ? new CommandError(2, `${file}: refused`)
    : new CommandError(2, describeProblem(file, last), last.hint)
}

/**
 * Data directory and, where there is one, its configuration. `--data-dir` alone is enough. Secrets of agents and
 * listeners are the running process's own: a key must be revocable from a shell that does not have them.
 */
export async function findState(input: Input): Promise<StateContext> {
  const given = input.option('data-dir')
  if (given === undefined) {
    const loaded = await requireConfig(input, { secrets: 'unresolved' })
    return { dataDir: loaded.dataDir, loaded }
  }
  const dataDir = resolve(input.io.cwd, given)
  const file = configFile(input)
  if (input.option('config') === undefined && !existsSync(file)) return { dataDir, loaded: undefined }
  const loaded = await requireConfig(input, { secrets: 'unresolved' })
  // A sallyport.yaml that merely lies near may speak of another data directory: leave it out.
  const isAbout =
    input.option('config') !== undefined || loaded.dataDir === dataDir || file === join(dataDir, defaultFile)
  return { dataDir, loaded: isAbout ? loaded : undefined }
}

/** For commands that only read what lies under the data directory: it must be there. */
export async function requireDataDir(input: Input): Promise<StateContext> {
  const state = await findState(input)
  if (!existsSync(state.dataDir)) {
    throw new CommandError(
      2,
      `there is no data directory ${state.dataDir}`,
      'name it by --data-dir DIR, or start one: sallyport serve',
    )
  }
  return state
}
