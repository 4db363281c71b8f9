// What lies on disk and is held by one process at a time: the lock, the ledger, the keys, the index of owners.
// The gateway opens it to serve, a command opens it when no gateway runs; each writes under an origin of its own.

import { join } from 'node:path'
import {
  administerKeys,
  createKeyUseBook,
  createRevocations,
  createSpentTokens,
  type KeyAdministration,
  type KeyUseBook,
  type Revocations,
  type SpentTokens,
} from '../authenticate/authenticate.ts'
import {
  claimedOrigin,
  confirmBegun,
  createAuditTrail,
  createOpenCalls,
  dropGivenUp,
  findCutOff,
  formatSucceeds,
  ledgerIdentity,
  openLedger,
  removeSuccession,
  type AuditTrail,
  type Ledger,
  type LedgerIdentity,
} from '../audit/audit.ts'
import type { Clock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import { Secret } from '../base/secret.ts'
import { readOrCreateSecretFile } from '../base/secret-file.ts'
import { configSchema, type Config, type LoadedConfig } from '../config/config.ts'
import { StoredSecrets, type DataKeys } from '../secrets/secrets.ts'
import {
  openApprovalStore,
  openDataDir,
  openKeyStore,
  openKeyUseStore,
  openSecretTable,
  openRevocationStore,
  openSpentStore,
  type ApprovalStore,
  type OwnershipIndex,
  openBlocks,
  type SqliteBlocks,
  type SqliteKeyStore,
} from '../store/store.ts'
import { newSecret } from './key-encryption-key.ts'
import { openDataKeys } from './open-data-keys.ts'
import { describeRebuild, openOwnership, type RebuiltIndex } from './open-ownership.ts'
import { createPendingErasures } from './pending-erasures.ts'

export interface State {
  readonly dataDir: string
  readonly config: Config
  readonly ledger: Ledger
  readonly audit: AuditTrail
  readonly keyStore: SqliteKeyStore
  readonly keys: KeyAdministration
  /** when keys were last used */
  readonly keyUse: KeyUseBook
  readonly blocks: SqliteBlocks
  /** tokens and subjects that count no more */
  readonly revocations: Revocations
  /** one-time tokens that were taken */
  readonly spent: SpentTokens
  readonly pepper: Secret
  readonly approvals: ApprovalStore
  readonly dataKeys: DataKeys
  readonly secrets: StoredSecrets
  /** what the ledger's subject keys are wrapped under */
  readonly ledgerKey: Secret
  readonly ownership: OwnershipIndex
  /** The log of a role while nobody else writes it: the state's own, or another one opened for as long as it takes. */
  withLog<T>(role: LogRole, work: (ledger: Ledger) => Promise<T>): Promise<T>
  close(): Promise<void>
}

export type LogRole = 'gateway' | 'cli'

export interface StateOptions {
  readonly dataDir: string
  /** undefined when only the data directory is known: defaults apply */
  readonly loaded: LoadedConfig | undefined
  readonly role: LogRole
  readonly clock: Clock
  readonly snapshotDigest: () => string
  /** a ledger that can no longer promise anything: the process must end */
  readonly onFatal: (fault: Fault) => void
  /** is asked whether this log may be gone on with, before anything is appended; what it throws ends the opening */
  readonly confirm?: (dataDir: string, ledger: Ledger, stored: StoredSecrets) => Promise<void>
  /** hears what was put right while opening, yet somebody should look into */
  readonly warn?: (message: string) => void
}

/** Refusals of unknown callers that are recorded one by one, per minute, before they are folded. */
const unknownRecordsPerMinute = 300 // bound: records of unknown callers in a minute

export async function openState(options: StateOptions): Promise<State> {
  const { clock, loaded } = options
  const config = loaded?.config ?? configSchema.parse({})
  const held = openDataDir(options.dataDir)
  /** what has been opened so far, in case the next cannot be */
  const opened: { close(): unknown }[] = [held]
  try {
    const dataDir = held.path
    const { dataKeys, ledgerKey, sealedNow } = await openDataKeys(dataDir, loaded, clock)
    const keyEncryptionKey = ledgerKey.bytes()
    const secretTable = openSecretTable(join(dataDir, 'state.db'))
    opened.push(secretTable)
    const secrets = new StoredSecrets(secretTable, dataKeys, () => clock.nowMs())
    const pepper = loadPepper(dataDir, loaded)
    const identity = await ledgerIdentity(dataDir, options.role, dataKeys)
    const { origin } = identity
    const open = (of: LedgerIdentity): Promise<Ledger> =>
      openLedger({
        ...of,
        ...(of.succession && { succeeds: formatSucceeds(of.succession) }),
        keyEncryptionKey,
        clock,
        segmentSize: config.audit.segmentSize,
        onFatal: options.onFatal,
      })
    const ledger = await open(identity)
    opened.push(ledger)
    await dropGivenUp(dataDir, options.role, origin)
    if (!identity.isBegun) await confirmBegun(dataDir, options.role)
    await options.confirm?.(dataDir, ledger, secrets)
    const keyStore = openKeyStore(join(dataDir, 'state.db'))
    opened.push(keyStore)
    const blocks = openBlocks(join(dataDir, 'state.db'), clock)
    opened.push(blocks)
    const keyUseStore = openKeyUseStore(join(dataDir, 'state.db'))
    opened.push(keyUseStore)
    const keyUse = createKeyUseBook({ clock, store: keyUseStore })
    const approvals = openApprovalStore(join(dataDir, 'state.db'), clock)
    opened.push(approvals)
    const revocationStore = openRevocationStore(join(dataDir, 'state.db'))
    opened.push(revocationStore)
    const spentStore = openSpentStore(join(dataDir, 'state.db'))
    opened.push(spentStore)
    const rebuilds: RebuiltIndex[] = []
    const onRebuilt = (rebuilt: RebuiltIndex): void => void rebuilds.push(rebuilt)
    const ownership = await openOwnership({
      dataDir,
      keyEncryptionKey,
      nowMs: () => clock.nowMs(),
      retention: config.ownership,
      onRebuilt,
    })
    opened.push(ownership)
    const openCallsPath = join(dataDir, 'open-calls')
    const isGateway = options.role === 'gateway'
    if (isGateway) await sweepErasures(dataDir, options)
    // only the gateway carries calls
    const cutOff = isGateway
      ? await findCutOff({ dir: identity.dir, origin, size: ledger.size, openCallsPath, keyEncryptionKey })
      : { calls: [], folds: [] }
    const openCalls = isGateway
      ? createOpenCalls({ path: openCallsPath, origin, logSize: () => ledger.size })
      : undefined
    if (openCalls !== undefined) opened.push(openCalls)
    const audit = createAuditTrail({
      ledger,
      clock,
      snapshotDigest: options.snapshotDigest,
      unknownPerMinute: unknownRecordsPerMinute,
      ...(openCalls && { openCalls }),
    })
    // before any traffic
    await audit.settle(cutOff.calls, cutOff.folds)
    for (const { why, unreadable } of rebuilds) {
      options.warn?.(describeRebuild(why, unreadable))
      await audit.administered('ownership.rebuilt', '', { why, unreadable })
    }
    if (sealedNow.length > 0) await audit.administered('secrets.sealed', '', { keys: [...sealedNow] })
    if (identity.succession !== undefined) {
      await audit.administered('ledger.begun-anew', '', { role: options.role, ...identity.succession })
      await removeSuccession(dataDir, options.role)
    }
    // a signing key that is due retires
    const tick = setInterval(() => void ledger.tick(), 1_000)
    tick.unref()
    // everything durable in the ledger was claimed in memory before it was appended
    const mark = setInterval(() => ownership.setApplied(origin, ledger.size), 1_000)
    mark.unref()
    // with readiness off no call comes to find out that the disk has room again
    const probe = setInterval(() => {
      if (ledger.status === 'full' || ledger.status === 'unwritable') void ledger.probe()
    }, 2_000)
    probe.unref()
    /** What cannot be written now is tried again; no call depends on it. */
    const writeKeyUse = (): boolean => {
      try {
        return keyUse.flush()
      } catch {
        return false
      }
    }
    const note = setInterval(writeKeyUse, 10_000)
    note.unref()
    return {
      dataDir,
      config,
      ledger,
      audit,
      keyStore,
      keys: administerKeys({ store: keyStore, clock, environment: config.identity.apiKeys.environment, pepper }),
      keyUse,
      blocks,
      revocations: createRevocations({ clock, store: revocationStore }),
      spent: createSpentTokens({ clock, store: spentStore }),
      pepper: new Secret(pepper),
      approvals,
      dataKeys,
      secrets,
      ledgerKey,
      ownership,
      async withLog(role, work) {
        if (role === options.role) return await work(ledger)
        if ((await claimedOrigin(dataDir, role)) === undefined)
          throw new Fault('CONTROL_FAILED', `this data directory has no log of the role ${role}`)
        const other = await open(await ledgerIdentity(dataDir, role, dataKeys))
        try {
          await dropGivenUp(dataDir, role, other.origin)
          return await work(other)
        } finally {
          await other.close()
        }
      },
      async close() {
        clearInterval(tick)
        clearInterval(mark)
        clearInterval(probe)
        clearInterval(note)
        await audit.close()
        ownership.setApplied(origin, ledger.size)
        await ownership.close()
        while (writeKeyUse());
        keyUseStore.close()
        revocationStore.close()
        spentStore.close()
        approvals.close()
        blocks.close()
        keyStore.close()
        secretTable.close()
        held.close()
      },
    }
  } catch (error) {
    for (const each of opened.reverse()) await each.close()
    throw error
  }
}

/** Who was to be erased and is not named there any longer than need be; a list that cannot be read stops no calls. */
async function sweepErasures(dataDir: string, { clock, warn }: StateOptions): Promise<void> {
  try {
    await createPendingErasures(join(dataDir, 'erasures.json'), clock).sweep()
  } catch (error) {
    warn?.(`erasures that wait for approval could not be looked through: ${String(error)}`)
  }
}

function loadPepper(dataDir: string, loaded: LoadedConfig | undefined): Buffer {
  const reference = loaded?.config.identity.apiKeys.pepper
  return reference === undefined || loaded === undefined
    ? readOrCreateSecretFile(`${dataDir}.pepper`, newSecret)
    : loaded.secrets.resolve(reference).bytes()
}
