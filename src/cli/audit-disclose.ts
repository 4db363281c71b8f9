// `audit disclose`: a proof of a record with chosen fields opened, so that others can be told who called and be sure of
// it. What was not chosen stays secret. That it was disclosed is recorded first.

import { resolve } from 'node:path'
import { describe, refuseExisting, refuseOther, writeProof } from './audit-prove.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { CommandError, printJson, printWarning } from './io.ts'
import { recordTaken } from './record-taken.ts'
import { requireDataDir } from './state.ts'

export const command: Command = {
  arguments: [{ name: 'RECORD', about: 'a receipt, LOG/INDEX or LOG#INDEX' }],
  options: {
    field: {
      value: 'NAME',
      multiple: true,
      about: 'caller, origin, source, task, event, …; may be given several times',
    },
    out: { value: 'FILE', about: 'where to write it (default: LOG-INDEX.tlog-proof)' },
    'data-dir': dataDirOption,
    config: configOption,
  },
  details: 'Needs the key-encryption key. `event` opens everything that the record says of the call.',
  run: async (input) => {
    const fields = [...new Set(input.list('field'))]
    if (fields.length === 0)
      throw new CommandError(2, '--field is missing', 'name what is to be disclosed: --field caller')
    const state = await requireDataDir(input)
    const warn = (message: string, hint: string): void => printWarning(input.io, message, hint)
    const asked = { ...state, record: input.args[0] ?? '', fields, warn }
    const document = await (await input.ports()).discloseRecord(asked)
    refuseOther(document)
    const { log, origin, index } = document
    const file = resolve(input.io.cwd, input.option('out') ?? `${log}-${index}.tlog-proof`)
    refuseExisting([file])
    const what = { record: `${origin}/${index}`, fields }
    const recorded = await recordTaken(input, state, { action: 'audit.disclose', what })
    const written = writeProof(document, file)
    if (input.json) printJson(input.io, { ...written, disclosed: fields, recorded })
    else input.io.out(`${describe(written)}\ndisclosed: ${fields.join(', ')}\n`)
    return 0
  },
}
