// Bytes were put behind the last line of subjects.keys, where a writer that was killed leaves lines that no record
// commits to. Only what such a writer leaves is a note; everything else is a finding.

import assert from 'node:assert/strict'
import { appendFileSync, cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { sampleKeyEncryptionKey, sampleOrigin } from '../../test/fakes/sample-ledger.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { goldenFolder } from '../../tools/make-golden-ledger.ts'
import { createKeyWrapper, isLineBeginning } from './subject-line.ts'
import { verifyLedger, type LedgerReport } from './verify-ledger.ts'

const golden = join(goldenFolder, 'ledger')
const keysFile = '5a11e001/subjects.keys'

function reportWith(tail: string | Buffer): Promise<LedgerReport> {
  const root = temporaryFolder()
  cpSync(golden, root, { recursive: true })
  appendFileSync(join(root, keysFile), tail)
  return verifyLedger(root)
}

/** A line as the writer makes it, for a record that is not there. */
function line(index: number): string {
  return createKeyWrapper(sampleKeyEncryptionKey, sampleOrigin).formatLine(
    { index, month: '2026-11', keyId: Buffer.alloc(8, 1), tag: Buffer.alloc(16, 2) },
    { subject: 'user:corp/mallory', dataKey: Buffer.alloc(32, 3), pseudonym: Buffer.alloc(16, 4) },
    Buffer.alloc(16, 5),
  )
}

const committed = readFileSync(join(golden, keysFile), 'latin1').trimEnd().split('\n').at(-1) ?? ''

const findings: Record<string, string | Buffer> = {
  'zero bytes': Buffer.alloc(64),
  'very many zero bytes': Buffer.alloc(200_000),
  'words without a newline': 'junk',
  'words with a newline': 'junk\n',
  'an empty line': '\n',
  'a line of a later record that is no key line': 'k1 99999 junk\n',
  'a line whose checksum is wrong': line(99_999).replace(/.\n$/, (end) => (end === '0\n' ? '1\n' : '0\n')),
  'a whole line whose checksum is wrong and that no newline ends': line(99_999)
    .trimEnd()
    .replace(/.$/, (end) => (end === '0' ? '1' : '0')),
  'the beginning of a line of a record that is there': committed.slice(0, 40),
  'the beginning of a line, then something else': `${line(99_999).slice(0, 40)}\0`,
  'the beginning of a line with a month that is none': 'k1 99999 2026-2',
  'an uncommitted line, then zero bytes': Buffer.concat([Buffer.from(line(99_999)), Buffer.alloc(8)]),
  'a line without an end': 'k'.repeat(9_000),
}

for (const [what, tail] of Object.entries(findings)) {
  test(`finds ${what}`, async () => {
    const { ok, problems } = await reportWith(tail)
    assert.equal(ok, false)
    assert.deepEqual([...new Set(problems.map(({ kind, file }) => `${kind} ${file}`))], ['subject-key subjects.keys'])
  })
}

test('lines that a killed writer leaves, whole or torn, are a note', async () => {
  const whole = line(99_999)
  for (const tail of [whole, whole + line(100_000), whole.slice(0, 1), whole.slice(0, 90), whole.slice(0, -1)]) {
    const { problems, notes } = await reportWith(tail)
    assert.deepEqual(problems, [], JSON.stringify(tail))
    assert.deepEqual(
      notes.map(({ file }) => file),
      ['subjects.keys'],
    )
  }
})

test('a line may be torn anywhere, and belongs to a record that is not there', () => {
  const whole = line(99_999).trimEnd()
  for (let end = 1; end <= whole.length; end += 1) {
    assert.equal(isLineBeginning(whole.slice(0, end), 99_999), true, `cut at ${end}`)
    // up to its index it may be the beginning of any line
    assert.equal(isLineBeginning(whole.slice(0, end), 100_000), end <= 'k1 99999'.length, `cut at ${end}`)
    assert.equal(isLineBeginning(`${whole.slice(0, end)}\0`, 0), false)
  }
})
