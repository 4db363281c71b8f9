// docs/conformance.md, from what was found.

import { beatMs } from './agents.ts'
import type { Verdict } from './compare.ts'
import { faces, nameOf, type Face } from './faces.ts'
import { groups } from './groups/groups.ts'
import { differences, failures, unserved, type Known } from './known.ts'
import type { Outcome } from './run.ts'

const sign: Readonly<Record<Outcome['kind'], string>> = { passed: '✓', failed: '✗', absent: '–' }

export function formatReport(verdicts: readonly Verdict[]): string {
  return `<!-- Written by npm run test:conformance; what stands here is what was found. -->

# Conformance

A gateway is transparent when an agent behind it passes exactly the tests that it passes when it is called directly.
\`npm run test:conformance\` shows it: an own suite, by the A2A specification, is run against the
[conformance agent](#the-agent) twice, directly and through \`sallyport serve\`, in all three bindings of A2A 1.0 and of
0.3, and compared test by test. A test whose outcome differs, or that is left out on one side, is a failure;
\`npm test\` runs the same and fails when this page does not say what was found.

The suite lies in \`test/conformance\`, one file a group. A test is written once, in the words of A2A 1.0, and runs in
every column in which its operation exists. What is sent and read is by clients of our own for each binding and
version, which share nothing with the SDK or with the gateway. Each side is found by the agent's card alone. Through the
gateway the caller has an API key and every right; nothing else is special about the configuration.

## Result

${formatResult(verdicts)}

## What is compared

Whether a test passes, and if not, why not; and where it passes on both sides, every answer and every event that it
saw, as it was on the wire: HTTP status, media type and body, or code, status, reason and domain of an error. What
changes from run to run (ids, times, addresses, page tokens) goes by the order in which it appears. Not compared are the
words of errors, because the gateway answers some itself, cards, because it makes them anew, and, in the few tests that
look at a task while it works, which of its states they saw.

The suite asks of errors what 1.0.1 lays down (§5.4): code, HTTP or gRPC status, reason and domain of \`ErrorInfo\`; of
0.3 only the codes of JSON-RPC are laid down.

Left out is what the gateway decides itself, whatever the agent would say: who may call, how much, and what is one
request with one meaning ([errors.md](errors.md), [limits-and-bounds.md](limits-and-bounds.md)).

## Every test

The first sign is the agent called directly, the second the same agent through the gateway: ✓ passed, ✗ failed, – not
served. An empty cell: the test means nothing there.

${formatTables(verdicts)}
## The agent

\`npm run conformance-agent\` starts it by itself: \`agents/src/conformance-agent.ts\`, on the server side of the official
JavaScript SDK, without credentials, on loopback. \`-- --help\` lists its options; the suite starts three, whose cards
claim everything, nothing optional, and a required extension, with a beat of ${beatMs} ms. It acts on what a \`messageId\`
begins with, as the public test kit (a2aproject/a2a-tck) has it: \`tck-complete-task\`, \`tck-artifact-file\`,
\`tck-stream-001\`, \`tck-input-required\` and so on; \`test-resubscribe-message-id\` stays open for two beats of 2 s.

## The public kit

The kit is not part of this repository. To point it at the agent, directly and through the gateway:

\`\`\`sh
npm run conformance-agent                       # card at http://127.0.0.1:9999/.well-known/agent-card.json
bin/sallyport serve --config examples/conformance.yaml
bin/sallyport key create tester --config examples/conformance.yaml
\`\`\`

The gateway then shows the card, for anyone, at \`http://127.0.0.1:7000/agents/conformance/.well-known/agent-card.json\`;
calls need the key as \`Authorization: Bearer …\`. Over gRPC the agent is named by the tenant in the card; a client that
does not echo it says \`sallyport-agent: conformance\` in its metadata. Run the kit once more with
\`npm run conformance-agent -- --no-streaming --no-push-notifications\`, and once with \`--required-extension\`: it skips
what a card does not claim. Compare by test id, not by totals, and count what is skipped on one side as a failure.
`
}

function formatResult(verdicts: readonly Verdict[]): string {
  const blocks = [
    formatSummary(verdicts),
    formatKnown('Fails on both sides', 'a finding about the agent, that is, about the official SDK', failures),
    formatKnown('Differs through the gateway', 'each with the reason', differences),
    unserved.length === 0 ? '' : `Not served by the gateway yet: ${unserved.join(', ')}.`,
    'Where caller and agent speak different bindings or versions: [conformance-bridges.md](conformance-bridges.md).',
  ]
  return blocks.filter((block) => block !== '').join('\n\n')
}

function formatSummary(verdicts: readonly Verdict[]): string {
  const rows = faces.map((face) => {
    const mine = verdicts.filter((verdict) => verdict.face === face)
    const count = (is: (verdict: Verdict) => boolean): number => mine.filter(is).length
    return [
      nameOf(face),
      mine.length,
      count(({ direct }) => direct.kind === 'passed'),
      count(({ gateway }) => gateway.kind === 'passed'),
      count(({ isSame }) => !isSame),
    ]
  })
  const total = ['all', ...[1, 2, 3, 4].map((at) => rows.reduce((sum, row) => sum + Number(row[at]), 0))]
  const lines = [...rows, total].map((cells) => `| ${cells.join(' | ')} |`)
  return [
    '| | tests | pass directly | pass through the gateway | differ |',
    '| --- | --- | --- | --- | --- |',
    ...lines,
  ].join('\n')
}

function formatKnown(title: string, what: string, list: readonly Known[]): string {
  if (list.length === 0) return ''
  const lines = list.map(
    ({ tests, columns, why }) => `- ${tests.map(code).join(', ')} (${columns.join(', ')}): ${why}.`,
  )
  return `${title} (${what}):\n\n${lines.join('\n')}`
}

function formatTables(verdicts: readonly Verdict[]): string {
  const head = `| the agent … | | | ${faces.map(nameOf).join(' | ')} |\n|${' --- |'.repeat(faces.length + 3)}`
  return Object.entries(groups)
    .map(([title, tests]) => {
      const rows = tests.map((test) => {
        const cells = faces.map((face) => cellOf(verdicts, test.id, face))
        return `| ${test.sentence} | ${test.section} | ${code(test.id)} | ${cells.join(' | ')} |`
      })
      return `### ${title}\n\n${head}\n${rows.join('\n')}\n\n`
    })
    .join('')
}

function cellOf(verdicts: readonly Verdict[], id: string, face: Face): string {
  const verdict = verdicts.find((each) => each.test.id === id && each.face === face)
  return verdict === undefined ? '' : `${sign[verdict.direct.kind]} ${sign[verdict.gateway.kind]}`
}

function code(text: string): string {
  return `\`${text}\``
}
