// docs/conformance-bridges.md: what the list of known differences makes of all crossings. That it is so, the runs show.

import { crossings } from './bridges.ts'
import { faces, nameOf, type Face } from './faces.ts'
import { bridgeDifferences } from './known-bridges.ts'

export function formatBridges(): string {
  return `<!-- Written by npm run test:conformance -- --bridges; what stands here is what was found. -->

# Conformance across bindings and versions

A caller may use any binding, and any version that its agent's configuration lets callers use (\`agents[].versions\`),
whatever the agent itself speaks (\`agents[].bindings\`, \`agents[].speaks\`): the gateway translates. How well, the tests
of [conformance.md](conformance.md) say: each runs in the caller's column, with an agent of which the gateway is told
that it speaks one face alone, and must have the outcome that it has when the agent is called directly in that column.
What differs stands below, each with its reason; anything else that differs, or that stands there and does not differ, is
a failure. \`npm run test:conformance -- --bridges\` runs all of it in a minute and a half; \`npm test\` a third, another
of each pair.

Of so many tests so many have the same outcome:

${formatMatrix()}

${formatDifferences()}`
}

function formatMatrix(): string {
  const cell = (caller: Face, agent: Face): string => {
    const mine = crossings.filter((each) => each.caller === caller && each.agent === agent)
    return mine.length === 0 ? '' : `${mine.filter(({ known }) => known === undefined).length} of ${mine.length}`
  }
  const rows = faces.map((caller) => `| ${nameOf(caller)} | ${faces.map((agent) => cell(caller, agent)).join(' | ')} |`)
  return `| caller ↓, agent → | ${faces.map(nameOf).join(' | ')} |\n|${' --- |'.repeat(faces.length + 1)}\n${rows.join('\n')}`
}

function formatDifferences(): string {
  const lines = bridgeDifferences.map(
    ({ tests, which, why }) => `- ${tests.map((id) => `\`${id}\``).join(', ')}, ${which}: ${why}.`,
  )
  return lines.length === 0 ? 'None differs.\n' : `What differs, and why:\n\n${lines.join('\n')}\n`
}
