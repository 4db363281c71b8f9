// Door of witness: a service that cosigns checkpoints of logs (C2SP tlog-witness), to be run by somebody else than who
// runs the log. It knows nothing of gateways; all that it holds lies in one folder: its name, its keys, what it
// cosigned last of each log, and evidence.

import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { createEvidenceKeeper } from './evidence.ts'
import { openWatchedLogs } from './watched-logs.ts'
import { openWitnessKeys } from './witness-keys.ts'
import { createWitnessServer } from './witness-server.ts'
import { openWitnessState } from './witness-state.ts'

export { openWitnessKeys } from './witness-keys.ts'
export type { WitnessKeys } from './witness-keys.ts'

export interface WitnessOptions {
  /** a folder for the witness alone */
  readonly dataDir: string
  /** needed at the first start */
  readonly name: string | undefined
  /** verifier keys of logs, and files that hold some */
  readonly vkeys: readonly string[]
  readonly files: readonly string[]
  readonly host: string
  readonly port: number
  readonly clock: Clock
  readonly warn: (message: string) => void
  readonly maxConnections?: number
  readonly requestsPerMinute?: number
}

export interface Witness {
  readonly name: string
  readonly vkeys: readonly string[]
  readonly port: number
  readonly connections: number
  close(): Promise<void>
}

/** Throws a Fault: CONFIG_INVALID, KEY_UNREADABLE, STORE_UNREACHABLE or LISTEN_FAILED. */
export async function startWitness(options: WitnessOptions): Promise<Witness> {
  const { dataDir, clock, warn } = options
  // first: a mistake there makes no witness
  const logs = openWatchedLogs({ vkeys: options.vkeys, files: options.files, clock, warn })
  const { name, keys } = openWitnessKeys(dataDir, options.name)
  const state = openWitnessState(dataDir)
  const server = createWitnessServer({
    ...options,
    keys,
    logs,
    state,
    evidence: createEvidenceKeeper(join(dataDir, 'evidence'), warn),
    onError: (error) => warn(`a request failed: ${String(error)}`),
  })
  try {
    const port = await server.listen(options.host, options.port)
    return {
      name,
      vkeys: keys.map(({ vkey }) => vkey),
      port,
      get connections() {
        return server.connections
      },
      async close() {
        await server.close()
        state.close()
      },
    }
  } catch (error) {
    state.close()
    throw error
  }
}
