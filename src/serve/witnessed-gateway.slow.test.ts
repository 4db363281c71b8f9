// A gateway with witnesses, from start to stop: the calls it serves and refuses, what it says of itself, and what
// witnesses that misbehave over the network can do to it.

import assert from 'node:assert/strict'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { openTestWitness } from '../../test/fakes/small-log.ts'
import { eventually, isReady, makeWitnessedHome, openFor, type WitnessInput } from '../../test/fakes/witnessed-home.ts'
import { readLedger, verifyLedger } from '../audit/audit.ts'
import { parseCosigner } from '../tlog/cosignature.ts'
import { keySource } from './key-encryption-key.ts'

test('a gateway is witnessed while it works, and says so', async (t) => {
  const home = await makeWitnessedHome(t)
  const witnesses = await Promise.all([openFor(home, 'w.example/1'), openFor(home, 'w.example/2')])
  t.after(() => Promise.all(witnesses.map((each) => each.close())))
  const gateway = await home.start({
    witnesses: witnesses.map(({ vkeys, url }) => ({ key: vkeys[0] ?? '', url })),
    require: 2,
    interval: '1s',
  })
  assert.equal((await home.call(gateway)).status, 200)
  const metrics = async (): Promise<string> => await (await fetch(`${gateway.adminUrl}/metrics`)).text()
  const valueOf = (text: string, name: string): number =>
    Number(new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, 'm').exec(text)?.[1])
  await eventually('all records witnessed', async () => {
    return valueOf(await metrics(), 'sallyport_witnessed_records') === gateway.state.ledger.size
  })
  const text = await metrics()
  assert.ok(valueOf(text, 'sallyport_witnessed_age_seconds') < 10)
  assert.match(text, /sallyport_witness_failures_total\{log="[0-9a-f]{8}",witness="w\.example\/2"\} 0\n/)
  assert.ok(await isReady(gateway))
  await gateway.stop()
  const cosigners = witnesses.map(({ vkeys }) => parseCosigner(vkeys[0] ?? '') ?? assert.fail('no key'))
  const options = { witnesses: { cosigners, require: 2, nowSeconds: undefined } }
  const report = await verifyLedger(join(home.data, 'ledger'), options)
  assert.deepEqual(report.problems, [])
  assert.deepEqual(home.warnings, [])
})

test('refuses calls while its checkpoints are not witnessed, and recovers by itself', async (t) => {
  const home = await makeWitnessedHome(t)
  const first = await openFor(home, 'w.example/1')
  const { port, vkeys, url, dataDir } = first
  const settings: WitnessInput = { witnesses: [{ key: vkeys[1] ?? '', url }], interval: '200ms', maxAge: '2s' }
  const gateway = await home.start(settings)
  t.after(() => gateway.stop())
  assert.equal((await home.call(gateway)).status, 200)
  assert.ok(await isReady(gateway))
  // longer than the bound, with nothing to record: it is cosigned again
  await wait(2_500)
  assert.equal((await home.call(gateway)).status, 200)
  await first.close()
  await eventually('not ready', async () => !(await isReady(gateway)))
  const seen = home.seenByAgent()
  const refused = await home.call(gateway)
  assert.equal(refused.status, 503)
  assert.match(refused.text, /cannot record calls at present/)
  assert.equal(home.seenByAgent(), seen, 'the agent saw nothing')
  const again = await openTestWitness({ dataDir, name: undefined, port, files: [join(home.logFolder, 'key.vkey')] })
  t.after(() => again.close())
  await eventually('ready again', () => isReady(gateway))
  assert.equal((await home.call(gateway)).text.includes('error'), false)
  const keyEncryptionKey = await keySource(home.data, undefined).load()
  const records = []
  for await (const record of readLedger(home.logFolder, { keyEncryptionKey })) records.push(record)
  const recorded = records.filter(({ envelope }) => envelope.code === 'AUDIT_UNAVAILABLE')
  assert.equal(recorded.length, 1)
  assert.match(JSON.stringify(recorded[0]?.event), /the newest witnessed checkpoint is \d+ s old/)
})

test('starts without its witnesses and says so, unless a bound is set', async (t) => {
  const home = await makeWitnessedHome(t)
  const gone = await openFor(home, 'w.example/1')
  await gone.close()
  const witnesses = [{ key: gone.vkeys[0] ?? '', url: gone.url }]
  const gateway = await home.start({ witnesses, interval: '1s' })
  assert.ok(await isReady(gateway))
  assert.match((await home.call(gateway)).text, /"result"/)
  await gateway.stop()
  assert.match(home.warnings.join(), /a witness was not had .*w\.example\/1/)
  const keyEncryptionKey = await keySource(home.data, undefined).load()
  let isSaid = false
  for await (const { envelope, event } of readLedger(home.logFolder, { keyEncryptionKey }))
    isSaid ||= envelope.kind === 'lifecycle' && JSON.stringify(event ?? {}).includes('w.example/1')
  assert.ok(isSaid)
  const bound = await home.start({ witnesses, interval: '1s', maxAge: '1h' })
  assert.equal(await isReady(bound), false)
  assert.match((await home.call(bound)).text, /cannot record calls at present/)
  await bound.stop()
})

test('witnesses that answer rubbish, too much, elsewhere or never are failures and nothing more', async (t) => {
  const home = await makeWitnessedHome(t)
  const good = await openFor(home, 'w.example/good')
  t.after(() => good.close())
  const elsewhere = { asked: 0 }
  const listeners: RequestListener[] = [
    (_, response) => response.end('<html>rubbish'),
    (_, response) => response.end(Buffer.alloc(10 * 1024 * 1024, 0x41)),
    (_, response) => response.writeHead(307, { location: `${good.url}/add-checkpoint` }).end(),
    () => undefined,
    (_, response) => void response.writeHead(200).write('\u2014 '),
    (request) => request.socket.destroy(),
    (_, response) => response.writeHead(409, { 'content-type': 'text/x.tlog.size' }).end('0\n'),
    (_, response) => {
      elsewhere.asked += 1
      response.writeHead(500).end()
    },
  ]
  const servers: { server: Server; url: string }[] = []
  for (const listener of listeners) {
    const server = createServer(listener)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    servers.push({ server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }) // a TCP server has one
  }
  t.after(() => servers.forEach(({ server }) => server.close().closeAllConnections()))
  const bad = await Promise.all(
    servers.map(async ({ url }, at) => {
      const witness = await openFor(home, `w.example/bad${at}`)
      await witness.close()
      return { key: witness.vkeys[0] ?? '', url }
    }),
  )
  const begunMs = Date.now()
  const gateway = await home.start({ witnesses: [...bad, { key: good.vkeys[0] ?? '', url: good.url }], interval: '1s' })
  assert.ok(Date.now() - begunMs < 9_000, 'who never answers is given up')
  for (let call = 0; call < 3; call += 1) assert.match((await home.call(gateway)).text, /"result"/)
  await eventually('witnessed by the good one', async () => {
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
    return metrics.includes(
      `sallyport_witnessed_records{log="${home.logFolder.slice(-8)}"} ${gateway.state.ledger.size}\n`,
    )
  })
  await gateway.stop()
  assert.ok(elsewhere.asked >= 1)
  assert.equal(home.warnings.filter((warning) => warning.startsWith('a witness was not had')).length, bad.length)
})
