import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { loadConfig } from '../config/config.ts'
import { startGateway, type Gateway } from './gateway.ts'

interface Line {
  readonly metadata: { readonly uid: string; readonly sequence: number; readonly version: string }
  readonly class_uid: number
  readonly unmapped: { readonly action?: string }
}

async function until(isReached: () => boolean): Promise<void> {
  const endMs = performance.now() + 10_000
  while (!isReached()) {
    assert.ok(performance.now() < endMs)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

test('a gateway copies its records to a file, and goes on there after a restart', async (t) => {
  const home = temporaryFolder()
  const file = join(home, 'sallyport.yaml')
  const copy = join(home, 'siem.jsonl')
  writeFileSync(
    file,
    `gateway: { listen: "127.0.0.1:0" }
admin: { listen: "127.0.0.1:0" }
dataDir: ./data
audit: { export: [{ name: siem, kind: jsonl-file, path: siem.jsonl }] }
`,
  )
  const loaded = await loadConfig(file)
  assert.ok(loaded.ok)
  const said: string[] = []
  const log = {
    info: () => undefined,
    warn: (fields: object, message: string) => said.push(`${JSON.stringify(fields)} ${message}`),
    error: (fields: object, message: string) => said.push(`${JSON.stringify(fields)} ${message}`),
  }
  const start = async (): Promise<Gateway> => {
    const onFatal = (fault: Error): void => assert.fail(fault.message)
    const gateway = await startGateway({ loaded, dataDir: loaded.dataDir, log, onFatal })
    const stop = once(() => gateway.stop())
    t.after(stop)
    return { ...gateway, stop }
  }
  const lines = (): Line[] => {
    const whole = existsSync(copy) ? readFileSync(copy, 'utf8').split('\n').slice(0, -1) : []
    return whole.map((line) => JSON.parse(line) as Line)
  }
  const actions = (): (string | undefined)[] => lines().map(({ unmapped }) => unmapped.action)

  const first = await start()
  await first.methods['key.create']({ name: 'ci', expiresInMs: null })
  await until(() => actions().includes('key.create.done') && lines().length === first.state.ledger.size)
  const metrics = await (await fetch(`${first.adminUrl}/metrics`)).text()
  assert.match(metrics, /^sallyport_export_records_total\{export="siem"\} \d+$/m)
  assert.match(metrics, /^sallyport_export_lag_seconds\{export="siem"\} \d/m)
  await first.stop()
  const before = lines().length

  const second = await start()
  await until(() => lines().length === second.state.ledger.size)
  await second.stop()
  assert.deepEqual(
    lines().map(({ metadata }) => metadata.sequence),
    lines().map((_, index) => index),
  )
  assert.ok(lines().length > before)
  for (const action of ['ledger-created', 'started', 'export.started', 'key.create', 'stopped'])
    assert.ok(actions().includes(action), action)
  assert.equal(actions().filter((action) => action === 'export.started').length, 1)
  assert.deepEqual(said, [])
})

function once<Result>(work: () => Promise<Result>): () => Promise<Result> {
  let done: Promise<Result> | undefined
  return () => (done ??= work())
}
