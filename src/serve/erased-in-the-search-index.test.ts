// An erasure, as an operator asks for it, takes the subject out of the search index as well: its pseudonym and its
// tasks, to the last byte, and nobody else's. Afterwards no search finds what it did.

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { search } from '../../test/fakes/searched-ledger.ts'
import { createManualClock } from '../base/clock.ts'
import { configSchema } from '../config/config.ts'
import { facts, home, open } from './fake-state.ts'
import { createRetentionMethods } from './retention-methods.ts'
import type { State } from './state.ts'

const subject = 'user:corp/4f1c'
const refusal = { code: 'AUTHZ_DENIED', detail: '' } as Parameters<State['audit']['refused']>[1]

test('erasing a subject purges the index that a search has made', async (t) => {
  const dataDir = home()
  const state = await open(dataDir)
  t.after(() => state.close())
  await state.audit.refused({ ...facts, caller: subject, task: 'task-of-the-erased' }, refusal)
  await state.audit.refused({ ...facts, caller: 'key:ci', task: 'task-of-another' }, refusal)
  const found = async (query: { caller?: string; task?: string }): Promise<number> =>
    (await search(dataDir, query)).found.length
  assert.equal(await found({ caller: subject }), 1)
  assert.equal(await found({ task: 'task-of-the-erased' }), 1)
  const { pseudonyms } = await state.ledger.findSubject(subject)
  const path = join(dataDir, 'audit.db')
  const holds = (pseudonym: string): boolean =>
    ['', '-wal'].some(
      (end) => existsSync(path + end) && readFileSync(path + end).includes(Buffer.from(pseudonym, 'base64url')),
    )
  assert.ok(pseudonyms.length === 1 && pseudonyms.every(holds))
  const others = (await state.ledger.findSubject('key:ci')).pseudonyms

  const config = configSchema.parse({})
  const methods = createRetentionMethods(state, {
    clock: createManualClock(),
    config: () => config,
    minimumExported: () => undefined,
  })
  const request = { subject, reason: 'asked for', dryRun: false, approver: null, approve: null }
  assert.equal((await methods['audit.erase']({ ...request, dryRun: true })).kind, 'dry-run')
  assert.ok(pseudonyms.every(holds), 'a dry run leaves it alone')
  assert.equal((await methods['audit.erase'](request)).kind, 'erased')
  assert.ok(existsSync(path) && !pseudonyms.some(holds))
  assert.ok(others.length === 1 && others.every(holds))
  assert.equal(await found({ caller: subject }), 0)
  assert.equal(await found({ task: 'task-of-the-erased' }), 0)
  assert.equal(await found({ task: 'task-of-another' }), 1)
})
