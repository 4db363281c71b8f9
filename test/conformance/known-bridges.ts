// What is not the same where caller and agent speak differently, each with its reason; the list may only shrink.

import { nameOf, type Face } from './faces.ts'

export interface KnownBridge {
  readonly tests: readonly string[]
  readonly where: (caller: Face, agent: Face) => boolean
  /** the same in words */
  readonly which: string
  readonly why: string
}

const isOneOf =
  (...names: readonly string[]) =>
  (face: Face): boolean =>
    names.includes(nameOf(face))
const isProto03 = isOneOf('HTTP+JSON 0.3', 'gRPC 0.3')
const isGrpc03 = isOneOf('gRPC 0.3')
const isJsonRpc03 = isOneOf('JSON-RPC 0.3')
const isHttpJson03 = isOneOf('HTTP+JSON 0.3')

export const bridgeDifferences: readonly KnownBridge[] = [
  {
    tests: ['push.created-status', 'push.delete-status'],
    where: (caller) => caller.binding === 'HTTP+JSON',
    which: 'callers on HTTP+JSON',
    why: 'what the gateway translates it answers with 200 and a body, which clients of every language take for success; the SDK says 201 and 204',
  },
  {
    tests: ['send.artifact-file-name', 'send.history-length-1'],
    where: (caller, agent) => isProto03(caller) !== isProto03(agent),
    which: 'between HTTP+JSON 0.3 or gRPC 0.3 and any other',
    why: 'the SDK fails them in these two columns alone: a caller there finds them passed by an agent elsewhere, and the other way round',
  },
  {
    tests: ['tasks.same', 'tasks.history'],
    where: (caller, agent) => isGrpc03(caller) !== isGrpc03(agent),
    which: 'between gRPC 0.3 and any other',
    why: 'the same, in this column',
  },
  {
    tests: ['send.history-length-0'],
    where: (caller, agent) => !isProto03(caller) && isProto03(agent),
    which: 'to HTTP+JSON 0.3 and gRPC 0.3',
    why: 'the a2a.proto of 0.3 cannot tell a length of 0 from none',
  },
  {
    tests: ['tasks.history-length-0', 'list.history-length-0'],
    where: (_caller, agent) => isHttpJson03(agent),
    which: 'to HTTP+JSON 0.3',
    why: 'the same',
  },
  {
    tests: ['subscribe.terminal'],
    where: (caller, agent) => isOneOf('JSON-RPC 1.0', 'HTTP+JSON 1.0')(caller) && isJsonRpc03(agent),
    which: 'from JSON-RPC 1.0 and HTTP+JSON 1.0 to JSON-RPC 0.3',
    why: 'the SDK begins a stream in 0.3 before it refuses, and so does the gateway then',
  },
  {
    tests: ['push.delivered-form'],
    where: (caller, agent) => caller.version === '1.0' && agent.version === '0.3',
    which: 'from 1.0 to 0.3',
    why: 'the agent calls the webhook itself, in its own version',
  },
]
