// One record of the ledger as a line for people.

import { printable } from './io.ts'
import type { TailRecord } from './ports.ts'

export function formatRecord(record: TailRecord): string {
  const behalf = record.origin === record.caller || record.origin === '' ? '' : `for ${record.origin}`
  const what = [record.caller, behalf, record.operation, record.agent].filter((word) => word !== '').join(' ')
  const words = [record.time, record.log, `#${record.index}`, record.kind, record.outcome, record.code, what]
  return printable(words.filter((word) => word !== '').join('  '))
}
