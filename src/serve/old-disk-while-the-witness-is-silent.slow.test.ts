// An old data directory is put back, and the witness is kept from answering while the gateway starts. The gateway may
// start, unless a witness is required; from the moment that a witness can show what it knows, no call is served.

import assert from 'node:assert/strict'
import { cpSync, renameSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { createSmallLog, openTestWitness } from '../../test/fakes/small-log.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { eventually, isReady, makeWitnessedHome, openFor, type WitnessInput } from '../../test/fakes/witnessed-home.ts'
import { readLedger } from '../audit/audit.ts'
import { keySource } from './key-encryption-key.ts'

test('calls stop at once when the witness is heard, and do not come back when it is silenced again', async (t) => {
  const home = await makeWitnessedHome(t)
  const first = await openFor(home, 'w.example/1')
  const { vkeys, url, port, dataDir } = first
  const settings: WitnessInput = { witnesses: [{ key: vkeys[1] ?? '', url }], interval: '200ms' }
  await (await home.start(settings)).stop()
  const snapshot = join(temporaryFolder(), 'data')
  cpSync(home.data, snapshot, { recursive: true, filter: (path) => !path.endsWith('.sock') })
  const newest = await home.start(settings)
  for (let call = 0; call < 5; call += 1) await home.call(newest)
  await newest.stop()
  await (await home.start(settings)).stop()
  renameSync(home.data, join(home.dir, 'newest'))
  cpSync(snapshot, home.data, { recursive: true })

  await first.close()
  const silent = createServer(() => undefined)
  await new Promise<void>((resolve) => silent.listen(port, '127.0.0.1', resolve))
  await assert.rejects(home.start({ ...settings, atStart: 'required' }), {
    code: 'LEDGER_UNWRITABLE',
    message: /atStart asks for 1 witnesses first; "w\.example\/1"/,
  })
  const gateway = await home.start(settings)
  assert.match((await home.call(gateway)).text, /"result"/)
  await new Promise((resolve) => {
    silent.close(resolve)
    silent.closeAllConnections()
  })

  const files = [join(home.logFolder, 'key.vkey')]
  const again = await openTestWitness({ dataDir, name: undefined, port, files })
  await eventually('not ready', async () => !(await isReady(gateway)))
  const seen = home.seenByAgent()
  const refused = async (): Promise<void> => {
    const answer = await home.call(gateway)
    assert.equal(answer.status, 503)
    assert.match(answer.text, /cannot record calls at present/)
    assert.equal(home.seenByAgent(), seen, 'the agent saw nothing')
  }
  await refused()
  assert.match(home.warnings.join('\n'), /is shorter than witness|knows another history/)
  await again.close()
  await refused()
  assert.equal(await isReady(gateway), false)
  const keyEncryptionKey = await keySource(home.data, undefined).load()
  let isRecorded = false
  for await (const { event } of readLedger(home.logFolder, { keyEncryptionKey }))
    isRecorded ||= JSON.stringify(event ?? {}).includes('witness.conflict')
  assert.ok(isRecorded)
  await gateway.stop()
  await assert.rejects(home.start(settings), { code: 'LEDGER_CORRUPT' })
})

test('a witness that is required and there lets the gateway start; one that does not know the log does not', async (t) => {
  const home = await makeWitnessedHome(t)
  const knowing = await openFor(home, 'w.example/1')
  const stranger = await openTestWitness({ name: 'w.example/2', vkeys: [createSmallLog().vkey] })
  t.after(() => Promise.all([knowing.close(), stranger.close()]))
  const [one, other] = [knowing, stranger].map(({ vkeys, url }) => ({ key: vkeys[1] ?? '', url }))
  assert.ok(one !== undefined && other !== undefined)
  const refusal = { code: 'LEDGER_UNWRITABLE', message: /"w\.example\/2": it answers 404/ }
  await assert.rejects(home.start({ witnesses: [other], atStart: 'required' }), refusal)
  await assert.rejects(home.start({ witnesses: [one, other], require: 2, atStart: 'required' }), refusal)
  const gateway = await home.start({ witnesses: [one, other], atStart: 'required' })
  assert.match((await home.call(gateway)).text, /"result"/)
  await gateway.stop()
})
