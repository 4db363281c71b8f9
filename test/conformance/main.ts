// npm run test:conformance: runs the suite, writes docs/conformance.md and says what is wrong. With the beginning of a
// test's id it runs those alone and writes nothing.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nameOf } from './faces.ts'
import { formatReport } from './report.ts'
import { runSuite } from './suite.ts'

const only = process.argv[2] ?? ''
const verdicts = await runSuite(only)
const wrong = verdicts.filter(({ problem }) => problem !== undefined)
for (const { test, face, problem } of wrong) process.stdout.write(`✖ ${test.id} (${nameOf(face)}) ${problem}\n`)
const differing = verdicts.filter(({ isSame }) => !isSame).length
process.stdout.write(`${verdicts.length} tests in their columns, ${differing} differ, ${wrong.length} unexpected\n`)
if (only === '') {
  const file = join(import.meta.dirname, '../../docs/conformance.md')
  writeFileSync(file, formatReport(verdicts))
  process.stdout.write('docs/conformance.md is written\n')
}
process.exitCode = wrong.length === 0 ? 0 : 1
