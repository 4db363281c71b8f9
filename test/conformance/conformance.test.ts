// The conformance suite as part of npm test: each test in each column has the same outcome directly and through the
// gateway, and docs/conformance.md says what was found.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { nameOf } from './faces.ts'
import { allTests } from './groups/groups.ts'
import { differences, failures } from './known.ts'
import { formatReport } from './report.ts'
import { runSuite } from './suite.ts'

const verdicts = await runSuite()

for (const { test: conformance, face, problem } of verdicts) {
  test(`${conformance.id}, ${nameOf(face)}: the agent ${conformance.sentence}`, () => {
    assert.equal(problem, undefined)
  })
}

test('no two tests have the same id', () => {
  assert.equal(new Set(allTests.map(({ id }) => id)).size, allTests.length)
})

test('whatever is known to fail is a test of the suite', () => {
  const ids = allTests.map(({ id }) => id)
  for (const id of [...failures, ...differences].flatMap(({ tests }) => tests)) assert.ok(ids.includes(id), id)
})

test('docs/conformance.md says what was found: npm run test:conformance writes it', () => {
  const written = readFileSync(join(import.meta.dirname, '../../docs/conformance.md'), 'utf8')
  assert.equal(written, formatReport(verdicts))
})
