// A copy that has only the tiles of a log, and commands that read records: an answer of none would be a false one.

import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { runCli } from './cli.ts'
import type { Ports, TailRecord } from './ports.ts'

async function* none(): AsyncGenerator<TailRecord> {
  // nothing was found
}

async function run(cwd: string, words: readonly string[]): Promise<{ code: number; err: string }> {
  let err = ''
  const io = {
    out: () => undefined,
    err: (text: string): void => void (err += text),
    color: false,
    cwd,
    stopSignal: () => new AbortController().signal,
  }
  const ports: Pick<Ports, 'searchLedger' | 'tailLedger'> = { searchLedger: none, tailLedger: none }
  // these commands call nothing else
  const code = await runCli(['audit', ...words, '--data-dir', 'data'], io, () =>
    Promise.resolve(ports as unknown as Ports),
  )
  return { code, err }
}

const readers = [['search'], ['tail'], ['export', '--out', 'x']]

test('only tiles: it is said, and is a fault', async () => {
  const cwd = temporaryFolder()
  mkdirSync(join(cwd, 'data/ledger/5a11e001/tile/0'), { recursive: true })
  for (const words of readers) {
    const { code, err } = await run(cwd, words)
    assert.equal(code, 3)
    assert.match(err, /error: only tiles of 5a11e001 are here\nhint: read them with sallyport audit verify/)
  }
})

test('beside a log with records the others are read, and it is said all the same', async () => {
  const cwd = temporaryFolder()
  mkdirSync(join(cwd, 'data/ledger/5a11e001/tile/0'), { recursive: true })
  mkdirSync(join(cwd, 'data/ledger/5a11e002/segments'), { recursive: true })
  writeFileSync(join(cwd, 'data/ledger/5a11e002/segments/0.seg'), '')
  for (const words of [['search'], ['tail']]) {
    const { code, err } = await run(cwd, words)
    assert.equal(code, 3)
    assert.match(err, /only tiles of 5a11e001 are here/)
  }
})

test('no ledger at all: exit 2, as verify says it', async () => {
  const cwd = temporaryFolder()
  mkdirSync(join(cwd, 'data'))
  for (const words of readers) {
    const { code, err } = await run(cwd, words)
    assert.equal(code, 2)
    assert.match(err, /there is no ledger in/)
  }
})
