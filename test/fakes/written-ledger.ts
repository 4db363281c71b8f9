// A sample ledger of a wanted size, written and closed, with its receipts: for tests of what is read from it later.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { NewRecord } from '../../src/audit/audit.ts'
import { readVerifiers, type TrustedKeys } from '../../src/audit/trusted-keys.ts'
import type { Receipt } from '../../src/exchange/exchange.ts'
import { createSample, sampleRecord, sampleStartMs, type Sample } from './sample-ledger.ts'

export interface WrittenLedger {
  readonly sample: Sample
  readonly dir: string
  readonly vkey: string
  readonly size: number
  /** of the records that were appended; the ledger writes others about itself */
  readonly receipts: readonly Receipt[]
  /** the key of this ledger, and no witness */
  readonly trusted: TrustedKeys
}

/** At least so many records, in groups of at most five; the ledger's own count. */
export async function writeLedger(
  size: number,
  changes: (number: number) => Partial<NewRecord> = () => ({}),
  sample: Sample = createSample(),
): Promise<WrittenLedger> {
  const ledger = await sample.open()
  const receipts: Receipt[] = []
  let number = 0
  while (ledger.size < size) {
    const count = ledger.size < 3 ? 1 : Math.min(5, size - ledger.size)
    const records = Array.from({ length: count }, () =>
      sampleRecord(number, { subject: 'key:ci', ...changes(number++) }),
    )
    receipts.push(...(await Promise.all(records.map((record) => ledger.append(record)))))
  }
  const written = ledger.size
  await ledger.close()
  const vkey = readFileSync(join(sample.dir, 'key.vkey'), 'latin1').trim()
  return { sample, dir: sample.dir, vkey, size: written, receipts, trusted: trust([vkey]) }
}

/** Trust in these keys of logs. */
export function trust(vkeys: readonly string[], changes: Partial<TrustedKeys> = {}): TrustedKeys {
  const read = readVerifiers(vkeys)
  const log = 'keys' in read ? read.keys : []
  return { log, witnesses: [], requireWitnesses: 0, nowSeconds: Math.floor(sampleStartMs / 1_000) + 86_400, ...changes }
}
