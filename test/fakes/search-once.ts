// A process that indexes a ledger and searches it, once: `node search-once.ts DATADIR`. Prints how many records were
// found and how much memory it took at most.

import { systemClock } from '../../src/base/clock.ts'
import { searchLedger } from '../../src/serve/audit-search.ts'

let found = 0
for await (const _ of searchLedger({
  dataDir: process.argv[2] ?? '',
  loaded: undefined,
  query: { operation: process.argv[3] ?? 'SendMessage' },
  limit: 100_000,
  reverse: false,
  clock: systemClock,
  warn: (message) => process.stderr.write(`${message}\n`),
  damage: (message) => process.stderr.write(`${message}\n`),
  note: () => undefined,
  onProgress: () => undefined,
}))
  found += 1
process.stdout.write(`${JSON.stringify({ found, maxRssKiB: process.resourceUsage().maxRSS })}\n`)
