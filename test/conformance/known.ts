// What is known to fail, each with its reason. Both lists may only shrink: whatever stands here and does not fail any
// more, fails the suite.

import { nameOf, type Face } from './faces.ts'

/** A test by its id, in the columns where it fails. */
export interface Known {
  readonly tests: readonly string[]
  readonly columns: readonly string[]
  readonly why: string
}

/** Fails directly and through the gateway alike: a finding about the agent, which is the official SDK. */
export const failures: readonly Known[] = [
  {
    tests: ['send.artifact-file-name'],
    columns: ['HTTP+JSON 0.3', 'gRPC 0.3'],
    why: 'the SDK leaves the name of a file out where it translates to the a2a.proto of 0.3, which has a field for it',
  },
  {
    tests: ['send.history-length-1'],
    columns: ['HTTP+JSON 0.3', 'gRPC 0.3'],
    why: 'the SDK does not read `configuration.historyLength` of 0.3 in these bindings',
  },
  {
    tests: ['tasks.same', 'tasks.history'],
    columns: ['gRPC 0.3'],
    why: 'the SDK takes an absent `historyLength`, which the a2a.proto of 0.3 cannot tell from 0, for 0',
  },
]

/** Differs through the gateway: a fault of ours that is not mended yet, or what cannot be otherwise. */
export const differences: readonly Known[] = [
  {
    tests: ['card.face'],
    columns: ['gRPC 0.3'],
    why: 'a card of 0.3 has no tenant by which a caller could say which agent it means, so it does not name gRPC: callers use the metadata `sallyport-agent`, as the suite does',
  },
]

/** Columns that the gateway does not serve yet. */
export const unserved: readonly string[] = []

export function findKnown(list: readonly Known[], id: string, face: Face): Known | undefined {
  return list.find(({ tests, columns }) => tests.includes(id) && columns.includes(nameOf(face)))
}
