// A copy of a ledger, or a folder that is none, and commands that change one: they begin no log there and make no key,
// and questions leave what they are asked about as it was.

import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { runCli } from '../cli/cli.ts'
import { facts, home, open } from './fake-state.ts'
import { createPorts } from './ports.ts'
import type { State } from './state.ts'

const subject = 'user:corp/4f1c'
const refusal = { code: 'AUTHZ_DENIED', detail: '' } as Parameters<State['audit']['refused']>[1]

/** A data directory with a log of one record of the subject, in a folder of its own. */
async function written(): Promise<string> {
  const dataDir = home()
  const state = await open(dataDir)
  await state.audit.refused({ ...facts, caller: subject }, refusal)
  await state.close()
  return dataDir
}

async function run(dataDir: string, ...words: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', '']
  const io = {
    out: (text: string): void => void (out += text),
    err: (text: string): void => void (err += text),
    color: false,
    cwd: dirname(dataDir),
    stopSignal: () => new AbortController().signal,
  }
  const code = await runCli(['audit', ...words, '--data-dir', dataDir], io, () => Promise.resolve(createPorts()))
  return { code, out, err }
}

/** Every path, with what is in it and when it was changed. */
function snapshot(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .toSorted()
    .map((path) => {
      const stats = statSync(join(folder, path))
      return `${path} ${stats.mtimeMs} ${stats.isFile() ? readFileSync(join(folder, path), 'base64') : ''}`
    })
}

const changes = [
  ['erase', '--subject', subject, '--reason', 'asked'],
  ['erase', '--subject', subject, '--dry-run'],
  ['hold', 'case-7', '--subject', subject],
  ['release', 'case-7', '--reason', 'over'],
  ['prune'],
  ['prune', '--dry-run'],
]

test('a copy of a ledger is not written, whatever is asked of it', async () => {
  const dataDir = join(temporaryFolder(), 'data')
  cpSync(join(await written(), 'ledger'), join(dataDir, 'ledger'), { recursive: true })
  const before = snapshot(dirname(dataDir))
  for (const words of changes) {
    const { code, err } = await run(dataDir, ...words)
    assert.equal(code, 2, err)
    assert.match(err, /this is a copy of a ledger: the keys to write with are not here/)
  }
  assert.equal((await run(dataDir, 'holds')).code, 0)
  assert.deepEqual(snapshot(dirname(dataDir)), before)
})

test('a folder without a ledger gets none', async () => {
  const dataDir = join(temporaryFolder(), 'data')
  mkdirSync(dataDir)
  for (const words of [...changes, ['holds'], ['export', '--out', 'x'], ['tail'], ['search']]) {
    const { code, err } = await run(dataDir, ...words)
    assert.equal(code, 2, words.join(' '))
    assert.match(err, /there is no ledger in/)
  }
  assert.deepEqual(readdirSync(dirname(dataDir), { recursive: true }), ['data'])
})

test('a dry run and a list of holds change nothing, down to the times of files', async () => {
  const dataDir = await written()
  const before = snapshot(dirname(dataDir))
  const erased = await run(dataDir, 'erase', '--subject', subject, '--dry-run')
  assert.equal(erased.code, 0, erased.err)
  assert.match(erased.out, /would erase 1 key \(\d{4}-\d\d\)/)
  assert.equal((await run(dataDir, 'prune', '--dry-run')).code, 0)
  assert.equal((await run(dataDir, 'holds')).code, 0)
  assert.deepEqual(snapshot(dirname(dataDir)), before)
})

test('a dry run without the key-encryption key says so and makes none', async () => {
  const dataDir = await written()
  rmSync(`${dataDir}.kek`)
  const { code, err } = await run(dataDir, 'erase', '--subject', subject, '--dry-run')
  assert.deepEqual([code, readdirSync(dirname(dataDir)).includes('data.kek')], [3, false])
  assert.match(err, /key-encryption key/)
})

test('a subject that no log knows is not called erased', async () => {
  const dataDir = await written()
  for (const words of [['--reason', 'asked'], ['--dry-run']]) {
    const { code, err } = await run(dataDir, 'erase', '--subject', 'user:corp/nobody', ...words)
    assert.equal(code, 1)
    assert.match(err, /warning: no log that is written here knows the subject/)
  }
})

test('a log that an erasure did not reach is named, and the erasure is not complete', async () => {
  const dataDir = await written()
  const name = readdirSync(join(dataDir, 'ledger'))[0] ?? ''
  // the same log, set aside: it knows the subject; another one does not
  cpSync(join(dataDir, 'ledger', name), join(dataDir, 'set-aside', `${name}-20261124T090000.000Z`), { recursive: true })
  const { code, err, out } = await run(dataDir, 'erase', '--subject', subject, '--reason', 'asked')
  assert.match(out, /erased 1 key/)
  assert.equal(code, 1)
  assert.match(err, /warning: not reached: set-aside\/[0-9a-f]{8}-/)
})

test('who is no principal is neither erased nor held', async () => {
  const dataDir = await written()
  for (const name of ['carol', 'group:corp/all', 'user:', 'key:*', 'user:a b']) {
    for (const words of [
      ['erase', '--reason', 'asked'],
      ['hold', 'case-7'],
    ]) {
      const { code, err } = await run(dataDir, ...words, '--subject', name)
      assert.equal(code, 2, name)
      assert.match(err, /is not a principal: .*\nhint: .*user:corp\/4f1c, key:ci/)
    }
  }
})

test('an approval where no approvers are configured is told so', async () => {
  const dataDir = await written()
  const { code, err } = await run(dataDir, 'erase', '--approve', 'abc')
  assert.equal(code, 1)
  assert.match(err, /no approvers are configured/)
})
