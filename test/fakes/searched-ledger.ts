// A data directory with a sample ledger of two logs and its key beside it, and a search over it that keeps what was said.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Ledger, LedgerOptions } from '../../src/audit/ledger.ts'
import { systemClock } from '../../src/base/clock.ts'
import type { SearchOptions, SearchQuery } from '../../src/cli/ports.ts'
import { searchLedger, type SearchedRecord } from '../../src/serve/audit-search.ts'
import {
  collect,
  createSample,
  sampleKeyEncryptionKey,
  sampleRecord,
  sampleSigningKey,
  type Sample,
} from './sample-ledger.ts'
import { temporaryFolder } from './temporary-folder.ts'

export const secondName = 'bbbbbbbb'

export interface SearchedLedger {
  readonly dataDir: string
  readonly sample: Sample
  /** the log of the sample, or a second one */
  open(name?: string, changes?: Partial<LedgerOptions>): Promise<Ledger>
}

export function createSearchedLedger(): SearchedLedger {
  const dataDir = join(temporaryFolder(), 'data')
  const sample = createSample(join(dataDir, 'ledger'))
  writeFileSync(`${dataDir}.kek`, sampleKeyEncryptionKey.toString('base64url'))
  return {
    dataDir,
    sample,
    open: (name, changes = {}) =>
      sample.open(
        name === undefined
          ? changes
          : {
              dir: join(sample.root, name),
              origin: `sallyport.local/${name}`,
              signingKey: sampleSigningKey(name),
              ...changes,
            },
      ),
  }
}

/** Appends sample records `from` to `to` and closes. */
export async function fill(ledger: Promise<Ledger>, from: number, to: number): Promise<void> {
  const open = await ledger
  const numbers = Array.from({ length: to - from }, (_, each) => from + each)
  await Promise.all(numbers.map((number) => open.append(sampleRecord(number))))
  await open.close()
}

export interface Search {
  readonly found: readonly SearchedRecord[]
  /** `number` of each sample record */
  readonly numbers: readonly number[]
  readonly said: readonly string[]
}

export async function search(
  dataDir: string,
  query: SearchQuery,
  changes: Partial<SearchOptions> = {},
): Promise<Search> {
  const said: string[] = []
  const found = await collect(
    searchLedger({
      dataDir,
      loaded: undefined,
      query,
      limit: 1_000,
      reverse: false,
      clock: systemClock,
      onProgress: () => undefined,
      warn: (message, hint) => said.push(`${message}; ${hint}`),
      damage: (message, hint) => said.push(`damage: ${message}; ${hint}`),
      note: (message) => said.push(message),
      ...changes,
    }),
  )
  // the number of a call's id is the number of its record
  const numbers = found.map(({ record }) => Number(record.envelope.call.slice(4)))
  return { found, numbers, said }
}
