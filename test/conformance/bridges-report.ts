// docs/conformance-bridges.md, from what was found.

import type { Crossing } from './bridges.ts'
import { faces, nameOf, type Face } from './faces.ts'
import { bridgeDifferences, servedBy } from './known-bridges.ts'

export function formatBridges(crossings: readonly Crossing[]): string {
  return `<!-- Written by npm run test:conformance -- --bridges; what stands here is what was found. -->

# Conformance across bindings and versions

A caller may use any binding, and any version that its agent's configuration lets callers use (\`agents[].versions\`),
whatever the agent itself speaks (\`agents[].bindings\`, \`agents[].speaks\`): the gateway translates. How well, the tests
of [conformance.md](conformance.md) say: each runs in the caller's column, with an agent of which the gateway is told that
it speaks one face alone, and must have the outcome that it has when the agent is called directly in that column.
\`npm run test:conformance -- --bridges\` runs them and writes this page; \`npm test\` fails when it is not what was found.

Of so many tests so many have the same outcome:

${formatMatrix(crossings)}

${formatDifferences(crossings)}`
}

function formatMatrix(crossings: readonly Crossing[]): string {
  const agents = faces.filter((face) => servedBy(face).length > 0)
  const cell = (caller: Face, agent: Face): string => {
    const mine = crossings.filter((each) => each.caller === caller && each.agent === agent)
    return mine.length === 0 ? '' : `${mine.filter(({ isSame }) => isSame).length} of ${mine.length}`
  }
  const callers = faces.filter((face) => crossings.some(({ caller }) => caller === face))
  const rows = callers.map(
    (caller) => `| ${nameOf(caller)} | ${agents.map((agent) => cell(caller, agent)).join(' | ')} |`,
  )
  const head = `| caller ↓, agent → | ${agents.map(nameOf).join(' | ')} |`
  return `${head}\n|${' --- |'.repeat(agents.length + 1)}\n${rows.join('\n')}`
}

function formatDifferences(crossings: readonly Crossing[]): string {
  const used = bridgeDifferences.filter((known) => crossings.some((each) => each.known === known))
  if (used.length === 0) return 'None differs.\n'
  const lines = used.map(({ tests, from, why }) => `- ${tests.map((id) => `\`${id}\``).join(', ')}, ${from}: ${why}.`)
  return `What differs, and why:\n\n${lines.join('\n')}\n`
}
