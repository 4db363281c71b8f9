// The conformance suite across bindings and versions as part of npm test, a third of it; docs/conformance-bridges.md says
// what the whole of it finds.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { formatBridges } from './bridges-report.ts'
import { crossings, runBridges, sample, titleOf } from './bridges.ts'
import { nameOf } from './faces.ts'
import { bridgeDifferences } from './known-bridges.ts'

const judged = await runBridges(sample())

// one test for each pair of faces: which of theirs are wrong is in its words
const pairs = Map.groupBy(judged, ({ caller, agent }) => `from ${nameOf(caller)} to ${nameOf(agent)}`)

for (const [pair, mine] of pairs) {
  test(`every test has the same outcome ${pair}, or is known not to`, () => {
    const wrong = mine.filter(({ problem }) => problem !== undefined)
    assert.deepEqual(
      wrong.map((crossing) => `${titleOf(crossing)} ${crossing.problem}`),
      [],
    )
  })
}

test('whatever is known to differ crosses somewhere', () => {
  for (const known of bridgeDifferences)
    for (const id of known.tests)
      assert.ok(
        crossings.some((crossing) => crossing.known === known && crossing.test.id === id),
        id,
      )
})

test('docs/conformance-bridges.md says what was found', () => {
  const written = readFileSync(join(import.meta.dirname, '../../docs/conformance-bridges.md'), 'utf8')
  assert.equal(written, formatBridges())
})
