// Retention must not take what a SIEM has not got yet: as the gateway and the command wire it, no record and no body
// goes before every export of the configuration has sent it.

import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { sampleRecord } from '../../test/fakes/sample-ledger.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import type { PruneAnswer } from '../cli/ports.ts'
import { loadConfig, type LoadedConfig } from '../config/config.ts'
import { exportedBelow } from './export-cursor.ts'
import { startGateway, type Gateway } from './gateway.ts'
import { createPorts } from './ports.ts'

const count = 80
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }

async function configure(retention: string): Promise<{ home: string; loaded: LoadedConfig }> {
  const home = temporaryFolder()
  const file = join(home, 'sallyport.yaml')
  writeFileSync(
    file,
    `gateway: { listen: "127.0.0.1:0" }
admin: { listen: "127.0.0.1:0" }
dataDir: ./data
audit: { segmentSize: 16KiB, retention: { ${retention} }, export: [{ name: siem, kind: jsonl-file, path: out/siem.jsonl }] }
`,
  )
  const loaded = await loadConfig(file)
  assert.ok(loaded.ok)
  return { home, loaded }
}

async function start(t: TestContext, loaded: LoadedConfig): Promise<Gateway> {
  const onFatal = (fault: Error): void => assert.fail(fault.message)
  const gateway = await startGateway({ loaded, dataDir: loaded.dataDir, log: silent, onFatal })
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => (stopped ??= gateway.stop())
  t.after(stop)
  return { ...gateway, stop }
}

/** More than a segment of records. */
async function fill({ state }: Gateway): Promise<void> {
  for (let number = 0; number < count; number += 1) await state.ledger.append(sampleRecord(number, { timeMs: number }))
}

async function until(isReached: () => boolean): Promise<void> {
  const endMs = performance.now() + 10_000
  while (!isReached()) {
    assert.ok(performance.now() < endMs)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const gone = ({ logs }: PruneAnswer): number => logs.reduce((sum, { bodies, records }) => sum + bodies + records, 0)

for (const [what, retention] of [
  ['records', 'records: 1ms'],
  ['bodies', 'bodies: 1ms'],
] as const) {
  test(`${what} stay until the export has sent them, in the gateway and in the command`, async (t) => {
    const { home, loaded } = await configure(retention)
    // the folder of the copy is not there: nothing can be sent
    const first = await start(t, loaded)
    await fill(first)
    assert.equal(gone(await first.methods['audit.prune']({ dryRun: false })), 0)
    await first.stop()
    const state = await createPorts().openState({ dataDir: loaded.dataDir, loaded })
    assert.equal(gone(await state.methods['audit.prune']({ dryRun: false })), 0)
    await state.close()

    mkdirSync(join(home, 'out'))
    const second = await start(t, loaded)
    const { origin } = second.state.ledger
    await until(() => (exportedBelow(loaded.dataDir, ['siem'], origin) ?? 0) >= count)
    const sent = readFileSync(join(home, 'out', 'siem.jsonl'), 'utf8')
    assert.ok(sent.includes(`secret-task-${count - 1}`), 'with its body')
    assert.ok(gone(await second.methods['audit.prune']({ dryRun: false })) > 0)
  })
}
