// Something was put into the ledger's folders under a name that belongs there, or in the place of what belongs
// there: a folder called `lock`, a pipe called `checkpoint`, words in a lock file, a folder of a log that is none.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { goldenFolder } from '../../tools/make-golden-ledger.ts'
import { verifyLedger, type LedgerReport } from './verify-ledger.ts'

const golden = join(goldenFolder, 'ledger')
const log = '5a11e001'
const firstSegment = 'segments/00000000000000000000.seg'

async function reportAfter(change: (root: string, dir: string) => void): Promise<LedgerReport> {
  const root = temporaryFolder()
  cpSync(golden, root, { recursive: true })
  change(root, join(root, log))
  return await verifyLedger(root)
}

const named = ({ problems }: LedgerReport, file: string): boolean =>
  problems.some((problem) => problem.file === file && problem.kind === 'unexpected-file')

test('a folder under the name of a file is named, whatever the file', async () => {
  for (const name of ['checkpoint', 'key.vkey', 'subjects.keys', firstSegment]) {
    const report = await reportAfter((_, dir) => {
      rmSync(join(dir, name))
      mkdirSync(join(dir, name, 'hidden'), { recursive: true })
    })
    assert.ok(named(report, name), name)
  }
  for (const name of ['lock', 'lock.17', 'checkpoint.tmp', 'key.vkey.tmp', 'subjects.keys.tmp', 'segments/next.tmp']) {
    const report = await reportAfter((_, dir) => mkdirSync(join(dir, name, 'hidden'), { recursive: true }))
    assert.ok(named(report, name), name)
  }
})

test('a pipe in the place of a file is named, and nobody waits for it', async () => {
  for (const name of ['checkpoint', 'key.vkey', 'subjects.keys', firstSegment, 'lock', 'checkpoint.tmp']) {
    const report = await reportAfter((_, dir) => {
      rmSync(join(dir, name), { force: true })
      execFileSync('mkfifo', [join(dir, name)])
    })
    assert.ok(named(report, name), name)
  }
})

test('a file in the place of the folder of segments is named', async () => {
  const report = await reportAfter((_, dir) => {
    rmSync(join(dir, 'segments'), { recursive: true })
    writeFileSync(join(dir, 'segments'), 'x')
  })
  assert.ok(named(report, 'segments'))
})

test('a lock that no writer wrote is named', async () => {
  for (const [name, text] of [
    ['lock', 'words'],
    ['lock.17', 'words'],
    ['lock', `1 2\n${'x'.repeat(1_000)}`],
    ['lock', '\0'.repeat(64)],
  ] as const)
    assert.ok(named(await reportAfter((_, dir) => writeFileSync(join(dir, name), text)), name))
})

test('a folder or file beside the logs that is no log is named', async () => {
  for (const change of [
    (root: string) => mkdirSync(join(root, 'abc')),
    (root: string) => mkdirSync(join(root, 'lost+found')),
    (root: string) => writeFileSync(join(root, 'abcdef01'), 'x'),
  ]) {
    const { problems, notes } = await reportAfter(change)
    assert.deepEqual(
      problems.map(({ kind }) => kind),
      ['unexpected-file'],
    )
    assert.deepEqual(notes, [])
  }
})

test('a log without keys that holds more than a first start leaves is named', async () => {
  for (const name of ['checkpoint', 'subjects.keys']) {
    const { problems } = await reportAfter((root) => {
      mkdirSync(join(root, 'abcdef01'))
      writeFileSync(join(root, 'abcdef01', name), 'words')
    })
    assert.deepEqual(
      problems.map(({ file }) => file),
      ['key.vkey'],
    )
  }
})

test('what a killed writer may leave is no finding', async () => {
  const report = await reportAfter((root, dir) => {
    writeFileSync(join(dir, 'lock'), '17 12345\n')
    writeFileSync(join(dir, 'lock.18'), '17 \n')
    writeFileSync(join(dir, 'checkpoint.tmp'), '')
    writeFileSync(join(dir, 'segments/next.tmp'), 'SLYLEDGR')
    mkdirSync(join(root, 'abcdef01/segments'), { recursive: true })
    writeFileSync(join(root, 'abcdef01/lock'), '')
    writeFileSync(join(root, 'abcdef01/subjects.keys'), '')
  })
  assert.deepEqual(report.problems, [])
  assert.deepEqual(
    report.notes.map(({ log: name, file }) => `${name} ${file}`),
    [`${log} checkpoint.tmp`, `${log} segments/next.tmp`, 'abcdef01 '],
  )
})
