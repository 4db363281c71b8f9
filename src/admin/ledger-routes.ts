// What auditors read of the ledger over the admin API: where it stands, records that match, proofs that they are there.

import { z } from 'zod'
import * as answers from './answers.ts'
import { nothing, pageOf, read, type Route, type RouteParts } from './route.ts'

const word = z.string().min(1).max(512).optional()
const time = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform(Number)
  .optional()
const maxFound = 200 // bound: records in one page of a search
const maxSkipped = 10_000

const searchQuery = z.strictObject({
  caller: word.describe('as records have it: user:corp/4f1c, key:ci'),
  origin: word,
  agent: word,
  task: word,
  context: word,
  operation: word.describe('a word, or the beginning of one and *'),
  outcome: word,
  code: word,
  kind: word,
  call: word,
  sinceMs: time.describe('inclusive'),
  untilMs: time.describe('exclusive'),
  limit: z
    .string()
    .regex(/^[1-9]\d{0,3}$/)
    .default('50')
    .transform((text) => Math.min(Number(text), maxFound)),
  after: z
    .string()
    .regex(/^\d{1,15}\.\d{1,5}$/)
    .optional()
    .describe('`next` of the page before'),
})

export const ledgerRoutes: readonly Route[] = [
  read({
    path: '/ledger/checkpoint',
    permission: 'ledger.read',
    about: 'Size and root of the ledger that this process writes',
    input: nothing,
    answer: answers.checkpointAnswer,
    run: ({ parts }) => parts.status().ledger,
  }),
  read({
    path: '/records',
    permission: 'ledger.read',
    about: 'Records of all logs here that match, newest first; all that is given must fit',
    input: searchQuery,
    answer: pageOf(answers.recordAnswer).extend({
      warnings: z.array(z.string()).readonly().describe('what could not be read, and so may be missing'),
    }),
    run: ({ parts }, query) => search(parts, query),
  }),
  read({
    path: '/records/proof',
    permission: 'ledger.read',
    about: 'Proofs (C2SP tlog-proof) that the records of a name are in the ledger',
    input: z.strictObject({
      record: z.string().min(1).max(512).describe('a receipt, LOG/INDEX, LOG#INDEX, or the id of a call'),
    }),
    answer: z.object({ proofs: z.array(answers.proofAnswer).readonly() }),
    run: async ({ parts }, { record }) => await parts.ledger.prove(record),
  }),
]

/** A page goes on by the time of its last record, and how many of that very millisecond were given. */
async function search(
  { ledger }: RouteParts,
  { limit, after, ...query }: z.output<typeof searchQuery>,
): Promise<{ items: z.input<typeof answers.recordAnswer>[]; next: string | null; warnings: readonly string[] }> {
  const [beforeMs, skipped] = (after?.split('.') ?? []).map(Number)
  const skip = Math.min(skipped ?? 0, maxSkipped)
  const untilMs = beforeMs === undefined ? query.untilMs : Math.min(beforeMs + 1, query.untilMs ?? Infinity)
  const given = Object.fromEntries(Object.entries({ ...query, untilMs }).filter(([, value]) => value !== undefined))
  const { records, warnings } = await ledger.search(given, limit + skip + 1)
  const page = records.slice(skip, skip + limit)
  const lastMs = Date.parse(page.at(-1)?.time ?? '')
  const ofLast = page.filter(({ time: at }) => Date.parse(at) === lastMs).length + (lastMs === beforeMs ? skip : 0)
  return { items: page, next: records.length > skip + limit ? `${lastMs}.${ofLast}` : null, warnings }
}
