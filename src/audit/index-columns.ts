// How a record becomes a row of the search index. The index lies in clear beside the log, so it says no more than
// envelopes do: ids of tasks and contexts go in under a keyed hash that only the key-encryption key can make, ids
// of calls as a few bytes of a plain hash, callers as the pseudonyms that stand in the envelopes anyway.

import { createHmac, hash } from 'node:crypto'
import type { JsonObject, JsonValue } from '../base/strict-json.ts'
import { isJsonObject } from '../base/strict-json.ts'
import type { LedgerRecord } from './read-ledger.ts'

export interface IndexColumns {
  readonly timeMs: number
  readonly kind: string
  /** 48 bits of a hash, 0 for none */
  readonly call: number
  /** base64url, '' for none, and for one who was erased */
  readonly actor: string
  readonly agent: string
  readonly operation: string
  readonly outcome: string
  readonly code: string
  readonly snapshot: string
  /** keyed names of the tasks and contexts that the record speaks of, each once */
  readonly mentions: readonly Buffer[]
}

/** Names of tasks and contexts in the index of one log. */
export interface SearchNames {
  taskName(id: string): Buffer
  contextName(id: string): Buffer
  /** the same for the same key and log, and says nothing of either */
  readonly keyCheck: string
}

const nameBytes = 16

export function createSearchNames(keyEncryptionKey: Buffer, origin: string): SearchNames {
  const key = createHmac('sha256', keyEncryptionKey).update(`sallyport search v1\0${origin}\0`).digest()
  const nameOf = (label: string, id: string): Buffer =>
    createHmac('sha256', key).update(`${label}\0`).update(id).digest().subarray(0, nameBytes)
  return {
    taskName: (id) => nameOf('task', id),
    contextName: (id) => nameOf('context', id),
    keyCheck: nameOf('check', '').toString('base64url'),
  }
}

/** Without `names` (no key-encryption key) a row says nothing of tasks and contexts. */
export function toIndexColumns(record: LedgerRecord, names: SearchNames | undefined): IndexColumns {
  const { time, kind, call, actor, agent, operation, outcome, code, snapshot } = record.envelope
  return {
    timeMs: Date.parse(time),
    kind,
    call: callNumber(call),
    actor: record.erased ? '' : actor,
    agent,
    operation,
    outcome,
    code,
    snapshot,
    mentions: names === undefined || record.event === undefined ? [] : mentionsOf(record.event, names),
  }
}

/** Six bytes are enough to find a call, and fit a number; whoever finds one compares the whole id. */
export function callNumber(call: string): number {
  return call === '' ? 0 : hash('sha256', call, 'buffer').readUIntLE(0, 6)
}

/** Tasks and contexts of an event: the call's own, and those that it made somebody's. */
function mentionsOf(event: JsonObject, names: SearchNames): Buffer[] {
  const tasks = new Set<string>()
  const contexts = new Set<string>()
  const add = (ids: Set<string>, id: JsonValue | undefined): void => {
    if (typeof id === 'string' && id !== '') ids.add(id)
  }
  add(tasks, event['task'])
  add(contexts, event['context'])
  add(contexts, event['agentContext'])
  const claims = event['claims']
  for (const claim of Array.isArray(claims) ? claims.filter(isJsonObject) : []) {
    add(tasks, claim['taskId'])
    add(contexts, claim['contextId'])
    add(contexts, claim['name'])
  }
  return [...[...tasks].map((id) => names.taskName(id)), ...[...contexts].map((id) => names.contextName(id))]
}
