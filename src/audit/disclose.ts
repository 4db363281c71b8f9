// Opens chosen fields of one record for somebody: salt and value of each, so that they can be held against the
// commitments in the leaf. What was not chosen stays as secret as before. It needs the key-encryption key, and
// cannot open what was erased.

import { Fault } from '../base/fault.ts'
import type { OpenedField } from './proof-extra.ts'
import { readLedger, type LedgerRecord } from './read-ledger.ts'

/** The record at an index of a log (dataDir/ledger/<name>), opened where it can be; undefined when there is none. */
export async function readRecordAt(
  dir: string,
  index: number,
  keyEncryptionKey: Buffer | undefined,
): Promise<LedgerRecord | undefined> {
  for await (const record of readLedger(dir, { from: index, ...(keyEncryptionKey && { keyEncryptionKey }) })) {
    return record.index === index ? record : undefined
  }
  return undefined
}

/** Salts and values of the named fields. Throws KEY_UNREADABLE or CONFIG_INVALID and says which fields there are. */
export function openFields(record: LedgerRecord, names: readonly string[]): Record<string, OpenedField> {
  const { committed, envelope } = record
  if (committed === undefined) throw cannotOpen(envelope.body === '')
  const opened: [string, OpenedField][] = []
  for (const name of names) {
    const field = Object.hasOwn(committed, name) ? committed[name] : undefined
    if (field === undefined) {
      const known = Object.keys(committed).toSorted().join(', ')
      throw new Fault('CONFIG_INVALID', `record ${record.index} commits to no field ${JSON.stringify(name)}`, {
        hint: known === '' ? 'it commits to none' : `it has: ${known}`,
      })
    }
    opened.push([name, field])
  }
  return Object.fromEntries(opened)
}

function cannotOpen(hasNoBody: boolean): Fault {
  return hasNoBody
    ? new Fault('CONFIG_INVALID', 'this record has nothing to disclose', {
        hint: 'all that it says stands in its proof',
      })
    : new Fault(
        'KEY_UNREADABLE',
        'this record cannot be opened: its keys were erased, its body expired, or the key is not here',
        {
          hint: 'it needs the key-encryption key of the ledger (--config FILE, or DIR.kek beside the data directory)',
        },
      )
}
