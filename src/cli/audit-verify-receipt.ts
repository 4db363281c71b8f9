// `audit verify-receipt`: holds what a caller was given (the header Sallyport-Record) against the ledger, a copy of it,
// a proof or an export. Exit 0 when the record is there, 1 when not, with the reason in words.

import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { dataDirOption } from './command.ts'
import type { Command, Input } from './command.ts'
import { CommandError, printable, printJson } from './io.ts'
import type { Evidence } from './ports.ts'
import { readFileArgument, readTrust, requireFile, trustOptions } from './read-trust.ts'

const proofBounds = { maxBytes: 1_048_577, exit: 1 } as const
const noteBounds = { maxBytes: 131_072, exit: 1 } as const

export const command: Command = {
  arguments: [{ name: 'RECEIPT', about: 'ORIGIN/INDEX/LEAF, from the header Sallyport-Record' }],
  options: {
    signature: { value: 'TEXT', about: 'the value of Sallyport-Record-Signature' },
    'data-dir': { ...dataDirOption, about: 'against the ledger of this data directory' },
    log: { value: 'DIR', about: 'against the folder of a log, or a copy of it' },
    proof: { value: 'FILE', about: 'against a .tlog-proof' },
    export: { value: 'FILE', about: 'against what audit export wrote' },
    checkpoint: { value: 'FILE', about: 'a checkpoint of the log that was kept: the log must lead on from it' },
    ...trustOptions,
  },
  run: async (input) => {
    const signature = readSignature(input)
    const evidence = readEvidence(input)
    const trust = await readTrust(input, evidence)
    const keptFile = input.option('checkpoint')
    if (keptFile !== undefined && evidence.kind !== 'log' && evidence.kind !== 'data-dir')
      throw new CommandError(2, '--checkpoint is held against a log', 'give the log too: --data-dir DIR or --log DIR')
    const kept = keptFile === undefined ? undefined : readFileArgument(input, keptFile, noteBounds)
    const asked = { receipt: input.args[0] ?? '', signature, evidence, kept, ...trust }
    const verdict = await (await input.ports()).verifyReceipt(asked)
    const isThere = verdict.finding === 'included'
    if (input.json) printJson(input.io, { ok: isThere, ...verdict })
    else input.io.out(`${isThere ? 'ok' : 'not ok'}: ${printable(verdict.message)}\n`)
    return isThere ? 0 : 1
  },
}

/** What is no signature at all was mistyped: it says nothing, least of all against the log. */
function readSignature(input: Input): string | undefined {
  const signature = input.option('signature')
  if (signature === undefined || /^[0-9a-f]{8} [\w-]{86}$/.test(signature)) return signature
  throw new CommandError(
    2,
    '--signature is not a signature of a receipt',
    "write it as the header Sallyport-Record-Signature has it: '<8 hex digits> <86 characters>'",
  )
}

function readEvidence(input: Input): Evidence {
  const given = (['data-dir', 'log', 'proof', 'export'] as const).filter((flag) => input.option(flag) !== undefined)
  const [kind] = given
  if (kind === undefined || given.length > 1) {
    const message = 'a receipt is held against one thing'
    throw new CommandError(2, message, 'one of --data-dir DIR, --log DIR, --proof FILE, --export FILE')
  }
  const path = resolve(input.io.cwd, input.option(kind) ?? '')
  if (!existsSync(path)) throw new CommandError(2, `there is no ${path}`, `check --${kind}`)
  if (kind === 'proof') return { kind, bytes: readFileArgument(input, path, proofBounds) }
  if (kind === 'export') return { kind, path: requireFile(input, path) }
  return kind === 'log' ? { kind, dir: path } : { kind, dataDir: path }
}
