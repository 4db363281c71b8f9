// Arguments that name a pipe nobody writes into, a device that never ends, a folder, or three gigabytes: each command
// that checks something says so at once, with exit code 2 or 1, and never waits and never fills memory.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { runCli } from './cli.ts'
import type { Ports } from './ports.ts'

async function run(cwd: string, words: readonly string[]): Promise<{ readonly code: number; readonly err: string }> {
  let err = ''
  const io = {
    out: () => undefined,
    err: (text: string) => void (err += text),
    color: false,
    cwd,
    stopSignal: () => new AbortController().signal,
  }
  // nothing is to be asked of any port
  const code = await runCli(words, io, () => Promise.resolve({} as Ports)) // none is called
  return { code, err }
}

const commands: Readonly<Record<string, (file: string) => readonly string[]>> = {
  'a proof': (file) => ['audit', 'verify-proof', file, '--key', 'k'],
  'the entry of a proof': (file) => ['audit', 'verify-proof', 'proof', '--key', 'k', '--entry', file],
  'the proof for a receipt': (file) => ['audit', 'verify-receipt', 'r', '--key', 'k', '--proof', file],
  'the export for a receipt': (file) => ['audit', 'verify-receipt', 'r', '--key', 'k', '--export', file],
  'a checkpoint that was kept': (file) => [
    'audit',
    'verify-receipt',
    'r',
    '--key',
    'k',
    '--log',
    '.',
    '--checkpoint',
    file,
  ],
  'an export': (file) => ['audit', 'verify-export', file, '--key', 'k'],
  'a list of keys': (file) => ['audit', 'verify-export', 'proof', '--key', `file:${file}`],
  'a list of witnesses': (file) => ['audit', 'verify-proof', 'proof', '--key', 'k', '--witness', `file:${file}`],
}

for (const [what, wordsOf] of Object.entries(commands)) {
  test(`${what} that is no file is refused at once`, async () => {
    const cwd = temporaryFolder()
    writeFileSync(join(cwd, 'proof'), 'proof')
    execFileSync('mkfifo', [join(cwd, 'pipe')])
    for (const file of ['pipe', '/dev/zero', '.']) {
      const { code, err } = await run(cwd, wordsOf(file))
      assert.equal(code, 2, `${file}: ${err}`)
      assert.match(err, /it is no file/)
    }
  })

  if (what.includes('export')) continue
  test(`${what} of three gigabytes is refused at once, and not read`, async () => {
    const cwd = temporaryFolder()
    writeFileSync(join(cwd, 'proof'), 'proof')
    writeFileSync(join(cwd, 'huge'), '')
    truncateSync(join(cwd, 'huge'), 3 * 1024 ** 3)
    const before = process.memoryUsage().rss
    const { code, err } = await run(cwd, wordsOf('huge'))
    assert.match(err, /longer than such a file may be/)
    assert.ok(code === 1 || code === 2)
    assert.ok(process.memoryUsage().rss - before < 100 * 1024 ** 2)
  })
}
