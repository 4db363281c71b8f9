// Opens the index of owners and brings it up to the ledgers, which are the truth. An index that cannot be read or
// written, or that says more than its ledger has (the ledger was put back from a backup), is begun anew from the
// ledgers, once. What is nobody's in it stays so. Damage of a ledger is never taken for damage of the index, and
// claims that cannot be read any more are counted, never passed over in silence.

import { join } from 'node:path'
import { readdir } from 'node:fs/promises'
import { formatOrigin, readLedger, type LedgerRecord } from '../audit/audit.ts'
import { isJsonObject, type JsonValue } from '../base/strict-json.ts'
import type { Claim } from '../exchange/exchange.ts'
import { SentReplay } from './replay-sent.ts'
import { beginIndexAnew, openOwnershipIndex, type OwnershipIndex, type OwnershipRetention } from '../store/store.ts'

export interface OpenOwnershipOptions {
  readonly dataDir: string
  readonly keyEncryptionKey: Buffer
  readonly nowMs: () => number
  readonly retention: OwnershipRetention
  /** hears that an index was begun anew, or misses what nobody can know again; once, when it is open */
  readonly onRebuilt: (rebuilt: RebuiltIndex) => void
}

export interface RebuiltIndex {
  readonly why: string
  /** records that may have claimed something, and whose bodies were erased or have expired */
  readonly unreadable: number
}

/** For who runs the gateway. */
export function describeRebuild(why: string, unreadable: number): string {
  const rebuilt = `the index of owners could not be used and was made again from the ledger: ${why}`
  if (unreadable === 0) return rebuilt
  const gone = `${unreadable} ${unreadable === 1 ? 'record' : 'records'} that may have claimed ids`
  return `${rebuilt}; the bodies of ${gone} are gone, and an id that only they claimed is free to whoever names it`
}

/** What one opening finds out. */
interface Findings {
  readonly whys: string[]
  unreadable: number
}

export async function openOwnership(options: OpenOwnershipOptions): Promise<OwnershipIndex> {
  const found: Findings = { whys: [], unreadable: 0 }
  const index = await openTwice(options, found)
  const { whys, unreadable } = found
  if (whys.length > 0 || unreadable > 0)
    options.onRebuilt({ why: whys.join('; ') || 'it was missing or older than the ledger', unreadable })
  return index
}

async function openTwice(options: OpenOwnershipOptions, found: Findings): Promise<OwnershipIndex> {
  try {
    return await openAndReplay(options, found)
  } catch (error) {
    if (!(error instanceof Unusable)) throw error
    found.unreadable = 0
    // one that merely could not be written is looked through when it is opened again
    if (!error.isWriting) {
      beginIndexAnew(pathOf(options))
      found.whys.push(error.message)
    }
  }
  try {
    return await openAndReplay(options, found)
  } catch (error) {
    throw error instanceof Unusable ? error.cause : error
  }
}

const pathOf = ({ dataDir }: OpenOwnershipOptions): string => join(dataDir, 'index.db')

/** Rows of a replay that may wait to be written. */
const replayedAtOnce = 10_000

class Unusable extends Error {
  override readonly name = 'Unusable'
  readonly isWriting: boolean

  constructor(cause: unknown, isWriting = false) {
    super(cause instanceof Error ? cause.message : 'it cannot be used', { cause })
    this.isWriting = isWriting
  }
}

async function openAndReplay(options: OpenOwnershipOptions, found: Findings): Promise<OwnershipIndex> {
  const { nowMs, retention } = options
  const onDiscarded = (why: string): void => void found.whys.push(why)
  const index = openOwnershipIndex({ path: pathOf(options), nowMs, retention, onDiscarded })
  try {
    for (const name of await readdir(join(options.dataDir, 'ledger')).catch(() => []))
      await replayLog(index, name, { ...options, found })
    for (const folder of await readdir(join(options.dataDir, 'set-aside')).catch(() => []))
      await replaySetAside(index, folder, { ...options, found })
    return index
  } catch (error) {
    await index.close().catch(() => undefined)
    throw error
  }
}

type Replay = OpenOwnershipOptions & { readonly found: Findings }

async function replayLog(index: OwnershipIndex, name: string, replay: Replay): Promise<void> {
  const { dataDir, keyEncryptionKey, found } = replay
  const origin = formatOrigin(name)
  const applied = index.applied(origin)
  const sent = new SentReplay(index, replay.nowMs())
  // from the last record that was applied, which shows that it is there
  let next = Math.max(applied - 1, 0)
  for await (const record of readLedger(join(dataDir, 'ledger', name), { from: next, keyEncryptionKey })) {
    next = record.index + 1
    if (record.index < applied) continue
    if (hidesClaims(record)) found.unreadable += 1
    const claims = record.event?.['claims']
    sent.hear(record)
    if (Array.isArray(claims)) claimAgain(index, claims)
    noteEndings(index, record)
    noteTurn(index, record)
    if (index.waiting >= replayedAtOnce) await flush(index)
  }
  if (next < applied) throw new Unusable(new Error(`it has ${applied} records of ${origin}, which has fewer`))
  index.setApplied(origin, next)
  await flush(index)
}

/**
 * A log that was set aside is read as far as it goes, after the live ones, which win: who owns what it recorded must
 * neither be forgotten nor be open to the next who names it. What the index has of it already stays.
 */
async function replaySetAside(index: OwnershipIndex, folder: string, replay: Replay): Promise<void> {
  const origin = formatOrigin(folder.split('-')[0] ?? '')
  const applied = index.applied(origin)
  const { dataDir, keyEncryptionKey, found } = replay
  let next = applied
  try {
    for await (const record of readLedger(join(dataDir, 'set-aside', folder), { from: applied, keyEncryptionKey })) {
      next = record.index + 1
      if (hidesClaims(record)) found.unreadable += 1
      const claims = record.event?.['claims']
      // one by one: what somebody else owns by now is left to them
      if (Array.isArray(claims)) for (const claim of claims) index.claim([readClaim(claim)])
      if (index.waiting >= replayedAtOnce) await flush(index)
    }
  } catch (error) {
    if (error instanceof Unusable) throw error
    // damaged from here on, which is why it was set aside
  }
  index.setApplied(origin, next)
  await flush(index)
}

function claimAgain(index: OwnershipIndex, claims: readonly JsonValue[]): void {
  try {
    // one by one: beside what is nobody's by now may stand what is still somebody's
    for (const claim of claims) index.claim([readClaim(claim)])
  } catch (cause) {
    throw new Unusable(cause)
  }
}

/** A turn is recorded by its number, so that hearing of it twice counts it once. */
function noteTurn(index: OwnershipIndex, { envelope: { agent }, event }: LedgerRecord): void {
  const { turn, tenant } = event ?? {}
  if (!isJsonObject(turn) || typeof tenant !== 'string') return
  const { contextId, number } = turn
  if (typeof contextId !== 'string' || typeof number !== 'number') return
  const known = index.context(agent, tenant, contextId)
  if (known !== undefined && known.turns < number) index.noteTurns(agent, tenant, contextId, number)
}

/** Which tasks a call has shown to be over: nobody may ask about them again, and a limit counts those that are not. */
function noteEndings(index: OwnershipIndex, { envelope, event }: LedgerRecord): void {
  const finished = event?.['finished']
  if (!Array.isArray(finished)) return
  for (const each of finished) {
    if (!isJsonObject(each)) continue
    const { taskId, tenant, state, timestampMs } = each
    if (typeof taskId !== 'string' || typeof tenant !== 'string' || typeof state !== 'string') continue
    const atMs = typeof timestampMs === 'number' ? timestampMs : Date.parse(envelope.time)
    index.noteState(envelope.agent, tenant, taskId, state, atMs)
  }
}

async function flush(index: OwnershipIndex): Promise<void> {
  try {
    await index.flush()
  } catch (cause) {
    throw new Unusable(cause, true)
  }
}

/** Its body is gone, and is of a kind that holds claims; a call that was refused at once has claimed nothing. */
function hidesClaims({ envelope: { kind, outcome }, erased, expired }: LedgerRecord): boolean {
  if (!erased && !expired) return false
  return kind === 'decision' ? outcome !== 'refused' : kind === 'completion' || kind === 'ownership'
}

/** Claims were written by us and are covered by the tree; the shape is the one of exchange.ts. */
function readClaim(claim: JsonValue): Claim {
  return claim as unknown as Claim
}
