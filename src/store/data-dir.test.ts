import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Fault, type FaultCode } from '../base/fault.ts'
import { openDataDir } from './data-dir.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'

function temporary(): string {
  return join(temporaryFolder(), 'data')
}

const hasCode = (code: FaultCode) => (error: unknown) =>
  error instanceof Fault && error.code === code && error.hint !== undefined

test('makes a directory for its owner alone, with the format in it', () => {
  const path = temporary()
  const dataDir = openDataDir(path)
  assert.equal(statSync(path).mode & 0o777, 0o700)
  assert.deepEqual(JSON.parse(readFileSync(join(path, 'format'), 'utf8')), { version: 1 })
  assert.equal(statSync(join(path, 'lock')).mode & 0o777, 0o600)
  dataDir.close()
  openDataDir(path).close()
})

test('whatever lies in it while it is held is for its owner alone, also what another version left', (context) => {
  const path = temporary()
  const mask = process.umask(0)
  context.after(() => process.umask(mask))
  for (const left of [[], ['lock', 'lock-journal']]) {
    for (const name of left) {
      writeFileSync(join(path, name), '')
      chmodSync(join(path, name), 0o644)
    }
    const dataDir = openDataDir(path)
    assert.ok(readdirSync(path).includes('lock-journal'))
    for (const name of readdirSync(path)) assert.equal(statSync(join(path, name)).mode & 0o077, 0, name)
    dataDir.close()
  }
})

test('lets nobody else in while it is open, not even twice in one process', () => {
  const path = temporary()
  const dataDir = openDataDir(path)
  assert.throws(
    () => openDataDir(path),
    (error) => hasCode('LEDGER_LOCKED')(error) && String(error).includes(String(process.pid)),
  )
  assert.throws(() => openDataDir(path), hasCode('LEDGER_LOCKED'))
  const other = spawnSync(
    process.execPath,
    [
      '-e',
      'const { openDataDir } = await import(process.argv[1]); openDataDir(process.argv[2])',
      new URL('data-dir.ts', import.meta.url).href,
      path,
    ],
    { encoding: 'utf8' },
  )
  assert.notEqual(other.status, 0)
  assert.match(other.stderr, /LEDGER_LOCKED/)
  dataDir.close()
  openDataDir(path).close()
})

test('a holder that was killed leaves no lock behind', () => {
  const path = temporary()
  const script =
    'const { openDataDir } = await import(process.argv[1]); openDataDir(process.argv[2]); process.kill(process.pid, "SIGKILL")'
  const killed = spawnSync(process.execPath, ['-e', script, new URL('data-dir.ts', import.meta.url).href, path])
  assert.equal(killed.signal, 'SIGKILL')
  assert.ok(existsSync(join(path, 'lock.pid')))
  openDataDir(path).close()
})

test('refuses a format that it does not know, and changes nothing', () => {
  const path = temporary()
  openDataDir(path).close()
  for (const text of ['{"version":2}', '{"version":"1"}', '{}', '[]', '', 'x', 'null']) {
    writeFileSync(join(path, 'format'), text)
    assert.throws(() => openDataDir(path), hasCode('STORE_UNREACHABLE'))
    assert.equal(readFileSync(join(path, 'format'), 'utf8'), text)
  }
})

test('refuses a path that cannot be a directory', () => {
  const path = temporary()
  writeFileSync(path, '')
  assert.throws(() => openDataDir(path), hasCode('STORE_UNREACHABLE'))
})
