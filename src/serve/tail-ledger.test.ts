import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  collect,
  createSample,
  sampleKeyEncryptionKey,
  sampleName,
  sampleOrigin,
  sampleRecord,
} from '../../test/fakes/sample-ledger.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import type { TailOptions } from '../cli/ports.ts'
import type { Ledger } from '../audit/audit.ts'
import { tailLedger } from './tail-ledger.ts'

async function makeLedger(count: number): Promise<{ dataDir: string; ledger: Ledger }> {
  const dataDir = join(temporaryFolder(), 'data')
  mkdirSync(dataDir)
  writeFileSync(`${dataDir}.kek`, sampleKeyEncryptionKey.toString('base64url'))
  const ledger = await createSample(join(dataDir, 'ledger')).open({ checkpointIntervalMs: 0 })
  await Promise.all(Array.from({ length: count }, (_, number) => ledger.append(sampleRecord(number))))
  return { dataDir, ledger }
}

const options = (dataDir: string, changes: Partial<TailOptions>): TailOptions => ({
  dataDir,
  loaded: undefined,
  count: 10,
  follow: false,
  signal: new AbortController().signal,
  ...changes,
})

test('the last records are given, as words and as OCSF, whether the writer runs or not', async () => {
  const { dataDir, ledger } = await makeLedger(500)
  const { size } = ledger
  for (const count of [0, 1, 10, size, 10_000]) {
    const records = await collect(tailLedger(options(dataDir, { count })))
    const first = Math.max(0, size - count)
    assert.deepEqual(
      records.map(({ index }) => index).toSorted((a, b) => a - b),
      Array.from({ length: size - first }, (_, at) => first + at),
    )
  }
  await ledger.close()
  const [last] = await collect(tailLedger(options(dataDir, { count: 1 })))
  assert.equal(last?.log, sampleName)
  assert.equal(last.ocsf['class_uid'], 6003)
  assert.deepEqual(last.ocsf['metadata'], {
    ...(last.ocsf['metadata'] as object),
    uid: `${sampleOrigin}/${size - 1}`,
    version: '1.8.0',
  })
})

test('a followed ledger gives each new record once, and ends when it is asked to', async () => {
  const { dataDir, ledger } = await makeLedger(3)
  const stop = new AbortController()
  const seen: number[] = []
  for await (const { index } of tailLedger(options(dataDir, { count: 1, follow: true, signal: stop.signal }))) {
    seen.push(index)
    if (seen.length === 1) await ledger.append(sampleRecord(1_000))
    else if (seen.length === 2) await ledger.append(sampleRecord(1_001))
    else stop.abort()
  }
  const last = ledger.size - 1
  assert.deepEqual(seen, [last - 2, last - 1, last])
  await ledger.close()
})
