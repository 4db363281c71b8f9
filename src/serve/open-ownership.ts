// Opens the index of owners and brings it up to the ledgers, which are the truth. An index that cannot be read or
// written, or that says more than its ledger has (the ledger was put back from a backup), is begun anew from the
// ledgers, once. Damage of a ledger is never taken for damage of the index.

import { join } from 'node:path'
import { readdir } from 'node:fs/promises'
import { readLedger } from '../audit/audit.ts'
import type { JsonValue } from '../base/strict-json.ts'
import type { Claim } from '../exchange/exchange.ts'
import { discardIndex, openOwnershipIndex, type OwnershipIndex } from '../store/store.ts'

export interface OpenOwnershipOptions {
  readonly dataDir: string
  readonly keyEncryptionKey: Buffer
  /** hears why an index that was there is begun anew */
  readonly onDiscarded: (why: string) => void
}

export async function openOwnership(options: OpenOwnershipOptions): Promise<OwnershipIndex> {
  try {
    return await openAndReplay(options)
  } catch (error) {
    if (!(error instanceof Unusable)) throw error
    // one that merely could not be written is looked through when it is opened again
    if (!error.isWriting) {
      discardIndex(pathOf(options))
      options.onDiscarded(error.message)
    }
  }
  try {
    return await openAndReplay(options)
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

async function openAndReplay(options: OpenOwnershipOptions): Promise<OwnershipIndex> {
  const index = openOwnershipIndex({ path: pathOf(options), onDiscarded: options.onDiscarded })
  try {
    for (const name of await readdir(join(options.dataDir, 'ledger')).catch(() => []))
      await replayLog(index, name, options)
    for (const folder of await readdir(join(options.dataDir, 'set-aside')).catch(() => []))
      await replaySetAside(index, folder, options)
    return index
  } catch (error) {
    await index.close().catch(() => undefined)
    throw error
  }
}

async function replayLog(index: OwnershipIndex, name: string, options: OpenOwnershipOptions): Promise<void> {
  const { dataDir, keyEncryptionKey } = options
  const origin = `sallyport.local/${name}`
  const applied = index.applied(origin)
  // from the last record that was applied, which shows that it is there
  let next = Math.max(applied - 1, 0)
  for await (const record of readLedger(join(dataDir, 'ledger', name), { from: next, keyEncryptionKey })) {
    next = record.index + 1
    if (record.index < applied) continue
    const claims = record.event?.['claims']
    if (Array.isArray(claims)) claimAgain(index, claims)
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
async function replaySetAside(index: OwnershipIndex, folder: string, options: OpenOwnershipOptions): Promise<void> {
  const origin = `sallyport.local/${folder.split('-')[0]}`
  const applied = index.applied(origin)
  const { dataDir, keyEncryptionKey } = options
  let next = applied
  try {
    for await (const record of readLedger(join(dataDir, 'set-aside', folder), { from: applied, keyEncryptionKey })) {
      next = record.index + 1
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
    index.claim(claims.map(readClaim))
  } catch (cause) {
    throw new Unusable(cause)
  }
}

async function flush(index: OwnershipIndex): Promise<void> {
  try {
    await index.flush()
  } catch (cause) {
    throw new Unusable(cause, true)
  }
}

/** Claims were written by us and are covered by the tree; the shape is the one of exchange.ts. */
function readClaim(claim: JsonValue): Claim {
  return claim as unknown as Claim
}
