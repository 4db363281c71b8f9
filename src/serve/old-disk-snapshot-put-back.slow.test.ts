// The whole data directory is put back as it was a while ago, signing key and all, and the gateway is started. Nothing
// on that disk can show it; the witness can.

import assert from 'node:assert/strict'
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openTestWitness } from '../../test/fakes/small-log.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { verifyLedger } from '../audit/audit.ts'
import { loadConfig, type ConfigInput } from '../config/config.ts'
import { parseCheckpoint } from '../tlog/checkpoint.ts'
import { parseCosigner } from '../tlog/cosignature.ts'
import { startGateway, type Gateway } from './gateway.ts'

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }

async function start(home: string, witness: NonNullable<ConfigInput['audit']>['witness']): Promise<Gateway> {
  const file = join(home, 'sallyport.yaml')
  const config = {
    gateway: { listen: '127.0.0.1:0' },
    admin: { listen: '127.0.0.1:0' },
    dataDir: './data',
    audit: { witness },
  }
  writeFileSync(file, JSON.stringify(config))
  const loaded = await loadConfig(file)
  assert.ok(loaded.ok, JSON.stringify(loaded))
  const onFatal = (fault: Error): void => assert.fail(fault)
  return await startGateway({ loaded, dataDir: loaded.dataDir, log: silent, onFatal })
}

test('an old snapshot of the data directory is refused at the start, and again', async (t) => {
  const home = temporaryFolder()
  const data = join(home, 'data')
  await (await start(home, undefined)).stop()
  const [name = ''] = readdirSync(join(data, 'ledger'))
  const witness = await openTestWitness({ files: [join(data, 'ledger', name, 'key.vkey')] })
  t.after(() => witness.close())
  const settings = { witnesses: [{ key: witness.vkeys[0] ?? '', url: witness.url }], interval: '1s' }
  await (await start(home, settings)).stop()
  const snapshot = join(temporaryFolder(), 'data')
  cpSync(data, snapshot, { recursive: true, filter: (path) => !path.endsWith('.sock') })
  // it went on after the snapshot
  await (await start(home, settings)).stop()
  await (await start(home, settings)).stop()
  const kept = join(home, 'kept')
  cpSync(join(data, 'ledger', name, 'witnessed'), kept)
  const witnessedSize = parseCheckpoint(readFileSync(kept))?.size ?? 0

  renameSync(data, join(home, 'newest'))
  cpSync(snapshot, data, { recursive: true })
  const before = readFileSync(join(data, 'ledger', name, 'checkpoint'), 'latin1')
  // alone, the snapshot verifies; with what was kept elsewhere it does not
  assert.deepEqual((await verifyLedger(join(data, 'ledger'))).problems, [])
  const report = await verifyLedger(join(data, 'ledger'), { since: readFileSync(kept) })
  assert.deepEqual(
    report.problems.map(({ kind }) => kind),
    ['rollback'],
  )
  assert.match(report.problems[0]?.message ?? '', new RegExp(`has ${witnessedSize} records`))
  for (let attempt = 0; attempt < 2; attempt += 1) {
    await assert.rejects(start(home, settings), (error: Error & { code?: string; hint?: string }) => {
      assert.equal(error.code, 'LEDGER_CORRUPT')
      assert.match(
        error.message,
        attempt === 0
          ? /shorter than witness "witness\.example\/w1" knows it: \d+ records, \d+ were witnessed/
          : /shorter than it was witnessed: \d+ records, \d+ were witnessed/,
      )
      assert.match(error.hint ?? '', /docs\/ledger\.md/)
      return true
    })
  }
  assert.equal(readFileSync(join(data, 'ledger', name, 'checkpoint'), 'latin1'), before, 'nothing was appended')
  assert.equal(existsSync(join(data, 'control.sock')), false)

  rmSync(data, { recursive: true })
  renameSync(join(home, 'newest'), data)
  const cosigners = witness.vkeys.map((vkey) => parseCosigner(vkey) ?? assert.fail(vkey))
  const witnesses = { cosigners, require: 1, nowSeconds: undefined }
  const good = await verifyLedger(join(data, 'ledger'), { since: readFileSync(kept), witnesses })
  assert.deepEqual(good.problems, [])
  await (await start(home, settings)).stop()
})
