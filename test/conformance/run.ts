// Runs every test in every column of one side and says what came of each. Columns run beside one another, the tests of
// a column one after the other; a column whose face the agent's card does not offer is absent, which is no success.

import { grpcClient } from './clients/grpc.ts'
import type { Address, Client } from './clients/client.ts'
import { httpJsonClient } from './clients/http-json.ts'
import { jsonRpcClient } from './clients/json-rpc.ts'
import { faces, nameOf, type Binding, type Face } from './faces.ts'
import { recorderFor } from './transcript.ts'
import type { AgentKind, ConformanceTest, Subject, Webhooks } from './subject.ts'

export type Outcome =
  | { readonly kind: 'passed'; readonly seen: readonly string[] }
  | { readonly kind: 'failed'; readonly why: string }
  /** the side does not serve the column */
  | { readonly kind: 'absent' }

/** An agent as one side shows it: what its card says in each version. */
export interface Side {
  readonly name: 'direct' | 'gateway'
  agent(kind: AgentKind): { readonly cardUrl: string; readonly addresses: readonly Address[] }
  readonly webhooks: Webhooks
}

/** By test and column: `send.task · gRPC 1.0`. */
export type Outcomes = ReadonlyMap<string, Outcome>

export const keyOf = (test: ConformanceTest, face: Face): string => `${test.id} · ${nameOf(face)}`

export const runsIn = (test: ConformanceTest, face: Face): boolean => test.where?.(face) ?? true

const clients: Readonly<Record<Binding, (address: Address) => Client>> = {
  JSONRPC: jsonRpcClient,
  'HTTP+JSON': httpJsonClient,
  GRPC: grpcClient,
}

export async function runAll(
  tests: readonly ConformanceTest[],
  side: Side,
  isChosen: (test: ConformanceTest, face: Face) => boolean = runsIn,
): Promise<Outcomes> {
  const subjects = openSubjects(side)
  const outcomes = new Map<string, Outcome>()
  const runColumn = async (face: Face): Promise<void> => {
    for (const test of tests.filter((each) => isChosen(each, face))) {
      const subject = subjects.get(subjectKey(test.agent ?? 'full', face))
      outcomes.set(keyOf(test, face), subject === undefined ? { kind: 'absent' } : await runOne(test, subject))
    }
  }
  await Promise.all(faces.map(runColumn))
  for (const { client } of subjects.values()) client.close()
  return outcomes
}

const subjectKey = (kind: AgentKind, face: Face): string => `${kind} ${nameOf(face)}`

function openSubjects(side: Side): ReadonlyMap<string, Subject> {
  const subjects = new Map<string, Subject>()
  for (const kind of ['full', 'bare', 'strict'] as const) {
    const { cardUrl, addresses } = side.agent(kind)
    for (const address of addresses) {
      const { face } = address
      const others = (): readonly Subject[] =>
        [...subjects.values()].filter((each) => each.kind === kind && nameOf(each) !== nameOf(face))
      const client = clients[face.binding](address)
      subjects.set(subjectKey(kind, face), { ...face, kind, client, cardUrl, webhooks: side.webhooks, others })
    }
  }
  return subjects
}

async function runOne(test: ConformanceTest, subject: Subject): Promise<Outcome> {
  const recorder = recorderFor(subject.client)
  try {
    await test.run({ ...subject, client: recorder.client })
    return { kind: 'passed', seen: test.timing === true ? [] : recorder.lines() }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const lines = withoutIds(message).split('\n')
    const words = lines.filter((line) => line.trim() !== '')
    return { kind: 'failed', why: words.join(' ').slice(0, 300) }
  }
}

/** So that the reasons of two runs can be compared. */
function withoutIds(text: string): string {
  return text
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '<id>')
    .replace(/\b127\.0\.0\.1:\d+/g, '<address>')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
}
