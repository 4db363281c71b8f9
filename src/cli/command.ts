// What a command is, and how its arguments are read: unknown flags, missing values and superfluous words are refused
// with a suggestion, never ignored. The help text is made from the same table that parsing uses.

import { parseArgs } from 'node:util'
import { nearest } from '../base/nearest.ts'
import { CommandError } from './io.ts'
import type { ExitCode, Io } from './io.ts'
import type { Ports } from './ports.ts'

export interface OptionSpec {
  /** placeholder of the value; a flag without */
  readonly value?: string
  readonly multiple?: boolean
  readonly short?: string
  readonly about: string
}

export interface ArgumentSpec {
  readonly name: string
  readonly about: string
}

export interface Command {
  readonly arguments: readonly ArgumentSpec[]
  readonly options: Readonly<Record<string, OptionSpec>>
  /** further lines of help */
  readonly details?: string
  run(input: Input): Promise<ExitCode>
}

export interface Input {
  readonly io: Io
  readonly json: boolean
  /** as many as the command declares */
  readonly args: readonly string[]
  option(name: string): string | undefined
  list(name: string): readonly string[]
  flag(name: string): boolean
  /** loads what is heavy, on the first use */
  ports(): Promise<Ports>
}

export const commonOptions: Readonly<Record<string, OptionSpec>> = {
  json: { about: 'print JSON: one document, or one per line for lists' },
  help: { short: 'h', about: 'show this help' },
}

export const configOption: OptionSpec = {
  value: 'FILE',
  short: 'c',
  about: 'configuration file (default: ./sallyport.yaml)',
}
export const ageIdentityOption: OptionSpec = {
  value: 'FILE',
  about: 'identities of age for what is encrypted in it (default: SALLYPORT_AGE_IDENTITY)',
}
export const dataDirOption: OptionSpec = {
  value: 'DIR',
  about: 'data directory (default: dataDir of the configuration)',
}

export type ParsedArguments = Omit<Input, 'io' | 'ports' | 'json'>

/** Reads the words after the command's name. Throws CommandError 2 on anything the command does not know. */
export function parseArguments(title: string, command: Command, words: readonly string[]): ParsedArguments {
  const specs = { ...command.options, ...commonOptions }
  const { tokens } = parseArgs({
    args: [...words],
    strict: false,
    tokens: true,
    allowPositionals: true,
    options: Object.fromEntries(
      Object.entries(specs).map(([name, spec]) => [
        name,
        {
          type: spec.value === undefined ? 'boolean' : 'string',
          ...(spec.short === undefined ? {} : { short: spec.short }),
        } as const,
      ]),
    ),
  })
  const help = `see: sallyport ${title} --help`
  const values = new Map<string, string[]>()
  const args: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') args.push(token.value)
    if (token.kind !== 'option') continue
    const spec = Object.hasOwn(specs, token.name) ? specs[token.name] : undefined
    if (spec === undefined) {
      const near = nearest(token.name, Object.keys(specs))
      throw new CommandError(2, `unknown flag ${token.rawName}`, near === undefined ? help : `did you mean --${near}`)
    }
    values.set(token.name, [
      ...(values.get(token.name) ?? []),
      readValue(token.rawName, spec, token.value, token.inlineValue === true, help),
    ])
    if (spec.multiple !== true && (values.get(token.name)?.length ?? 0) > 1)
      throw new CommandError(2, `${token.rawName} is given twice`, help)
  }
  if (!values.has('help')) checkCount(command, args, help)
  return {
    args,
    option: (name) => values.get(name)?.at(-1),
    list: (name) => values.get(name) ?? [],
    flag: (name) => values.has(name),
  }
}

function readValue(
  rawName: string,
  spec: OptionSpec,
  value: string | undefined,
  isInline: boolean,
  help: string,
): string {
  if (spec.value === undefined) {
    if (value !== undefined) throw new CommandError(2, `${rawName} takes no value`, help)
    return ''
  }
  if (value === undefined || value === '' || (!isInline && value.startsWith('-'))) {
    throw new CommandError(2, `${rawName} needs a value`, `write ${rawName} ${spec.value}`)
  }
  return value
}

function checkCount(command: Command, args: readonly string[], help: string): void {
  const missing = command.arguments[args.length]
  if (missing !== undefined) throw new CommandError(2, `${missing.name} is missing`, help)
  const extra = args[command.arguments.length]
  if (extra !== undefined) throw new CommandError(2, `unexpected argument ${JSON.stringify(extra)}`, help)
}

export function formatHelp(title: string, summary: string, command: Command): string {
  const usage = ['sallyport', title, ...command.arguments.map((argument) => argument.name), '[flags]'].join(' ')
  const rows: [string, string][] = [
    ...command.arguments.map((argument): [string, string] => [argument.name, argument.about]),
    ...Object.entries({ ...command.options, ...commonOptions }).map(([name, spec]): [string, string] => {
      const short = spec.short === undefined ? '' : `-${spec.short}, `
      return [`${short}--${name}${spec.value === undefined ? '' : ` ${spec.value}`}`, spec.about]
    }),
  ]
  const width = Math.max(...rows.map(([left]) => left.length))
  const details = command.details === undefined ? '' : `\n${command.details.trim()}\n`
  return `${summary}\n\nusage: ${usage}\n\n${rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n')}\n${details}`
}
