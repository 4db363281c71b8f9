// A witness in a process of its own, to be killed. With `at-reply` it kills itself, as kill -9 would, when what it
// cosigns is durable and nothing was answered yet. Arguments: folder, verifier key, mode.

import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { createEvidenceKeeper } from '../../src/witness/evidence.ts'
import { openWatchedLogs } from '../../src/witness/watched-logs.ts'
import { openWitnessKeys } from '../../src/witness/witness-keys.ts'
import { createWitnessServer } from '../../src/witness/witness-server.ts'
import { openWitnessState, type WitnessState } from '../../src/witness/witness-state.ts'

const [dataDir = '', vkey = '', mode = ''] = process.argv.slice(2)
const warn = (): void => undefined
const state = openWitnessState(dataDir)
const dying: WitnessState = {
  ...state,
  update(origin, decide) {
    state.update(origin, decide)
    process.kill(process.pid, 'SIGKILL')
  },
}
const server = createWitnessServer({
  keys: openWitnessKeys(dataDir, 'witness.example/killed').keys,
  logs: openWatchedLogs({ vkeys: [vkey], files: [], clock: systemClock, warn }),
  state: mode === 'at-reply' ? dying : state,
  evidence: createEvidenceKeeper(join(dataDir, 'evidence'), warn),
  clock: systemClock,
  onError: warn,
})
process.stdout.write(`http://127.0.0.1:${await server.listen('127.0.0.1', 0)}\n`)
