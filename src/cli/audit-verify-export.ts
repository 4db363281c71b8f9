// `audit verify-export`: checks an export offline, on any machine, with nothing but the key of the log, and says in
// words what it shows and what it leaves open. Exit 1 with the reason when it does not hold.

import type { Command } from './command.ts'
import { countOf, printable, printJson } from './io.ts'
import type { Io } from './io.ts'
import type { ExportVerdict } from './ports.ts'
import { formatWitnesses, readTrust, requireFile, trustOptions } from './read-trust.ts'

export const command: Command = {
  arguments: [{ name: 'FILE', about: 'what audit export wrote' }],
  options: trustOptions,
  run: async (input) => {
    const path = requireFile(input, input.args[0] ?? '')
    const trust = await readTrust(input, { kind: 'export', path })
    const verdict = await (await input.ports()).verifyExport({ path, ...trust })
    if (input.json) printJson(input.io, verdict)
    else if (verdict.ok) printVerified(input.io, verdict)
    else input.io.out(`not ok: ${printable(verdict.reason)}\n`)
    return verdict.ok ? 0 : 1
  },
}

function printVerified(io: Io, verdict: Extract<ExportVerdict, { ok: true }>): void {
  const { origin, fromSize, toSize, population, matching, query, tool, createdAt, witnesses, witnessedSize } = verdict
  io.out(`ok: ${countOf(population, 'record', 'records')} of ${printable(origin)}, ${fromSize} to ${toSize - 1}\n`)
  io.out(`  query     ${query === '' ? 'all records' : printable(query)}\n`)
  io.out(`  typed     ${printable(verdict.typed)}, as the file says\n`)
  io.out(`  made      ${printable(createdAt)} by ${printable(tool)}, as the file says\n`)
  io.out(`  root      ${verdict.root} at ${toSize} records\n`)
  const seen = witnessedSize === undefined ? '' : `, at ${witnessedSize} records`
  io.out(`  cosigned  ${formatWitnesses(witnesses)}${seen}\n`)
  io.out(`proven: these are all records between two signed checkpoints, ${matching} of them shown, in order\n`)
  for (const line of openEnds(verdict)) io.out(`${line}\n`)
}

function openEnds(verdict: Extract<ExportVerdict, { ok: true }>): string[] {
  const { provenEvents, looseEvents, unjudged, hidden, otherReadings, fromSize, toSize } = verdict
  const are = (count: number, one: string, many: string): string => countOf(count, one, many)
  return [
    provenEvents > 0 && `proven: ${are(provenEvents, 'event is', 'events are')} as recorded, word for word`,
    looseEvents > 0 && `not proven: ${are(looseEvents, 'event', 'events')} from before events were committed to`,
    otherReadings > 0 &&
      `not proven: the OCSF ${otherReadings === 1 ? 'reading of an event' : `readings of ${otherReadings} events`}, which another version made or nothing commits to`,
    verdict.openEnds.includes('before') && `not proven: that no record before ${fromSize} belongs to the query`,
    verdict.openEnds.includes('after') && `not proven: that no record from ${toSize} on belongs to the query`,
    unjudged > 0 &&
      `not proven: that ${are(unjudged, 'shown record is', 'shown records are')} of the caller in the query`,
    hidden > 0 &&
      `not proven: that ${are(hidden, 'record given by its hash does', 'records given by their hashes do')} not match the query`,
  ].filter((line) => line !== false)
}
