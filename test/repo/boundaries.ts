// Who may import whom, as data: one row per folder of src/, each with its reason. Folders have one door, the file that
// bears their name; outsiders import doors and nothing else. What is not written here is forbidden.

import { findComputedImports, readImports, type Import } from './imports.ts'
import type { SourceFile } from './files.ts'

interface Row {
  /** folders that may be imported */
  readonly may: readonly string[]
  /** folders of which only types may be imported */
  readonly mayTypes?: readonly string[]
  /** folders that only these files of the row's folder may import */
  readonly onlyBy?: Readonly<Record<string, readonly string[]>>
  readonly why: string
}

/** What everyone stands on. `config` is entered by its door, the others file by file: they have no inside. */
const floor = ['base', 'a2a', 'faces', 'refusal', 'exchange', 'config'] as const
const openFolders: ReadonlySet<string> = new Set(['base', 'a2a', 'protobuf', 'faces', 'refusal', 'exchange', 'tlog'])

export const stages = [
  'listen',
  'authenticate',
  'route',
  'discover',
  'delegate',
  'validate',
  'authorize',
  'limit',
  'forward',
  'release',
] as const

const stageWhy = 'a stage knows the floor and never another stage: the order of checks is written in pipeline alone'

export const table: Readonly<Record<string, Row>> = {
  base: { may: [], why: 'it is under everything, so it may stand on nothing of ours' },
  a2a: { may: ['base'], why: 'the protocol as data: no configuration, no request, no output' },
  protobuf: {
    may: ['base', 'a2a'],
    why: 'the wire form of the gRPC binding: bytes in, values out, and nothing known of a call',
  },
  faces: {
    may: ['base', 'a2a', 'protobuf'],
    why: 'what a call looks like in each binding and version: values in, values out, nothing of who calls',
  },
  refusal: { may: ['base', 'a2a', 'faces'], why: 'the catalogue must be readable without knowing any stage' },
  exchange: {
    may: ['base', 'a2a', 'refusal'],
    mayTypes: ['config'],
    why: 'types of a call; the snapshot is one of them, and types only keep this free of cycles at run time',
  },
  config: { may: ['base', 'a2a'], why: 'a file is judged without knowing what will run by it' },
  ...Object.fromEntries(stages.map((stage) => [stage, { may: floor, why: stageWhy }])),
  // the stages that read or write messages of the gRPC binding; what others need of it stands in faces
  ...Object.fromEntries(
    ['route', 'discover', 'validate', 'forward', 'release'].map((stage) => [
      stage,
      { may: [...floor, 'protobuf'], why: stageWhy },
    ]),
  ),
  tlog: {
    may: ['base'],
    why: 'trees, notes, tiles and proofs as the specifications have them: no files, no network, nothing of this product',
  },
  secrets: {
    may: ['base'],
    why: 'sealing knows nothing of what it seals, and must be readable on its own',
  },
  audit: { may: [...floor, 'tlog'], why: 'it records what others decide and decides nothing' },
  witness: { may: [...floor, 'tlog'], why: 'it must be able to run, and be believed, without the gateway it watches' },
  pipeline: {
    may: [...floor, ...stages, 'audit'],
    why: 'the walk on one page; adapters and the admin side come to it as arguments',
  },
  telemetry: {
    may: floor,
    mayTypes: ['audit', 'forward', 'pipeline'],
    why: 'it is told how calls went and decides nothing; it sends by the dialler that it is given',
  },
  store: {
    may: floor,
    mayTypes: [...stages, 'pipeline', 'audit', 'secrets'],
    why: 'an adapter: it implements interfaces of the folders that need it and calls none of them',
  },
  kubernetes: {
    may: floor,
    mayTypes: [...stages, 'pipeline'],
    why: 'an adapter to API servers: it reaches them by the dialler that it is given, and judges nothing',
  },
  admin: {
    may: [...floor, 'audit', 'detect'],
    mayTypes: ['cli'],
    why: 'health, status and the admin API; nothing there may ever reach an agent. Its changes are those of commands: the types of one contract',
  },
  serve: {
    may: [
      ...floor,
      ...stages,
      'tlog',
      'secrets',
      'audit',
      'witness',
      'pipeline',
      'store',
      'kubernetes',
      'telemetry',
      'admin',
      'cli',
    ],
    why: 'the one composition root',
  },
  cli: {
    may: ['base', 'a2a', 'config', 'serve'],
    onlyBy: { serve: ['src/cli/main.ts'] },
    why: 'commands see the rest of the product through the ports that serve hands to the entry',
  },
}

/** Files that outsiders may import beside the door, types only. */
const sideDoors: Readonly<Record<string, string>> = {
  'src/admin/contract.ts': 'the shapes of the admin API, for the console and the command line',
  'src/cli/ports.ts': 'what commands ask of the rest; serve implements it and must not pull in the commands',
}

export interface Violation {
  readonly where: string
  readonly message: string
}

/** Everything that breaks the table. `files` are those of the product; tests may import what they test. */
export function findViolations(files: readonly SourceFile[]): Violation[] {
  return files.flatMap((file) => [
    ...readImports(file).flatMap((each) => {
      const message = judge(each)
      return message === undefined
        ? []
        : [{ where: `${each.from}:${each.line}`, message: `${message} (${each.specifier})` }]
    }),
    ...findComputedImports(file).flatMap((line) =>
      Object.hasOwn(computedImports, file.path)
        ? []
        : [{ where: `${file.path}:${line}`, message: 'imports something whose name is only known at run time' }],
    ),
  ])
}

/** Files that may import by a computed name. */
const computedImports: Readonly<Record<string, string>> = {
  'src/serve/demo.ts': 'the sample agents are a workspace of their own and must not enter the build of the gateway',
}

function judge(each: Import): string | undefined {
  if (each.target === undefined) return undefined
  const own = folderOf(each.from)
  const other = folderOf(each.target)
  if (!each.target.startsWith('src/')) return 'leaves src/'
  if (/(^|\/)fake-[^/]*\.ts$|\.test\.ts$/.test(each.target)) return 'imports a test'
  if (own === other) return undefined
  const row = table[own]
  if (row === undefined) return `${own} has no row in the table`
  return judgeFolder(row, each, other) ?? judgeDoor(each, other)
}

function judgeFolder(row: Row, each: Import, other: string): string | undefined {
  const own = folderOf(each.from)
  const isOfTypes = each.isTypesOnly && row.mayTypes?.includes(other) === true
  if (!row.may.includes(other) && !isOfTypes) {
    const part = row.mayTypes?.includes(other) === true ? `only types of ${other}` : `nothing of ${other}`
    return `${own} may import ${part}: ${row.why}`
  }
  const only = row.onlyBy?.[other]
  return only === undefined || only.includes(each.from) ? undefined : `only ${only.join(', ')} may import ${other}`
}

function judgeDoor(each: Import, other: string): string | undefined {
  if (openFolders.has(other) || each.target === `src/${other}/${other}.ts`) return undefined
  if (each.target !== undefined && Object.hasOwn(sideDoors, each.target)) {
    return each.isTypesOnly ? undefined : `of ${each.target} only types may be imported`
  }
  return `goes around the door src/${other}/${other}.ts`
}

export function folderOf(path: string): string {
  return path.split('/')[1] ?? ''
}
