// The recorded decisions of a range of time, with what policy saw then: one at a time, straight from the segments, so
// that a ledger of any size needs no more memory than one group of it. Bodies outside of the range stay closed. Writes
// nothing, so it works beside a running gateway and without one.

import { createLedgerReader, type LedgerRecord } from '../audit/audit.ts'
import { readRecorded, type PolicyInput } from '../authorize/authorize.ts'
import { Fault } from '../base/fault.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../base/strict-json.ts'
import { readableLogs, type ReadableLog, type Warn } from './readable-logs.ts'
import type { StateContext } from '../cli/ports.ts'

export interface DecisionRange extends StateContext {
  readonly fromMs: number | undefined
  readonly toMs: number | undefined
  readonly warn: Warn
  readonly damage: Warn
}

export interface RecordedDecision {
  /** `LOG/17` */
  readonly record: string
  readonly time: string
  readonly call: string
  readonly outcome: string
  readonly code: string
  /** how many calls it speaks of: more than one for those that were folded */
  readonly calls: number
  readonly event: JsonObject
  /** what policy saw, or why that is not known */
  readonly input: PolicyInput | { readonly missing: string }
}

/** Throws KEY_UNREADABLE where no log can be opened. */
export async function* readDecisions(range: DecisionRange): AsyncGenerator<RecordedDecision> {
  const logs = await readableLogs(range, range.warn)
  if (logs.length > 0 && logs.every((log) => log.secret === undefined)) {
    throw new Fault('KEY_UNREADABLE', 'what policy saw of a call needs the key-encryption key of the ledger', {
      hint: 'name the configuration that refers to it (--config FILE), or put it beside the data directory as DIR.kek',
    })
  }
  for (const log of logs) yield* readLog(log, range)
}

async function* readLog(log: ReadableLog, range: DecisionRange): AsyncGenerator<RecordedDecision> {
  // as records have it: text of one form sorts as times do
  const from = range.fromMs === undefined ? '' : new Date(range.fromMs).toISOString()
  const to = range.toMs === undefined ? '~' : new Date(range.toMs).toISOString()
  const isWanted = ({ kind, time }: LedgerRecord['envelope']): boolean =>
    (kind === 'decision' || kind === 'folded') && time >= from && time < to
  const reader = createLedgerReader(log.dir, {
    opens: isWanted,
    ...(log.secret && { keyEncryptionKey: log.secret.keyEncryptionKey }),
  })
  try {
    for await (const record of reader.read()) {
      if (!isWanted(record.envelope)) continue
      const decision = toDecision(log, record)
      if (decision !== undefined) yield decision
    }
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'LEDGER_CORRUPT') throw error
    range.damage(
      `${log.name} was read before record ${reader.next} only: ${error.message}`,
      'run sallyport audit verify',
    )
  } finally {
    await reader.close()
  }
}

function toDecision(log: ReadableLog, record: LedgerRecord): RecordedDecision | undefined {
  const { envelope, event = {} } = record
  const { time, call, outcome, code, kind } = envelope
  const folded = event['folded']
  // what opens a fold counts nothing: its closing record does
  if (kind === 'folded' && typeof folded !== 'number') return undefined
  return {
    record: `${log.name}/${record.index}`,
    time,
    call,
    outcome,
    code,
    calls: typeof folded === 'number' ? folded : 1,
    event,
    input: readInput(record),
  }
}

function readInput({ envelope, event, erased, expired }: LedgerRecord): RecordedDecision['input'] {
  if (erased) return { missing: 'what was recorded of it was erased' }
  if (expired) return { missing: 'what was recorded of it has expired' }
  if (event === undefined) return { missing: 'what was recorded of it cannot be opened with this key' }
  // the policy had allowed it by then, and another one would have been asked about it by the cluster too
  if (isRefusedByCluster(envelope.code, event['detail'])) return { missing: 'the RBAC of a cluster refused it' }
  const input: JsonValue | undefined = event['input']
  if (!isJsonObject(input)) {
    if (envelope.outcome === 'allowed')
      return { missing: 'it asked for a card or the directory, which no rule decides' }
    return { missing: `it was refused before policy was asked: ${envelope.code}` }
  }
  try {
    return readRecorded(input)
  } catch {
    return { missing: 'its record is of a format that this version does not know' }
  }
}

function isRefusedByCluster(code: string, detail: JsonValue | undefined): boolean {
  return code === 'AUTHZ_DENIED' && typeof detail === 'string' && /^RBAC of \S+: /.test(detail)
}
