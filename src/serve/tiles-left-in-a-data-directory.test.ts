// Somebody removes the segments of a log and leaves its tiles, which verify by themselves: in a data directory that is
// a loss and a finding. A copy that an auditor was given is none, and the JSON document says what it is.

import assert from 'node:assert/strict'
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { readLogKeys } from '../audit/audit.ts'
import { runCli } from '../cli/cli.ts'
import { home, open } from './fake-state.ts'
import { createPorts } from './ports.ts'

interface Verdict {
  readonly code: number
  readonly document: Readonly<Record<string, unknown>>
}

async function verify(dataDir: string, words: readonly string[] = []): Promise<Verdict> {
  let out = ''
  const io = {
    out: (text: string) => void (out += text),
    err: () => undefined,
    color: false,
    cwd: dataDir,
    stopSignal: () => new AbortController().signal,
  }
  const command = ['audit', 'verify', '--json', '--data-dir', dataDir, ...words]
  const code = await runCli(command, io, () => Promise.resolve(createPorts()))
  const document: unknown = JSON.parse(out)
  assert.ok(typeof document === 'object' && document !== null)
  return { code, document: { ...document } }
}

async function withTilesOnly(): Promise<{ readonly dataDir: string; readonly name: string; readonly vkey: string }> {
  const dataDir = home()
  const state = await open(dataDir)
  const name = state.ledger.origin.slice(-8)
  await state.close()
  const dir = join(dataDir, 'ledger', name)
  const [key] = await readLogKeys(dir)
  rmSync(join(dir, 'segments'), { recursive: true })
  for (const file of ['subjects.keys', 'lock']) rmSync(join(dir, file), { force: true })
  return { dataDir, name, vkey: key?.vkey ?? '' }
}

const tilesOnlyNote = 'only the tiles of this log are here: its records were verified, their bodies are elsewhere'

test('a log of which only tiles are left is a finding in a data directory, also when no role names it any more', async () => {
  const { dataDir, name } = await withTilesOnly()
  for (const file of [undefined, 'keys/ledger-gateway.origin', `keys/ledger-${name}.pem`]) {
    if (file !== undefined) rmSync(join(dataDir, file))
    const { code, document } = await verify(dataDir)
    assert.equal(code, 1)
    const [problem, ...others] = document['problems'] as readonly Readonly<Record<string, unknown>>[] // its shape is known
    assert.deepEqual(
      [problem, others],
      [{ log: name, file: 'segments', kind: 'missing-file', message: 'the segments are missing' }, []],
    )
  }
})

test('a copy that was handed over verifies, with a key that was kept too, and says what it is', async () => {
  const { dataDir, name, vkey } = await withTilesOnly()
  const copy = temporaryFolder()
  cpSync(join(dataDir, 'ledger'), join(copy, 'ledger'), { recursive: true })
  for (const words of [[], ['--key', vkey]]) {
    const { code, document } = await verify(copy, words)
    assert.equal(code, 0, JSON.stringify(document))
    const [log] = document['logs'] as readonly Readonly<Record<string, unknown>>[] // its shape is known
    assert.equal(log?.['tilesOnly'], true)
    assert.deepEqual(document['notes'], [{ log: name, file: '', message: tilesOnlyNote }])
  }
})

test('the document of a whole ledger says nothing of tiles, and has an empty list of notes', async () => {
  const dataDir = home()
  await (await open(dataDir)).close()
  const { code, document } = await verify(dataDir)
  assert.equal(code, 0)
  assert.deepEqual(Object.keys(document), ['ok', 'size', 'root', 'logs', 'problems', 'notes'])
  assert.deepEqual(document['notes'], [])
  assert.ok(!JSON.stringify(document).includes('tilesOnly'))
})
