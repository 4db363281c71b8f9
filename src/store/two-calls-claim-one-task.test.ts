// Two callers whose calls name the same new task at the same time: only one may own it, whatever was on disk.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { openOwnershipIndex } from './sqlite-ownership.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'

test('of many who claim the same task one wins, and the others learn nothing but the conflict', async () => {
  const directory = temporaryFolder()
  const index = openOwnershipIndex({ path: join(directory, 'index.db'), schedule: () => {} })
  const won = Array.from({ length: 50 }, (_, i) => {
    if (i % 7 === 0) void index.flush()
    const owner = { caller: `key:k${i}`, origin: `key:k${i}` }
    return index.claim([
      {
        kind: 'task',
        agent: 'calculator',
        tenant: '',
        taskId: 'same',
        contextId: '',
        owner,
        groups: [],
        createdAtMs: i,
      },
    ]).ok
  })
  assert.deepEqual(
    won.map((isWinner, i) => (isWinner ? i : -1)).filter((i) => i >= 0),
    [0],
  )
  assert.equal(index.task('calculator', '', 'same')?.owner.caller, 'key:k0')
  await index.close()
})
