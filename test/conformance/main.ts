// npm run test:conformance: runs the suite, writes docs/conformance.md and says what is wrong. With the beginning of a
// test's id it runs those alone and writes nothing; with --bridges it runs the suite across bindings and versions and
// writes docs/conformance-bridges.md.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatBridges } from './bridges-report.ts'
import { runBridges, titleOf } from './bridges.ts'
import { nameOf } from './faces.ts'
import { formatReport } from './report.ts'
import { runSuite } from './suite.ts'

const [word = ''] = process.argv.slice(2)
const isRight = word === '--bridges' ? await crossOver() : await compare(word)
process.exitCode = isRight ? 0 : 1

async function compare(only: string): Promise<boolean> {
  const verdicts = await runSuite(only)
  if (verdicts.length === 0) {
    process.stdout.write(`no test's id begins with ${JSON.stringify(only)}: docs/conformance.md has them all\n`)
    return false
  }
  const wrong = verdicts.filter(({ problem }) => problem !== undefined)
  for (const { test, face, problem } of wrong) process.stdout.write(`✖ ${test.id} (${nameOf(face)}) ${problem}\n`)
  const differing = verdicts.filter(({ isSame }) => !isSame).length
  say(verdicts.length, differing, wrong.length)
  if (only === '') write('docs/conformance.md', formatReport(verdicts))
  return wrong.length === 0
}

async function crossOver(): Promise<boolean> {
  const judged = await runBridges()
  const wrong = judged.filter(({ problem }) => problem !== undefined)
  for (const crossing of wrong) process.stdout.write(`✖ ${titleOf(crossing)} ${crossing.problem}\n`)
  say(judged.length, judged.filter(({ known }) => known !== undefined).length, wrong.length)
  if (wrong.length === 0) write('docs/conformance-bridges.md', formatBridges())
  return wrong.length === 0
}

function say(all: number, differing: number, wrong: number): void {
  process.stdout.write(`${all} tests in their columns, ${differing} differ, ${wrong} unexpected\n`)
}

function write(file: string, text: string): void {
  writeFileSync(join(import.meta.dirname, '../..', file), text)
  process.stdout.write(`${file} is written\n`)
}
