// What an erased subject owned is nobody's in the index of owners: for those who ask, and in the file. The ids stay
// taken: context-of-an-erased-caller.test.ts.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import type { Claim } from '../exchange/exchange.ts'
import { openOwnershipIndex } from './sqlite-ownership.ts'

const claim = (taskId: string, caller: string, origin = caller): Claim => ({
  kind: 'task',
  agent: 'calculator',
  tenant: '',
  owner: { caller, origin },
  groups: [],
  createdAtMs: 1,
  taskId,
  contextId: '',
})

test('rows of a subject become nobody’s, as caller and as origin, and no others do', async () => {
  const path = join(temporaryFolder(), 'index.db')
  const index = openOwnershipIndex({ path })
  index.claim([
    claim('one', 'user:corp/erased'),
    claim('two', 'agent:planner', 'user:corp/erased'),
    claim('three', 'key:ci'),
    { ...claim('four', 'user:corp/erased'), kind: 'context', contextId: 'context' },
  ])
  assert.equal(index.task('calculator', '', 'one')?.owner.caller, 'user:corp/erased')
  assert.equal(await index.forget('user:corp/erased'), 3)
  assert.equal(index.task('calculator', '', 'one')?.owner.caller, 'erased:')
  assert.deepEqual(index.task('calculator', '', 'two')?.owner, { caller: 'erased:', origin: 'erased:' })
  assert.equal(index.context('calculator', '', 'context')?.owner.caller, 'erased:')
  assert.equal(index.task('calculator', '', 'three')?.owner.caller, 'key:ci')
  assert.equal(await index.forget('user:corp/erased'), 0)
  assert.equal(index.claim([claim('one', 'key:ci')]).ok, false)
  await index.close()
  assert.equal(readFileSync(path, 'latin1').includes('user:corp/erased'), false)
})

test('what a subject claims later is its own again', async () => {
  const index = openOwnershipIndex({ path: join(temporaryFolder(), 'index.db') })
  const owner = { caller: 'user:corp/erased', origin: 'user:corp/erased' }
  index.claim([claim('one', 'user:corp/erased')])
  await index.forget('user:corp/erased')
  index.claim([claim('new', 'user:corp/erased')])
  const page = await index.list('calculator', '', owner, { limit: 10 })
  assert.equal(page.total, 1)
  await index.close()
})
