// Grants over a restart: what a task holds goes on, what has ended meanwhile does not, and a file that cannot be
// believed gives nobody anything.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { createGrantBook, type GrantBook } from '../authenticate/authenticate.ts'
import { createManualClock } from '../base/clock.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { keepGrants } from './grant-file.ts'

const clock = createManualClock()
const about = { agent: 'planner', tenant: 'acme', carriesMessage: true }

function hold(grants: GrantBook, call: string, taskId: string): void {
  const delegation = { origin: { id: 'user:corp/alice', groups: [], display: 'alice' }, chain: [] }
  const end = grants.open({ call, agent: 'planner', delegation, deadlineMs: clock.nowMs() + 60_000 })
  grants.heard({ ...about, call }, [{ taskId, state: 'TASK_STATE_WORKING' }])
  end()
}

async function restart(
  path: string,
  states: Readonly<Record<string, string>> = {},
): Promise<{ grants: GrantBook; warnings: string[] }> {
  const grants = createGrantBook({ clock })
  const warnings: string[] = []
  const stateOf = (_agent: string, tenant: string, taskId: string): string => states[`${tenant}/${taskId}`] ?? ''
  const file = await keepGrants({ path, grants, stateOf, warn: (message) => void warnings.push(message) })
  await file.close()
  return { grants, warnings }
}

test('a task that is still open holds its grant over a restart, one that has ended does not', async () => {
  const path = join(temporaryFolder(), 'grants.json')
  const before = createGrantBook({ clock })
  const file = await keepGrants({ path, grants: before, stateOf: () => '', warn: assert.fail })
  hold(before, 'c1', 't1')
  hold(before, 'c2', 't2')
  await file.close()
  assert.equal(readFileSync(path, 'utf8').includes('alice'), false)
  const { grants, warnings } = await restart(path, { 'acme/t2': 'TASK_STATE_COMPLETED' })
  assert.notEqual(grants.find('c1', 'planner'), undefined)
  assert.equal(grants.find('c2', 'planner'), undefined)
  assert.deepEqual(warnings, [])
})

test('no file, an empty one and one of rubbish give nobody anything', async () => {
  const path = join(temporaryFolder(), 'grants.json')
  assert.equal((await restart(path)).grants.size, 0)
  const rubbish = [
    // of a version whose assertions said less
    '{"v":1,"grants":[{"call":"c","agent":"planner","deadlineMs":9000000000000,"tasks":[["acme","t1"]]}]}',
    '',
    '{',
    '[]',
    '{"v":2}',
    '{"v":2,"grants":[7,{"call":"c","agent":7,"deadlineMs":9e15,"tasks":[]}]}',
    '{"v":2,"grants":[{"call":"c","agent":"planner","deadlineMs":9000000000000,"tasks":[["acme"],7,{}]}]}',
    '{"v":2,"grants":[{"call":"c","agent":"planner","deadlineMs":1,"tasks":[["acme","t1"]]}]}',
  ]
  for (const text of rubbish) {
    writeFileSync(path, text)
    const { grants } = await restart(path)
    assert.equal(grants.size, 0, text)
  }
})
