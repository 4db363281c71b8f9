// The way out for a log that cannot be gone on with: it is moved to dataDir/set-aside, whole and unchanged, and its
// role begins a new log that says so in clear and in an administration record. Nothing is deleted. A log that opens
// is left alone. Killed anywhere, it is gone on with by the next try, or by the next start.

import { existsSync } from 'node:fs'
import { mkdir, open, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import {
  claimedOrigin,
  dropGivenUp,
  forgetOrigin,
  formatSucceeds,
  ledgerIdentity,
  openLedger,
  parseOrigin,
  readClaimedEnd,
  readSuccession,
  writeSuccession,
  type Succession,
} from '../audit/audit.ts'
import type { Clock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import type { BeginAnewReport, BeginAnewRequest } from '../cli/ports.ts'
import { configSchema } from '../config/config.ts'
import { openDataDir } from '../store/store.ts'
import { openDataKeys } from './open-data-keys.ts'
import { openState } from './state.ts'

export interface BeginAnewOptions extends BeginAnewRequest {
  readonly clock: Clock
}

/** Throws a Fault: LEDGER_LOCKED while a process holds the data directory, or what hinders more than this log. */
export async function beginAnew(options: BeginAnewOptions): Promise<BeginAnewReport> {
  const held = openDataDir(options.dataDir)
  let abandoned: Succession
  try {
    const dataDir = held.path
    const origin = await claimedOrigin(dataDir, options.role)
    const earlier = await readSuccession(dataDir, options.role)
    if (origin === undefined) {
      if (earlier === undefined)
        throw new Fault('CONTROL_FAILED', `this data directory has no log of the role ${options.role}`)
      // killed when the old log was forgotten already
      abandoned = withReason(earlier, options.reason)
      await writeSuccession(dataDir, options.role, abandoned)
    } else {
      const fault = await findFault({ ...options, dataDir })
      if (fault === undefined) await dropGivenUp(dataDir, options.role, origin)
      if (fault === undefined && !options.althoughItOpens) return { kind: 'sound', origin }
      const why = fault?.message ?? 'none: the log opens'
      abandoned = await setAside({ ...options, dataDir }, { origin, fault: why })
    }
  } finally {
    held.close()
  }
  const state = await openState({ ...options, snapshotDigest: () => '', onFatal: () => undefined })
  const { origin } = state.ledger
  await state.close()
  const { reason: _, ...rest } = abandoned
  return { kind: 'begun', origin, abandoned: rest }
}

/** Why the log cannot be gone on with; undefined when it can. What is wrong beyond it is thrown. */
async function findFault({ dataDir, loaded, role, clock }: BeginAnewOptions): Promise<Fault | undefined> {
  const { dataKeys, ledgerKey } = await openDataKeys(dataDir, loaded, clock)
  const { segmentSize } = loaded?.config.audit ?? configSchema.parse({}).audit
  try {
    const identity = await ledgerIdentity(dataDir, role, dataKeys)
    const ledger = await openLedger({
      ...identity,
      ...(identity.succession && { succeeds: formatSucceeds(identity.succession) }),
      keyEncryptionKey: ledgerKey.bytes(),
      clock,
      segmentSize,
      onFatal: () => undefined,
    })
    await ledger.close()
    return undefined
  } catch (error) {
    const isLost = error instanceof Fault && (error.code === 'LEDGER_CORRUPT' || error.code === 'KEY_UNREADABLE')
    if (!isLost) throw error
    return error
  }
}

async function setAside(
  { dataDir, role, reason, clock }: BeginAnewOptions,
  { origin, fault }: { origin: string; fault: string },
): Promise<Succession> {
  const name = parseOrigin(origin) ?? 'unknown'
  const dir = join(dataDir, 'ledger', name)
  const isThere = existsSync(dir)
  const earlier = await readSuccession(dataDir, role)
  const time = new Date(clock.nowMs()).toISOString().replaceAll(/[-:]/g, '')
  const succession: Succession =
    !isThere && earlier?.origin === origin
      ? // killed when the log was moved already: what was known of it then stands
        withReason(earlier, reason)
      : {
          origin: name === 'unknown' ? name : origin,
          ...(await readClaimedEnd(dir, origin)),
          fault,
          reason,
          movedTo: isThere ? `set-aside/${name}-${time}` : '',
          ...(earlier?.origin === origin && { earlierReason: reasonsOf(earlier) }),
        }
  await writeSuccession(dataDir, role, succession)
  if (isThere) await move(dir, join(dataDir, succession.movedTo))
  await forgetOrigin(dataDir, role)
  return succession
}

const reasonsOf = ({ earlierReason, reason }: Succession): string =>
  earlierReason === undefined ? reason : `${earlierReason}; ${reason}`

/** A try that was cut short, finished: neither reason is forgotten. */
function withReason(earlier: Succession, reason: string): Succession {
  return { ...earlier, earlierReason: reasonsOf(earlier), reason }
}

/** Durable in both places before the role forgets its log. */
async function move(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true, mode: 0o700 })
  await rename(from, to)
  for (const folder of [dirname(to), dirname(from), dirname(dirname(to))]) {
    const handle = await open(folder, 'r')
    await handle.sync().finally(() => handle.close())
  }
}
