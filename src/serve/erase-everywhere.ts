// Erases a subject in everything that this process can reach: every log of the data directory, the index of owners,
// the search index. Logs come first, each with a record of its own; what is left out is named, so that nobody takes
// "erased" for more than it is. Never frees an id that the subject had: docs/retention.md.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { claimedOrigin } from '../audit/audit.ts'
import type { ErasedLog, ErasedReport } from '../cli/ports.ts'
import type { Config } from '../config/config.ts'
import { purgeSubject } from '../store/store.ts'
import type { LogRole, State } from './state.ts'

export type ErasableState = Pick<State, 'dataDir' | 'withLog' | 'ownership' | 'keys' | 'approvals'>

const roles: readonly LogRole[] = ['gateway', 'cli']

/** Roles that have a log in this data directory. */
export async function rolesOf(dataDir: string): Promise<LogRole[]> {
  const found: LogRole[] = []
  for (const role of roles) if ((await claimedOrigin(dataDir, role)) !== undefined) found.push(role)
  return found
}

export async function eraseEverywhere(
  state: ErasableState,
  subject: string,
  { config, isDryRun }: { config: Config; isDryRun: boolean },
): Promise<ErasedReport> {
  const logs: ErasedLog[] = []
  const pseudonyms: string[] = []
  for (const role of await rolesOf(state.dataDir)) {
    await state.withLog(role, async (ledger) => {
      if (!isDryRun) {
        // claims that still wait for the disk could not be read out of the ledger again
        state.ownership.setApplied(ledger.origin, ledger.size)
        await state.ownership.flush()
      }
      const found = isDryRun ? await ledger.findSubject(subject) : undefined
      const erased = found === undefined ? await ledger.eraseSubject(subject) : { ...found, receipt: undefined }
      const { lines: keys, months, receipt } = erased
      logs.push({ origin: ledger.origin, keys, months, record: receipt?.index ?? null })
      pseudonyms.push(...erased.pseudonyms)
    })
  }
  const unreachable = await nameUnreachable(state, config, { subject, logs })
  if (isDryRun) return { logs, ownershipRows: 0, unreachable }
  state.approvals.forget(subject)
  await purgeSubject(join(state.dataDir, 'audit.db'), pseudonyms)
  return { logs, ownershipRows: await state.ownership.forget(subject), unreachable }
}

async function nameUnreachable(
  { dataDir, keys }: ErasableState,
  config: Config,
  { subject, logs }: { subject: string; logs: readonly ErasedLog[] },
): Promise<string[]> {
  const known = new Set(logs.map(({ origin }) => origin.split('/').at(-1) ?? ''))
  const others = (await readdir(join(dataDir, 'ledger')).catch(() => [])).filter((name) => !known.has(name))
  const setAside = await readdir(join(dataDir, 'set-aside')).catch(() => [])
  const made = keys.list().filter((key) => key.secrets.some(({ madeBy }) => madeBy === subject))
  const ownKeys = keys.list().filter((key) => subject === `key:${key.name}`)
  return [
    'backups and snapshots of the data directory and of the key-encryption key',
    'files that `audit export` and `audit disclose` wrote; each is in the ledger as a record of its own',
    ...config.audit.export.map(({ name }) => `what the exporter ${name} has delivered`),
    'records of other callers that name the subject, as the origin of a call or in recorded content; an index of owners that is made anew from them names it again',
    'ids of its tasks and contexts in the index of owners: they stay taken, and are nobody’s',
    'what agents keep themselves',
    'receipts in the hands of callers; they hold no name',
    ...others.map((name) => `the log ${name}, which nobody here writes`),
    ...setAside.map((name) => `the log set aside as set-aside/${name}`),
    ...ownKeys.map((key) => `the API key ${key.id} (${key.name}) in state.db: revoke it by itself`),
    ...made.map(
      (key) =>
        `the API key ${key.id} (${key.name}) in state.db says that the subject made it: rotate it without overlap`,
    ),
    'blocks that the disk has freed and not yet overwritten, and copies that it made of those written over',
  ]
}
