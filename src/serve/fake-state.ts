// A data directory of a test's own, opened as the gateway or a command opens it, and the facts of one call to record.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import type { CallFacts } from '../audit/audit.ts'
import { createManualClock } from '../base/clock.ts'
import { openState, type State } from './state.ts'

export function home(): string {
  return join(temporaryFolder(), 'data')
}

export const open = (dataDir: string, role: 'gateway' | 'cli' = 'gateway'): Promise<State> =>
  openState({
    dataDir,
    loaded: undefined,
    role,
    clock: createManualClock(),
    snapshotDigest: () => 'd',
    onFatal: (fault) => assert.fail(fault),
  })

export const facts: CallFacts = {
  call: 'call1',
  receivedAtMs: 1_800_000_000_000,
  snapshotDigest: 'd',
  source: '',
  caller: 'key:alice',
  origin: 'key:alice',
  chain: [],
  authentication: '',
  credential: '',
  agent: 'calculator',
  operation: 'SendMessage',
  binding: '',
  version: '',
  tenant: '',
  task: '',
  context: '',
  requestBytes: 0,
  requestHash: '',
  trace: '',
}
