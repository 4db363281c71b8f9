// `audit verify-proof`: checks a proof offline, with nothing but the key of the log, and says in words what it shows
// and what it does not. Exit 1 with the reason when it does not hold.

import type { Command } from './command.ts'
import { printable, printJson } from './io.ts'
import type { Io } from './io.ts'
import type { ProofVerdict } from './ports.ts'
import { formatWitnesses, readFileArgument, readTrust, trustOptions } from './read-trust.ts'

// one more than the format allows: the verdict says so
const bounds = { maxBytes: 1_048_577, exit: 1 } as const

export const command: Command = {
  arguments: [{ name: 'FILE', about: 'a .tlog-proof' }],
  options: {
    ...trustOptions,
    entry: { value: 'FILE', about: "the record's envelope, when the proof does not hold it" },
  },
  run: async (input) => {
    const bytes = readFileArgument(input, input.args[0] ?? '', bounds)
    const trust = await readTrust(input, { kind: 'proof', bytes })
    const entryFile = input.option('entry')
    const entry = entryFile === undefined ? undefined : readFileArgument(input, entryFile, bounds)
    const verdict = (await input.ports()).verifyProof({ bytes, entry, ...trust })
    if (input.json) printJson(input.io, verdict)
    else if (verdict.ok) printProven(input.io, verdict, trust.requireWitnesses)
    else input.io.out(`not proven: ${printable(verdict.reason)}\n`)
    return verdict.ok ? 0 : 1
  },
}

function printProven(io: Io, proven: Extract<ProofVerdict, { ok: true }>, required: number): void {
  const { origin, index, leafHash, size, root, witnesses, record, disclosed, secret } = proven
  const { time, kind, call, actor, agent, operation, outcome, code, snapshot } = record
  const rows: [string, string][] = [
    ['time', time],
    ['kind', kind],
    ['outcome', code === '' ? outcome : `${outcome} (${code})`],
    ['operation', operation],
    ['agent', agent],
    ['call', call],
    ['actor', actor === '' ? '' : `${actor} (a pseudonym)`],
    ['snapshot', snapshot],
    ['leaf hash', leafHash],
    ['checkpoint', `${size} records, root ${root}`],
    ['cosigned', formatWitnesses(witnesses)],
  ]
  io.out(`proven: this is record ${index} of ${printable(origin)}\n`)
  for (const [name, value] of rows) if (value !== '') io.out(`  ${name.padEnd(10)}  ${printable(value)}\n`)
  for (const [name, value] of Object.entries(disclosed))
    io.out(`proven: the record says ${printable(name)} = ${printable(JSON.stringify(value))}\n`)
  if (secret.length > 0) io.out(`not shown: ${printable(secret.join(', '))}\n`)
  if (witnesses.length === 0 && required === 0)
    io.out('not proven: that others were shown the same log (no witness was asked)\n')
  io.out('not proven: that what the record says was true, or that nothing else happened\n')
}
