// Legal holds, and what an erasure or retention would do, for a command that found no gateway: the same code as where
// it is done, over logs that are only read. It takes no lock, records nothing and makes no log, key or file.

import { join } from 'node:path'
import {
  claimedOrigin,
  foreseeErasure,
  foreseeRetention,
  foreseeVouchedMs,
  parseOrigin,
  type Ledger,
} from '../audit/audit.ts'
import type { Clock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import type { RetentionReadings, StateContext } from '../cli/ports.ts'
import { configSchema } from '../config/config.ts'
import { exportedBelow } from './export-cursor.ts'
import { existingKeySource } from './key-encryption-key.ts'
import { createRetentionMethods, type RetentionState } from './retention-methods.ts'
import { exportNames } from './start-exports.ts'
import type { LogRole } from './state.ts'

export function readRetention(context: StateContext, clock: Clock): RetentionReadings {
  const { dataDir, loaded } = context
  const config = loaded?.config ?? configSchema.parse({})
  const methods = createRetentionMethods(readingState(context, clock), {
    clock,
    config: () => config,
    keyEncryptionKey: async () => await existingKeySource(dataDir, loaded)?.load(),
    minimumExported: (origin) => exportedBelow(dataDir, exportNames(config), origin),
  })
  return {
    'audit.holds': () => methods['audit.holds']({}),
    'audit.prune': (params) => methods['audit.prune']({ ...params, dryRun: true }),
    async 'audit.erase'({ subject }) {
      const request = { subject, reason: '', dryRun: true, approver: null, approve: null }
      const answer = await methods['audit.erase'](request)
      if (answer.kind !== 'dry-run' || !subject.startsWith('key:')) return answer
      // state.db cannot be looked into without writing beside it
      const key = `API keys of the name ${subject.slice('key:'.length)} in state.db: revoke them by themselves`
      return { ...answer, unreachable: [...answer.unreachable, key] }
    },
  }
}

function readingState({ dataDir, loaded }: StateContext, clock: Clock): RetentionState {
  const readLog = async (role: LogRole): Promise<Ledger> => {
    const origin = (await claimedOrigin(dataDir, role)) ?? ''
    const keyEncryptionKey = await existingKeySource(dataDir, loaded)?.load()
    if (keyEncryptionKey === undefined)
      throw new Fault('KEY_UNREADABLE', 'what a log has of a subject is told only by the key-encryption key', {
        hint: 'name the configuration that refers to it (--config FILE), or put it beside the data directory as DIR.kek',
      })
    const log = { dir: join(dataDir, 'ledger', parseOrigin(origin) ?? ''), origin, keyEncryptionKey }
    const ledger: Pick<Ledger, 'origin' | 'findSubject' | 'vouchedMs' | 'applyRetention'> = {
      origin,
      findSubject: (subject) => foreseeErasure(log, subject),
      vouchedMs: () => foreseeVouchedMs(log, clock),
      applyRetention: (wanted) => foreseeRetention(log, wanted, clock),
    }
    return ledger as Ledger // a dry run calls nothing else
  }
  const state: Pick<RetentionState, 'dataDir' | 'withLog'> & {
    readonly keys: Pick<RetentionState['keys'], 'list'>
    readonly audit: Pick<RetentionState['audit'], 'administered'>
  } = {
    dataDir,
    withLog: async (role, work) => await work(await readLog(role)),
    keys: { list: () => [] },
    // that a hold forbids it is said, and not recorded: nobody asked for more than an answer
    audit: { administered: () => Promise.resolve({ origin: '', index: 0, leafHash: '' }) },
  }
  return state as RetentionState // likewise
}
