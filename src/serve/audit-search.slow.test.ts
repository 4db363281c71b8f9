// Searching large ledgers: memory that does not grow with them, and searches that are killed while they index.

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { createSearchedLedger, search, type SearchedLedger } from '../../test/fakes/searched-ledger.ts'
import { sampleRecord } from '../../test/fakes/sample-ledger.ts'
import { openAuditIndex } from '../store/store.ts'

const script = join(import.meta.dirname, '../../test/fakes/search-once.ts')

async function grow(ledger: SearchedLedger, from: number, to: number): Promise<void> {
  const log = await ledger.open(undefined, { segmentSize: 8_388_608 })
  for (let at = from; at < to; at += 256) {
    const numbers = Array.from({ length: Math.min(256, to - at) }, (_, each) => at + each)
    await Promise.all(numbers.map((number) => log.append(sampleRecord(number))))
  }
  await log.close()
}

/** The most memory, in MiB, that a process takes which indexes and finds nothing. */
function memoryOfSearch(dataDir: string): number {
  // a heap that has no room for what is kept by mistake, and whose garbage does not pass for it
  const heap = ['--max-old-space-size=96', '--max-semi-space-size=2']
  const text = execFileSync(process.execPath, [...heap, script, dataDir, 'NoOperation'], { encoding: 'utf8' })
  const answer: unknown = JSON.parse(text)
  assert.ok(typeof answer === 'object' && answer !== null && 'found' in answer && 'maxRssKiB' in answer)
  assert.equal(answer.found, 0)
  return Number(answer.maxRssKiB) / 1_024
}

const indexed = (dataDir: string): number => {
  const index = openAuditIndex(join(dataDir, 'audit.db'))
  const count = index.count()
  index.close()
  return count
}

test('indexing a hundred thousand records takes no more memory than indexing thirty thousand', async () => {
  const [small, large] = [createSearchedLedger(), createSearchedLedger()]
  await grow(small, 0, 30_000)
  await grow(large, 0, 100_000)
  const [few, many] = [memoryOfSearch(small.dataDir), memoryOfSearch(large.dataDir)]
  assert.ok(indexed(large.dataDir) > 100_000)
  assert.ok(many - few < 64, `${few} MiB, then ${many} MiB`)
})

test('a search that is killed while it indexes leaves what the next one goes on with', async () => {
  const ledger = createSearchedLedger()
  await grow(ledger, 0, 60_000)
  for (let kills = 0; kills < 4; kills += 1) {
    const child = spawn(process.execPath, [script, ledger.dataDir], { stdio: 'ignore' })
    const ended = once(child, 'exit')
    const before = kills === 0 ? 0 : indexed(ledger.dataDir)
    while (child.exitCode === null && indexed(ledger.dataDir) <= before) await new Promise(setImmediate)
    child.kill('SIGKILL')
    await ended
  }
  const { found, said } = await search(ledger.dataDir, { operation: 'SendMessage' }, { limit: 100_000 })
  assert.deepEqual([found.length, said], [60_000, []])
})

test('processes that search for the first time at once all find everything', async () => {
  const ledger = createSearchedLedger()
  await grow(ledger, 0, 12_000)
  const children = Array.from({ length: 4 }, () => spawn(process.execPath, [script, ledger.dataDir]))
  const answers = await Promise.all(
    children.map(async (child) => {
      const [out, err]: Buffer[][] = [[], []]
      child.stdout.on('data', (bytes: Buffer) => out?.push(bytes))
      child.stderr.on('data', (bytes: Buffer) => err?.push(bytes))
      await once(child, 'close')
      return Buffer.concat([...(out ?? []), ...(err ?? [])]).toString()
    }),
  )
  for (const answer of answers) assert.match(answer, /^\{"found":12000,/)
})
