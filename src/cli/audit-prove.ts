// `audit prove`: writes a proof (C2SP tlog-proof) that a record is in the ledger, for somebody who has nothing but the
// public key of the log. It says no more than the record says in clear; `audit disclose` does that.

import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { isSystemError } from '../base/system-error.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command, Input } from './command.ts'
import { CommandError, printable, printJsonLines, printWarning } from './io.ts'
import type { ProofDocument } from './ports.ts'
import { requireDataDir } from './state.ts'

export const command: Command = {
  arguments: [{ name: 'RECORD', about: 'a receipt, LOG/INDEX, LOG#INDEX, or the id of a call' }],
  options: {
    out: { value: 'FILE', about: 'where to write it (default: LOG-INDEX.tlog-proof); a folder for several' },
    'data-dir': dataDirOption,
    config: configOption,
  },
  details: 'A call has several records, a decision and a completion: each gets a proof of its own.',
  run: async (input) => {
    const state = await requireDataDir(input)
    const warn = (message: string, hint: string): void => printWarning(input.io, message, hint)
    const documents = await (await input.ports()).proveRecords({ ...state, record: input.args[0] ?? '', warn })
    for (const document of documents) refuseOther(document)
    const paths = placesFor(input, documents)
    refuseExisting(paths)
    const written = documents.map((document, at) => writeProof(document, paths[at] ?? ''))
    if (input.json) printJsonLines(input.io, written)
    else for (const each of written) input.io.out(`${describe(each)}\n`)
    return 0
  },
}

/** What stands there is not what the receipt promised: that is the answer, and no proof is written. */
export function refuseOther({ origin, index, leafHash, expectedLeafHash }: ProofDocument): void {
  if (expectedLeafHash === undefined || expectedLeafHash === leafHash) return
  throw new CommandError(
    1,
    `another record stands at ${index} of ${origin} than the receipt says`,
    'see: sallyport audit verify-receipt --help',
  )
}

function placesFor(input: Input, documents: readonly ProofDocument[]): string[] {
  const out = input.option('out')
  const names = documents.map(({ log, index }) => `${log}-${index}.tlog-proof`)
  if (out === undefined) return names.map((name) => resolve(input.io.cwd, name))
  const path = resolve(input.io.cwd, out)
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
  if (!isFolder && documents.length === 1) return [path]
  if (!isFolder) mkdirSync(path, { recursive: true })
  return names.map((name) => join(path, name))
}

export interface WrittenProof {
  readonly file: string
  readonly origin: string
  readonly index: number
  readonly kind: string
  readonly leafHash: string
  readonly size: number
  readonly witnessed: boolean
}

/** Before anything is recorded or written. */
export function refuseExisting(paths: readonly string[]): void {
  const folder = paths.map((path) => dirname(path)).find((path) => !existsSync(path))
  if (folder !== undefined) throw new CommandError(2, `there is no folder ${folder}`, 'check --out')
  const inTheWay = paths.find((path) => existsSync(path))
  if (inTheWay !== undefined) throw isThere(inTheWay)
}

const isThere = (path: string): CommandError =>
  new CommandError(2, `${path} is there already`, 'name another file: --out FILE')

/** Readable by its owner alone: handing it on is a decision of its own. Never over another file. */
export function writeProof(document: ProofDocument, file: string): WrittenProof {
  const { origin, index, kind, leafHash, size, witnessed, bytes } = document
  try {
    writeFileSync(file, bytes, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if (isSystemError(error) && error.code === 'EEXIST') throw isThere(file)
    throw error
  }
  return { file, origin, index, kind, leafHash, size, witnessed }
}

export function describe({ file, origin, index, kind, size, witnessed }: WrittenProof): string {
  const seen = witnessed ? 'cosigned by witnesses' : 'not cosigned'
  return printable(`${file}: record ${index} of ${origin} (${kind}), in a checkpoint of ${size} records, ${seen}`)
}
