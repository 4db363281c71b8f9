// Searches and proofs for the admin API, each in a thread of its own: bringing the search index up to the ledger can
// take long, and nobody's call waits for it. Few at once, each for a bounded time; what takes longer is for the command
// line, which has all the time it wants.

import { Worker } from 'node:worker_threads'
import { Fault } from '../base/fault.ts'
import type { SearchQuery } from '../cli/ports.ts'
import type { FoundRecords, Proofs, ReadingAnswer, ReadingRequest } from './ledger-reading-worker.ts'

export interface LedgerReading {
  /** the latest that match, newest first */
  search(query: SearchQuery, limit: number): Promise<FoundRecords>
  /** of every record that a name stands for */
  prove(record: string): Promise<Proofs>
}

const atOnce = 2 // bound: searches and proofs of the admin API at once
const timeoutMs = 20_000 // bound: a search or a proof of the admin API
const resourceLimits = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 32, stackSizeMb: 2 }
const entry = new URL(
  import.meta.url.endsWith('.ts') ? './ledger-reading-worker.ts' : './ledger-reading-worker.js',
  import.meta.url,
)

export function createLedgerReading(place: { readonly dataDir: string; readonly file: string }): LedgerReading {
  let running = 0
  const ask = async (request: ReadingRequest['request']): Promise<ReadingAnswer> => {
    if (running >= atOnce)
      throw new Fault('CONTROL_FAILED', 'others are reading the ledger', { hint: 'try again in a moment' })
    running += 1
    const workerData: ReadingRequest = { ...place, request }
    const worker = new Worker(entry, { workerData, resourceLimits })
    let timer: NodeJS.Timeout | undefined
    try {
      return await new Promise<ReadingAnswer>((resolve, reject) => {
        timer = setTimeout(() => reject(tooLong()), timeoutMs)
        worker.once('message', resolve)
        worker.once('error', reject)
        worker.once('exit', () => reject(new Fault('CONTROL_FAILED', 'the ledger could not be read')))
      })
    } finally {
      clearTimeout(timer)
      await worker.terminate()
      running -= 1
    }
  }
  return {
    async search(query, limit) {
      const answer = await ask({ kind: 'search', query, limit })
      if (answer.kind === 'found') return answer
      throw faultOf(answer)
    },
    async prove(record) {
      const answer = await ask({ kind: 'prove', record })
      if (answer.kind === 'proven') return answer
      throw faultOf(answer)
    },
  }
}

const tooLong = (): Fault =>
  new Fault('CONTROL_FAILED', 'reading the ledger takes too long', { hint: 'on this machine: sallyport audit search' })

function faultOf(answer: ReadingAnswer): Fault {
  if (answer.kind !== 'fault') return new Fault('CONTROL_FAILED', 'another answer than was asked for')
  return new Fault('CONTROL_FAILED', answer.message, answer.hint === undefined ? {} : { hint: answer.hint })
}
